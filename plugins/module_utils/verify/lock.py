# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verification of a cluster lock: everything charon checks, and what a depositor should know besides.

What charon main refuses is an error, and so is a deposit or a registration that does not hold. Old locks are held
against what their version has. All BLS signatures are verified in one batch; only when it fails are they taken apart,
to name the wrong ones. Source: charon-formats §4.5, whose numbers stand at the checks; §5 and §6.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from ..cluster.definition import Definition, ValidatorAddresses, address_bytes, effective_deposit_amounts, effective_gas_limit
from ..cluster.lock import BuilderRegistration, ClusterLock, DistributedValidator, compute_lock_hash
from ..crypto import secp256k1
from ..crypto.bls.signatures import bls
from ..encoding.hex import to_hex
from ..errors import DvError
from ..ethereum import builder_registration, deposit
from ..ethereum.networks import KNOWN, Network, Networks
from .definition import check_definition, cluster_summary, node_keys
from .report import Report


def verify_lock(lock: ClusterLock, networks: Networks = KNOWN) -> Report:
    """Verify a lock, its definition included.

    :param networks: those that count
    :returns: the findings, and the :func:`~.verify.definition.cluster_summary`
    """
    report = Report()
    check_lock(report, lock, networks)
    return report


def check_lock(report: Report, lock: ClusterLock, networks: Networks) -> Network | None:
    """Add the findings of ``lock`` to ``report``, and the summary of its cluster.

    :returns: its network, ``None`` if unknown
    """
    definition, validators = lock.definition, lock.validators or ()
    network = check_definition(report, definition, networks, in_lock=True)
    report.cluster = cluster_summary(definition, network, lock)
    lock_hash = _check_lock_hash(report, lock)  # 3
    signatures = SignatureBatch(report)
    keys = _check_keys(report, lock)  # 6
    _check_aggregate(report, lock, lock_hash, keys, signatures)  # 5, 7
    known = [
        _Validator(position, validator, addresses, keys[position][0])
        for position, (validator, addresses) in enumerate(zip(validators, definition.validators or ()))
    ]
    if definition.minor >= 7:
        _check_registrations(report, definition, network, known, signatures)  # 8
        _check_node_signatures(report, lock)  # 9
    if definition.minor >= 6:
        _check_deposits(report, definition, known, signatures)
    signatures.check()
    return network


class _Validator:
    """A validator of a lock, its addresses in the definition, and its public key (``None``: a bad one)."""

    def __init__(self, position: int, validator: DistributedValidator, addresses: ValidatorAddresses, key_pt: Any) -> None:
        self.name = validator_name(position, validator)
        self.lock, self.key = validator, None if key_pt is None else validator.public_key
        self.fee_recipient = address_bytes(addresses.fee_recipient_address)
        self.withdrawal_address = address_bytes(addresses.withdrawal_address)


class SignatureBatch:
    """BLS signatures that are verified all at once, with their findings for ``report``."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.names: list[tuple[str, str]] = []
        self.equations: list[tuple[bytes, bytes, bytes]] = []

    def add(self, check: str, name: str, key: bytes | None, message: bytes, signature: bytes) -> None:
        """Add the ``signature`` (96 bytes) of ``message`` (32 bytes) under the ``key`` (48 bytes), of what is called ``name``.

        Where the key is ``None``, which is an error already, only a bad encoding is one.
        """
        if key is not None:
            self.names.append((check, name))
            self.equations.append((key, message, signature))
        else:
            self._check_encoding(check, name, signature)

    def check(self) -> None:
        """Verify all; those that are wrong are errors."""
        for position in bls.find_bad(self.equations):
            check, name = self.names[position]
            if self._check_encoding(check, name, self.equations[position][2]):
                self.report.error(check, f"the signature of {name} is wrong")

    def _check_encoding(self, check: str, name: str, signature: bytes) -> bool:
        with self.report.errors_of(check):
            bls.curve.decode_g2(signature, f"the signature of {name}")
            return True
        return False


def validator_name(position: int, validator: DistributedValidator) -> str:
    """What errors call the validator at that position (from 0, as in keystore names)."""
    return f"validator {position} (0x{validator.public_key.hex()[:12]}...)"


def _check_lock_hash(report: Report, lock: ClusterLock) -> bytes | None:
    """The lock hash (32 bytes) as computed, if it can be."""
    count, num_validators = len(lock.validators or ()), lock.definition.num_validators
    if count != num_validators:
        report.error("num_validators", f"the lock has {count} validators; wanted: the {num_validators} of its definition")
    with report.errors_of("lock_hash"):
        computed = compute_lock_hash(lock)
        if computed != lock.lock_hash:
            raise DvError(f"lock_hash is {to_hex(lock.lock_hash) or 'missing'}", f"0x{computed.hex()}, the hash of what the lock says")
        return computed
    return None


def _check_keys(report: Report, lock: ClusterLock) -> list[tuple[Any, list]]:
    """The points of each validator's public key and of its public shares; ``None`` and ``[]`` for bad ones."""
    count, threshold = len(lock.definition.operators or ()), lock.definition.threshold
    keys, seen = [], set()
    for position, validator in enumerate(lock.validators or ()):
        name, key_pt, share_pts = validator_name(position, validator), None, []
        with report.errors_of("public_key"):
            key_pt = bls.curve.decode_g1(validator.public_key, f"the public key of {name}")
            if validator.public_key in seen:
                raise DvError(f"{name} has the public key of another one", "a key of its own")
            seen.add(validator.public_key)
        with report.errors_of("public_shares"):
            shares = validator.public_shares
            if len(shares) != count:
                raise DvError(f"{name} has {len(shares)} public shares", f"{count}, one for each operator")
            if len(set(shares)) != count:
                raise DvError(f"{name} has one public share twice", "a share of his own for each operator")
            share_pts = [bls.curve.decode_g1(share, f"public share {index} of {name}") for index, share in enumerate(shares, 1)]
            if key_pt is not None and 1 <= threshold <= count:
                _check_polynomial(report, name, [key_pt, *share_pts], threshold)
        keys.append((key_pt, share_pts))
    return keys


def _check_polynomial(report: Report, name: str, points: list, threshold: int) -> None:
    """Refuse ``points``, a key and its shares, not at 0, 1, 2 ... of a polynomial of degree ``threshold`` - 1."""
    # Of a polynomial of lower degree than their order all differences are zero. They are sums alone, so they cost little.
    differences = points
    for _number in range(threshold - 1):
        differences = _differences(differences)
    if all(map(bls.curve.is_identity, _differences(differences))):
        if all(map(bls.curve.is_identity, differences)):
            report.warning("public_shares", f"fewer than {threshold} shares of {name} are enough to sign")
        return
    first = {index: points[index] for index in range(1, threshold)}
    candidates = range(threshold, len(points))
    bad = [k for k in candidates if not bls.curve.equal(bls.interpolate({**first, k: points[k]}), points[0])]
    if len(bad) == len(candidates):
        raise DvError(f"the public shares of {name} do not make its public key", f"any {threshold} of them to make it")
    raise DvError(
        f"public share {' and '.join(map(str, bad))} of {name} does not fit the others",
        f"any {threshold} shares to make the public key",
    )


def _differences(points: list) -> list:
    """Those of each of the ``points`` and the one before."""
    return [bls.curve.add(point, bls.curve.neg(before)) for before, point in zip(points, points[1:])]


def _check_aggregate(
    report: Report, lock: ClusterLock, lock_hash: bytes | None, keys: list[tuple[Any, list]], signatures: SignatureBatch
) -> None:
    if not lock.signature_aggregate:
        required = lock.definition.minor >= 2
        text = "there is none: nothing proves that the holders of the key shares agree"
        (report.error if required else report.warning)("signature_aggregate", text)
        return
    share_pts = [point for _key_pt, points in keys for point in points]
    if not share_pts:
        report.error("signature_aggregate", "there are no key shares that it could be of")
    elif lock_hash and all(points for _key_pt, points in keys):
        key = bls.curve.encode(bls.curve.msm(share_pts, [1] * len(share_pts)))
        signatures.add("signature_aggregate", "all key shares over the lock hash", key, lock_hash, lock.signature_aggregate)


def _check_registrations(
    report: Report, definition: Definition, network: Network | None, validators: list[_Validator], signatures: SignatureBatch
) -> None:
    gas_limit = effective_gas_limit(definition)
    different: Counter[str] = Counter()
    for validator in validators:
        registration, public_key = validator.lock.registration or BuilderRegistration(), validator.lock.public_key
        missing = [name for name in ("signature", "fee_recipient", "pubkey") if not getattr(registration, name)]
        if missing:
            report.error("builder_registration", f"the builder registration of {validator.name} has no {', '.join(missing)}")
            continue
        for field, wanted in (("fee_recipient", validator.fee_recipient), ("pubkey", public_key)):
            found = getattr(registration, field)
            if found != wanted:
                text = f"the builder registration of {validator.name} has the {field} 0x{found.hex()}; wanted: 0x{wanted.hex()}"
                report.error("builder_registration", text)
        if registration.gas_limit != gas_limit:
            different[f"gas limit {registration.gas_limit}, and the definition {gas_limit}"] += 1
        if network and registration.timestamp != network.genesis_time:
            different[f"timestamp {registration.timestamp}, and the network began at {network.genesis_time}"] += 1
        # As charon: the fee recipient of the definition, the public key of the validator.
        root = builder_registration.signing_root(
            validator.fee_recipient, registration.gas_limit, registration.timestamp, public_key, definition.fork_version
        )
        name = f"the builder registration of {validator.name}"
        signatures.add("builder_registration", name, validator.key, root, registration.signature)
    for text, count in different.items():
        report.warning("builder_registration", f"{count} of {len(validators)} have the {text}")


def _check_deposits(report: Report, definition: Definition, validators: list[_Validator], signatures: SignatureBatch) -> None:
    amounts = effective_deposit_amounts(definition)
    # Without amounts in the definition, what was signed depends on the version of charon.
    complain = report.error if definition.deposit_amounts else report.warning
    without = 0
    for validator in validators:
        deposits = validator.lock.deposits
        if not deposits:
            without += 1
            continue
        signed_amounts = sorted(each.amount for each in deposits)
        if signed_amounts != amounts:
            complain("deposit_data", f"{validator.name} has deposits of {_join(signed_amounts)} Gwei; wanted: {_join(amounts)}")
        credentials = deposit.withdrawal_credentials(validator.withdrawal_address, definition.compounding)
        for each in deposits:
            name = f"the deposit of {each.amount} Gwei of {validator.name}"
            for field, wanted in (("pubkey", validator.lock.public_key), ("withdrawal_credentials", credentials)):
                found = getattr(each, field)
                if found != wanted:
                    report.error("deposit_data", f"{name} has the {field} 0x{found.hex()}; wanted: 0x{wanted.hex()}")
            root = deposit.signing_root(each.pubkey, each.withdrawal_credentials, each.amount, definition.fork_version)
            signatures.add("deposit_data", name, validator.key, root, each.signature)
    if without == len(validators):
        report.warning("deposit_data", "there is none: no validator can be activated from this lock")
    elif without:
        complain("deposit_data", f"{without} of {len(validators)} validators have no deposits")


def _check_node_signatures(report: Report, lock: ClusterLock) -> None:
    keys, signatures = node_keys(lock.definition), lock.node_signatures
    if len(signatures) != len(keys):
        report.error("node_signatures", f"there are {len(signatures)}; wanted: {len(keys)}, one for each operator")
        return
    for index, (key, signature) in enumerate(zip(keys, signatures), 1):
        # As charon: of the lock hash as it is stored. What is no ENR was reported with the definition.
        if key and not secp256k1.verify(key, lock.lock_hash, signature):
            report.error(
                "node_signatures",
                f"the signature of operator {index} over the lock hash is not by the key of its ENR",
            )


def _join(amounts: list[int]) -> str:
    return ", ".join(map(str, amounts)) or "none"
