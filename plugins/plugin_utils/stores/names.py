# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which files a store takes, how large each may be, and what each is in words: those of a ceremony, or those of backups."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ansible_collections.obol.dv.plugins.module_utils.backup import backups
from ansible_collections.obol.dv.plugins.module_utils.cluster.store_names import (
    ACTIVATION,
    DRILLS,
    KEYS,
    MEASURED,
    PROPOSAL,
    READINESS,
    approval_name,
    is_about_activation,
    is_about_keys,
    parse_message,
    readiness_made,
)
from ansible_collections.obol.dv.plugins.module_utils.data_dir import statements
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DEFINITION

_KIB, _MIB = 2**10, 2**20
#: Largest sizes (bytes); the largest are far above what 10 operators need for 65536 validators. Of files by name,
FILES = {
    PROPOSAL: 32 * _MIB,
    **{approval_name(share_index): 64 * _KIB for share_index in range(1, 1000)},
    DEFINITION: 32 * _MIB,
}
#: of messages and locks by round.
MESSAGES = {
    "commit": _MIB,
    "deal": 128 * _MIB,
    "confirm": 64 * _KIB,
    "sign": 128 * _MIB,
    "seal": 64 * _KIB,
    "abort": 128 * _MIB,
    "lock": 128 * _MIB,
}
#: What a node hands on under another name than its author's, where something else has that.
_HANDED_ON = ("confirm", "seal", "abort")

#: Most folders that a file is in, those of a message: deeper ones are nobody's.
MAX_FOLDERS = 4


def max_size(name: str) -> int | None:
    """The largest size (bytes) of the file ``name``; None if a store has no business with such a name."""
    message = parse_message(name)
    if not message:
        return FILES.get(name) or _max_size_of_statement(name)
    return MESSAGES.get(message.round_name) if not message.host or message.round_name in _HANDED_ON else None


def _max_size_of_statement(name: str) -> int | None:
    if is_about_keys(name) or is_about_activation(name) or readiness_made(name):
        return statements.MAX_SIZE
    statement = name.removeprefix(DRILLS)
    return backups.max_size(statement) if statement != name and statement.endswith(".jws") else None


def describe(name: str) -> str:
    """The file ``name`` (one that has a size) in words, e.g. ``deal of operator 3, attempt 1``."""
    message = parse_message(name)
    if message:
        host = f", handed on by operator {message.host}" if message.host else ""
        return f"{message.round_name} of operator {message.share_index}{host}, attempt {message.attempt}"
    if name.startswith((ACTIVATION, DRILLS, KEYS, MEASURED, READINESS)):
        return f"statement {name.partition('/')[2]}"
    *folders, file = name.split("/")
    stem = file.partition(".")[0]
    return f"approval of operator {stem}" if folders else stem.replace("-", " ")


class Content(NamedTuple):
    """What a store is of.

    :param max_size: function of a name, see :func:`max_size`
    :param describe: function of a name that has a size: what it is in words
    :param max_folders: most folders that a file is in
    :param mode: of its files in a directory
    :param variable: what names a store of it, with one of the ``schemes``; ``wanted`` says how
    """

    max_size: Callable[[str], int | None]
    describe: Callable[[str], str]
    max_folders: int
    mode: int
    variable: str
    schemes: tuple[str, ...]
    wanted: str


OF_CEREMONY = Content(
    *(max_size, describe, MAX_FOLDERS, 0o644, "dv_store"),
    schemes=("", "bundle", "git", "sftp"),
    wanted="a path, or a name that begins with bundle:, git+ssh://, git+https://, git+file:// or sftp://",
)
#: Ciphertext, and still nobody else's matter.
OF_BACKUPS = Content(
    *(backups.max_size, str, 0, 0o600, "dv_backup_dest"),
    schemes=("", "sftp"),
    wanted="a path, or a name that begins with sftp://",
)
