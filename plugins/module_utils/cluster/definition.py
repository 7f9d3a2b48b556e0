# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cluster definitions (``cluster-definition.json``), v1.0 to v1.11: model, reading, writing, and charon's defaults.

Source: charon-formats §1. A version is a column of the tables here and in :mod:`.definition_hash`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..encoding import go_json
from ..encoding.json_fields import (
    MAX_INT64,
    MAX_UINT64,
    SAME_OBJECT,
    Address,
    Base64,
    Boolean,
    Constant,
    Decimal,
    Field,
    Hex,
    Integer,
    List,
    Reading,
    Record,
    Text,
    lookup,
)
from ..errors import DvError, show
from ..ethereum.units import GWEI_PER_ETH
from .definition_hash import SSZ_MAX_OPERATORS, compute_config_hash, compute_definition_hash

VERSIONS = tuple(f"v1.{minor}.0" for minor in range(12))
WRITTEN_VERSION = "v1.10.0"
MAX_VALIDATORS = 65536


@dataclass(frozen=True, kw_only=True)
class Creator:
    """The creator: an address (text as found, or ``""``) and its signature of the config hash."""

    address: str = ""
    config_signature: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Operator:
    """An operator: address (text as found, or ``""``), ENR text, and the signatures of config hash and ENR.

    A signature is 65 bytes, or ``b""``; in v1.11 k times 65 bytes; ``None`` in a v1.0 or v1.1 file that has ``null``.
    """

    address: str = ""
    enr: str = ""
    config_signature: bytes = b""
    enr_signature: bytes = b""


@dataclass(frozen=True, kw_only=True)
class ValidatorAddresses:
    """A validator's two addresses, texts as found."""

    fee_recipient_address: str = ""
    withdrawal_address: str = ""


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A cluster definition. What its version does not have is at the default here.

    Lists are tuples; ``None`` is JSON's ``null`` and means the same as an empty one. ``fork_version`` has 4 bytes,
    ``deposit_amounts`` are in Gwei, ``config_hash`` and ``definition_hash`` are as stored (32 bytes, or ``b""``).
    """

    name: str = ""
    creator: Creator = Creator()
    operators: tuple[Operator, ...] | None = None
    uuid: str = ""
    version: str = WRITTEN_VERSION
    timestamp: str = ""
    num_validators: int = 0
    threshold: int = 0
    validators: tuple[ValidatorAddresses, ...] | None = None
    dkg_algorithm: str = "default"
    fork_version: bytes = b""
    deposit_amounts: tuple[int, ...] | None = None
    consensus_protocol: str = ""
    target_gas_limit: int = 0
    compounding: bool = False
    config_hash: bytes = b""
    definition_hash: bytes = b""

    @staticmethod
    def parse(value: bytes | str | dict, what: str = "cluster definition") -> "Definition":
        """The definition in ``value``: JSON text, or the dict of it. ``what`` names it in errors.

        The shape is checked, and that there are as many validators as it says; hashes, amounts and signatures are not.

        :raises DvError: anything wrong with the shape; the error names the JSON path
        """
        return _read(value, what)[0]

    @staticmethod
    def unknown_keys(value: bytes | str | dict) -> list[str]:
        """The JSON paths of the keys in ``value`` that a definition of its version does not have, and that charon ignores.

        :raises DvError: as for :meth:`parse`
        """
        return _read(value, "cluster definition")[1].unknown

    def to_json(self) -> dict[str, Any]:
        """The definition as a dict for JSON: keys in the order of its version."""
        return DEFINITION_RECORD.write(self, self.minor)

    def dump(self) -> bytes:
        """The content of ``cluster-definition.json``, as charon writes it."""
        return go_json.dumps(self.to_json()).encode()

    @property
    def minor(self) -> int:
        """The N of the version v1.N.0."""
        return VERSIONS.index(self.version)

    @property
    def fee_recipient_address(self) -> str:
        """The one fee recipient of all validators, which is what a definition before v1.5 has."""
        return self._shared("fee_recipient_address")

    @property
    def withdrawal_address(self) -> str:
        """The one withdrawal address of all validators, which is what a definition before v1.5 has."""
        return self._shared("withdrawal_address")

    def _shared(self, name: str) -> str:
        addresses = {getattr(validator, name) for validator in self.validators or ()}
        if len(addresses) > 1:
            raise DvError(f"the validators have {len(addresses)} different {name}", f"one for all in {self.version}")
        return addresses.pop() if addresses else ""


def _make_definition(**values: Any) -> Definition:
    """A :class:`Definition` of what was read: the pair of addresses before v1.5 is that of every validator."""
    if "validators" not in values:
        pair = {name: values.pop(name) for name in ("fee_recipient_address", "withdrawal_address")}
        values["validators"] = (ValidatorAddresses(**pair),) * values["num_validators"]
    return Definition(**values)


_ADDRESS = Address()
_SIGNATURE = Hex(65)
_SIGNATURES = Hex(65 * 32, exact=False)

_CREATOR = Record(
    Creator,
    Field("address", _ADDRESS),
    Field("config_signature", _SIGNATURE, last=10),
    Field("config_signature", _SIGNATURES, first=11),
)

_OPERATOR = Record(
    Operator,
    Field("address", _ADDRESS),
    Field("enr", Text(1024)),
    Field("nonce", Constant(0), last=1, attribute=SAME_OBJECT),
    Field("config_signature", Base64(65, nil=None), last=1),
    Field("enr_signature", Base64(65, nil=None), last=1),
    Field("config_signature", _SIGNATURE, first=2, last=10),
    Field("enr_signature", _SIGNATURE, first=2, last=10),
    Field("config_signature", _SIGNATURES, first=11),
    Field("enr_signature", _SIGNATURES, first=11),
)

_VALIDATOR = Record(
    ValidatorAddresses,
    Field("fee_recipient_address", _ADDRESS),
    Field("withdrawal_address", _ADDRESS),
)

#: The table of the whole file; :mod:`.lock` has it as one of its fields.
DEFINITION_RECORD = Record(
    _make_definition,
    Field("name", Text(256), omit=True),
    Field("creator", _CREATOR, first=4),
    Field("operators", List(_OPERATOR, SSZ_MAX_OPERATORS, nil=None)),
    Field("uuid", Text(64)),
    Field("version", Text(16)),
    Field("timestamp", Text(32), omit=True),
    Field("num_validators", Integer(MAX_VALIDATORS)),
    Field("threshold", Integer(MAX_INT64)),
    Field("fee_recipient_address", _ADDRESS, last=4, omit=True),
    Field("withdrawal_address", _ADDRESS, last=4, omit=True),
    Field("validators", List(_VALIDATOR, MAX_VALIDATORS, nil=None), first=5),
    Field("dkg_algorithm", Text(32)),
    Field("fork_version", Hex(4)),
    Field("deposit_amounts", List(Decimal(MAX_INT64), 256, nil=None), first=8),
    Field("consensus_protocol", Text(256), first=9),
    Field("target_gas_limit", Integer(MAX_UINT64), first=10),
    Field("compounding", Boolean(), first=10),
    Field("config_hash", Base64(32), last=1),
    Field("definition_hash", Base64(32), last=1),
    Field("config_hash", Hex(32), first=2),
    Field("definition_hash", Hex(32), first=2),
)


def read_version(value: Any, what: str) -> int:
    """The N of the version v1.N.0 of a definition, the JSON object ``value``.

    :raises DvError: not an object, or a version that is not read here; the error says which are
    """
    version = lookup(value, "version", what)
    if version not in VERSIONS:
        raise DvError(
            f"{what}: version is {show(version)}",
            f"one of {VERSIONS[0]} to {VERSIONS[-1]}",
            "a newer file needs a newer obol.dv",
        )
    return VERSIONS.index(version)


def check_counts(definition: Definition, what: str = "cluster definition") -> None:
    """Refuse a definition (v1.5 and later) whose ``num_validators`` is not the number of its validators."""
    if definition.num_validators != len(definition.validators or ()):
        raise DvError(
            f"{what}: num_validators is {definition.num_validators}, but validators has {len(definition.validators or ())} entries",
            "as many entries as num_validators says",
        )


def _read(value: Any, what: str) -> tuple[Definition, Reading]:
    if isinstance(value, (bytes, str)):
        value = go_json.loads(value, what)
    reading = Reading(what, read_version(value, what))
    definition = DEFINITION_RECORD.read(value, "", reading)
    check_counts(definition, what)
    return definition, reading


def address_bytes(text: str) -> bytes:
    """The 20 bytes of the text of an address in a definition, where ``0x`` is optional; ``b""`` of ``""``."""
    return bytes.fromhex(text.removeprefix("0x"))


def with_hashes(definition: Definition) -> Definition:
    """The same definition with both hashes as they must be."""
    definition = replace(definition, config_hash=compute_config_hash(definition))
    return replace(definition, definition_hash=compute_definition_hash(definition))


def default_threshold(operators: int) -> int:
    """charon's threshold for that number of ``operators``: two thirds of them, rounded up."""
    return -(-2 * operators // 3)


def effective_deposit_amounts(definition: Definition) -> list[int]:
    """The amounts (Gwei, distinct, ascending) for which every validator signs a deposit.

    By default those of charon-formats §1.4. Locks by old charons can hold fewer.
    """
    if definition.deposit_amounts:
        return sorted(set(definition.deposit_amounts))
    in_eth = (32,) if definition.minor < 8 else (1, 8, 32, 256) if definition.compounding else (1, 32)
    return [amount * GWEI_PER_ETH for amount in in_eth]


def effective_gas_limit(definition: Definition) -> int:
    """The gas limit of the builder registrations, by default 30 million."""
    return definition.target_gas_limit or 30_000_000
