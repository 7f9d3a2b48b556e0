# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a node's backups go: which is the newest, whether it holds what the node has now, and when a drill last opened it."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ..crypto import secp256k1
from ..data_dir import node_key, statements
from ..data_dir.layout import DataDir
from ..encoding.hex import to_hex
from ..errors import DvError
from ..ethereum import enr
from . import contents
from .backups import Backups, Record
from .manifest import Manifest

#: Of a node without a backup.
NONE: dict[str, Any] = dict(path="", created=None, holds=[], current=False, copied=False, drilled=None)


def verified_statements(texts: Iterable[str], peer_id: str) -> dict[str, dict[str, Any]]:
    """Of the statements ``texts`` those that a drill of a backup of the node with ``peer_id`` passed, each with its facts. Others are
    passed over: anybody may put a file there."""
    public_key = enr.public_key_of(peer_id)
    found = {text: statements.verify(text, public_key, statements.DRILL) for text in texts} if public_key else {}
    return {text: facts for text, facts in found.items() if facts}


def evaluate_places(data_dir: DataDir, directory: str, copies: Iterable[Mapping[str, Any]], texts: Mapping[str, str]) -> dict[str, Any]:
    """The same as :func:`evaluate`, of the backups in ``directory`` on the node, and elsewhere: those of the node's ENR private key, or
    where it has lost that, of whatever key.

    :param copies: those elsewhere, which are better, since they are not on the node's disk: ``path``, and the text of the ``record``
    :param texts: statements from elsewhere, by name
    """
    peer_id = None
    with contextlib.suppress(DvError):
        peer_id = enr.peer_id(secp256k1.public_key(node_key.read(data_dir)))
    found, known = [], list(texts.values())
    for copy in copies:
        with contextlib.suppress(DvError, KeyError, AttributeError):
            found.append((copy["path"], Record.parse(copy["record"].encode(), "a record")))
    copied = {record.sha256 for _path, record in found}
    with contextlib.suppress(DvError):
        here = Backups(directory, peer_id)
        found, known = [*found, *here.good], [*known, *here.statements.values()]
    of_node = [(path, record) for path, record in found if peer_id in (None, record.peer_id)]
    passed = {each: verified_statements(known, each) for each in {record.peer_id for _path, record in of_node}}
    now = None
    if of_node:
        with contextlib.suppress(DvError):
            now = Manifest.of(contents.read(data_dir), data_dir.root).sha256
            _path, newest = max(of_node, key=lambda each: each[1].created)
            if "key_shares" in newest.holds and contents.lacks_what_was_loaded(data_dir):
                now = newest.manifest_sha256
    return evaluate(now, of_node, [facts for of_one in passed.values() for facts in of_one.values()], copied)


def proves_key_shares(texts: Iterable[str], peer_id: str, lock_hash: str, number: int) -> bool:
    """Whether a statement among ``texts`` says that a backup of the node with ``peer_id`` passed a drill, with its key shares, which are so
    many, of the lock with that hash (hex)."""
    passed = verified_statements(texts, peer_id).values()
    return any((facts.get("lock_hash"), facts.get("key_shares")) == (lock_hash, number) for facts in passed)


def proven_operators(data_dir: DataDir, texts: Collection[str]) -> list[int] | None:
    """The share indices of the operators of whom a statement among ``texts`` says that a backup with all key shares of the lock in
    ``data_dir`` passed a drill; ``None`` where there is no lock that can be read."""
    return statements.operators_of_whom(
        data_dir, lambda peer_id, lock: proves_key_shares(texts, peer_id, to_hex(lock.lock_hash), len(lock.validators or ()))
    )


def evaluate(
    now: str | None, found: Iterable[tuple[str, Record]], passed: Iterable[Mapping[str, Any]], copied: Collection[str] = ()
) -> dict[str, Any]:
    """The status of the backups of a node, as a module returns it.

    :param now: the hash (hex) of the manifest of what the node has now; ``None`` where that cannot be read
    :param found: path and record of each backup that is known, the better of two copies first
    :param passed: the facts of drills that passed
    :param copied: the hashes (hex) of archives that are elsewhere than on the node
    :returns: ``path``, ``created`` and ``holds`` (:data:`.contents.PARTS`) of the newest; ``current``, whether it holds what the node has
        now; ``copied``, whether it is elsewhere too; ``drilled``, when a drill of it last passed, or ``None``
    """
    # Of two copies max takes the first.
    newest = max(found, key=lambda each: each[1].created, default=None)
    if not newest:
        return dict(NONE)
    path, record = newest
    # A record is nobody's word: it may tell of an archive what another holds.
    of_record = record.sha256, record.manifest_sha256
    drilled = [facts["made"] for facts in passed if (facts.get("archive_sha256"), facts.get("manifest_sha256")) == of_record]
    return dict(
        path=path,
        created=record.created,
        holds=record.holds,
        current=now == record.manifest_sha256,
        copied=record.sha256 in copied,
        drilled=max(drilled, default=None),
    )
