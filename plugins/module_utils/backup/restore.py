# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restoring a node from a backup: everything is verified before anything is in place, and the ENR private key comes last, so that no
run takes a node for whole that is not.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence

from ..cluster.operators import index_of_address, index_of_key
from ..crypto import secp256k1
from ..data_dir import key_place, layout, node_key, stored_definition
from ..data_dir.layout import DataDir
from ..errors import DvError, Problems, show
from ..storage import files
from . import backups, contents
from .drill import find_archives
from .opened import Opened, read_archive

#: The parts in the order in which they are put in place: first what tells that the node has a key already, and makes no other one.
ORDER = (
    *("agreement", "transcript", "unfinished_key_shares", "key_shares", "deposit_data", "definition", "lock"),
    "enr_private_key",
)


WARNING = (
    "the old machine of %s must never start again: two machines with one key share get validators slashed. Before a validator client "
    "loads the key shares: its slashing protection is in no backup, so bring its history from the old machine, or let two epochs pass in "
    "which the validators of this node stay silent"
)


def check_confirmed(node: str, confirmed: str | None) -> None:
    """Refuse to restore ``node`` before somebody ``confirmed``, by its name, that its old machine is dead."""
    if confirmed != node:
        raise DvError(
            f"nobody confirmed that the old machine of {node} is dead, dv_old_machine_is_dead is {show(confirmed or '')}",
            f"dv_old_machine_is_dead: {node}, or {node} left out (--limit)",
            "two machines with one key share get validators slashed, and two with one ENR private key break the cluster: see that the "
            "old one is off for good, its disk wiped or destroyed and no snapshot of it can start, then set that variable",
        )


def choose_archive(archive: str | None, inbox: Mapping[str, str], backup_dir: str, parts: Sequence[str] | None = None) -> tuple[str, bytes]:
    """Path and content of the archive to restore.

    :param archive: its path, or that of a directory with backups of one node
    :param inbox: what was brought from elsewhere, name -> text: archive and record
    :param backup_dir: where else it may be
    :param parts: what is to be restored, if it is not all
    :raises DvError: there is none, or there are those of several nodes; or the newest lacks what an older one has
    """
    if not archive and inbox:
        record, encrypted = _brought(inbox)
        return os.path.join(backup_dir, record.name), encrypted
    found = find_archives(archive or backup_dir)
    if len(found) > 1:
        raise DvError(
            f"{archive or backup_dir} holds backups of {len(found)} nodes", "those of one", "name the .age file itself (dv_restore_archive)"
        )
    match = backups.NAME.fullmatch(os.path.basename(found[0]))
    if match and found[0] != archive:
        good = backups.Backups(os.path.dirname(found[0]), match["peer_id"]).good
        backups.check_newest([record for _path, record in good], parts)
    return found[0], read_archive(found[0])


def keep_archive(inbox: Mapping[str, str], backup_dir: str) -> None:
    """Keep what was brought where the node's other backups are, the record last."""
    if inbox:
        record, encrypted = _brought(inbox)
        path = os.path.join(backup_dir, record.name)
        files.make_directory(backup_dir)
        files.write_same(path, encrypted)
        files.write_same(backups.record_name(path), record.dump())


def _brought(inbox: Mapping[str, str]) -> tuple[backups.Record, bytes]:
    """Record and archive of what was brought: two files, whose names are those that the record gives them."""
    records = [name for name in inbox if name.endswith(".json")]
    record = backups.Record.parse(inbox[records[0]].encode(), records[0]) if records else None
    if not record or inbox.keys() != {record.name, backups.record_name(record.name)}:
        raise DvError(f"{', '.join(inbox)} were brought", "an archive and its record")
    encrypted = inbox[record.name].encode()
    backups.check_pair(record, encrypted, record.name)
    return record, encrypted


def check_operator(opened: Opened, address: str | None, share_index: int | None) -> None:
    """Refuse the backup of another operator than the one with ``address``, where that is known.

    :param share_index: its share index, where it has several
    """
    definition = None
    # One that is damaged was told already, if it is to be restored.
    with contextlib.suppress(DvError):
        definition = stored_definition.locked_definition(opened.data_dir) or stored_definition.definition(opened.data_dir)
    if not definition or not address or not any(operator.address for operator in definition.operators or ()):
        return
    wanted = index_of_address(definition, address, share_index)
    found = index_of_key(definition, secp256k1.public_key(opened.private_key))
    if found != wanted:
        raise DvError(
            f"{opened.path} is the backup of operator {found}", f"that of operator {wanted}, {address}", "take the backup of this node"
        )


def missing(opened: Opened, data_dir: DataDir, parts: list[str]) -> dict[str, bytes]:
    """The files of those ``parts`` that are not in ``data_dir`` yet, content by name.

    :raises DvError: other keys, or other content, are in a place; or there is none of a part in the backup
    """
    holds = opened.manifest.parts
    lacks = [part for part in parts if part not in holds]
    if lacks:
        raise DvError(f"{opened.path} holds no {', '.join(lacks)}", f"some of {', '.join(holds)}", "correct dv_restore_parts")
    wanted = {name: content for name, content in opened.archive.files.items() if contents.part_of(name) in parts}
    differ, absent = [], {}
    for name, content in wanted.items():
        found = data_dir.read(name)
        if found is None:
            absent[name] = content
        elif found != content:
            differ.append(name)
    foreign = [] if "key_shares" not in parts else _foreign_keys(data_dir, wanted)
    if differ or foreign:
        raise Problems([_is_another(data_dir.path(name)) for name in [*differ, *foreign]])
    _check_node(opened, data_dir)
    return absent


def _check_node(opened: Opened, data_dir: DataDir) -> None:
    """Refuse any part of another node's backup than the one that is in ``data_dir``: by its key, lock or definition."""
    if data_dir.holds(layout.NODE_KEY) and node_key.read(data_dir) != opened.private_key:
        raise _is_another(data_dir.path(layout.NODE_KEY))
    for read in (stored_definition.locked_definition, stored_definition.definition):
        definition = None
        # Which cluster a damaged one is of, nobody can tell.
        with contextlib.suppress(DvError):
            definition = read(data_dir)
        if definition:
            index_of_key(definition, secp256k1.public_key(opened.private_key))


def _is_another(path: str) -> DvError:
    return DvError(
        f"{path} is there, and is not that of the backup",
        "an empty machine, or one that lost some of these very files",
        "nothing was written: restore parts alone (dv_restore_parts), or into another data directory; throw no key away",
    )


def _foreign_keys(data_dir: DataDir, wanted: dict[str, bytes]) -> list[str]:
    """Key shares in ``data_dir`` that the backup does not have; not what a killed run left of one."""
    names = [os.path.join(layout.KEYS, name) for name in files.names(data_dir.path(layout.KEYS))]
    return [name for name in names if name not in wanted and not files.is_temporary(name)]


def recover(data_dir: DataDir, opened: Opened) -> None:
    """Finish what a killed run left in the directories of ``opened``: its temporary files go, they may be secret, its names become
    durable."""
    for directory in {os.path.dirname(data_dir.path(name)) for name in opened.archive.files}:
        if files.is_directory(directory):
            files.remove_temporary_files(directory)
            files.sync_directory(directory)
        if directory != data_dir.root and files.is_directory(os.path.dirname(directory)):
            files.remove_temporary_directory_of(directory)


def put(data_dir: DataDir, absent: dict[str, bytes]) -> None:
    """Put the files ``absent`` in their place, in the order of :data:`ORDER`: each whole, key shares as a whole directory.

    That key shares come out of a backup is on record before them.
    """
    for part in ORDER:
        if part == "key_shares" and any(contents.part_of(name) == part for name in absent):
            key_place.note_restored(data_dir)
        of_part = {name: content for name, content in absent.items() if contents.part_of(name) == part}
        directories: dict[str, dict[str, bytes]] = {}
        for name, content in of_part.items():
            directories.setdefault(os.path.dirname(name), {})[os.path.basename(name)] = content
        for directory, found in directories.items():
            path = data_dir.path(directory) if directory else data_dir.root
            if part in ("key_shares", "unfinished_key_shares") and not files.names(path):
                files.write_directory(path, found)
                continue
            files.make_directory(path)
            files.write_all_new({os.path.join(path, name): content for name, content in found.items()})
