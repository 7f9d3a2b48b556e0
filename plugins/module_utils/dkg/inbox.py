# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The texts that a carrier brings, and what among them is ours."""

from ..cluster.store_names import dkg_folder, lock_name, message_name
from ..errors import DvError
from .protocol import commit, envelope, jws, messages
from .protocol.derivation import Derivation
from .protocol.fault import Fault


def select(definition_hash, inbox):
    """Of ``inbox``, all files of a store, those for the definition with that hash, without that beginning."""
    start = dkg_folder(definition_hash)
    return {name.removeprefix(start): text for name, text in inbox.items() if name.startswith(start)}


class Mail:
    """The texts of an inbox by what their headers claim. File names say nothing, but for locks, which nobody signs alone."""

    def __init__(self, parameters, inbox):
        self._inbox, self._operators, found = inbox, parameters.operators, {}
        for name, text in inbox.items():
            try:
                place = envelope.address(parameters, text)[:3]
            except DvError:
                continue
            found.setdefault(place, []).append((name != message_name(*place), name, text))
        self._texts = {place: list(dict.fromkeys(text for *_order, text in sorted(there))) for place, there in sorted(found.items())}

    def get(self, attempt, round, operator):
        """The texts that claim to be that message, each once: first the one where its author puts it."""
        return self._texts.get((attempt, round, operator), [])

    def locks(self, attempt):
        """The locks that were handed on in ``attempt``: one of each operator, each text once."""
        found = (self._inbox.get(lock_name(attempt, operator)) for operator in self._operators)
        return list(dict.fromkeys(text for text in found if isinstance(text, str)))

    def of(self, operator):
        """(attempt, round, text) of all that claim to be by ``operator``, in the order of attempts and rounds."""
        order = list(messages.KINDS)
        places = sorted((a, order.index(r), r) for a, r, i in self._texts if i == operator)
        return [(a, r, text) for a, _order, r in places for text in self._texts[a, r, operator]]

    def places(self):
        """(attempt, round, operator) of all messages."""
        return list(self._texts)


def take_own(home, parameters, mail):
    """What is under our own key counts as sent, in whatever attempt, whether or not our files know of it."""
    for number, round, text in mail.of(parameters.index):
        attempt, at = home.attempt(number), parameters.at(number)
        known = attempt.out(round)
        if known == text:
            continue
        try:
            message = envelope.read(at, text)
        except Fault:
            attempt.contradict(round, text)
            continue
        except DvError:
            continue
        if known is None:
            attempt.send(round, text)
            seed = attempt.seed()
            if round == "commit" and seed and message.payload != commit.follow(at, Derivation(seed, at))[0]:
                attempt.contradict(round, text)
        elif jws.split(known).signing_input != message.jws.signing_input and not (
            # Ciphertexts are random, so a host that was rolled back deals again with the same polynomials.
            round == "deal" and envelope.address(at, known).session == message.address.session
        ):
            attempt.contradict(round, text)
