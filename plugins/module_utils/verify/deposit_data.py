# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verification of deposit data beside a lock, charon's files and those of other tools: every deposit by its public key.

Source: charon-formats §5.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from ..cluster.definition import address_bytes
from ..cluster.lock import ClusterLock
from ..crypto.bls.signatures import bls
from ..data_dir import layout
from ..errors import DvError
from ..ethereum import deposit
from ..ethereum.deposit import FileEntry
from ..ethereum.networks import Network
from .definition import and_others
from .lock import SignatureBatch, validator_name
from .report import Report

_CHECK = "deposit_files"

# A finding: its cause, and its error.
_Cause = tuple[str, DvError]

# What tools called a network once, by its name today. The fork version says the same.
_OLD_NAMES = {"goerli": "prater"}


def check_deposit_files(report: Report, contents: Mapping[str, bytes], lock: ClusterLock, network: Network | None) -> None:
    """Add the findings of files with deposit data to ``report``.

    :param contents: content by the file's name below the data directory
    :param network: that of the lock; ``None`` if unknown
    """
    of_lock = _Deposits(lock, network)
    signatures, seen = SignatureBatch(report), set()
    errors: list[_Cause] = []
    warnings: list[_Cause] = []
    for name, content in contents.items():
        try:
            entries = deposit.parse_file(content, name)
            warnings += _warnings_of_file(name, content, entries, of_lock)
            errors += _errors_of_file(name, entries, of_lock)
            for entry in (each for each in entries if each.pubkey in of_lock.positions):
                seen.add((entry.pubkey, entry.amount))
                what = f"{name}, {of_lock.name(entry.pubkey)}"
                warnings += _warnings(what, entry, of_lock, name)
                of_entry = list(_errors(what, entry, of_lock, name))
                errors += of_entry[:1]
                if not of_entry and of_lock.signature(entry) is None:
                    root = deposit.signing_root(*_message(entry), entry.fork_version)
                    bls.curve.decode_g1(entry.pubkey)
                    signatures.add(_CHECK, what, entry.pubkey, root, entry.signature)
        except DvError as error:
            errors.append((error.found.replace(name, ""), error))
    report.add_by_cause("error", _CHECK, errors)
    report.add_by_cause("warning", _CHECK, warnings)
    signatures.check()
    missing = {deposit.file_name(amount) for pubkey, amount in of_lock.deposits.keys() - seen} - contents.keys()
    if missing:
        report.warning(_CHECK, f"{and_others(sorted(missing))}: missing, only the lock has these deposits")


class _Deposits:
    """The deposits of a lock, by (public key, amount), and the position of each validator by its public key."""

    def __init__(self, lock: ClusterLock, network: Network | None) -> None:
        validators = lock.validators or ()
        self.lock, self.network = lock, network
        self.positions = {validator.public_key: position for position, validator in enumerate(validators)}
        self.deposits = {(each.pubkey, each.amount): each for validator in validators for each in validator.deposits}

    def name(self, pubkey: bytes) -> str:
        """What errors call the validator with that public key."""
        position = self.positions[pubkey]
        return validator_name(position, (self.lock.validators or ())[position])

    def credentials(self, pubkey: bytes) -> bytes | None:
        """The withdrawal credentials (32 bytes) of a validator by the definition; ``None`` where it has no such validator."""
        definition, position = self.lock.definition, self.positions[pubkey]
        addresses = definition.validators or ()
        if position >= len(addresses):
            return None
        return deposit.withdrawal_credentials(address_bytes(addresses[position].withdrawal_address), definition.compounding)

    def signature(self, entry: FileEntry) -> bytes | None:
        """That of the same deposit in the lock, or ``None``."""
        found = self.deposits.get((entry.pubkey, entry.amount))
        return found.signature if found and found.withdrawal_credentials == entry.withdrawal_credentials else None


def _errors_of_file(name: str, entries: Sequence[FileEntry], of_lock: _Deposits) -> Iterator[_Cause]:
    """The errors of a file as a whole.

    Of a file with charon's name: all of the amount in it. In the data directory itself: one for each validator.
    """
    base, count = os.path.basename(name), len(of_lock.positions)
    for amount in sorted({entry.amount for entry in entries}):
        if deposit.is_file_name(base) and deposit.file_name(amount) != base:
            yield "amount", DvError(f"{name} has a deposit of {amount} Gwei", f"that in {deposit.file_name(amount)}")
    pubkeys = {entry.pubkey for entry in entries}
    strangers = [f"0x{key.hex()}" for key in sorted(pubkeys - of_lock.positions.keys())]
    twice = len({(entry.pubkey, entry.amount) for entry in entries}) < len(entries)
    if strangers:
        wanted = "for validators of the lock; in charon's own files one for each of the lock"
        yield "strangers", DvError(f"{name} has deposits for {and_others(strangers)}", wanted)
    elif twice or deposit.is_file_name(name) and len(pubkeys) != count:
        text = f"{name} has {len(entries)} deposits of {len(pubkeys)} validators"
        yield "count", DvError(text, f"one for each of the lock, {count}")


def _warnings_of_file(name: str, content: bytes, entries: Sequence[FileEntry], of_lock: _Deposits) -> Iterator[_Cause]:
    """The warnings of a file as a whole."""
    unknown = deposit.unknown_keys(content)
    if unknown:
        yield "keys", DvError(f"{name} has keys that deposit tools do not know: {and_others(unknown)}")
    found, count = len({entry.pubkey for entry in entries}), len(of_lock.positions)
    if found < count and not deposit.is_file_name(name):
        yield "count", DvError(f"{name} has deposits of {found} of {count} validators")


def _errors(what: str, entry: FileEntry, of_lock: _Deposits, name: str) -> Iterator[_Cause]:
    """The errors of a deposit by its fields, what explains the others first."""
    message, network, signature = _message(entry), of_lock.network, of_lock.signature(entry)
    wanted = {
        "fork_version": of_lock.lock.definition.fork_version,
        "network_name": network.name if network and not _has_old_name(entry, network) else entry.network_name,
        "deposit_message_root": deposit.deposit_message_root(*message),
        "deposit_data_root": deposit.deposit_data_root(*message, entry.signature),
        "withdrawal_credentials": entry.withdrawal_credentials if _is_fetched(name) else of_lock.credentials(entry.pubkey),
        "signature": entry.signature if signature is None else signature,
    }
    for field, value in wanted.items():
        found = getattr(entry, field)
        if found != value:
            yield field, DvError(f"{what}: {field} is {_shown(found)}", _shown(value))


def _warnings(what: str, entry: FileEntry, of_lock: _Deposits, name: str) -> Iterator[_Cause]:
    """The warnings of a deposit by its fields."""
    agreed, network = of_lock.credentials(entry.pubkey), of_lock.network
    if network and _has_old_name(entry, network):
        found = f"{what}: network_name is the old name {entry.network_name}"
        yield "network_name", DvError(found, network.name)
    if _is_fetched(name) and entry.withdrawal_credentials != agreed:
        found = f"{what}: it lets 0x{entry.withdrawal_credentials.hex()} withdraw"
        yield "withdrawal_credentials", DvError(found, f"{_shown(agreed)}, if the operators did not agree on another")


def _is_fetched(name: str) -> bool:
    """Whether the file is in a directory of ``charon deposit fetch``: it holds what the operators signed with ``charon
    deposit sign``, for another withdrawal if they like."""
    return os.path.dirname(name).startswith(layout.FETCHED_DEPOSITS)


def _has_old_name(entry: FileEntry, network: Network) -> bool:
    return entry.network_name == _OLD_NAMES.get(network.name)


def _message(entry: FileEntry) -> tuple[bytes, bytes, int]:
    return entry.pubkey, entry.withdrawal_credentials, entry.amount


def _shown(value: bytes | str | None) -> str:
    return value if isinstance(value, str) else value.hex() if value else "none"
