# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The walk through a ceremony: one call does all that can be done now, and says where that leads.

:func:`step` reads the messages of the store, takes over the good ones, writes its own, and ends in one of four states:

=========  ==============================================================================================
complete   lock, deposit data and key shares are in their place
stopped    state was lost or rolled back, or another host uses this key: nothing more is sent in this attempt
aborted    somebody signed something wrong; the culprit and the evidence are named
waiting    for messages of other operators
=========  ==============================================================================================
"""

import os
import time
from dataclasses import replace
from typing import NamedTuple

from .. import files, keystore
from .. import lock as locks
from ..bls import arkworks as curve
from ..errors import DvError
from ..verify_lock import verify_lock
from . import abort, commit, confirm, deal, envelope, finish, jws, messages, seal, sign, state, vss
from .derive import SEED_SIZE, Derivation
from .encoding import H
from .faults import Fault
from .session import parameters as parameters_of
from .session import place, session_id


class Outcome(NamedTuple):
    """Where a step ended.

    ``state`` as above; ``round`` the round that is not over; ``waiting_for`` the share indices whose message of that round is
    missing; ``detail`` a text for people, with what to do next; ``outbox`` name in the store -> text; ``changed`` whether
    anything was written on this node.
    """

    state: str
    round: str
    waiting_for: tuple
    detail: str
    outbox: dict
    changed: bool


class _Stop(Exception):
    """This attempt is over for us: state was lost or rolled back, or two hosts share a key."""


def step(data_dir, definition, node_key, inbox, attempt=1, *, network):
    """Do everything that can be done now.

    :param data_dir: charon's data directory of this node
    :param definition: the :class:`definition.Definition` that the caller has verified and this node's operator has approved
    :param node_key: the node's ENR private key (32 bytes)
    :param inbox: name -> text of all messages of the store for this definition; nothing in it is trusted
    :param attempt: the attempt that the inventory asks for
    :param network: the :class:`networks.Network` of the definition
    :returns: an :class:`Outcome`
    :raises DvError: this node's own files or the definition are not as they must be
    """
    parameters = parameters_of(definition, node_key, attempt)
    if network.genesis_fork_version != definition.fork_version:
        raise DvError("a definition for fork version 0x%s" % definition.fork_version.hex(), "that of %s" % network.name)
    ceremony = os.path.join(data_dir, "ceremony")
    files.make_directory(ceremony)
    with files.exclusive(os.path.join(ceremony, "lock")):
        home = state.Home(data_dir, parameters.definition_hash)
        home.recover()
        if finish.is_complete(home, parameters.definition_hash):
            finish.clear(home)
            return _complete(home, parameters)
        mail = Mail(parameters, inbox)
        _take_own(home, parameters, mail)
        return _Walk(home, parameters, node_key, network, mail).outcome()


class Mail:
    """The texts of an inbox by what their headers claim. File names say nothing."""

    def __init__(self, parameters, inbox):
        self._texts, self.locks = {}, []
        for name in sorted(inbox):
            if name.endswith(finish.LOCK):
                self.locks.append(inbox[name])
                continue
            try:
                to = envelope.address(parameters, inbox[name])
            except DvError:
                continue
            self._texts.setdefault((to.attempt, to.round, to.index), []).append(inbox[name])

    def get(self, attempt, round, operator):
        """The texts that claim to be that message."""
        return self._texts.get((attempt, round, operator), [])

    def of(self, operator):
        """(attempt, round, text) of all that claim to be by ``operator``, in the order of attempts and rounds."""
        order = list(messages.KINDS)
        places = sorted((a, order.index(r), r) for a, r, i in self._texts if i == operator)
        return [(a, r, text) for a, _order, r in places for text in self._texts[a, r, operator]]

    def places(self):
        """(attempt, round, operator) of all messages."""
        return list(self._texts)


def _take_own(home, parameters, mail):
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
            if round == "commit" and seed and message.payload != _own_commit(at, Derivation(seed, at))[0]:
                attempt.contradict(round, text)
        elif jws.split(known).signing_input != message.jws.signing_input and not (
            # Ciphertexts are random, so a host that was rolled back deals again with the same polynomials.
            round == "deal" and envelope.address(at, known).session == message.address.session
        ):
            attempt.contradict(round, text)


def _own_commit(parameters, derivation):
    """Our commit, the encoded commitments in it, and the polynomials."""
    polynomials = commit.coefficients(parameters, derivation)
    points = commit.commitments(polynomials)
    return commit.make(parameters, derivation, points), points, polynomials


class _Walk:
    """One step in the one attempt that this run is about."""

    def __init__(self, home, parameters, node_key, network, mail):
        begun = [attempt for attempt in home.attempts() if attempt.sent()]
        highest = begun[-1].number if begun else 0
        signed = [attempt.number for attempt in begun if {"sign", "seal"} & set(attempt.sent())]
        asked = parameters.attempt
        number = asked if asked > highest and not signed else highest
        self.home, self.node_key, self.network, self.mail = home, node_key, network, mail
        self.parameters, self.attempt = parameters.at(number), home.attempt(number)
        self.earlier = [attempt for attempt in home.attempts() if attempt.number < number]
        self.signed, self.asked = signed, asked
        self.session, self.dealt, self.shares, self.lock = None, {}, None, None
        self.notes = []

    def outcome(self):
        """Go as far as possible; what is true then is looked up in the files, in the order of the four states."""
        try:
            self._check_state()
            round, missing = self._advance()
        except _Stop as stop:
            return self._outcome("stopped", "", (), "%s; %s" % (stop, _STOPPED))
        if round is None:
            return _complete(self.home, self.parameters)
        self._look_around()
        if not self._missing("confirm"):
            self.notes += self._verdicts()
            return self._waiting(round, missing)
        verdicts = self._verdicts()
        if verdicts:
            return self._outcome("aborted", round, (), "%s; %s" % ("; ".join(verdicts), _ABORTED % (self.attempt.number + 1)))
        return self._waiting(round, missing)

    def _advance(self):
        """(The round that is not over, operators whose messages are missing), or (None, ()) when all is done."""
        self._take("abort", lambda message: None)
        for round in (self._commit, self._deal, self._confirm, self._sign, self._seal):
            missing = round()
            if missing is not None:
                return round.__name__.lstrip("_"), tuple(missing)
        return None, ()

    # What was there before

    def _check_state(self):
        attempt, sent = self.attempt, self.attempt.sent()
        contradictions = attempt.contradictions()
        if contradictions:
            raise _Stop("a message under this node's own key contradicts its own files: %s" % contradictions[0])
        if sent and attempt.seed() is None:
            raise _Stop("messages of this node are known, but its seed for attempt %d is gone" % attempt.number)
        if "abort" in sent and {"confirm", "sign", "seal"} & set(sent):
            raise _Stop("this node both confirmed and aborted attempt %d" % attempt.number)
        given_up = [number for number in self.signed if number < attempt.number]
        if given_up:
            raise _Stop("this node signed in attempt %d and began attempt %d" % (given_up[0], attempt.number))

    def _over(self):
        """Whether this attempt is over before we confirmed: then nothing but an abort is written in it."""
        return "confirm" not in self.attempt.sent() and bool(
            "abort" in self.attempt.sent() or self._accusations() or any(self.attempt.kept("abort", j) for j in self.others)
        )

    @property
    def others(self):
        return self.parameters.others

    def _accusations(self):
        return self.attempt.accusations(self.others)

    # Messages

    def _text(self, round, operator):
        return self.attempt.out(round) if operator == self.parameters.index else self.attempt.kept(round, operator)

    def _payload(self, round, operator):
        """The payload of a message that passed its checks before."""
        return envelope.content(self.parameters, round, self._text(round, operator))

    def _missing(self, round):
        return [operator for operator in self.parameters.operators if self._text(round, operator) is None]

    def _send(self, round, payload):
        message = envelope.write(self.parameters, self.node_key, round, payload, None if round in ("commit", "abort") else self.session)
        self.attempt.send(round, message.jws.text)

    def _read(self, round, operator):
        """The good ones among the messages of ``operator``, one by one; the wrong ones accuse it."""
        for text in self.mail.get(self.parameters.attempt, round, operator):
            try:
                yield envelope.read(self.parameters, text, self.session)
            except Fault as fault:
                self._accuse(fault)
            except DvError:
                continue

    def _take(self, round, check):
        """Keep the first message of each other operator that passes ``check``, which raises a :class:`Fault`."""
        for operator in self.others:
            kept = self.attempt.kept(round, operator)
            if kept and round not in ("commit", "confirm"):
                continue
            if self.mail.get(self.parameters.attempt, round, operator) == [kept]:
                continue
            for message in self._read(round, operator):
                if kept is None:
                    try:
                        check(message)
                    except Fault as fault:
                        self._accuse(fault.proven_by((message.jws.text, *fault.messages)))
                        continue
                    kept = message.jws.text
                    self.attempt.keep(round, operator, kept)
                elif round in ("commit", "confirm") and jws.split(kept).payload != message.jws.payload:
                    self._accuse(abort.equivocation(message, kept))

    def _accuse(self, fault):
        self.attempt.accuse(fault.round, fault.index, messages.write(abort.accuse(fault)))

    def _abort_if_wrong(self):
        """Somebody signed something wrong and we have not confirmed: say so, with the evidence."""
        if {"confirm", "abort"} & set(self.attempt.sent()):
            return
        for round, _operator, path in self._accusations():
            if round in abort.ROUNDS:
                self._send("abort", messages.read("abort", self.parameters, files.read(path)))
                return

    # Round 1

    def _commit(self):
        if "commit" not in self.attempt.sent():
            if self._over():
                return []
            self._begin()
        self._take("commit", lambda message: commit.check(self.parameters, message.address.index, message.payload))
        self._abort_if_wrong()
        missing = self._missing("commit")
        if missing or self._over():
            return missing
        digests = [jws.split(self._text("commit", operator)).digest for operator in self.parameters.operators]
        self.session, self.digests = session_id(self.parameters, digests), digests
        for round in messages.ROUNDS[1:]:
            text = self.attempt.out(round)
            if text and envelope.address(self.parameters, text).session != self.session:
                raise _Stop("this node's own %s belongs to other commits than the ones that it keeps" % round)
        for attempt in self.earlier:
            attempt.clear()
        return None

    def _begin(self):
        state.check_no_results(self.home.data_dir)
        if self.attempt.seed() is None:
            self.attempt.plant(os.urandom(SEED_SIZE))
        payload, points, _polynomials = _own_commit(self.parameters, self._derivation())
        for operator in self.others:
            commit.check(self.parameters.seen_by(operator), self.parameters.index, payload)
        self.attempt.remember("commitments", payload.commitments[0], b"".join(points))
        self._send("commit", payload)

    def _derivation(self):
        return Derivation(self.attempt.seed(), self.parameters)

    def _own_points(self, polynomials):
        """Our encoded commitments: those that we kept, if they are the ones in our commit."""
        binding = self._payload("commit", self.parameters.index).commitments[0]
        content = self.attempt.recall("commitments", binding)
        return commit.commitments(polynomials) if content is None else messages.split(content, 48)

    # Round 2

    def _deal(self):
        if self._stored():
            return None
        if self._over():
            return []
        derivation = self._derivation()
        polynomials = commit.coefficients(self.parameters, derivation)
        points = self._own_points(polynomials)
        commits = {operator: self._payload("commit", operator) for operator in self.parameters.operators}
        me = self.parameters.index
        if "deal" not in self.attempt.sent():
            recipients = {operator: commits[operator].keys[place(operator, me)] for operator in self.others}
            payload = deal.make(self.parameters, derivation, self.session, self.digests, recipients, polynomials, points)
            for fault in deal.check(self.parameters, self.session, {me: payload}, commits)[1]:
                raise fault
            self._send("deal", payload)
        texts = {operator: self.attempt.kept("deal", operator) for operator in self.others}
        deals = {operator: self._payload("deal", operator) for operator, text in texts.items() if text}
        for operator in self.others:
            for message in () if texts[operator] else self._read("deal", operator):
                texts[operator], deals[operator] = message.jws.text, message.payload
                break
        keys = {operator: derivation.hpke_key(operator) for operator in self.others}
        good, faults = deal.check(self.parameters, self.session, deals, commits)
        self.dealt, more = deal.open_shares(self.parameters, self.session, deals, good, keys)
        for fault in faults + more:
            evidence = [texts[fault.index], self._text("commit", fault.index), self.attempt.out("commit")]
            self._accuse(fault.proven_by(evidence, keys[fault.index] if fault.fault == "share" else b""))
        for operator in self.dealt:
            if self.attempt.kept("deal", operator) is None:
                self.attempt.keep("deal", operator, texts[operator])
        self._abort_if_wrong()
        missing = [operator for operator in self.others if operator not in self.dealt]
        if missing or self._over():
            self._note_other_sessions(missing)
            return missing
        self.dealt[me] = deal.own(self.parameters, polynomials, points)
        return None

    def _note_other_sessions(self, operators):
        """A deal for another session shows whose commit is another one there."""
        for operator in operators:
            for text in self.mail.get(self.attempt.number, "deal", operator):
                try:
                    message = envelope.read(self.parameters, text)
                except DvError:
                    continue
                commits = message.payload.commits
                if session_id(self.parameters, commits) != message.address.session or message.address.session == self.session:
                    continue
                differ = [j for j in self.parameters.operators if commits[j - 1] != self.digests[j - 1]]
                self.notes.append("operator %d dealt on another commit of operators %s" % (operator, _list(differ)))

    def _stored(self):
        """Whether we confirmed, and the key shares and the public keys that we confirmed are at hand."""
        sent = self.attempt.sent()
        moved = "seal" in sent and os.path.isdir(os.path.join(self.home.data_dir, finish.KEYS))
        return "confirm" in sent and (moved or os.path.isdir(self.attempt.keys)) and self._public_keys() is not None

    def _public_keys(self):
        content = self.attempt.recall("transcript", self.session)
        keys = content and confirm.load(self.parameters, content)
        own = self._payload("confirm", self.parameters.index)
        return keys if keys and confirm.transcript(self.session, keys) == own.transcript[0] else None

    # Round 3

    def _confirm(self):
        if self.dealt:
            self._store(confirm.derive(self.parameters, deal.add([self.dealt[j] for j in self.parameters.operators])))
        else:
            self.keys = self._public_keys()
        own = self._payload("confirm", self.parameters.index)

        def check(message):
            if message.payload != own:
                found = "it confirms other keys or signing roots than this node"
                raise Fault(message.address.index, "confirm", "different", found, [self.attempt.out("confirm")])

        self._take("confirm", check)
        return self._missing("confirm") or None

    def _store(self, keys):
        """Store our key shares, and only then confirm."""
        payload = confirm.make(self.session, keys, sign.roots(self.parameters, self.network, keys.group_keys))
        if "confirm" in self.attempt.sent() and payload != self._payload("confirm", self.parameters.index):
            raise _Stop("this node's own confirm is of other keys than its deals give")
        self.keys, self.shares = keys, list(keys.shares)
        self.home.changed |= keystore.write_shares(self.attempt.keys, self.shares)
        self.attempt.remember("transcript", self.session, keys.dump())
        if "confirm" not in self.attempt.sent():
            self._send("confirm", payload)

    # Round 4

    def _sign(self):
        if "seal" in self.attempt.sent():
            content = self.attempt.recall("lock", self._payload("seal", self.parameters.index).node_signature[0])
            if content is not None:
                self.lock = locks.parse(content, "the lock that this node sealed")
                return None
        hashes = self._hashes()
        if "sign" not in self.attempt.sent():
            payload = sign.make(self.parameters, self._own_shares(), hashes)
            own = {self.parameters.index: sign.points(self.parameters.index, payload)}
            if sign.bad_signers(self.parameters, self.keys.public_shares, hashes, own):
                raise DvError("this node signed wrongly", "partial signatures by its key shares", "check its memory and disk")
            self._send("sign", payload)
        bad = set()
        while True:
            partials, texts = self._partials(bad)
            if len(partials) < self.parameters.t:
                return [operator for operator in self.parameters.operators if operator not in partials]
            signatures = sign.aggregate(self.parameters, self.keys.group_keys, hashes, partials)
            if signatures is not None:
                break
            for operator in sign.bad_signers(self.parameters, self.keys.public_shares, hashes, partials):
                if operator == self.parameters.index:
                    raise _Stop("this node's own sign is not by its own key shares")
                bad.add(texts[operator])
                self._accuse(Fault(operator, "sign", "partial", "a partial signature of it is wrong", [texts[operator]]))
        for operator in partials:
            if self._text("sign", operator) is None:
                self.attempt.keep("sign", operator, texts[operator])
        self.lock = seal.build(self.parameters, self.network, self.keys, signatures)
        return None

    def _hashes(self):
        """The points that the messages of round 4 hash to: made for our sign, and kept for our seal."""
        roots = sign.roots(self.parameters, self.network, self.keys.group_keys)
        binding = H("roots", self.session, b"".join(roots))
        content = self.attempt.recall("hashes", binding)
        if content is not None:
            return [curve.decode_g2_on_curve(point) for point in messages.split(content, 96)]
        hashes = [curve.hash_to_g2(root) for root in roots]
        self.attempt.remember("hashes", binding, b"".join(map(curve.encode, hashes)))
        return hashes

    def _own_shares(self):
        """Our key shares, from the keystores unless they are at hand: they must be those of our public shares."""
        shares = self.shares or keystore.read_shares(self.attempt.keys)
        public = [curve.decode_g1_on_curve(row[self.parameters.index - 1]) for row in self.keys.public_shares]
        if len(shares) != len(public) or not vss.hold([vss.Equation(k, [P], [1]) for k, P in zip(shares, public)]):
            raise DvError("%s does not hold this attempt's key shares" % self.attempt.keys, hint="restore it from a backup")
        return shares

    def _partials(self, bad):
        """(operator -> points, operator -> text) of the first t operators with partial signatures whose text is not in ``bad``."""
        partials, texts = {}, {}
        for operator in self.parameters.operators:
            if len(partials) == self.parameters.t:
                break
            known = self._text("sign", operator)
            found = [(known, self._payload("sign", operator))] if known else (
                (message.jws.text, message.payload) for message in self._read("sign", operator)
            )
            for text, payload in found:
                if text in bad:
                    continue
                try:
                    partials[operator], texts[operator] = sign.points(operator, payload), text
                    break
                except Fault as fault:
                    self._accuse(fault.proven_by([text]))
        return partials, texts

    # Round 5

    def _seal(self):
        me = self.parameters.index
        if "seal" not in self.attempt.sent():
            payload = seal.make(self.node_key, self._own_shares(), self.lock.lock_hash)
            self.attempt.remember("lock", payload.node_signature[0], locks.dump(self.lock))
            self._send("seal", payload)
        try:
            seal.check(self.parameters, me, self._payload("seal", me), self.lock)
        except Fault:
            raise _Stop("this node's own seal is of another lock") from None
        self._take("seal", lambda message: seal.check(self.parameters, message.address.index, message.payload, self.lock))
        missing = self._missing("seal")
        lock = self._handed_lock() if missing else seal.complete(self.lock, [self._payload("seal", j) for j in self.parameters.operators])
        if lock is None:
            return missing
        verify_lock(lock, (self.network,)).raise_errors()
        finish.install(self.home, self.attempt, self.parameters, self.network, lock)
        return None

    def _handed_lock(self):
        """The lock of a complete host, if it has the hash that we sealed and verifies, or None."""
        for text in self.mail.locks:
            try:
                found = locks.parse(text)
                lock = replace(self.lock, signature_aggregate=found.signature_aggregate, node_signatures=found.node_signatures)
                if found.lock_hash == lock.lock_hash and verify_lock(lock, (self.network,)).ok:
                    return lock
            except DvError:
                continue
        return None

    # What a person is told

    def _verdicts(self):
        """Who is to blame for what, and where the evidence lies."""
        found = []
        for round, operator, path in self._accusations():
            check = messages.read("abort", self.parameters, files.read(path)).check
            found.append("operator %d is to blame (%s.%s), evidence: %s" % (operator, round, check, path))
        for author in self.parameters.operators:
            if self._text("abort", author) is not None and author != self.parameters.index:
                fault = abort.judge(self.parameters, author, self._payload("abort", author))
                found.append("operator %d aborted: %s" % (author, fault.found))
        if not found and "abort" in self.attempt.sent():
            found.append("this node aborted: %s" % abort.judge(self.parameters, self.parameters.index, self._payload("abort", self.parameters.index)).found)
        return found

    def _look_around(self):
        """Notes on what other attempts show."""
        number = self.attempt.number
        if self.asked != number:
            reason = "this node signed in attempt %d" % self.signed[0] if self.asked > number else "this node began attempt %d" % number
            self.notes.append("attempt %d was asked for, but %s" % (self.asked, reason))
        seen = {"commit": set(), "sign": set(), "seal": set()}
        for other, round, operator in self.mail.places():
            if operator != self.parameters.index and round in seen and (other > number) == (round == "commit") and other != number:
                for text in self.mail.get(other, round, operator):
                    try:
                        envelope.authentic(self.parameters.at(other), text)
                        seen[round].add(operator)
                    except DvError:
                        continue
        ahead, signed = sorted(seen["commit"]), sorted(seen["sign"] | seen["seal"])
        if ahead and self.signed or signed:
            self.notes.append(_DEAD_END)
        elif ahead:
            self.notes.append("operators %s began a later attempt" % _list(ahead))

    def _waiting(self, round, missing):
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self.attempt.since()))
        text = "attempt %d, round %d (%s): waiting for operators %s since %s" % (
            self.attempt.number, messages.ROUNDS.index(round) + 1, round, _list(missing), since
        )
        return self._outcome("waiting", round, missing, text)

    def _outcome(self, state, round, missing, detail):
        skip = self.attempt.number if state == "stopped" else None
        return Outcome(state, round, tuple(missing), "; ".join([detail, *self.notes]), _outbox(self.home, self.parameters, skip), self.home.changed)


def _complete(home, parameters):
    content = files.read(os.path.join(home.data_dir, finish.LOCK)).decode()
    attempts = home.attempts()
    number = attempts[-1].number if attempts else parameters.attempt
    outbox = {**_outbox(home, parameters), "%d/%s" % (number, finish.LOCK): content}
    return Outcome("complete", "", (), "lock, deposit data and key shares are in %s" % home.data_dir, outbox, home.changed)


def _outbox(home, parameters, skip=None):
    """Name in the store -> text, of all attempts but ``skip``."""
    return {
        "%d/%s/%d.jws" % (attempt.number, round, operator or parameters.index): text
        for attempt in home.attempts()
        if attempt.number != skip and not attempt.contradictions()
        for (round, operator), text in attempt.hand_out(parameters.others).items()
    }


def _list(operators):
    return ", ".join(map(str, operators))


_STOPPED = "it sends nothing more in this attempt: find out which, then all operators start a new attempt (dv_dkg_attempt)"
_ABORTED = "settle it with that operator, then all operators start attempt %d (dv_dkg_attempt)"
_DEAD_END = "some operators signed in an attempt that others gave up: only a new definition helps"
