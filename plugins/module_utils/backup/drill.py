# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The restore drill: a backup is opened, as after a disaster, and verified. That it passed is a signed statement, see :mod:`.statements`.

Only who opened the archive has the key that signs: so the statement proves that it can be opened.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any, NamedTuple

from ..crypto.age import Opener
from ..data_dir import statements
from ..errors import DvError, Problems
from ..ethereum.networks import Networks
from ..storage import files
from . import backups
from .backups import Backups
from .opened import Opened


def find_archives(path: str) -> list[str]:
    """The archive at ``path``, or of a directory the newest of each node in it and below it.

    :raises DvError: there is none
    """
    if os.path.isfile(path):
        return [path]
    newest: dict[str, tuple[str, backups.Record]] = {}
    for directory, _folders, names in sorted(os.walk(path)):
        for peer_id in sorted({match["peer_id"] for match in map(backups.NAME.fullmatch, names) if match}):
            for archive, record in Backups(directory, peer_id).good:
                if peer_id not in newest or newest[peer_id][1].created < record.created:
                    newest[peer_id] = archive, record
    if not newest:
        raise DvError(
            f"{path} holds no backup", "files backup-*.age with their records, backup-*.json", "bring both, or name the .age file itself"
        )
    return [archive for archive, _record in newest.values()]


class Drill(NamedTuple):
    """One that passed: what was opened, the ``facts`` of its statement, and the warnings."""

    opened: Opened
    facts: dict[str, Any]
    warnings: list[str]


def drill(path: str, encrypted: bytes, opener: Opener, networks: Networks, parts: Collection[str] | None = None) -> Drill:
    """Open and verify the archive ``encrypted``, called ``path``, or these ``parts`` of it.

    :raises Problems: what is wrong with it
    """
    opened = Opened(path, encrypted, opener)
    report = opened.verify(networks, parts)
    errors = [DvError(f"{path}: {finding.check}: {finding.text}") for finding in report.findings if finding.level == "error"]
    if errors:
        raise Problems(errors)
    # Of parts, those are missing that nobody asked for.
    warnings = [f"{path}: {finding.check}: {finding.text}" for finding in report.findings] if not parts else []
    return Drill(opened, opened.facts(report.key_shares), warnings)


def state(passed: Drill, directory: str, now: float) -> str:
    """Write the statement that the drill ``passed``, ``now`` (Unix seconds), into ``directory``: its path."""
    text = statements.sign(passed.opened.private_key, statements.DRILL, passed.facts, now)
    path = os.path.join(directory, backups.statement_name(passed.opened.manifest.peer_id, text))
    files.make_directory(directory)
    files.write_same(path, text.encode())
    return path
