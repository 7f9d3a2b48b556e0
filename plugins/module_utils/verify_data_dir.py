# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verifies a charon data directory: its lock, and that everything beside the lock belongs to it.

The directory may be charon's or ours. What charon runs with is a warning at most.
Source: charon-formats §3.2, §5.2, §7.
"""

import os
import stat

from . import data_dir, deposit, enr, files, gojson, keystore, node_key
from . import definition as definitions
from . import lock as locks
from .bls.scheme import bls
from .definition_hash import compute_definition_hash
from .errors import DvError
from .verify_definition import address_bytes, and_others, check_definition, cluster_summary, node_keys
from .verify_lock import Equations, check_lock, validator_name


def check_data_dir(report, path, custom_networks):
    """Add to ``report`` what is wrong with the data directory ``path``, and say in it what the cluster is."""
    try:
        names = sorted(os.listdir(path))
    except OSError as error:
        report.error("data_dir", str(files.os_error(error, path, "read")))
        return
    lock = _read(report, "lock", path, data_dir.LOCK, locks)
    definition = _read(report, "definition", path, data_dir.DEFINITION, definitions)
    network = None
    if lock:
        network = check_lock(report, lock, custom_networks)
        if definition:
            _compare(report, definition, lock.definition)
    elif definition:
        network = check_definition(report, definition, custom_networks)
        report.cluster = cluster_summary(definition, network)
    elif not {data_dir.LOCK, data_dir.DEFINITION} & set(names):
        report.error("data_dir", "%s holds no %s and no %s" % (path, data_dir.LOCK, data_dir.DEFINITION))
    index = _check_node_key(report, path, lock.definition if lock else definition)
    _check_key_shares(report, os.path.join(path, data_dir.KEYS), lock, index)
    _check_deposit_files(report, path, names, lock, network)
    _check_modes(report, path, names)


def read_artefact(report, check, content, what, module):
    """The lock or definition in ``content`` (bytes or dict) as ``module`` parses it.

    :returns: ``None`` if it cannot be parsed, which is an error; keys that nobody knows are a warning
    """
    with report.errors_of(check):
        value = gojson.loads(content, what) if isinstance(content, bytes) else content
        parsed = module.parse(value, what)
        unknown = module.unknown_keys(value)
        if unknown:
            report.warning(check, "%s has keys that charon ignores: %s" % (what, and_others(unknown)))
        return parsed
    return None


def _read(report, check, path, name, module):
    """As :func:`read_artefact` of a file in the directory; ``None`` if it is not there."""
    with report.errors_of(check):
        content = files.read_if_exists(os.path.join(path, name))
        if content is not None:
            return read_artefact(report, check, content, name, module)
    return None


def _compare(report, definition, of_lock):
    with report.errors_of("definition"):
        found, wanted = (compute_definition_hash(each) for each in (definition, of_lock))
        if found != wanted or definition.config_hash != of_lock.config_hash:
            raise DvError(
                "%s has the definition hash 0x%s" % (data_dir.DEFINITION, found.hex()),
                "0x%s, that of the definition in %s" % (wanted.hex(), data_dir.LOCK),
                "keep each cluster in a data directory of its own",
            )


def _check_node_key(report, path, definition):
    """The share index of the node whose key is in the directory; ``None`` if there is none or it is a stranger."""
    if not node_key.exists(path):
        report.warning("node_key", "there is no %s: charon cannot run here" % data_dir.NODE_KEY)
        return None
    with report.errors_of("node_key"):
        own = enr.encode(node_key.read(path))
        if definition is None:
            return None
        keys = node_keys(definition)
        public = enr.parse(own).public_key
        if public not in keys:
            raise DvError("the key's ENR is %s" % own, "that of an operator", "the key or the lock is of another node")
        return keys.index(public) + 1
    return None


def _check_key_shares(report, directory, lock, index):
    if not os.path.lexists(directory):
        if lock:
            report.warning("key_shares", "there is no %s: they are elsewhere" % data_dir.KEYS)
        return
    with report.errors_of("key_shares"):
        paths = keystore.share_files(directory)
        if lock is None:
            if paths:
                raise DvError("there are %d keystores" % len(paths), "none without a lock that they belong to")
            return
        _check_files_of_keys(report, directory, paths)
        validators = lock.validators or ()
        if len(paths) != len(validators):
            report.error(
                "key_shares", "there are %d keystores; wanted: one per validator, %d" % (len(paths), len(validators))
            )
        owners = {
            share: (owner, validator_name(place, validator))
            for place, validator in enumerate(validators)
            for owner, share in enumerate(validator.public_shares, 1)
        }
        derived = {}
        for place, path in enumerate(paths[: len(validators)]):
            with report.errors_of("key_shares"):
                owner = _check_key_share(path, derived, index, validator_name(place, validators[place]), owners)
                # Without a node key the first share tells whose directory it is.
                index = index or owner


def _check_key_share(path, derived, index, name, owners):
    """Whose share (index) is in the keystore; refused unless it is operator ``index``'s for the validator ``name``."""
    public = bls.secret_to_public(keystore.read_share(path, derived))
    if keystore.public_key(files.read(path), path) != public:
        raise DvError("%s says that it is for another key than the one in it" % path, "pubkey %s" % public.hex())
    owner, of = owners.get(public, (None, None))
    if owner is None:
        raise DvError("%s holds a share that is not in the lock" % path, "the share of %s" % name)
    if of != name or index not in (None, owner):
        wanted = "that of operator %d for %s" % (index or owner, name)
        raise DvError("%s holds the share of operator %d for %s" % (path, owner, of), wanted)
    return owner


def _check_files_of_keys(report, directory, paths):
    insecure = [os.path.basename(path) for path in paths if "insecure" in os.path.basename(path)]
    if insecure:
        report.warning("key_shares", "%s: anyone who reads the file can guess its password" % and_others(insecure))
    expected = {os.path.basename(path).removesuffix(".json") + ".txt" for path in paths}
    stray = sorted(name for name in os.listdir(directory) if name.endswith(".txt") and name not in expected)
    if stray:
        report.error("key_shares", "%s: there is no keystore for it" % and_others(stray))


def _check_deposit_files(report, path, names, lock, network):
    names = [name for name in names if deposit.is_file_name(name)]
    if lock is None:
        if names:
            report.error("deposit_files", "%s: there is no lock that it belongs to" % and_others(names))
        return
    equations = Equations(report)
    places = {validator.public_key: place for place, validator in enumerate(lock.validators or ())}
    of_lock = {(each.pubkey, each.amount): each for validator in lock.validators or () for each in validator.deposits}
    for name in names:
        with report.errors_of("deposit_files"):
            entries = deposit.parse_file(files.read(os.path.join(path, name)), name)
            _check_deposit_file(name, entries, lock)
            for entry in entries:
                with report.errors_of("deposit_files"):
                    _check_entry(name, entry, places[entry.pubkey], lock, network, of_lock, equations)
    equations.check()
    missing = sorted({deposit.file_name(amount) for _pubkey, amount in of_lock} - set(names))
    if missing:
        report.warning("deposit_files", "%s: missing, only the lock has these deposits" % and_others(missing))


def _check_deposit_file(name, entries, lock):
    """One deposit for each validator, all of the amount that the name says."""
    for amount in {entry.amount for entry in entries}:
        if deposit.file_name(amount) != name:
            raise DvError("%s has a deposit of %d Gwei" % (name, amount), "that in %s" % deposit.file_name(amount))
    found = sorted(entry.pubkey for entry in entries)
    if found != sorted(validator.public_key for validator in lock.validators or ()):
        raise DvError(
            "%s has %d deposits of %d validators" % (name, len(found), len(set(found))), "one for each of the lock"
        )


def _check_entry(name, entry, place, lock, network, of_lock, equations):
    what = "%s, %s" % (name, validator_name(place, lock.validators[place]))
    found = entry.pubkey, entry.withdrawal_credentials, entry.amount
    wanted = {
        "fork_version": lock.definition.fork_version,
        "network_name": network.name if network else entry.network_name,
        "deposit_message_root": deposit.message_root(*found),
        "deposit_data_root": deposit.data_root(*found, entry.signature),
        "withdrawal_credentials": _credentials(lock, place),
    }
    in_lock = of_lock.get((entry.pubkey, entry.amount))
    if in_lock:
        wanted["signature"] = in_lock.signature
    for field, value in wanted.items():
        if getattr(entry, field) != value:
            shown = (each if isinstance(each, str) else each.hex() for each in (getattr(entry, field), value))
            raise DvError("%s: %s is %s" % (what, field, next(shown)), next(shown))
    if not in_lock:
        root = deposit.signing_root(*found, entry.fork_version)
        equations.add("deposit_files", what, bls.curve.decode_g1(entry.pubkey), root, entry.signature)


def _credentials(lock, place):
    definition = lock.definition
    if place >= len(definition.validators or ()):
        raise DvError("the definition has no validator %d" % place, "as many validators as the lock")
    address = address_bytes(definition.validators[place].withdrawal_address)
    return deposit.withdrawal_credentials(address, definition.compounding)


def _check_modes(report, path, names):
    groups = {name: [name] for name in data_dir.MODES}
    groups["."] = [""]
    groups[data_dir.DEPOSIT_DATA] = filter(deposit.is_file_name, names)
    with report.errors_of("mode"):
        try:
            keys = os.path.join(path, data_dir.KEYS)
            in_keys = sorted(os.listdir(keys)) if os.path.isdir(keys) else []
            groups[data_dir.KEYS + "/*"] = [os.path.join(data_dir.KEYS, name) for name in in_keys]
            for group, members in groups.items():
                wanted, loose = data_dir.MODES[group], {}
                for name in members:
                    member = os.path.join(path, name)
                    mode = stat.S_IMODE(os.stat(member).st_mode) if os.path.exists(member) else 0
                    # What group and others may do beyond what we would let them.
                    if mode & 0o077 & ~wanted:
                        loose.setdefault(mode, []).append(name or "the directory")
                for mode, found in loose.items():
                    report.warning("mode", "%s: %04o, better %04o" % (and_others(found), mode, wanted))
        except OSError as error:
            raise files.os_error(error, path, "read") from None
