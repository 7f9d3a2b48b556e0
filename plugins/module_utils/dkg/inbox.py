# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The texts that a carrier brings, and what among them is ours."""

import contextlib
from collections.abc import Callable, Iterator

from ..cluster.store_names import dkg_folder, lock_name, message_name
from ..crypto import jws
from ..errors import DvError
from .ceremony_dir import CeremonyDir
from .protocol import commit, envelope, messages
from .protocol.derivation import Derivation
from .protocol.fault import Fault
from .protocol.parameters import Parameters


def select(definition_hash: bytes, texts: dict[str, str]) -> dict[str, str]:
    """Of all files of a store (name -> text), those for the definition with that hash, without that beginning."""
    start = dkg_folder(definition_hash)
    return {name.removeprefix(start): text for name, text in texts.items() if name.startswith(start)}


class Inbox:
    """The texts of a store by what their headers claim. File names say nothing, but for locks, which nobody signs alone.

    :param texts: name -> text, as from :func:`select`; nothing in it is trusted
    """

    def __init__(self, parameters: Parameters, texts: dict[str, str]):
        self._parameters, self._by_name = parameters, texts
        found: dict[tuple, list] = {}
        for name, text in texts.items():
            try:
                place = envelope.address(parameters, text)[:3]
            except DvError:
                continue
            found.setdefault(place, []).append((name != message_name(*place), name, text))
        self._texts = {place: list(dict.fromkeys(text for *_order, text in sorted(there))) for place, there in sorted(found.items())}

    def get(self, attempt: int, round_name: str, operator: int) -> list[str]:
        """The texts that claim to be that message, each once: first the one where its author puts it."""
        return self._texts.get((attempt, round_name, operator), [])

    def of(self, operator: int) -> list[tuple[int, str, str]]:
        """(attempt, round, text) of all that claim to be by ``operator``, in the order of attempts and rounds."""
        order = list(messages.KINDS)
        places = sorted((a, order.index(r), r) for a, r, i in self._texts if i == operator)
        return [(a, r, text) for a, _order, r in places for text in self._texts[a, r, operator]]

    def locks(self, attempt: int) -> list[str]:
        """The locks that were handed on in ``attempt``: one of each operator, each text once."""
        found = (self._by_name.get(lock_name(attempt, operator)) for operator in self._parameters.operators)
        return list(dict.fromkeys(text for text in found if isinstance(text, str)))

    # Who signed something, whatever it says

    def authors(self, wanted: Callable[[int, str], bool]) -> Iterator[tuple[int, int]]:
        """(attempt, operator) of the others' messages whose attempt and round are ``wanted``."""
        for attempt, round_name, operator in self._texts:
            if operator != self._parameters.share_index and wanted(attempt, round_name):
                for text in self._texts[attempt, round_name, operator]:
                    with contextlib.suppress(DvError):
                        envelope.authentic(self._parameters.at(attempt), text)
                        yield attempt, operator
                        break

    def operators(self, wanted: Callable[[int, str], bool]) -> list[int]:
        """The other operators who signed such messages."""
        return sorted({operator for _attempt, operator in self.authors(wanted)})

    def last_attempt(self) -> int:
        """The highest attempt that another operator began, or 0."""
        return max((attempt for attempt, _operator in self.authors(lambda attempt, round_name: round_name == "commit")), default=0)

    def later_operators(self, number: int) -> list[int]:
        """The other operators who gave up attempt ``number``: they began a later one."""
        return self.operators(lambda attempt, round_name: attempt > number and round_name == "commit")


def take_own_messages(ceremony_dir: CeremonyDir, parameters: Parameters, inbox: Inbox) -> None:
    """What is under our own key counts as sent, in whatever attempt, whether or not our files know of it."""
    for number, round_name, text in inbox.of(parameters.share_index):
        attempt, at = ceremony_dir.attempt(number), parameters.at(number)
        known = attempt.sent(round_name)
        if known == text:
            continue
        try:
            message = envelope.read(at, text)
        except Fault:
            attempt.write_contradiction(round_name, text)
            continue
        except DvError:
            continue
        if known is None:
            attempt.write_sent(round_name, text)
            seed = attempt.seed()
            if round_name == "commit" and seed and message.payload != commit.make_from_seed(at, Derivation(seed, at))[0]:
                attempt.write_contradiction(round_name, text)
        elif jws.split(known).signing_input != message.jws.signing_input and not (
            # Ciphertexts are random, so a host that was rolled back deals again with the same polynomials.
            round_name == "deal" and envelope.address(at, known).session == message.address.session
        ):
            attempt.write_contradiction(round_name, text)
