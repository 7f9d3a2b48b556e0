# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run through the files and messages of one attempt: which attempt it is, whether our state is whole, what the others
sent, and how far it is. This is the protocol's "State".
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any

from ..crypto import jws
from ..data_dir.layout import KEYS
from ..errors import DvError
from ..ethereum.networks import NETWORKS, Network
from .ceremony_dir import CeremonyDir
from .inbox import Inbox
from .protocol import abort, confirm, envelope, messages
from .protocol.derivation import SEED_SIZE
from .protocol.fault import Fault
from .protocol.parameters import Parameters, session_id


class StateError(Exception):
    """This attempt is over for us: state was lost or rolled back, or two hosts share a key.

    :param evidence: path of the message that contradicts ours, if there is one
    """

    def __init__(self, reason: str, evidence: str | None = None):
        super().__init__(reason)
        self.evidence = evidence


class OtherSettings(Exception):
    """A confirm of our keys by an operator with other settings of the network: it is not taken, and blames nobody."""


class AttemptRun:
    """A run through the one attempt that it is about: the highest that we began, or a higher one that is asked for. What it
    does there is in its kinds: :class:`.rounds.Rounds` goes on, :class:`.dry_run.DryRun` only looks.

    Numbers are not skipped: one that is asked for is at most the next after the highest that we, or any other operator,
    began. So a slip of the pen begins nothing, and who missed an attempt catches up.

    An attempt that we signed in is never given up. One that we confirmed may complete without us noticing, so it is given
    up only if another operator gave it up, or with ``give_up``, for a caller that saw it stopped or aborted here.

    :param parameters: of the attempt that is asked for
    :param node_key: our ENR private key (32 bytes)
    :raises DvError: the attempt before the one that is asked for is nobody's
    """

    def __init__(
        self, ceremony_dir: CeremonyDir, parameters: Parameters, node_key: bytes, network: Network, inbox: Inbox, give_up: bool = False
    ):
        self.ceremony_dir, self.node_key, self.network, self.inbox = ceremony_dir, node_key, network, inbox
        self.asked = parameters.attempt
        begun = [attempt for attempt in ceremony_dir.attempts() if attempt.sent_rounds()]
        number = begun[-1].number if begun else 0
        #: Why we are not in the attempt that is asked for: it skips numbers, we signed in these, we confirmed one that may complete.
        self.skips_numbers = self.asked > number + 1 and self.asked > inbox.last_attempt() + 1
        self.signed_attempts = [attempt.number for attempt in begun if {"sign", "seal"} & set(attempt.sent_rounds())]
        self.keeps_confirmed = bool(begun) and "confirm" in begun[-1].sent_rounds() and not give_up and not inbox.later_operators(number)
        if self.asked > number and not self.signed_attempts and not self.keeps_confirmed and not self.skips_numbers:
            number = self.asked
        if not number:
            raise DvError(
                f"attempt {self.asked} was asked for, and nobody is known to have begun the one before",
                f"at most {inbox.last_attempt() + 1}, the number after the last attempt",
                "correct dv_dkg_attempt, or bring the messages of the attempts before",
            )
        self.parameters, self.attempt_dir = parameters.at(number), ceremony_dir.attempt(number)
        self.earlier = [attempt for attempt in ceremony_dir.attempts() if attempt.number < number]
        #: With all n commits: the session id (32 bytes), and the digests of the commits.
        self.session: bytes | None = None
        self.commit_digests: list[bytes] = []
        #: What we say of the attempt; the operators with other settings of the network -> the hash of their roots; whether a run would go on.
        self.notes: list[str] = []
        self.other_settings: dict[int, bytes] = {}
        self.ready = False
        self._accused: set[tuple[str, int]] = set()
        self._payloads: dict[tuple[str, int], tuple] = {}

    @property
    def number(self) -> int:
        return self.attempt_dir.number

    @property
    def others(self) -> list[int]:
        return self.parameters.others

    def advance(self) -> tuple[str | None, tuple]:
        """The round that is not over, and the operators whose messages are missing; (None, ()) when all is done."""
        raise NotImplementedError

    # What was there before

    def check_state(self) -> None:
        """Raise :class:`StateError` if our files contradict each other or the messages that we met under our own key."""
        attempt, sent = self.attempt_dir, self.attempt_dir.sent_rounds()
        contradictions = attempt.contradictions()
        if contradictions:
            raise StateError("a message under this node's own key contradicts its own files", contradictions[0])
        if attempt.has_seed() and attempt.seed() is None:
            raise StateError(f"this node's seed for attempt {self.number} has not {SEED_SIZE} bytes")
        if sent and attempt.seed() is None:
            raise StateError(f"messages of this node are known, but its seed for attempt {self.number} is gone")
        answers = self.inbox.operators(lambda number, round_name: number == self.number and round_name in messages.ROUNDS[1:])
        if answers and not sent and attempt.seed() is None:
            known = ", ".join(map(str, answers))
            if len(answers) >= self.parameters.t:
                raise StateError(f"operators {known} answer to a commit of this node, which it does not have")
            # So few may all be dishonest, and stop nobody.
            self.notes.append(f"operators {known} answer to a commit that this node has not sent: fewer than the threshold, so it goes on")
        if "abort" in sent and {"confirm", "sign", "seal"} & set(sent):
            raise StateError(f"this node both confirmed and aborted attempt {self.number}")
        given_up = [number for number in self.signed_attempts if number < self.number]
        if given_up:
            raise StateError(f"this node signed in attempt {given_up[0]} and began attempt {self.number}")

    def _over(self):
        """Whether this attempt is over before we confirmed: then nothing but an abort is written in it."""
        sent, aborts = self.attempt_dir.sent_rounds(), [self.attempt_dir.received("abort", operator) for operator in self.others]
        return "confirm" not in sent and ("abort" in sent or any(aborts) or bool(self.accusations()))

    @property
    def has_signed(self) -> bool:
        """Whether this node signed in any attempt."""
        return bool(self.signed_attempts) or bool({"sign", "seal"} & set(self.attempt_dir.sent_rounds()))

    def accusations(self) -> list[tuple[str, int, str]]:
        """(round, operator, path of the evidence) of the others' wrong messages."""
        return self.attempt_dir.accusations(self.others)

    def accusation(self, path: str) -> messages.Abort:
        """What the evidence ``path`` says."""
        return messages.read("abort", self.parameters, self.ceremony_dir.read(path) or b"")

    def signers(self, wanted: Callable[[int], bool]) -> list[int]:
        """The other operators who signed in attempts that are ``wanted``. An attempt counts if t signed in it, or if we hold all n
        confirms, equal to our own: in another one nobody honest need have."""
        found: dict[int, set[int]] = {}
        for attempt, operator in self.inbox.authors(lambda number, round_name: wanted(number) and round_name in ("sign", "seal")):
            found.setdefault(attempt, set()).add(operator)
        some = [operators for attempt, operators in found.items() if len(operators) >= self.parameters.t or self._certified(attempt)]
        return sorted(set().union(*some))

    def _certified(self, number):
        """Whether all confirmed in attempt ``number`` what we did."""
        attempt, parameters = self.ceremony_dir.attempt(number), self.parameters.at(number)
        own, confirmed = attempt.sent("confirm"), {self.parameters.share_index}
        for operator in self.others if own else ():
            for text in (attempt.received("confirm", operator) or "", *self.inbox.get(number, "confirm", operator)):
                with contextlib.suppress(DvError):
                    if envelope.read(parameters, text).payload == envelope.content(parameters, "confirm", own):
                        confirmed.add(operator)
        return confirmed == set(self.parameters.operators)

    # Messages

    def text(self, round_name: str, operator: int) -> str | None:
        """The message of ``operator`` that was sent or received."""
        own = operator == self.parameters.share_index
        return self.attempt_dir.sent(round_name) if own else self.attempt_dir.received(round_name, operator)

    def payload(self, round_name: str, operator: int) -> Any:
        """The payload of that message (a tuple of :mod:`.messages`), which passed its checks before. A run parses it once."""
        key = round_name, operator
        if key not in self._payloads:
            self._payloads[key] = envelope.content(self.parameters, round_name, self.text(round_name, operator) or "")
        return self._payloads[key]

    def own_payload(self, round_name: str) -> Any:
        return self.payload(round_name, self.parameters.share_index)

    def missing(self, round_name: str) -> list[int]:
        """The operators whose message of that round is not there."""
        return [operator for operator in self.parameters.operators if self.text(round_name, operator) is None]

    def untried(self, round_name: str, operator: int) -> Iterator[str]:
        """The texts that claim to be that message, one by one, but for those that are known: received, or found wrong. A run finds one of
        them wrong and looks at no more: however many an operator signs, they cost a run one check, and the next run goes on.
        """
        known = self._known(round_name, operator)
        for text in self.inbox.get(self.number, round_name, operator):
            if (round_name, operator) in self._accused:
                return
            if _digest(text) not in known:
                yield text

    def _known(self, round_name, operator):
        """The digests of the messages that were received or found wrong."""
        path, received = self.attempt_dir.accusation_path(round_name, operator), self.attempt_dir.received(round_name, operator)
        found = [received] if received else []
        if self.ceremony_dir.exists(path):
            found.append(self.accusation(path).messages[0])
        return {None, *map(_digest, found), *self.attempt_dir.refused(round_name, operator)}

    def _read(self, round_name, operator):
        """The first messages of ``operator`` that are in form, up to a wrong one, which accuses it."""
        for text in self.untried(round_name, operator):
            try:
                yield envelope.read(self.parameters, text, self.session)
            except Fault as fault:
                self._accuse(fault)
            except DvError:
                continue

    def _receive(self, round_name, found):
        """Keep messages of that round that passed their checks: what was ``found``, by operator."""
        self.attempt_dir.write_received(round_name, {operator: message.jws.text for operator, message in found.items()})
        self._payloads.update({(round_name, operator): message.payload for operator, message in found.items()})

    def _receive_all(self, round_name, check):
        """Keep the first message of each other operator that passes ``check``, which raises a :class:`Fault`, or
        :class:`OtherSettings`."""
        good = {}
        for operator in self.others:
            first = received = self.attempt_dir.received(round_name, operator)
            final = round_name not in abort.EQUIVOCATION_ROUNDS
            if received and (final or self.ceremony_dir.exists(self.attempt_dir.accusation_path(round_name, operator))):
                continue
            for message in self._read(round_name, operator):
                text = message.jws.text
                if received is None:
                    try:
                        check(message)
                        good[operator], received = message, text
                    except Fault as fault:
                        self._accuse(fault.proven_by((text, *fault.messages)))
                        continue
                    except OtherSettings:
                        pass
                first = first or text
                if not final and jws.split(first).payload != message.jws.payload:
                    self._accuse(abort.equivocation(message, first))
        self._receive(round_name, good)

    def _accuse(self, fault):
        self._accused.add((fault.round, fault.share_index))
        if not self.attempt_dir.write_accusation(fault.round, fault.share_index, messages.write(abort.accuse(fault))):
            digest = _digest(fault.messages[0])
            if digest not in self._known(fault.round, fault.share_index):
                self.attempt_dir.write_refused(fault.round, fault.share_index, digest)

    def judge(self, author: int, read: Callable[[], messages.Abort]) -> tuple[Fault, None] | tuple[None, str]:
        """(The :class:`Fault` that the accusation of operator ``author`` shows, which the function ``read`` gives; None), or (None;
        what went wrong on this node): it may cost neither what the node hands out nor its state, and blames nobody."""
        try:
            return abort.judge(self.parameters, author, read()), None
        except Exception as error:  # pylint: disable=broad-exception-caught
            return None, type(error).__name__

    # How far it is

    def _open_session(self):
        """With all n commits there is a session, of which our own messages must be."""
        self.commit_digests = [jws.split(self.text("commit", operator)).digest for operator in self.parameters.operators]
        self.session = session_id(self.parameters, self.commit_digests)
        for round_name in messages.ROUNDS[1:]:
            text = self.attempt_dir.sent(round_name)
            if text and envelope.address(self.parameters, text).session != self.session:
                raise StateError(f"this node's own {round_name} belongs to other commits than the ones that it keeps")

    def has_other_settings(self, payload: messages.Confirm, own: messages.Confirm) -> bool:
        """Whether a confirm says of the keys of our ``own`` that other messages are to be signed with them, on a network of the
        inventory's own: then its settings differ. Those of our tables never do."""
        same_keys = payload.transcript == own.transcript
        return self.network not in NETWORKS and same_keys and payload.roots != own.roots

    def _compare_settings(self):
        """Note who has other settings of the network: nobody is to blame, but this attempt completes nowhere."""
        own = self.own_payload("confirm")
        missing = self.missing("confirm")
        for operator in () if self.network in NETWORKS else missing:
            for text in self.inbox.get(self.number, "confirm", operator):
                with contextlib.suppress(DvError):
                    found = envelope.read(self.parameters, text, self.session).payload
                    if self.has_other_settings(found, own):
                        self.other_settings[operator] = found.roots[0]
                        break
        if self.other_settings:
            kinds = {own.roots[0]: [operator for operator in self.parameters.operators if operator not in missing]}
            for operator, roots in self.other_settings.items():
                kinds.setdefault(roots, []).append(operator)
            who = " | ".join(", ".join(map(str, operators)) for operators in kinds.values())
            self.notes.append(f"operators have different settings of this network (dv_testnet_genesis_timestamp): {who}")
            self.notes.append(f"make them equal, then all operators start attempt {self.number + 1} (dv_dkg_attempt)")

    def _stored(self):
        """Whether we confirmed, and the key shares and the public keys that we confirmed are at hand."""
        sent = self.attempt_dir.sent_rounds()
        moved = "seal" in sent and os.path.isdir(self.ceremony_dir.data_dir.path(KEYS))
        return "confirm" in sent and (moved or os.path.isdir(self.attempt_dir.keys)) and self._public_keys() is not None

    def _public_keys(self):
        """The public keys that we confirmed, if the cache has them."""
        content = self.attempt_dir.cache_get("transcript", self.session)
        keys = content and confirm.load(self.parameters, content)
        transcript = self.own_payload("confirm").transcript[0]
        return keys if keys and confirm.transcript(self.session, keys) == transcript else None


def _digest(text):
    """SHA-256 (32 bytes) of the signing input of ``text``: its signature can be spelled in many ways. None if there is none."""
    try:
        return jws.split(text).digest
    except DvError:
        return None
