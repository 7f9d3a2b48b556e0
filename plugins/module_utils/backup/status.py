# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a node's backups go: which is the newest, whether it holds what the node has now, and when a drill last opened it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

from ..crypto import secp256k1
from ..data_dir import node_key, statements
from ..data_dir.layout import DataDir
from ..errors import DvError
from ..ethereum import enr
from . import contents
from .backups import Backups, Record, statement_name
from .manifest import Manifest

#: Of a node without a backup.
NONE: dict[str, Any] = dict(path="", created=None, holds=[], current=False, drilled=None)


def verified_statements(texts: Mapping[str, str], public_key: bytes) -> dict[str, dict[str, Any]]:
    """Of the statements ``texts``, by their names, the facts of those that a drill of a backup of the node with ``public_key`` (33 bytes)
    passed. Others are passed over, and those with another name than theirs: anybody may put a file there."""
    peer_id = enr.peer_id(public_key)
    named = {name: text for name, text in texts.items() if name == statement_name(peer_id, text)}
    found = {name: statements.verify(text, public_key, statements.DRILL) for name, text in named.items()}
    return {name: facts for name, facts in found.items() if facts}


def evaluate_places(data_dir: DataDir, directory: str, copies: Iterable[Mapping[str, Any]], texts: Mapping[str, str]) -> dict[str, Any]:
    """The same as :func:`evaluate`, of the backups in ``directory`` on the node, and elsewhere.

    :param copies: those elsewhere, which are better, since they are not on the node's disk: ``path``, and the text of the ``record``
    :param texts: statements from elsewhere, by name
    """
    found: list[tuple[str, Record]] = []
    for copy in copies:
        with contextlib.suppress(DvError, KeyError, AttributeError):
            found.append((copy["path"], Record.parse(copy["record"].encode(), "a record")))
    try:
        public_key = secp256k1.public_key(node_key.read(data_dir))
        here = Backups(directory, enr.peer_id(public_key))
    except DvError:
        # Whoever lost the disk of a node has to hear that there is a copy.
        return evaluate(data_dir, found, [])
    found = [each for each in found if each[1].peer_id == here.peer_id]
    return evaluate(data_dir, [*found, *here.good], verified_statements({**texts, **here.statements}, public_key).values())


def evaluate(data_dir: DataDir, found: Iterable[tuple[str, Record]], passed: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The status of the backups of the node in ``data_dir``, as a module returns it.

    :param found: path and record of each backup that is known, the better of two copies first
    :param passed: the facts of drills that passed
    :returns: ``path``, ``created`` and ``holds`` (:data:`.contents.PARTS`) of the newest; ``current``, whether it holds what the node has
        now; ``drilled``, when a drill of it last passed, or ``None``
    """
    # Of two copies max takes the first.
    newest = max(found, key=lambda each: each[1].created, default=None)
    if not newest:
        return dict(NONE)
    path, record = newest
    # A record is nobody's word: it may tell of an archive what another holds.
    of_record = record.sha256, record.manifest_sha256
    drilled = [facts["made"] for facts in passed if (facts.get("archive_sha256"), facts.get("manifest_sha256")) == of_record]
    current = False
    with contextlib.suppress(DvError):
        current = Manifest.of(contents.read(data_dir), data_dir.root).sha256 == record.manifest_sha256
    return dict(path=path, created=record.created, holds=record.holds, current=current, drilled=max(drilled, default=None))
