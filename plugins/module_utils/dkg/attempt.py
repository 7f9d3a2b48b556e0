# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A walk through the files and messages of one attempt: which attempt it is, whether our state is whole, what the others
sent, and how far it is. This is the protocol's "State".
"""

import contextlib
import os

from ..data_dir.layout import KEYS
from ..errors import DvError
from ..ethereum.networks import NETWORKS
from .protocol import abort, confirm, envelope, jws, messages
from .protocol.derivation import SEED_SIZE
from .protocol.fault import Fault
from .protocol.parameters import session_id


class Stop(Exception):
    """This attempt is over for us: state was lost or rolled back, or two hosts share a key.

    :param evidence: path of the message that contradicts ours, if there is one
    """

    def __init__(self, reason, evidence=None):
        super().__init__(reason)
        self.evidence = evidence


class OtherSettings(Exception):
    """A confirm of our keys by an operator with other settings of the network: it is not taken, and blames nobody."""


class Walk:
    """A run through the one attempt that it is about: the highest that we began, or a higher one that is asked for. What it
    does there is in its kinds: :class:`.rounds.Rounds` goes on, :class:`.status.Look` only looks.

    Numbers are not skipped: one that is asked for is at most the next after the highest that we, or any other operator,
    began. So a slip of the pen begins nothing, and who missed an attempt catches up.

    An attempt that we signed in is never given up. One that we confirmed may complete without us noticing, so it is given
    up only if another operator gave it up, or with ``give_up``, for a caller that saw it stopped or aborted here.
    """

    def __init__(self, home, parameters, node_key, network, mail, give_up=False):
        self.home, self.node_key, self.network, self.mail = home, node_key, network, mail
        self.parameters, self.asked = parameters, parameters.attempt
        begun = [attempt for attempt in home.attempts() if attempt.sent()]
        number = begun[-1].number if begun else 0
        self.skips = self.asked > number + 1 and self.asked > self._begun_by_others() + 1
        self.signed = [attempt.number for attempt in begun if {"sign", "seal"} & set(attempt.sent())]
        self.bound = bool(begun) and "confirm" in begun[-1].sent() and not give_up and not self.ahead(number)
        if self.asked > number and not self.signed and not self.bound and not self.skips:
            number = self.asked
        if not number:
            raise DvError(
                "attempt %d was asked for, and nobody is known to have begun the one before" % self.asked,
                "at most %d, the number after the last attempt" % (self._begun_by_others() + 1),
                "correct dv_dkg_attempt, or bring the messages of the attempts before",
            )
        self.parameters, self.attempt = parameters.at(number), home.attempt(number)
        self.earlier = [attempt for attempt in home.attempts() if attempt.number < number]
        self.session, self.dealt, self.shares, self.lock = None, {}, None, None
        self.wrong = set()
        self.notes, self.unequal = [], {}
        self.ready = False

    # What was there before

    def check_state(self):
        """Raise :class:`Stop` if our files contradict each other or the messages that we met under our own key."""
        attempt, sent = self.attempt, self.attempt.sent()
        contradictions = attempt.contradictions()
        if contradictions:
            raise Stop("a message under this node's own key contradicts its own files", contradictions[0])
        if attempt.has_seed() and attempt.seed() is None:
            raise Stop("this node's seed for attempt %d has not %d bytes" % (attempt.number, SEED_SIZE))
        if sent and attempt.seed() is None:
            raise Stop("messages of this node are known, but its seed for attempt %d is gone" % attempt.number)
        answers = self.authors(lambda number, round: number == attempt.number and round in messages.ROUNDS[1:])
        if answers and not sent and attempt.seed() is None:
            known = ", ".join(map(str, answers))
            if len(answers) >= self.parameters.t:
                raise Stop("operators %s answer to a commit of this node, which it does not have" % known)
            # So few may all be dishonest, and stop nobody.
            found = "operators %s answer to a commit that this node has not sent: fewer than the threshold, so it goes on"
            self.notes.append(found % known)
        if "abort" in sent and {"confirm", "sign", "seal"} & set(sent):
            raise Stop("this node both confirmed and aborted attempt %d" % attempt.number)
        given_up = [number for number in self.signed if number < attempt.number]
        if given_up:
            raise Stop("this node signed in attempt %d and began attempt %d" % (given_up[0], attempt.number))

    def _over(self):
        """Whether this attempt is over before we confirmed: then nothing but an abort is written in it."""
        sent, aborts = self.attempt.sent(), [self.attempt.kept("abort", operator) for operator in self.others]
        return "confirm" not in sent and ("abort" in sent or any(aborts) or bool(self.accusations()))

    @property
    def others(self):
        return self.parameters.others

    @property
    def has_signed(self):
        """Whether this node signed in any attempt."""
        return bool(self.signed) or bool({"sign", "seal"} & set(self.attempt.sent()))

    def accusations(self):
        """(round, operator, path of the evidence) of the others' wrong messages."""
        return self.attempt.accusations(self.others)

    def accusation(self, path):
        """The :class:`messages.Abort` in the evidence ``path``."""
        return messages.read("abort", self.parameters, self.home.read(path))

    # Messages

    def authors(self, wanted):
        """The other operators who signed a message whose attempt and round are ``wanted``, whatever it says."""
        return sorted({operator for _attempt, operator in self._authors(wanted)})

    def _authors(self, wanted):
        """The same, each with the attempt."""
        for attempt, round, operator in self.mail.places():
            if operator != self.parameters.index and wanted(attempt, round):
                for text in self.mail.get(attempt, round, operator):
                    with contextlib.suppress(DvError):
                        envelope.authentic(self.parameters.at(attempt), text)
                        yield attempt, operator
                        break

    def signers(self, wanted):
        """The other operators who signed in attempts that are ``wanted``. An attempt counts if t signed in it, or if we hold all n
        confirms, equal to our own: in another one nobody honest need have."""
        found = {}
        for attempt, operator in self._authors(lambda attempt, round: wanted(attempt) and round in ("sign", "seal")):
            found.setdefault(attempt, set()).add(operator)
        some = [operators for attempt, operators in found.items() if len(operators) >= self.parameters.t or self._certified(attempt)]
        return sorted(set().union(*some))

    def _certified(self, number):
        """Whether all confirmed in attempt ``number`` what we did."""
        attempt, parameters = self.home.attempt(number), self.parameters.at(number)
        own, confirmed = attempt.out("confirm"), {self.parameters.index}
        for operator in self.others if own else ():
            for text in (attempt.kept("confirm", operator) or "", *self.mail.get(number, "confirm", operator)):
                with contextlib.suppress(DvError):
                    if envelope.read(parameters, text).payload == envelope.content(parameters, "confirm", own):
                        confirmed.add(operator)
        return confirmed == set(self.parameters.operators)

    def _begun_by_others(self):
        """The highest attempt that another operator began, or 0."""
        return max((attempt for attempt, _operator in self._authors(lambda attempt, round: round == "commit")), default=0)

    def ahead(self, number):
        """The other operators who gave up attempt ``number``: they began a later one."""
        return self.authors(lambda attempt, round: attempt > number and round == "commit")

    def text(self, round, operator):
        """The message of ``operator`` that was sent or kept, or None."""
        return self.attempt.out(round) if operator == self.parameters.index else self.attempt.kept(round, operator)

    def payload(self, round, operator):
        """The payload of a message that passed its checks before."""
        return envelope.content(self.parameters, round, self.text(round, operator))

    def missing(self, round):
        """The operators whose message of ``round`` is not there."""
        return [operator for operator in self.parameters.operators if self.text(round, operator) is None]

    def untried(self, round, operator):
        """The texts that claim to be that message, one by one, but for those that are known: kept, or found wrong. A run finds one of
        them wrong and looks at no more: however many an operator signs, they cost a run one check, and the next run goes on.
        """
        known = self._known(round, operator)
        for text in self.mail.get(self.attempt.number, round, operator):
            if (round, operator) in self.wrong:
                return
            if _digest(text) not in known:
                yield text

    def _known(self, round, operator):
        """The digests of the messages that were kept or found wrong."""
        path, kept = self.attempt.evidence_path(round, operator), self.attempt.kept(round, operator)
        found = [kept] if kept else []
        if self.home.exists(path):
            found.append(self.accusation(path).messages[0])
        return {None, *map(_digest, found), *self.attempt.refused(round, operator)}

    def _read(self, round, operator):
        """The first messages of ``operator`` that are in form, up to a wrong one, which accuses it."""
        for text in self.untried(round, operator):
            try:
                yield envelope.read(self.parameters, text, self.session)
            except Fault as fault:
                self._accuse(fault)
            except DvError:
                continue

    def _take(self, round, check):
        """Keep the first message of each other operator that passes ``check``, which raises a :class:`Fault`, or
        :class:`OtherSettings`."""
        for operator in self.others:
            first = kept = self.attempt.kept(round, operator)
            if kept and (round not in ("commit", "confirm") or self.home.exists(self.attempt.evidence_path(round, operator))):
                continue
            for message in self._read(round, operator):
                text = message.jws.text
                if kept is None:
                    try:
                        check(message)
                        self.attempt.keep(round, operator, text)
                        kept = text
                    except Fault as fault:
                        self._accuse(fault.proven_by((text, *fault.messages)))
                        continue
                    except OtherSettings:
                        pass
                first = first or text
                if round in ("commit", "confirm") and jws.split(first).payload != message.jws.payload:
                    self._accuse(abort.equivocation(message, first))

    def _accuse(self, fault):
        self.wrong.add((fault.round, fault.index))
        if not self.attempt.accuse(fault.round, fault.index, messages.write(abort.accuse(fault))):
            digest = _digest(fault.messages[0])
            if digest not in self._known(fault.round, fault.index):
                self.attempt.refuse(fault.round, fault.index, digest)

    def judge(self, author, read):
        """(The :class:`Fault` that the accusation of operator ``author`` shows, which the function ``read`` gives; None), or (None;
        what went wrong on this node): it may cost neither what the node hands out nor its state, and blames nobody."""
        try:
            return abort.judge(self.parameters, author, read()), None
        except Exception as error:  # pylint: disable=broad-exception-caught
            return None, type(error).__name__

    # How far it is

    def _open_session(self):
        """With all n commits there is a session, of which our own messages must be."""
        digests = [jws.split(self.text("commit", operator)).digest for operator in self.parameters.operators]
        self.session, self.digests = session_id(self.parameters, digests), digests
        for round in messages.ROUNDS[1:]:
            text = self.attempt.out(round)
            if text and envelope.address(self.parameters, text).session != self.session:
                raise Stop("this node's own %s belongs to other commits than the ones that it keeps" % round)

    def has_other_settings(self, payload, own):
        """Whether a confirm says of the keys of our ``own`` that other messages are to be signed with them, on a network of the
        inventory's own: then its settings differ. Those of our tables never do."""
        same_keys = payload.transcript == own.transcript
        return self.network not in NETWORKS and same_keys and payload.roots != own.roots

    def _compare_settings(self):
        """Note who has other settings of the network: nobody is to blame, but this attempt completes nowhere."""
        own = self.payload("confirm", self.parameters.index)
        missing = self.missing("confirm")
        for operator in () if self.network in NETWORKS else missing:
            for text in self.mail.get(self.attempt.number, "confirm", operator):
                with contextlib.suppress(DvError):
                    found = envelope.read(self.parameters, text, self.session).payload
                    if self.has_other_settings(found, own):
                        self.unequal[operator] = found.roots[0]
                        break
        if self.unequal:
            kinds = {own.roots[0]: [operator for operator in self.parameters.operators if operator not in missing]}
            for operator, roots in self.unequal.items():
                kinds.setdefault(roots, []).append(operator)
            who = " | ".join(", ".join(map(str, operators)) for operators in kinds.values())
            self.notes.append("operators have different settings of this network (dv_testnet_genesis_timestamp): %s" % who)
            self.notes.append("make them equal, then all operators start attempt %d (dv_dkg_attempt)" % (self.attempt.number + 1))

    def _stored(self):
        """Whether we confirmed, and the key shares and the public keys that we confirmed are at hand."""
        sent = self.attempt.sent()
        moved = "seal" in sent and os.path.isdir(self.home.data_dir.path(KEYS))
        return "confirm" in sent and (moved or os.path.isdir(self.attempt.keys)) and self._public_keys() is not None

    def _public_keys(self):
        content = self.attempt.recall("transcript", self.session)
        keys = content and confirm.load(self.parameters, content)
        own = self.payload("confirm", self.parameters.index)
        return keys if keys and confirm.transcript(self.session, keys) == own.transcript[0] else None


def _digest(text):
    """SHA-256 (32 bytes) of the signing input of ``text``: its signature can be spelled in many ways. None if there is none."""
    try:
        return jws.split(text).digest
    except DvError:
        return None
