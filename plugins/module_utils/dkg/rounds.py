# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rounds of one attempt, as far as they can go now: what is received, what is checked, what is written, and when.

The checks and the contents of each round are in its own module of :mod:`.protocol`; here is only their order, which is the
protocol's "Rounds". Every message is kept durably before anything that depends on it is written.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from functools import partial

from ..cluster.lock import ClusterLock
from ..crypto.bls.signatures import curve
from ..data_dir.validator_keys import ValidatorKeys
from ..errors import DvError
from ..ethereum.keystore import DerivedKeys
from ..ethereum.networks import Networks
from ..verify.lock import verify_lock
from . import install
from .attempt_run import AttemptRun, OtherSettings, StateError
from .protocol import abort, commit, confirm, deal, envelope, messages, seal, sign, vss
from .protocol.derivation import SEED_SIZE, Derivation
from .protocol.fault import Fault
from .protocol.parameters import position, session_id


class Waiting(Exception):
    """A round is not over: the messages of these operators are missing, or the attempt is over before it was confirmed."""

    def __init__(self, round_name: str, operators: Iterable[int] = ()):
        super().__init__(round_name)
        self.round_name, self.operators = round_name, tuple(operators)


@contextlib.contextmanager
def _own_message(round_name):
    """Around the checks that a reader will make of our message: it is written once it passes them.

    :raises DvError: it does not
    """
    try:
        yield
    except Fault as fault:
        raise DvError(
            f"this node made a wrong {round_name} ({fault.check_name})",
            "one that passes the checks of the others",
            "nothing was sent: check its memory and disk, and run again",
        ) from None


class Rounds(AttemptRun):
    """A run that takes every step that it can take now. Each round hands on to the later ones what came out of it, or is
    :class:`Waiting`."""

    def advance(self) -> tuple[str | None, tuple]:
        self._receive_all("abort", lambda message: None)
        try:
            self._commit()
            keys = self._confirm(self._deal())
            self._seal(keys, self._sign(keys))
        except Waiting as waiting:
            return waiting.round_name, waiting.operators
        return None, ()

    def _send(self, round_name, payload):
        session = None if round_name in ("commit", "abort") else self.session
        message = envelope.write(self.parameters, self.node_key, round_name, payload, session)
        self.attempt_dir.write_sent(round_name, message.jws.text)
        self._payloads[round_name, self.parameters.share_index] = message.payload

    def _abort_if_wrong(self):
        """Somebody signed something wrong and we have not confirmed: say so, with the evidence."""
        if {"confirm", "abort"} & set(self.attempt_dir.sent_rounds()):
            return
        me = self.parameters.share_index
        for round_name, _operator, path in self.accusations():
            if round_name in abort.ROUNDS:
                fault, _failure = self.judge(me, partial(self.accusation, path))
                if fault and fault.share_index != me:
                    self._send("abort", self.accusation(path))
                return

    # Round 1

    def _commit(self) -> None:
        """Open the session."""
        if "commit" not in self.attempt_dir.sent_rounds():
            if self._over():
                raise Waiting("commit")
            self._send_commit()
        self._receive_all("commit", lambda message: commit.check(self.parameters, message.address.share_index, message.payload))
        self._abort_if_wrong()
        missing = self.missing("commit")
        if missing or self._over():
            raise Waiting("commit", missing)
        self._open_session()
        for attempt in self.earlier:
            attempt.erase_secrets()

    def _send_commit(self):
        install.check_no_results(self.ceremony_dir.data_dir)
        install.erase_unsent(self.ceremony_dir)
        if self.attempt_dir.seed() is None:
            self.attempt_dir.write_seed(os.urandom(SEED_SIZE))
        payload, points = commit.make_from_seed(self.parameters, self._derivation())
        with _own_message("commit"):
            for operator in self.others:
                commit.check(self.parameters.seen_by(operator), self.parameters.share_index, payload)
        self.attempt_dir.cache_put("commitments", payload.commitments[0], b"".join(points))
        self._send("commit", payload)

    def _derivation(self):
        return Derivation(self.attempt_dir.seed(), self.parameters)

    # Round 2

    def _deal(self) -> dict[int, deal.Dealt]:
        """operator -> what it dealt to us, ourselves included; of nobody where the keys that came out are stored already."""
        if self._stored():
            return {}
        if self._over():
            raise Waiting("deal")
        derivation = self._derivation()
        polynomials = commit.coefficients(self.parameters, derivation)
        points = self._own_points(polynomials)
        commits = {operator: self.payload("commit", operator) for operator in self.parameters.operators}
        if "deal" not in self.attempt_dir.sent_rounds():
            self._send_deal(derivation, commits, polynomials, points)
        dealt = self._receive_deals(derivation, commits)
        self._abort_if_wrong()
        missing = [operator for operator in self.others if operator not in dealt]
        if missing or self._over():
            self._note_other_sessions(missing)
            raise Waiting("deal", missing)
        return {**dealt, self.parameters.share_index: deal.own(self.parameters, polynomials, points)}

    def _own_points(self, polynomials):
        """Our encoded commitments: those in the cache, if they are the ones in our commit."""
        content = self.attempt_dir.cache_get("commitments", self.own_payload("commit").commitments[0])
        return commit.commitments(polynomials) if content is None else messages.split(content, 48)

    def _send_deal(self, derivation, commits, polynomials, points):
        me = self.parameters.share_index
        recipients = {operator: commits[operator].keys[position(operator, me)] for operator in self.others}
        payload = deal.make(self.parameters, derivation, self.session, self.commit_digests, recipients, polynomials, points)
        with _own_message("deal"):
            deal.check_own(self.parameters, self.session, payload, commits, polynomials)
        self._send("deal", payload)

    def _receive_deals(self, derivation, commits):
        """operator -> what it dealt to us, of the others whose deals are good; those of wrong ones are accused."""
        texts = {operator: self.attempt_dir.received("deal", operator) for operator in self.others}
        deals = {operator: self.payload("deal", operator) for operator, text in texts.items() if text}
        new = {}
        for operator in self.others:
            for message in () if texts[operator] else self._read("deal", operator):
                new[operator], texts[operator], deals[operator] = message, message.jws.text, message.payload
                break
        keys = {operator: derivation.hpke_key(operator) for operator in self.others}
        good, faults = deal.check(self.parameters, self.session, deals, commits)
        dealt, more = deal.open_shares(self.parameters, self.session, deals, good, keys)
        for fault in faults + more:
            dealer = fault.share_index
            evidence = [texts[dealer], self.text("commit", dealer), self.attempt_dir.sent("commit")]
            self._accuse(fault.proven_by(evidence, keys[dealer] if fault.check_name == "share" else b""))
        self._receive("deal", {operator: message for operator, message in new.items() if operator in dealt})
        return dealt

    def _note_other_sessions(self, operators):
        """A deal for another session shows whose commit is another one there."""
        for operator in operators:
            message = self._other_deal(operator)
            commits = message.payload.commits if message else ()
            if message and session_id(self.parameters, commits) == message.address.session:
                differ = ", ".join(str(j) for j in self.parameters.operators if commits[j - 1] != self.commit_digests[j - 1])
                self.notes.append(f"operator {operator} dealt on another commit of operators {differ}")

    def _other_deal(self, operator):
        """The first deal of ``operator`` that is of another session."""
        for text in self.inbox.get(self.number, "deal", operator):
            try:
                if envelope.address(self.parameters, text).session != self.session:
                    return envelope.read(self.parameters, text)
            except Fault:
                return None
            except DvError:
                continue
        return None

    # Round 3

    def _confirm(self, dealt: dict[int, deal.Dealt]) -> confirm.Keys:
        """The keys that all confirmed: with our key shares, where they come from what was ``dealt`` now."""
        if dealt:
            keys = confirm.derive(self.parameters, deal.add([dealt[j] for j in self.parameters.operators]))
            self._store(keys)
        else:
            keys = self._public_keys()
        own = self.own_payload("confirm")

        def check(message):
            if self.has_other_settings(message.payload, own):
                raise OtherSettings
            if message.payload != own:
                found = "it confirms other keys or signing roots than this node"
                raise Fault(message.address.share_index, "confirm", "different", found, [self.attempt_dir.sent("confirm")])

        self._receive_all("confirm", check)
        self._compare_settings()
        missing = self.missing("confirm")
        if missing:
            raise Waiting("confirm", missing)
        return keys

    def _store(self, keys):
        """Store our key shares, and only then confirm."""
        payload = confirm.make(self.session, keys, sign.roots(self.parameters, self.network, keys.group_keys))
        confirmed = "confirm" in self.attempt_dir.sent_rounds()
        own = self.own_payload("confirm") if confirmed else payload
        if own != payload and not self.has_other_settings(payload, own):
            raise StateError("this node's own confirm is of other keys than its deals give")
        validator_keys = ValidatorKeys(self.attempt_dir.keys)
        public_shares = [shares[self.parameters.share_index - 1] for shares in keys.public_shares]
        self.ceremony_dir.changed |= validator_keys.write(list(keys.shares), public_keys=public_shares)
        self.attempt_dir.cache_put("keystores", self.session, validator_keys.derived.dump())
        self.attempt_dir.cache_put("transcript", self.session, keys.dump())
        if not confirmed:
            self._send("confirm", payload)

    # Round 4

    def _sign(self, keys: confirm.Keys) -> ClusterLock:
        """The lock, without the signatures of its hash."""
        if "seal" in self.attempt_dir.sent_rounds():
            content = self.attempt_dir.cache_get("lock", self.own_payload("seal").node_signature[0])
            if content is not None:
                return ClusterLock.parse(content, "the lock that this node sealed")
        roots = self._roots(keys)
        if "sign" not in self.attempt_dir.sent_rounds():
            self._send_sign(keys, roots)
        while True:
            partials, signs = self._partials()
            if len(partials) < self.parameters.t:
                raise Waiting("sign", [operator for operator in self.parameters.operators if operator not in partials])
            signatures = sign.aggregate(self.parameters, keys.group_keys, roots, partials)
            if signatures is not None:
                break
            payloads = {operator: payload for operator, (_text, payload) in signs.items()}
            for operator in sign.bad_signers(self.parameters, keys.public_shares, roots, payloads):
                if operator == self.parameters.share_index:
                    raise StateError("this node's own sign is not by its own key shares")
                self._accuse(Fault(operator, "sign", "partial", "a partial signature of it is wrong", [signs[operator][0]]))
        new = {operator: text for operator, (text, _payload) in signs.items() if self.text("sign", operator) is None}
        self.attempt_dir.write_received("sign", new)
        return seal.build(self.parameters, self.network, keys, signatures)

    def _send_sign(self, keys, roots):
        me = self.parameters.share_index
        payload = sign.make(self.parameters, self._own_shares(keys), roots)
        with _own_message("sign"):
            for operator in sign.bad_signers(self.parameters, keys.public_shares, roots, {me: payload}):
                raise Fault(operator, "sign", "partial", "a partial signature of it is wrong")
        self._send("sign", payload)

    def _roots(self, keys):
        """The signing roots of round 4: those that we confirmed."""
        roots = sign.roots(self.parameters, self.network, keys.group_keys)
        if confirm.roots_hash(self.session, roots) != self.own_payload("confirm").roots[0]:
            raise DvError(
                "this node has other settings of the network than when it confirmed",
                "the same ones",
                "set dv_testnet_genesis_timestamp as it was",
            )
        return roots

    def _own_shares(self, keys):
        """Our key shares, from the keystores unless they are at hand: they must be those of our public shares."""
        shares = list(keys.shares or self._read_shares())
        public = [curve.decode_g1(row[self.parameters.share_index - 1]) for row in keys.public_shares]
        if len(shares) != len(public) or not vss.hold([vss.Equation(k, [P], [1]) for k, P in zip(shares, public)]):
            raise DvError(f"{self.attempt_dir.keys} does not hold this attempt's key shares", hint="restore it from a backup")
        return shares

    def _read_shares(self):
        """Our key shares, without the costly derivation from their password if the cache has what came out of it."""
        content = self.attempt_dir.cache_get("keystores", self.session)
        return ValidatorKeys(self.attempt_dir.keys, DerivedKeys.load(content) if content else None).read()

    def _partials(self):
        """(operator -> points, operator -> text and payload) of the first t operators with partial signatures, without those of whom
        this run found one wrong."""
        partials, signs = {}, {}
        for operator in self.parameters.operators:
            if len(partials) == self.parameters.t:
                break
            if ("sign", operator) in self._accused:
                continue
            known = self.text("sign", operator)
            read = ((message.jws.text, message.payload) for message in self._read("sign", operator))
            for text, payload in [(known, self.payload("sign", operator))] if known else read:
                try:
                    partials[operator], signs[operator] = sign.points(operator, payload), (text, payload)
                    break
                except Fault as fault:
                    self._accuse(fault.proven_by([text]))
        return partials, signs

    # Round 5

    def _seal(self, keys: confirm.Keys, unsigned: ClusterLock) -> None:
        """Install the results, with the lock that all signed."""
        me = self.parameters.share_index
        if "seal" not in self.attempt_dir.sent_rounds():
            payload = seal.make(self.node_key, self._own_shares(keys), unsigned.lock_hash)
            with _own_message("seal"):
                seal.check(self.parameters, me, payload, unsigned)
            self.attempt_dir.cache_put("lock", payload.node_signature[0], unsigned.dump())
            self._send("seal", payload)
        else:
            try:
                seal.check(self.parameters, me, self.own_payload("seal"), unsigned)
            except Fault:
                raise StateError("this node's own seal is of another lock") from None
        self._receive_all("seal", lambda message: seal.check(self.parameters, message.address.share_index, message.payload, unsigned))
        missing = self.missing("seal")
        if missing:
            signed = self._handed_lock(unsigned)
        else:
            signed = seal.complete(unsigned, [self.payload("seal", operator) for operator in self.parameters.operators])
        if signed is None:
            raise Waiting("seal", missing)
        verify_lock(signed, Networks(self.network)).raise_errors()
        install.install(self.ceremony_dir, self.attempt_dir, self.parameters, self.network, signed)

    def _handed_lock(self, unsigned):
        """The lock of a complete host, if it is the one that we sealed, with the signatures of all."""
        texts = self.inbox.locks(self.number)
        if not texts:
            return None
        size = len(seal.with_signatures(unsigned, bytes(96), [bytes(65)] * self.parameters.n).dump().decode())
        for text in texts:
            try:
                # One that is longer than ours can only cost time and memory.
                found = ClusterLock.parse(text if len(text) <= size else "")
                signed = seal.with_signatures(unsigned, found.signature_aggregate, found.node_signatures)
                same = found.lock_hash == signed.lock_hash and seal.signed_by_all(self.parameters, signed)
                if same and verify_lock(signed, Networks(self.network)).ok:
                    return signed
            except DvError:
                continue
        return None
