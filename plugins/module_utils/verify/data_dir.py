# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verifies a charon data directory: its lock, and that everything beside the lock belongs to it.

The directory may be charon's or ours. What charon runs with is a warning at most.
Source: charon-formats §3.2, §5.2, §7.
"""

import contextlib
import os
import stat

from ..cluster.definition import Definition
from ..cluster.definition_checks import check_hashes
from ..cluster.definition_hash import compute_definition_hash
from ..cluster.lock import ClusterLock
from ..data_dir import layout, node_key
from ..data_dir.validator_keys import ValidatorKeys
from ..encoding import go_json
from ..errors import DvError
from ..ethereum import deposit, enr
from ..storage import files
from . import file_forms
from .definition import and_others, check_definition, cluster_summary, is_from_before_edit, node_keys
from .deposit_data import check_deposit_files
from .key_shares import check_key_shares
from .lock import check_lock
from .registration_overrides import check_overrides

_BOM = b"\xef\xbb\xbf"


def check_data_dir(report, path, networks):
    """Add to ``report`` what is wrong with the data directory ``path``, and say in it what the cluster is."""
    try:
        names = sorted(os.listdir(path))
    except OSError as error:
        report.error("data_dir", str(files.os_error(error, path, "read")))
        return
    lock = _read(report, "lock", path, layout.LOCK, ClusterLock)
    definition = _read(report, "definition", path, layout.DEFINITION, Definition)
    network = None
    if lock:
        network = check_lock(report, lock, networks)
        if definition:
            _compare(report, definition, lock.definition)
    elif definition:
        network = check_definition(report, definition, networks)
        report.cluster = cluster_summary(definition, network)
    elif not {layout.LOCK, layout.DEFINITION} & set(names):
        report.error("data_dir", f"{path} holds no {layout.LOCK} and no {layout.DEFINITION}")
    index = _check_node_key(report, path, lock.definition if lock else definition)
    found = file_forms.look(path, names)
    if lock:
        check_key_shares(report, os.path.join(path, layout.KEYS), lock, index)
        check_deposit_files(report, found.deposits, lock, network)
        for content in found.overrides.values():
            check_overrides(report, content, lock)
    else:
        _check_without_lock(report, path, found, layout.LOCK in names)
    _check_others(report, found, lock, definition)
    _check_modes(report, path, names)


def read_artefact(report, check, content, what, kind):
    """The lock or definition in ``content`` (bytes or dict) as ``kind``, their class, parses it.

    :returns: ``None`` if it cannot be parsed, which is an error; keys that nobody knows are a warning
    """
    with report.errors_of(check):
        value = load(report, check, content, what) if isinstance(content, bytes) else content
        parsed = kind.parse(value, what)
        unknown = kind.unknown_keys(value)
        if unknown:
            report.warning(check, f"{what} has keys that charon ignores: {and_others(unknown)}")
        return parsed
    return None


def load(report, check, content, what):
    """The JSON value of ``content`` (bytes). A byte order mark is an error, but not in the way of what stands behind it.

    :raises DvError: no JSON
    """
    if content.startswith(_BOM):
        report.error(check, f"{what} begins with a byte order mark, so charon does not read it; save it without")
    content = content.removeprefix(_BOM)
    if not content.strip():
        raise DvError(f"{what} is not JSON, it is empty", "the file as it was made", "take it from another node or a backup")
    return go_json.loads(content, what)


def _read(report, check, path, name, kind):
    """As :func:`read_artefact` of a file in the directory; ``None`` if it is not there."""
    with report.errors_of(check):
        content = files.read_if_exists(os.path.join(path, name))
        if content is not None:
            return read_artefact(report, check, content, name, kind)
    return None


def _compare(report, definition, of_lock):
    with report.errors_of("definition"):
        check_hashes(definition)
        found, wanted = (compute_definition_hash(each) for each in (definition, of_lock))
        if found != wanted and is_from_before_edit(definition, of_lock):
            report.warning(
                "definition", f"{layout.DEFINITION} is from before a charon alpha edit of the cluster: charon reads {layout.LOCK} alone"
            )
        elif found != wanted:
            raise DvError(
                f"{layout.DEFINITION} has the definition hash 0x{found.hex()}",
                f"0x{wanted.hex()}, that of the definition in {layout.LOCK}",
                "keep each cluster in a data directory of its own",
            )


def _check_node_key(report, path, definition):
    """The share index of the node whose key is in the directory; ``None`` if there is none or it is a stranger."""
    if not node_key.exists(layout.DataDir(path)):
        report.warning("node_key", f"there is no {layout.NODE_KEY}: charon cannot run here")
        return None
    with report.errors_of("node_key"):
        own = enr.encode(node_key.read(layout.DataDir(path)))
        if definition is None:
            return None
        keys = node_keys(definition)
        public = enr.parse(own).public_key
        if public not in keys:
            raise DvError(f"the key's ENR is {own}", "that of an operator", "the key or the lock is of another node")
        return keys.index(public) + 1
    return None


def _check_without_lock(report, path, found, unreadable):
    """What belongs to a lock, where there is none, or one that is ``unreadable``."""
    with report.errors_of("key_shares"):
        keys = os.path.join(path, layout.KEYS)
        paths = ValidatorKeys(keys).paths() if os.path.lexists(keys) else []
        names = [layout.KEYS] * bool(paths) + [*found.deposits, *found.overrides]
        if unreadable:
            if names:
                report.warning("lock", f"{and_others(names)}: not verified, since {layout.LOCK} cannot be read")
            return
        if paths:
            report.error("key_shares", f"there are {len(paths)} keystores; wanted: none without a lock that they belong to")
    charons = [name for name in found.deposits if deposit.is_file_name(name)]
    others = [name for name in found.deposits if not deposit.is_file_name(name)]
    for check, names in (("deposit_files", charons), ("overrides", [*found.overrides])):
        if names:
            report.error(check, f"{and_others(names)}: there is no lock that it belongs to")
    if others:
        report.warning("deposit_files", f"{and_others(others)}: not verified, since there is no lock")


# Why what has the form is not verified where it lies, and what is.
_NOT_VERIFIED = {
    file_forms.LOCK: f"another than {layout.LOCK}, which charon reads",
    file_forms.DEFINITION: f"another than that of the lock or in {layout.DEFINITION}",
    file_forms.KEYSTORE: f"key shares are {layout.KEYS}/keystore-N.json",
    file_forms.REGISTRATIONS: f"charon reads {layout.OVERRIDES}",
}


def _check_others(report, found, lock, definition):
    """Name what has the form of an artefact and was not verified; the copy of one that was is as good as that."""
    verified = [*filter(None, (lock, definition, lock and lock.definition))]
    doubtful = []
    for name, kind, content in found.others:
        if _parsed(kind, content) not in verified:
            text = f"{name} has the form of {kind} and was not verified"
            doubtful.append((kind, DvError(f"{text} ({_NOT_VERIFIED[kind]})", "", "verify it by its own path, or move it away")))
    report.by_cause("warning", "other_files", doubtful)
    if found.clusters:
        report.warning(
            "other_files", f"{and_others(found.clusters)}: a cluster of its own, which was not verified; verify it by its own path"
        )
    for name, error in found.unseen:
        charons = deposit.is_file_name(name) or name == layout.OVERRIDES
        (report.error if charons else report.warning)("other_files", f"{name} was not looked at: {error.found}")


def _parsed(kind, content):
    """The lock or definition in ``content`` (bytes); ``None`` for anything else."""
    formats = {file_forms.LOCK: ClusterLock, file_forms.DEFINITION: Definition}
    with contextlib.suppress(DvError):
        return formats[kind].parse(content.removeprefix(_BOM)) if kind in formats else None
    return None


def _check_modes(report, path, names):
    groups = {name: [name] for name in layout.MODES}
    groups["."] = [""]
    groups[layout.DEPOSIT_DATA] = filter(deposit.is_file_name, names)
    with report.errors_of("mode"):
        try:
            keys = os.path.join(path, layout.KEYS)
            in_keys = sorted(os.listdir(keys)) if os.path.isdir(keys) else []
            groups[layout.KEYS + "/*"] = [os.path.join(layout.KEYS, name) for name in in_keys]
            for group, members in groups.items():
                loose = {}
                for name in members:
                    member = os.path.join(path, name)
                    wanted = layout.SECRET_DIRECTORY if os.path.isdir(member) else layout.MODES[group]
                    mode = stat.S_IMODE(os.stat(member).st_mode) if os.path.exists(member) else 0
                    # What group and others may do beyond what we would let them.
                    if mode & 0o077 & ~wanted:
                        loose.setdefault((mode, wanted), []).append(name or "the directory")
                for (mode, wanted), found in loose.items():
                    report.warning("mode", f"{and_others(found)}: {mode:04o}, better {wanted:04o}")
        except OSError as error:
            raise files.os_error(error, path, "read") from None
