# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rounds of one attempt, as far as they can go now: what is taken over, what is checked, what is written, and
when.

The checks and the contents of each round are in its own module; here is only their order, which is the protocol's
"Rounds". Every message is kept durably before anything that depends on it is written.
"""

import contextlib
import os
from functools import partial

from ..cluster.lock import ClusterLock
from ..crypto.bls.signatures import curve
from ..data_dir.validator_keys import ValidatorKeys
from ..errors import DvError
from ..ethereum.keystore import DerivedKeys
from ..verify.lock import verify_lock
from . import ceremony_dir, install
from .attempt import OtherSettings, Stop, Walk
from .protocol import abort, commit, confirm, deal, envelope, messages, seal, sign, vss
from .protocol.derivation import SEED_SIZE, Derivation
from .protocol.encoding import H
from .protocol.fault import Fault
from .protocol.parameters import place, session_id


@contextlib.contextmanager
def own_message(round):
    """Around the checks that a reader will make of our message: it is written once it passes them.

    :raises DvError: it does not
    """
    try:
        yield
    except Fault as fault:
        raise DvError(
            "this node made a wrong %s (%s)" % (round, fault.fault),
            "one that passes the checks of the others",
            "nothing was sent: check its memory and disk, and run again",
        ) from None


class Rounds(Walk):
    """A walk that takes every step that it can take now."""

    def advance(self):
        """(The round that is not over, operators whose messages are missing), or (None, ()) when all is done."""
        self._take("abort", lambda message: None)
        for round in (self._commit, self._deal, self._confirm, self._sign, self._seal):
            missing = round()
            if missing is not None:
                return round.__name__.lstrip("_"), tuple(missing)
        return None, ()

    def _send(self, round, payload):
        session = None if round in ("commit", "abort") else self.session
        message = envelope.write(self.parameters, self.node_key, round, payload, session)
        self.attempt.send(round, message.jws.text)

    def _abort_if_wrong(self):
        """Somebody signed something wrong and we have not confirmed: say so, with the evidence."""
        if {"confirm", "abort"} & set(self.attempt.sent()):
            return
        me = self.parameters.index
        for round, _operator, path in self.accusations():
            if round in abort.ROUNDS:
                fault, _failure = self.judge(me, partial(self.accusation, path))
                if fault and fault.index != me:
                    self._send("abort", self.accusation(path))
                return

    # Round 1

    def _commit(self):
        if "commit" not in self.attempt.sent():
            if self._over():
                return []
            self._begin()
        self._take("commit", lambda message: commit.check(self.parameters, message.address.share_index, message.payload))
        self._abort_if_wrong()
        missing = self.missing("commit")
        if missing or self._over():
            return missing
        self._open_session()
        for attempt in self.earlier:
            attempt.clear()
        return None

    def _begin(self):
        ceremony_dir.check_no_results(self.home.data_dir)
        install.clear_unsent(self.home)
        if self.attempt.seed() is None:
            self.attempt.plant(os.urandom(SEED_SIZE))
        payload, points = commit.follow(self.parameters, self._derivation())
        with own_message("commit"):
            for operator in self.others:
                commit.check(self.parameters.seen_by(operator), self.parameters.index, payload)
        self.attempt.remember("commitments", payload.commitments[0], b"".join(points))
        self._send("commit", payload)

    def _derivation(self):
        return Derivation(self.attempt.seed(), self.parameters)

    def _own_points(self, polynomials):
        """Our encoded commitments: those that we kept, if they are the ones in our commit."""
        binding = self.payload("commit", self.parameters.index).commitments[0]
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
        commits = {operator: self.payload("commit", operator) for operator in self.parameters.operators}
        me = self.parameters.index
        if "deal" not in self.attempt.sent():
            recipients = {operator: commits[operator].keys[place(operator, me)] for operator in self.others}
            payload = deal.make(self.parameters, derivation, self.session, self.digests, recipients, polynomials, points)
            with own_message("deal"):
                deal.check_own(self.parameters, self.session, payload, commits, polynomials)
            self._send("deal", payload)
        texts = {operator: self.attempt.kept("deal", operator) for operator in self.others}
        deals = {operator: self.payload("deal", operator) for operator, text in texts.items() if text}
        for operator in self.others:
            for message in () if texts[operator] else self._read("deal", operator):
                texts[operator], deals[operator] = message.jws.text, message.payload
                break
        keys = {operator: derivation.hpke_key(operator) for operator in self.others}
        good, faults = deal.check(self.parameters, self.session, deals, commits)
        self.dealt, more = deal.open_shares(self.parameters, self.session, deals, good, keys)
        for fault in faults + more:
            evidence = [texts[fault.index], self.text("commit", fault.index), self.attempt.out("commit")]
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
            message = self._other_deal(operator)
            commits = message.payload.commits if message else ()
            if message and session_id(self.parameters, commits) == message.address.session:
                differ = ", ".join(str(j) for j in self.parameters.operators if commits[j - 1] != self.digests[j - 1])
                self.notes.append("operator %d dealt on another commit of operators %s" % (operator, differ))

    def _other_deal(self, operator):
        """The first deal of ``operator`` (:class:`envelope.Message`) that is of another session, or None."""
        for text in self.mail.get(self.attempt.number, "deal", operator):
            try:
                if envelope.address(self.parameters, text).session != self.session:
                    return envelope.read(self.parameters, text)
            except Fault:
                return None
            except DvError:
                continue
        return None

    # Round 3

    def _confirm(self):
        if self.dealt:
            self._store(confirm.derive(self.parameters, deal.add([self.dealt[j] for j in self.parameters.operators])))
        else:
            self.keys = self._public_keys()
        own = self.payload("confirm", self.parameters.index)

        def check(message):
            if self.has_other_settings(message.payload, own):
                raise OtherSettings
            if message.payload != own:
                found = "it confirms other keys or signing roots than this node"
                raise Fault(message.address.share_index, "confirm", "different", found, [self.attempt.out("confirm")])

        self._take("confirm", check)
        self._compare_settings()
        return self.missing("confirm") or None

    def _store(self, keys):
        """Store our key shares, and only then confirm."""
        payload = confirm.make(self.session, keys, sign.roots(self.parameters, self.network, keys.group_keys))
        own = self.payload("confirm", self.parameters.index) if "confirm" in self.attempt.sent() else payload
        if own != payload and not self.has_other_settings(payload, own):
            raise Stop("this node's own confirm is of other keys than its deals give")
        self.keys, self.shares, validator_keys = keys, list(keys.shares), ValidatorKeys(self.attempt.keys)
        self.home.changed |= validator_keys.write(self.shares)
        self.attempt.remember("keystores", self.session, validator_keys.derived.dump())
        self.attempt.remember("transcript", self.session, keys.dump())
        if "confirm" not in self.attempt.sent():
            self._send("confirm", payload)

    # Round 4

    def _sign(self):
        if "seal" in self.attempt.sent():
            content = self.attempt.recall("lock", self.payload("seal", self.parameters.index).node_signature[0])
            if content is not None:
                self.lock = ClusterLock.parse(content, "the lock that this node sealed")
                return None
        hashes = self._hashes()
        if "sign" not in self.attempt.sent():
            payload = sign.make(self.parameters, self._own_shares(), hashes)
            with own_message("sign"):
                own = {self.parameters.index: sign.points(self.parameters.index, payload)}
                for operator in sign.bad_signers(self.parameters, self.keys.public_shares, hashes, own):
                    raise Fault(operator, "sign", "partial", "a partial signature of it is wrong")
            self._send("sign", payload)
        while True:
            partials, texts = self._partials()
            if len(partials) < self.parameters.t:
                return [operator for operator in self.parameters.operators if operator not in partials]
            signatures = sign.aggregate(self.parameters, self.keys.group_keys, hashes, partials)
            if signatures is not None:
                break
            for operator in sign.bad_signers(self.parameters, self.keys.public_shares, hashes, partials):
                if operator == self.parameters.index:
                    raise Stop("this node's own sign is not by its own key shares")
                self._accuse(Fault(operator, "sign", "partial", "a partial signature of it is wrong", [texts[operator]]))
        for operator in partials:
            if self.text("sign", operator) is None:
                self.attempt.keep("sign", operator, texts[operator])
        self.lock = seal.build(self.parameters, self.network, self.keys, signatures)
        return None

    def _hashes(self):
        """The points that the messages of round 4 hash to: made for our sign, and kept for our seal."""
        roots = sign.roots(self.parameters, self.network, self.keys.group_keys)
        binding = H("roots", self.session, b"".join(roots))
        if binding != self.payload("confirm", self.parameters.index).roots[0]:
            raise DvError(
                "this node has other settings of the network than when it confirmed",
                "the same ones",
                "set dv_testnet_genesis_timestamp as it was",
            )
        content = self.attempt.recall("hashes", binding)
        if content is not None:
            return [curve.decode_g2_on_curve(point) for point in messages.split(content, 96)]
        hashes = [curve.hash_to_g2(root) for root in roots]
        self.attempt.remember("hashes", binding, b"".join(map(curve.encode, hashes)))
        return hashes

    def _own_shares(self):
        """Our key shares, from the keystores unless they are at hand: they must be those of our public shares."""
        shares = self.shares or self._read_shares()
        public = [curve.decode_g1_on_curve(row[self.parameters.index - 1]) for row in self.keys.public_shares]
        if len(shares) != len(public) or not vss.hold([vss.Equation(k, [P], [1]) for k, P in zip(shares, public)]):
            raise DvError("%s does not hold this attempt's key shares" % self.attempt.keys, hint="restore it from a backup")
        return shares

    def _read_shares(self):
        """Our key shares, without the costly derivation from their password if what came out of it was kept."""
        content = self.attempt.recall("keystores", self.session)
        return ValidatorKeys(self.attempt.keys, DerivedKeys.load(content) if content else None).read()

    def _partials(self):
        """(operator -> points, operator -> text) of the first t operators with partial signatures, without those of whom this run
        found one wrong."""
        partials, texts = {}, {}
        for operator in self.parameters.operators:
            if len(partials) == self.parameters.t:
                break
            if ("sign", operator) in self.wrong:
                continue
            known = self.text("sign", operator)
            read = ((message.jws.text, message.payload) for message in self._read("sign", operator))
            for text, payload in [(known, self.payload("sign", operator))] if known else read:
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
            with own_message("seal"):
                seal.check(self.parameters, me, payload, self.lock)
            self.attempt.remember("lock", payload.node_signature[0], self.lock.dump())
            self._send("seal", payload)
        try:
            seal.check(self.parameters, me, self.payload("seal", me), self.lock)
        except Fault:
            raise Stop("this node's own seal is of another lock") from None
        self._take("seal", lambda message: seal.check(self.parameters, message.address.share_index, message.payload, self.lock))
        missing = self.missing("seal")
        seals = [] if missing else [self.payload("seal", operator) for operator in self.parameters.operators]
        lock = seal.complete(self.lock, seals) if seals else self._handed_lock()
        if lock is None:
            return missing
        verify_lock(lock, (self.network,)).raise_errors()
        install.install(self.home, self.attempt, self.parameters, self.network, lock)
        return None

    def _handed_lock(self):
        """The lock of a complete host, if it is the one that we sealed, with the signatures of all, or None."""
        size = len(seal.with_signatures(self.lock, bytes(96), [bytes(65)] * self.parameters.n).dump().decode())
        for text in self.mail.locks(self.attempt.number):
            try:
                # One that is longer than ours can only cost time and memory.
                found = ClusterLock.parse(text if len(text) <= size else "")
                lock = seal.with_signatures(self.lock, found.signature_aggregate, found.node_signatures)
                same = found.lock_hash == lock.lock_hash and seal.signed_by_all(self.parameters, lock)
                if same and verify_lock(lock, (self.network,)).ok:
                    return lock
            except DvError:
                continue
        return None
