# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deposits: what a validator signs for them, and the files that deposit tools read. Source: charon-formats §5.

Amounts are integers in Gwei.
"""

import re
from dataclasses import dataclass

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
    """One deposit of a deposit data file; all bytes, but ``amount`` (Gwei) and the two texts."""

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
_FIELDS = {
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


def withdrawal_credentials(address, compounding):
    """The 32 bytes that let the 20 bytes ``address`` withdraw: type 0x02 if ``compounding``, else 0x01."""
    return (b"\2" if compounding else b"\1") + bytes(11) + address


def domain(fork_version):
    """The deposit domain (32 bytes) of the network with the genesis ``fork_version`` (4 bytes)."""
    return domains.domain(domains.DEPOSIT, fork_version)


def message_root(pubkey, credentials, amount):
    """The root (32 bytes) of a DepositMessage."""
    return ssz.container(ssz.fixed_bytes(pubkey, 48), ssz.fixed_bytes(credentials, 32), ssz.uint64(amount))


def signing_root(pubkey, credentials, amount, fork_version):
    """The 32 bytes that the validator signs."""
    return domains.signing_root(message_root(pubkey, credentials, amount), domains.DEPOSIT, fork_version)


def data_root(pubkey, credentials, amount, signature):
    """The root (32 bytes) of a DepositData."""
    return ssz.container(
        ssz.fixed_bytes(pubkey, 48),
        ssz.fixed_bytes(credentials, 32),
        ssz.uint64(amount),
        ssz.fixed_bytes(signature, 96),
    )


def file_name(amount):
    """Charon's name of the file with the deposits of ``amount``: 32 ETH has none in its name."""
    whole, rest = divmod(amount, GWEI_PER_ETH)
    if (whole, rest) == (32, 0):
        return "deposit-data.json"
    fraction = (".%09d" % rest).rstrip("0") if rest else ""
    return "deposit-data-%d%seth.json" % (whole, fraction)


def is_file_name(name):
    """Whether a file of that name holds deposit data."""
    return _FILE_NAME.fullmatch(name) is not None


def dump_file(deposits, fork_version, network_name):
    """A deposit data file (bytes).

    :param deposits: objects with ``pubkey``, ``withdrawal_credentials``, ``amount`` and ``signature``
    """
    return go_json.dumps(
        [
            {
                "pubkey": each.pubkey.hex(),
                "withdrawal_credentials": each.withdrawal_credentials.hex(),
                "amount": each.amount,
                "signature": each.signature.hex(),
                "deposit_message_root": message_root(each.pubkey, each.withdrawal_credentials, each.amount).hex(),
                "deposit_data_root": data_root(each.pubkey, each.withdrawal_credentials, each.amount, each.signature).hex(),
                "fork_version": fork_version.hex(),
                "network_name": network_name,
                "deposit_cli_version": CLI_VERSION,
            }
            for each in sorted(deposits, key=lambda each: each.pubkey)
        ]
    ).encode()


def parse_file(content, what="deposit data"):
    """The list of :class:`FileEntry` of a file's ``content`` (bytes). Keys that nobody knows are passed over.

    :raises DvError: not such a file
    """
    entries = _objects(content, what)
    missing = [name for name in _FIELDS if not all(name in value for value in entries)]
    if missing:
        without = sum(not value.keys() >= _FIELDS.keys() for value in entries)
        raise DvError("%s lacks %s in %d of %d entries" % (what, ", ".join(missing), without, len(entries)), "each in all")
    return [_entry(value, "%s, entry %d" % (what, place)) for place, value in enumerate(entries)]


def unknown_keys(content):
    """The keys in a file's ``content`` (bytes) that no deposit has.

    :raises DvError: not such a file
    """
    return sorted({key for value in _objects(content, "deposit data") for key in value} - _FIELDS.keys())


def _objects(content, what):
    entries = go_json.loads(content, what)
    if not isinstance(entries, list):
        raise DvError("%s is %s" % (what, kind_of(entries)), "a list of deposits")
    for place, value in enumerate(entries):
        if not isinstance(value, dict):
            called = "%s, entry %d" % (what, place)
            raise DvError("%s is %s" % (called, kind_of(value)), "an object of %s" % ", ".join(_FIELDS))
    return entries


def _entry(value, what):
    fields = {}
    for name, kind in _FIELDS.items():
        found, called = value[name], "%s, %s" % (what, name)
        if isinstance(kind, type):
            if type(found) is not kind or kind is int and not 0 <= found < 2**64:  # pylint: disable=unidiomatic-typecheck
                raise DvError("%s is %s" % (called, show(found)), "a number" if kind is int else "a text")
            fields[name] = found
        else:
            fields[name] = from_hex(found, kind, called)
            if not fields[name]:
                raise DvError("%s is empty" % called, "%d bytes as hex" % kind)
    return FileEntry(**fields)
