# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verification of a data directory: its lock, and that everything beside the lock belongs to it.

The directory may be charon's or ours. What charon runs with is a warning at most.
Source: charon-formats §3.2, §5.2, §7.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import Any, TypeVar

from ..cluster.definition import Definition
from ..cluster.definition_checks import check_hashes
from ..cluster.definition_hash import compute_definition_hash
from ..cluster.lock import ClusterLock
from ..data_dir import layout, node_key
from ..data_dir.validator_keys import ValidatorKeys
from ..encoding import go_json
from ..errors import DvError
from ..ethereum import deposit, enr
from ..ethereum.networks import Networks
from ..storage import files
from . import file_forms
from .definition import and_others, check_definition, cluster_summary, is_from_before_edit, node_keys
from .deposit_data import check_deposit_files
from .key_shares import check_key_shares
from .lock import check_lock
from .registration_overrides import check_overrides
from .report import Report

_BOM = b"\xef\xbb\xbf"

_Artefact = TypeVar("_Artefact", ClusterLock, Definition)


def check_data_dir(report: Report, data_dir: layout.DataDir, networks: Networks) -> None:
    """Add the findings of ``data_dir`` to ``report``, and the summary of its cluster."""
    try:
        names = data_dir.source.list_directory(data_dir.root)
    except DvError as error:
        report.error("data_dir", str(error))
        return
    lock = _read(report, "lock", data_dir, layout.LOCK, ClusterLock)
    definition = _read(report, "definition", data_dir, layout.DEFINITION, Definition)
    network = None
    if lock:
        network = check_lock(report, lock, networks)
        if definition:
            _check_same_definition(report, definition, lock.definition)
    elif definition:
        network = check_definition(report, definition, networks)
        report.cluster = cluster_summary(definition, network)
    elif not {layout.LOCK, layout.DEFINITION} & set(names):
        report.error("data_dir", f"{data_dir} holds no {layout.LOCK} and no {layout.DEFINITION}")
    share_index = _check_node_key(report, data_dir, lock.definition if lock else definition)
    other_files = file_forms.find_other_files(data_dir, names)
    if lock:
        check_key_shares(report, data_dir, lock, share_index)
        check_deposit_files(report, other_files.deposits, lock, network)
        for content in other_files.overrides.values():
            check_overrides(report, content, lock)
    else:
        _check_without_lock(report, data_dir, other_files, layout.LOCK in names)
    _check_other_files(report, other_files, lock, definition)
    if data_dir.source is files:
        _check_modes(report, data_dir, names)


def read_artefact(report: Report, check: str, content: bytes | dict, what: str, kind: type[_Artefact]) -> _Artefact | None:
    """The lock or definition in ``content``; ``None`` if it cannot be parsed, which is an error. Unknown keys are a warning.

    :param kind: :class:`~.lock.ClusterLock` or :class:`~.cluster.definition.Definition`
    """
    with report.errors_of(check):
        value = load(report, check, content, what) if isinstance(content, bytes) else content
        parsed = kind.parse(value, what)
        unknown = kind.unknown_keys(value)
        if unknown:
            report.warning(check, f"{what} has keys that charon ignores: {and_others(unknown)}")
        return parsed
    return None


def load(report: Report, check: str, content: bytes, what: str) -> Any:
    """The JSON value of ``content``. A byte order mark is an error, and what stands behind it is read.

    :raises DvError: no JSON
    """
    if content.startswith(_BOM):
        report.error(check, f"{what} begins with a byte order mark, so charon does not read it; save it without")
    content = content.removeprefix(_BOM)
    if not content.strip():
        raise DvError(f"{what} is not JSON, it is empty", "the file as it was made", "take it from another node or a backup")
    return go_json.loads(content, what)


def _read(report: Report, check: str, data_dir: layout.DataDir, name: str, kind: type[_Artefact]) -> _Artefact | None:
    """As :func:`read_artefact`, of the file ``name`` in the data directory; ``None`` where there is none."""
    with report.errors_of(check):
        content = data_dir.read(name)
        if content is not None:
            return read_artefact(report, check, content, name, kind)
    return None


def _check_same_definition(report: Report, definition: Definition, of_lock: Definition) -> None:
    with report.errors_of("definition"):
        check_hashes(definition)
        own_hash, locked_hash = (compute_definition_hash(each) for each in (definition, of_lock))
        if own_hash != locked_hash and is_from_before_edit(definition, of_lock):
            report.warning(
                "definition", f"{layout.DEFINITION} is from before a charon alpha edit of the cluster: charon reads {layout.LOCK} alone"
            )
        elif own_hash != locked_hash:
            raise DvError(
                f"{layout.DEFINITION} has the definition hash 0x{own_hash.hex()}",
                f"0x{locked_hash.hex()}, that of the definition in {layout.LOCK}",
                "keep each cluster in a data directory of its own",
            )


def _check_node_key(report: Report, data_dir: layout.DataDir, definition: Definition | None) -> int | None:
    """The share index of the node whose ENR private key lies there; ``None`` if there is none, or it is of no operator."""
    if not node_key.exists(data_dir):
        report.warning("node_key", f"there is no {layout.NODE_KEY}: charon cannot run here")
        return None
    with report.errors_of("node_key"):
        own = enr.encode(node_key.read(data_dir))
        if definition is None:
            return None
        keys = node_keys(definition)
        public = enr.parse(own).public_key
        if public not in keys:
            raise DvError(f"the key's ENR is {own}", "that of an operator", "the key or the lock is of another node")
        return keys.index(public) + 1
    return None


def _check_without_lock(report: Report, data_dir: layout.DataDir, other_files: file_forms.OtherFiles, unreadable: bool) -> None:
    """The findings of what belongs to a lock, where there is none, or one that is ``unreadable``."""
    with report.errors_of("key_shares"):
        paths = ValidatorKeys(data_dir.path(layout.KEYS), source=data_dir.source).paths() if data_dir.holds(layout.KEYS) else []
        names = [layout.KEYS] * bool(paths) + [*other_files.deposits, *other_files.overrides]
        if unreadable:
            if names:
                report.warning("lock", f"{and_others(names)}: not verified, since {layout.LOCK} cannot be read")
            return
        if paths:
            report.error("key_shares", f"there are {len(paths)} keystores; wanted: none without a lock that they belong to")
    charons = [name for name in other_files.deposits if deposit.is_file_name(name)]
    others = [name for name in other_files.deposits if not deposit.is_file_name(name)]
    for check, names in (("deposit_files", charons), ("overrides", [*other_files.overrides])):
        if names:
            report.error(check, f"{and_others(names)}: there is no lock that it belongs to")
    if others:
        report.warning("deposit_files", f"{and_others(others)}: not verified, since there is no lock")


# Why a file of that form is not verified: what is instead.
_NOT_VERIFIED = {
    file_forms.LOCK: f"another than {layout.LOCK}, which charon reads",
    file_forms.DEFINITION: f"another than that of the lock or in {layout.DEFINITION}",
    file_forms.KEYSTORE: f"key shares are {layout.KEYS}/keystore-N.json",
    file_forms.REGISTRATIONS: f"charon reads {layout.OVERRIDES}",
}


def _check_other_files(report: Report, other_files: file_forms.OtherFiles, lock: ClusterLock | None, definition: Definition | None) -> None:
    """Warn of what has the form of an artefact and was not verified, unless it is a copy of one that was."""
    verified = [*filter(None, (lock, definition, lock and lock.definition))]
    not_verified = []
    for name, form, content in other_files.others:
        if _parse(form, content) not in verified:
            hint = "verify it by its own path, or move it away"
            not_verified.append((form, DvError(f"{name} has the form of {form} and was not verified ({_NOT_VERIFIED[form]})", "", hint)))
    report.add_by_cause("warning", "other_files", not_verified)
    if other_files.clusters:
        report.warning(
            "other_files", f"{and_others(other_files.clusters)}: a cluster of its own, which was not verified; verify it by its own path"
        )
    for name, error in other_files.unread:
        charons = deposit.is_file_name(name) or name == layout.OVERRIDES
        (report.error if charons else report.warning)("other_files", f"{name} was not looked at: {error.found}")


def _parse(form: str, content: bytes) -> ClusterLock | Definition | None:
    """The lock or definition in ``content``; ``None`` for anything else."""
    with contextlib.suppress(DvError):
        if form == file_forms.LOCK:
            return ClusterLock.parse(content.removeprefix(_BOM))
        if form == file_forms.DEFINITION:
            return Definition.parse(content.removeprefix(_BOM))
    return None


def _check_modes(report: Report, data_dir: layout.DataDir, names: list[str]) -> None:
    """Warn of files and directories that others may do more with than :data:`.layout.MODES` lets them."""
    groups = {name: [name] for name in layout.MODES}
    groups["."] = [""]
    groups[layout.DEPOSIT_DATA] = [*filter(deposit.is_file_name, names)]
    with report.errors_of("mode"):
        try:
            keys = data_dir.path(layout.KEYS)
            in_keys = sorted(os.listdir(keys)) if os.path.isdir(keys) else []
            groups[layout.KEYS + "/*"] = [os.path.join(layout.KEYS, name) for name in in_keys]
            for group, members in groups.items():
                loose: dict[tuple[int, int], list[str]] = {}
                for name in members:
                    member = data_dir.path(name)
                    wanted = layout.SECRET_DIRECTORY if os.path.isdir(member) else layout.MODES[group]
                    mode = stat.S_IMODE(os.stat(member).st_mode) if os.path.exists(member) else 0
                    if mode & 0o077 & ~wanted:
                        loose.setdefault((mode, wanted), []).append(name or "the directory")
                for (mode, wanted), paths in loose.items():
                    report.warning("mode", f"{and_others(paths)}: {mode:04o}, better {wanted:04o}")
        except OSError as error:
            raise files.os_error(error, data_dir.root, "read") from None
