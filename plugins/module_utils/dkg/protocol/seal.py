# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Round 5: the lock is built, and every operator signs its hash, with all its shares and with its ENR key."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ...cluster.definition import effective_gas_limit
from ...cluster.lock import BuilderRegistration, ClusterLock, DepositData, DistributedValidator, compute_lock_hash
from ...crypto import secp256k1
from ...crypto.bls.group import ORDER
from ...crypto.bls.signatures import bls, curve
from ...ethereum.address import parse_address
from ...ethereum.networks import Network
from .confirm import Keys
from .fault import Fault
from .messages import Seal
from .parameters import Parameters
from .sign import credentials_of


def build(parameters: Parameters, network: Network, keys: Keys, signatures: Iterable[bytes]) -> ClusterLock:
    """The lock with its hash, without the signatures of that hash.

    :param signatures: those of :func:`sign.aggregate`, in the order of round 4
    """
    definition, amounts = parameters.definition, parameters.amounts
    following, validators = iter(signatures), []
    for key, shares, addresses in zip(keys.group_keys, keys.public_shares, definition.validators or ()):
        credentials = credentials_of(definition, addresses)
        deposits = tuple(
            DepositData(pubkey=key, withdrawal_credentials=credentials, amount=amount, signature=next(following)) for amount in amounts
        )
        registration = BuilderRegistration(
            fee_recipient=parse_address(addresses.fee_recipient_address, "fee recipient address"),
            gas_limit=effective_gas_limit(definition),
            timestamp=network.genesis_time,
            pubkey=key,
            signature=next(following),
        )
        validators.append(DistributedValidator(public_key=key, public_shares=shares, deposits=deposits, registration=registration))
    lock = ClusterLock(definition=definition, validators=tuple(validators))
    return replace(lock, lock_hash=compute_lock_hash(lock))


def make(node_key: bytes, shares: Iterable[int], lock_hash: bytes) -> Seal:
    """Our seal. All our ``shares`` sign the same message, so the sum of their signatures is that of their
    sum."""
    return Seal((secp256k1.sign(node_key, lock_hash),), (bls.sign(sum(shares) % ORDER, lock_hash),))


def check(parameters: Parameters, operator: int, payload: Seal, lock: ClusterLock) -> None:
    """Refuse the seal of ``operator`` unless it is over the hash of our ``lock``.

    :raises Fault: it is not (its message is the evidence, together with the certificate)
    """
    if not signed_by(parameters.keys[operator - 1], lock.lock_hash, payload.node_signature[0]):
        raise Fault(operator, "seal", "node_signature", f"its ENR key did not sign our lock hash 0x{lock.lock_hash.hex()}")
    shares = [curve.decode_g1(validator.public_shares[operator - 1]) for validator in lock.validators or ()]
    key = curve.encode(curve.msm(shares, [1] * len(shares)))
    if not bls.verify(key, lock.lock_hash, payload.signature[0]):
        raise Fault(operator, "seal", "signature", f"its shares did not sign our lock hash 0x{lock.lock_hash.hex()}")


def signed_by(public_key: bytes, lock_hash: bytes, signature: bytes) -> bool:
    """Whether ``signature`` (65 bytes, low s, v 0 or 1) of ``lock_hash`` is by the ENR key ``public_key`` (33
    bytes)."""
    low = len(signature) == 65 and int.from_bytes(signature[32:64], "big") <= secp256k1.ORDER // 2
    return low and signature[64] in (0, 1) and secp256k1.verify(public_key, lock_hash, signature)


def signed_by_all(parameters: Parameters, lock: ClusterLock) -> bool:
    """Whether the ``lock`` has the node signatures of all operators, in their order, each in the form of a seal's: other forms of
    good signatures anybody can make."""
    signatures = lock.node_signatures
    return len(signatures) == parameters.n and all(
        signed_by(key, lock.lock_hash, signature) for key, signature in zip(parameters.keys, signatures)
    )


def complete(lock: ClusterLock, seals: Sequence[Seal]) -> ClusterLock:
    """``lock`` with all signatures of its hash: ``seals`` are those of the n operators, in their order."""
    aggregate = bls.aggregate([payload.signature[0] for payload in seals])
    return with_signatures(lock, aggregate, [payload.node_signature[0] for payload in seals])


def with_signatures(lock: ClusterLock, aggregate: bytes, node_signatures: Iterable[bytes]) -> ClusterLock:
    """``lock`` with the signatures of its hash: by all key shares together (96 bytes), by the n ENR keys (65 bytes each)."""
    return replace(lock, signature_aggregate=aggregate, node_signatures=tuple(node_signatures))
