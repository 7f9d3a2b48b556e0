# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cluster locks (``cluster-lock.json``), v1.0 to v1.11: model, reading, writing and the lock hash.

Source: charon-formats §4. The version of a lock is that of its definition. What a lock proves is verified in :mod:`.verify.lock`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..encoding import go_json, ssz
from ..encoding.json_fields import MAX_UINT64, SAME_OBJECT, Base64, Constant, Decimal, Field, Hex, Integer, List, Reading, Record, lookup
from ..encoding.ssz_fields import Leaf, fixed, fixed_list, put, put_hex_text, struct, struct_list, uint64, walker
from .definition import DEFINITION_RECORD, MAX_VALIDATORS, Definition, check_counts, read_version
from .definition_hash import SSZ_MAX_OPERATORS, compute_definition_hash


@dataclass(frozen=True, kw_only=True)
class DepositData:
    """A signed deposit: pubkey (48 bytes), withdrawal credentials (32), amount (Gwei), signature (96); or all empty."""

    pubkey: bytes = b""
    withdrawal_credentials: bytes = b""
    amount: int = 0
    signature: bytes = b""


@dataclass(frozen=True, kw_only=True)
class BuilderRegistration:
    """A signed builder registration.

    Fee recipient (20 bytes), gas limit, timestamp (Unix seconds), pubkey (48 bytes), signature (96); or all empty.
    """

    fee_recipient: bytes = b""
    gas_limit: int = 0
    timestamp: int = 0
    pubkey: bytes = b""
    signature: bytes = b""


@dataclass(frozen=True, kw_only=True)
class DistributedValidator:
    """A validator: its public key (48 bytes), the public key of every share in share order, and what it signed.

    ``deposits`` has ascending amounts, and is empty before v1.6. ``registration`` is ``None`` before v1.7.
    """

    public_key: bytes
    public_shares: tuple[bytes, ...] = ()
    deposits: tuple[DepositData, ...] = ()
    registration: BuilderRegistration | None = None


@dataclass(frozen=True, kw_only=True)
class ClusterLock:
    """A cluster lock.

    ``validators`` is a tuple, or ``None`` for JSON's ``null``; ``signature_aggregate`` has 96 bytes; ``lock_hash`` is
    as stored (32 bytes); ``node_signatures`` (65 bytes each, one per operator) are empty before v1.7.
    """

    definition: Definition
    validators: tuple[DistributedValidator, ...] | None = None
    signature_aggregate: bytes = b""
    lock_hash: bytes = b""
    node_signatures: tuple[bytes, ...] = ()

    @staticmethod
    def parse(value: bytes | str | dict, what: str = "cluster lock") -> "ClusterLock":
        """The lock in ``value``: JSON text, or the dict of it. ``what`` names it in errors.

        The shape is checked, and that the definition has as many validators as it says; nothing else is.

        :raises DvError: anything wrong with the shape; the error names the JSON path
        """
        return _read(value, what)[0]

    @staticmethod
    def unknown_keys(value: bytes | str | dict) -> list[str]:
        """The JSON paths of the keys in ``value`` that a lock of its version does not have, and that charon ignores.

        :raises DvError: as for :meth:`parse`
        """
        return _read(value, "cluster lock")[1].unknown

    def to_json(self) -> dict[str, Any]:
        """The lock as a dict for JSON: keys in the order of its version."""
        return _LOCK.write(self, self.definition.minor)

    def dump(self) -> bytes:
        """The content of ``cluster-lock.json``, as charon writes it."""
        return go_json.dumps(self.to_json()).encode()


class _FirstOf:
    """v1.6 and v1.7 have one deposit: an object of empty values where there is none."""

    def __init__(self, record: Record) -> None:
        self.record = record

    def read(self, value: Any, path: str, reading: Reading) -> tuple[DepositData, ...]:
        deposit = self.record.read(value, path, reading)
        return () if deposit == DepositData() else (deposit,)

    def write(self, value: Sequence[DepositData], minor: int) -> dict[str, Any]:
        return self.record.write(_first(value), minor)


def _first(deposits: Sequence[DepositData]) -> DepositData:
    return deposits[0] if deposits else DepositData()


_DEPOSIT = Record(
    DepositData,
    Field("pubkey", Hex(48)),
    Field("withdrawal_credentials", Hex(32)),
    Field("amount", Decimal(MAX_UINT64)),
    Field("signature", Hex(96)),
)


def registration_record(number: Integer) -> Record:
    """The table of a builder registration, whose gas limit and timestamp are of the kind ``number``."""
    message = Record(
        dict, Field("fee_recipient", Hex(20)), Field("gas_limit", number), Field("timestamp", number), Field("pubkey", Hex(48))
    )
    return Record(BuilderRegistration, Field("message", message, attribute=SAME_OBJECT), Field("signature", Hex(96)))


_VALIDATOR = Record(
    DistributedValidator,
    Field("distributed_public_key", Hex(48), attribute="public_key"),
    Field("public_shares", List(Base64(48), SSZ_MAX_OPERATORS), last=1, omit=True),
    Field("public_shares", List(Hex(48), SSZ_MAX_OPERATORS), first=2, omit=True),
    Field("fee_recipient_address", Constant(""), last=5, attribute=SAME_OBJECT, omit=True),
    Field("deposit_data", _FirstOf(_DEPOSIT), first=6, last=7, attribute="deposits"),
    Field("builder_registration", registration_record(Integer(MAX_UINT64)), first=7, attribute="registration"),
    Field("partial_deposit_data", List(_DEPOSIT, 256), first=8, attribute="deposits", omit=True),
)

# Signatures may be shorter here than they are in truth: that they are wrong is a finding of :mod:`.verify.lock`.
_LOCK = Record(
    ClusterLock,
    Field("cluster_definition", DEFINITION_RECORD, attribute="definition"),
    Field("distributed_validators", List(_VALIDATOR, MAX_VALIDATORS, nil=None), attribute="validators"),
    Field("signature_aggregate", Base64(96, exact=False), last=1),
    Field("lock_hash", Base64(32), last=1),
    Field("signature_aggregate", Hex(96, exact=False), first=2),
    Field("lock_hash", Hex(32), first=2),
    Field("node_signatures", List(Hex(65, exact=False), SSZ_MAX_OPERATORS), first=7),
)


def _read(value: Any, what: str) -> tuple[ClusterLock, Reading]:
    if isinstance(value, (bytes, str)):
        value = go_json.loads(value, what)
    inside = f"{what}, cluster_definition"
    reading = Reading(what, read_version(lookup(value, "cluster_definition", what), inside))
    lock = _LOCK.read(value, "", reading)
    check_counts(lock.definition, inside)
    return lock, reading


def compute_lock_hash(lock: ClusterLock) -> bytes:
    """The lock hash (32 bytes): of the whole definition and all validators, their signatures included.

    :raises DvError: a value that its field has no room for
    """
    limit = MAX_VALIDATORS if lock.definition.minor >= 3 else None
    walk = walker(lock.definition.minor)
    validators = struct_list(_VALIDATOR_LEAVES, limit)(lock.validators, walk)
    return ssz.container(compute_definition_hash(lock.definition), *validators)


def _put_list(values: Sequence[bytes], walk: Callable) -> list[bytes]:
    """Before v1.3: a list whose limit is its count."""
    return [ssz.root_list([leaf for value in values for leaf in put(value, walk)])]


_DEPOSIT_LEAVES = (
    Leaf("pubkey", fixed(48)),
    Leaf("withdrawal_credentials", fixed(32)),
    Leaf("amount", uint64),
    Leaf("signature", fixed(96)),
)

_MESSAGE_LEAVES = (
    Leaf("fee_recipient", put),
    Leaf("gas_limit", uint64),
    Leaf("timestamp", uint64),
    Leaf("pubkey", fixed(48)),
)

_REGISTRATION_LEAVES = (
    Leaf(None, struct(_MESSAGE_LEAVES)),
    Leaf("signature", fixed(96)),
)

_VALIDATOR_LEAVES = (
    Leaf("public_key", put_hex_text, last=2),
    Leaf("public_key", put, first=3, last=4),
    Leaf("public_key", fixed(48), first=5),
    Leaf("public_shares", _put_list, last=2),
    Leaf("public_shares", fixed_list(48, SSZ_MAX_OPERATORS), first=3),
    # v1.6 has the deposit's leaves among the validator's own: a slip of its time that its hashes keep.
    Leaf("deposits", lambda deposits, walk: walk(_DEPOSIT_LEAVES, _first(deposits)), first=6, last=6),
    Leaf("deposits", lambda deposits, walk: struct(_DEPOSIT_LEAVES)(_first(deposits), walk), first=7, last=7),
    Leaf("deposits", struct_list(_DEPOSIT_LEAVES, 256), first=8),
    Leaf("registration", struct(_REGISTRATION_LEAVES), first=7),
)
