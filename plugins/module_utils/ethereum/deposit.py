# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deposits: what a validator signs for them, and the files that deposit tools read. Source: charon-formats §5.

Amounts are integers in Gwei.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..encoding import go_json, ssz
from ..encoding.hex import from_hex
from ..errors import DvError, kind_of, show
from . import domains
from .units import GWEI_PER_ETH

#: Version of the staking-deposit-cli whose file format this is.
CLI_VERSION = "2.7.0"
_FILE_NAME = re.compile(r"deposit-data(-[0-9]+(\.[0-9]{1,9})?eth)?\.json")


@dataclass(frozen=True)
class FileEntry:
    """One deposit of a deposit data file; ``amount`` in Gwei, lengths in bytes as in :data:`_FIELDS`."""

    pubkey: bytes
    withdrawal_credentials: bytes
    amount: int
    signature: bytes
    deposit_message_root: bytes
    deposit_data_root: bytes
    fork_version: bytes
    network_name: str
    deposit_cli_version: str


# Length in bytes of the hex fields, type of the others, in the order of the file.
_FIELDS: dict[str, Any] = {
    "pubkey": 48,
    "withdrawal_credentials": 32,
    "amount": int,
    "signature": 96,
    "deposit_message_root": 32,
    "deposit_data_root": 32,
    "fork_version": 4,
    "network_name": str,
    "deposit_cli_version": str,
}


def withdrawal_credentials(address: bytes, compounding: bool) -> bytes:
    """The 32 bytes that let the 20 bytes ``address`` withdraw: type 0x02 if ``compounding``, else 0x01."""
    return (b"\2" if compounding else b"\1") + bytes(11) + address


def deposit_message_root(pubkey: bytes, credentials: bytes, amount: int) -> bytes:
    """The root (32 bytes) of a ``DepositMessage``: public key (48 bytes), credentials (32 bytes), amount in Gwei."""
    return ssz.container(ssz.fixed_bytes(pubkey, 48), ssz.fixed_bytes(credentials, 32), ssz.uint64(amount))


def signing_root(pubkey: bytes, credentials: bytes, amount: int, fork_version: bytes) -> bytes:
    """The 32 bytes that the validator signs; ``fork_version`` is the network's genesis one (4 bytes), the rest as of
    :func:`deposit_message_root`."""
    return domains.compute_signing_root(deposit_message_root(pubkey, credentials, amount), domains.DOMAIN_DEPOSIT, fork_version)


def deposit_data_root(pubkey: bytes, credentials: bytes, amount: int, signature: bytes) -> bytes:
    """The root (32 bytes) of a ``DepositData``: a ``DepositMessage`` and its signature (96 bytes)."""
    return ssz.container(
        ssz.fixed_bytes(pubkey, 48),
        ssz.fixed_bytes(credentials, 32),
        ssz.uint64(amount),
        ssz.fixed_bytes(signature, 96),
    )


def file_name(amount: int) -> str:
    """Charon's name of the file with the deposits of ``amount`` (Gwei): 32 ETH has none in its name."""
    whole, rest = divmod(amount, GWEI_PER_ETH)
    if (whole, rest) == (32, 0):
        return "deposit-data.json"
    fraction = f".{rest:09}".rstrip("0") if rest else ""
    return f"deposit-data-{whole}{fraction}eth.json"


def is_file_name(name: str) -> bool:
    """Whether a file of that name holds deposit data."""
    return _FILE_NAME.fullmatch(name) is not None


def dump_file(deposits: Iterable[Any], fork_version: bytes, network_name: str) -> bytes:
    """The deposit data file of ``deposits`` on the network of that name and genesis fork version (4 bytes).

    :param deposits: objects with ``pubkey``, ``withdrawal_credentials``, ``amount`` and ``signature``
    """
    return go_json.dumps(
        [
            {
                "pubkey": each.pubkey.hex(),
                "withdrawal_credentials": each.withdrawal_credentials.hex(),
                "amount": each.amount,
                "signature": each.signature.hex(),
                "deposit_message_root": deposit_message_root(each.pubkey, each.withdrawal_credentials, each.amount).hex(),
                "deposit_data_root": deposit_data_root(each.pubkey, each.withdrawal_credentials, each.amount, each.signature).hex(),
                "fork_version": fork_version.hex(),
                "network_name": network_name,
                "deposit_cli_version": CLI_VERSION,
            }
            for each in sorted(deposits, key=lambda each: each.pubkey)
        ]
    ).encode()


def parse_file(content: bytes, what: str = "deposit data") -> list[FileEntry]:
    """The deposits of a file's ``content``, called ``what`` in errors. Keys that nobody knows are passed over.

    :raises DvError: not such a file
    """
    entries = _objects(content, what)
    missing = [name for name in _FIELDS if not all(name in value for value in entries)]
    if missing:
        without = sum(not value.keys() >= _FIELDS.keys() for value in entries)
        raise DvError(f"{what} lacks {', '.join(missing)} in {without} of {len(entries)} entries", "each in all")
    return [_entry(value, f"{what}, entry {position}") for position, value in enumerate(entries)]


def unknown_keys(content: bytes) -> list[str]:
    """The keys in a file's ``content`` that no deposit has.

    :raises DvError: not such a file
    """
    return sorted({key for value in _objects(content, "deposit data") for key in value} - _FIELDS.keys())


def _objects(content: bytes, what: str) -> list[dict[str, Any]]:
    entries = go_json.loads(content, what)
    if not isinstance(entries, list):
        raise DvError(f"{what} is {kind_of(entries)}", "a list of deposits")
    for position, value in enumerate(entries):
        if not isinstance(value, dict):
            called = f"{what}, entry {position}"
            raise DvError(f"{called} is {kind_of(value)}", f"an object of {', '.join(_FIELDS)}")
    return entries


def _entry(value: dict[str, Any], what: str) -> FileEntry:
    fields: dict[str, Any] = {}
    for name, kind in _FIELDS.items():
        field, called = value[name], f"{what}, {name}"
        if isinstance(kind, type):
            if type(field) is not kind or isinstance(field, int) and not 0 <= field < 2**64:  # pylint: disable=unidiomatic-typecheck
                raise DvError(f"{called} is {show(field)}", "a number" if kind is int else "a text")
            fields[name] = field
        else:
            fields[name] = from_hex(field, kind, called)
            if not fields[name]:
                raise DvError(f"{called} is empty", f"{kind} bytes as hex")
    return FileEntry(**fields)
