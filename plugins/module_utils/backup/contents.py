# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a data directory is backed up: whatever cannot be made again, as it lies there. A directory that charon made is as good as
ours.

Never backed up are the seeds of ceremonies and what is derived from them (``seed``, ``derived/``): who has a seed and the messages,
which are public, has the node's key shares; and a node that goes on from an old seed looks like two.
"""

from __future__ import annotations

import contextlib
import os
import re
from fnmatch import fnmatchcase

from ..data_dir import key_place
from ..data_dir.layout import APPROVALS, CEREMONY, DEFINITION, DEPOSIT_DATA, FETCHED_DEPOSITS, KEYS, LOCK, NODE_KEY, OVERRIDES, DataDir
from ..errors import DvError
from ..storage import files

#: Parts of a backup -> patterns of the names below the data directory. A part can be restored alone.
PARTS = {
    "enr_private_key": (NODE_KEY,),
    # The wallet binds one ENR to its place, once: who restores the key without it could not tell. And what this node agreed to.
    "agreement": tuple(f"{CEREMONY}/{name}" for name in ("proposal.json", "approval.json", "accepted.json")) + (f"{APPROVALS}/*.json",),
    "definition": (DEFINITION,),
    "key_shares": tuple(f"{KEYS}/keystore-*.{ending}" for ending in ("json", "txt")),
    "deposit_data": (DEPOSIT_DATA, f"{FETCHED_DEPOSITS}*/{DEPOSIT_DATA}"),
    "lock": (LOCK, OVERRIDES),
    "transcript": tuple(f"{CEREMONY}/*/*/{name}" for name in ("out/*.jws", "in/*/*.jws", "evidence/*.json", "evidence/*.jws")),
    # Of a ceremony that is not over: others may complete it.
    "unfinished_key_shares": tuple(f"{CEREMONY}/*/*/keys/keystore-*.{ending}" for ending in ("json", "txt")),
}

#: Most bytes of all files together.
MAX_SIZE = 256 * 2**20

# No name that a terminal would obey, or UTF-8 cannot hold.
_NAME = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,200}")


def lacks_what_was_loaded(data_dir: DataDir) -> bool:
    """Whether the node's key shares were loaded, and are not in ``data_dir`` any more: an archive that has them is of all the node has, wherever
    they went since."""
    if data_dir.holds(KEYS):
        return False
    with contextlib.suppress(DvError):
        return key_place.read(data_dir) is not None
    return False


def part_of(name: str) -> str | None:
    """The part that a file of that name, below the data directory, belongs to; ``None`` of one that no backup has."""
    segments = name.split("/")
    if not _NAME.fullmatch(name) or {"", ".", ".."} & set(segments):
        return None
    for part, patterns in PARTS.items():
        if any(_fits(segments, pattern.split("/")) for pattern in patterns):
            return part
    return None


def read(data_dir: DataDir) -> dict[str, bytes]:
    """The content of each file that is backed up, by its name below ``data_dir``, sorted.

    :raises DvError: one cannot be read, has a strange name, or they are too many bytes
    """
    found: dict[str, bytes] = {}
    left = MAX_SIZE
    for name in sorted({name for patterns in PARTS.values() for pattern in patterns for name in _expand(data_dir, pattern)}):
        if not part_of(name):
            raise DvError(f"{data_dir.path(name)} has a name that a backup cannot hold", "one of characters that can be shown", "rename it")
        found[name] = files.read(data_dir.path(name))
        left -= len(found[name])
        if left < 0:
            raise DvError(f"{data_dir} holds more than {MAX_SIZE} bytes to back up", "no more", "move away what is not charon's")
    return found


def parts(names: list[str]) -> list[str]:
    """The parts that files of those ``names`` are of, in the order of :data:`PARTS`."""
    found = {part_of(name) for name in names}
    return [part for part in PARTS if part in found]


def _expand(data_dir: DataDir, pattern: str) -> list[str]:
    """The names below ``data_dir`` that fit ``pattern``."""
    *folders, last = pattern.split("/")
    reached = [""]
    for folder in folders:
        inside = [os.path.join(base, name) for base in reached for name in files.names(data_dir.path(base)) if fnmatchcase(name, folder)]
        reached = [each for each in inside if files.is_directory(data_dir.path(each))]
    return [os.path.join(base, name) for base in reached for name in files.names(data_dir.path(base)) if fnmatchcase(name, last)]


def _fits(segments: list[str], pattern: list[str]) -> bool:
    return len(segments) == len(pattern) and all(map(fnmatchcase, segments, pattern))
