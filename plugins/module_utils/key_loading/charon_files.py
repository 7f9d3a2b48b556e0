# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lock and ENR private key where ``charon run`` reads them, if that is not the data directory: ``--lock-file`` and ``--private-key-file``."""

from __future__ import annotations

import os
import time

from ..data_dir import node_key
from ..data_dir.layout import LOCK, NODE_KEY, PUBLIC_FILE, SECRET_FILE, DataDir
from ..errors import DvError
from ..storage import files, ownership
from ..storage.as_owner import as_owner_of
from ..storage.ownership import Owner

# In this order: a charon that finds a key and no lock would begin something else.
_MODES = {LOCK: PUBLIC_FILE, NODE_KEY: SECRET_FILE}


def put(data_dir: DataDir, directory: str, owner: Owner | None, dry_run: bool = False) -> bool:
    """Put both files of the data directory into ``directory``, for its charon. Whether anything was, or would be, done.

    :param owner: user and group whose they shall be, if not those of the user of this task
    :raises DvError: others are there, or a charon runs with this key elsewhere, or with another one there
    """
    if os.path.realpath(directory) == os.path.realpath(data_dir.root):
        return False
    contents = {name: data_dir.source.read(data_dir.path(name)) for name in _MODES}
    there = DataDir(directory)
    with as_owner_of(directory):
        found = {name: there.read(name) for name in _MODES}
    other = [name for name in _MODES if found[name] not in (None, contents[name])]
    if other:
        raise DvError(
            f"{there.path(other[0])} is not that of {data_dir}",
            "the same content, or no file",
            "another node's charon reads that directory, or another cluster's: set dv_charon_dir to this node's own",
        )
    missing = [name for name in _MODES if found[name] is None]
    if missing:
        _check_unused(data_dir, there)
    if dry_run:
        return bool(missing) or _give(there, owner, True)
    with as_owner_of(directory):
        files.make_directory(directory)
    ownership.give_one(owner, directory, SECRET_FILE)
    with as_owner_of(directory):
        for name in missing:
            files.write_same(there.path(name), contents[name], _MODES[name])
        for name in _MODES:
            files.remove_temporary_files_of(there.path(name))
    return _give(there, owner, False) or bool(missing)


def _check_unused(data_dir: DataDir, there: DataDir) -> None:
    """Refuse a key that a charon runs with elsewhere, and a place where one runs with another."""
    now = time.time()
    for each in (data_dir, there):
        with as_owner_of(each.root):
            reason = node_key.in_use(each, now)
        if reason:
            raise DvError(
                f"{each} is a running charon's: {reason}",
                "one charon for one key",
                "stop it, and wait until its lock is stale; or leave dv_charon_dir out, if it is to run where it does",
            )


def _give(there: DataDir, owner: Owner | None, dry_run: bool) -> bool:
    with as_owner_of(there.root):
        given = [ownership.give_one(owner, there.path(name), mode, dry_run) for name, mode in _MODES.items()]
    return any(given)
