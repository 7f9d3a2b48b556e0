# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verifies files with deposit data beside a lock, charon's and those of other tools: every deposit by its public key.

Source: charon-formats §5.
"""

import os

from ..crypto.bls.signatures import bls
from ..data_dir import layout
from ..errors import DvError
from ..ethereum import deposit
from .definition import address_bytes, and_others
from .lock import Equations, validator_name

_CHECK = "deposit_files"

# What tools called a network once, by its name today. The fork version says the same.
_OLD_NAMES = {"goerli": "prater"}


def check_deposit_files(report, contents, lock, network):
    """Add to ``report`` what is wrong with deposit data.

    :param contents: content (bytes) by the file's name below the data directory
    :param network: the lock's :class:`.networks.Network`; ``None`` if unknown
    """
    of_lock = _Deposits(lock, network)
    equations, wrong, doubtful, seen = Equations(report), [], [], set()
    for name, content in contents.items():
        try:
            entries = deposit.parse_file(content, name)
            doubtful += _doubts_of_file(name, content, entries, of_lock)
            wrong += _faults_of_file(name, entries, of_lock)
            for entry in (each for each in entries if each.pubkey in of_lock.places):
                seen.add((entry.pubkey, entry.amount))
                what = f"{name}, {of_lock.name(entry.pubkey)}"
                doubtful += _doubts(what, entry, of_lock, name)
                faults = list(_faults(what, entry, of_lock, name))
                wrong += faults[:1]
                if not faults and of_lock.signature(entry) is None:
                    root = deposit.signing_root(*_message(entry), entry.fork_version)
                    equations.add(_CHECK, what, bls.curve.decode_g1(entry.pubkey), root, entry.signature)
        except DvError as error:
            wrong.append((error.found.replace(name, ""), error))
    report.by_cause("error", _CHECK, wrong)
    report.by_cause("warning", _CHECK, doubtful)
    equations.check()
    unseen = {deposit.file_name(amount) for pubkey, amount in of_lock.deposits.keys() - seen} - contents.keys()
    if unseen:
        report.warning(_CHECK, f"{and_others(sorted(unseen))}: missing, only the lock has these deposits")


class _Deposits:
    """What a lock says of deposits: the place of each public key, its deposits by (public key, amount)."""

    def __init__(self, lock, network):
        validators = lock.validators or ()
        self.lock, self.network = lock, network
        self.places = {validator.public_key: place for place, validator in enumerate(validators)}
        self.deposits = {(each.pubkey, each.amount): each for validator in validators for each in validator.deposits}

    def name(self, pubkey):
        place = self.places[pubkey]
        return validator_name(place, self.lock.validators[place])

    def credentials(self, pubkey):
        """The withdrawal credentials that the definition means for a validator; ``None`` where it has no such validator."""
        definition, place = self.lock.definition, self.places[pubkey]
        if place >= len(definition.validators or ()):
            return None
        address = address_bytes(definition.validators[place].withdrawal_address)
        return deposit.withdrawal_credentials(address, definition.compounding)

    def signature(self, entry):
        """That of the same deposit in the lock, or ``None``."""
        found = self.deposits.get((entry.pubkey, entry.amount))
        return found.signature if found and found.withdrawal_credentials == entry.withdrawal_credentials else None


def _faults_of_file(name, entries, of_lock):
    """What is wrong with a file as a whole: pairs of a cause and its :class:`.errors.DvError`.

    Of a file with charon's name: all of the amount in it. In the data directory itself: one for each validator.
    """
    base, count = os.path.basename(name), len(of_lock.places)
    for amount in sorted({entry.amount for entry in entries}):
        if deposit.is_file_name(base) and deposit.file_name(amount) != base:
            found = f"{name} has a deposit of {amount} Gwei"
            yield "amount", DvError(found, f"that in {deposit.file_name(amount)}")
    found = {entry.pubkey for entry in entries}
    strangers = [f"0x{key.hex()}" for key in sorted(found - of_lock.places.keys())]
    twice = len({(entry.pubkey, entry.amount) for entry in entries}) < len(entries)
    if strangers:
        wanted = "for validators of the lock; in charon's own files one for each of the lock"
        yield "strangers", DvError(f"{name} has deposits for {and_others(strangers)}", wanted)
    elif twice or deposit.is_file_name(name) and len(found) != count:
        text = f"{name} has {len(entries)} deposits of {len(found)} validators"
        yield "count", DvError(text, f"one for each of the lock, {count}")


def _doubts_of_file(name, content, entries, of_lock):
    """As :func:`_faults_of_file`, what an operator should know of."""
    unknown = deposit.unknown_keys(content)
    if unknown:
        yield "keys", DvError(f"{name} has keys that deposit tools do not know: {and_others(unknown)}")
    found, count = len({entry.pubkey for entry in entries}), len(of_lock.places)
    if found < count and not deposit.is_file_name(name):
        yield "count", DvError(f"{name} has deposits of {found} of {count} validators")


def _faults(what, entry, of_lock, name):
    """What is wrong with a deposit, the causes first: pairs of the field and its :class:`.errors.DvError`."""
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


def _doubts(what, entry, of_lock, name):
    """As :func:`_faults`, what an operator should know of."""
    agreed = of_lock.credentials(entry.pubkey)
    if _has_old_name(entry, of_lock.network):
        found = f"{what}: network_name is the old name {entry.network_name}"
        yield "network_name", DvError(found, of_lock.network.name)
    if _is_fetched(name) and entry.withdrawal_credentials != agreed:
        found = f"{what}: it lets 0x{entry.withdrawal_credentials.hex()} withdraw"
        yield "withdrawal_credentials", DvError(found, f"{_shown(agreed)}, if the operators did not agree on another")


def _is_fetched(name):
    """Whether the file is in a directory of ``charon deposit fetch``: it holds what the operators signed with ``charon
    deposit sign``, for another withdrawal if they like."""
    return os.path.dirname(name).startswith(layout.FETCHED_DEPOSITS)


def _has_old_name(entry, network):
    return network is not None and entry.network_name == _OLD_NAMES.get(network.name)


def _message(entry):
    return entry.pubkey, entry.withdrawal_credentials, entry.amount


def _shown(value):
    return value if isinstance(value, str) else value.hex() if value else "none"
