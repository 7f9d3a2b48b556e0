# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of the definition that a node has accepted: ``<data dir>/ceremony/accepted.json``."""

from __future__ import annotations

import os
from typing import NamedTuple

from ..encoding import go_json
from ..encoding.hex import from_hex, to_hex
from ..encoding.json_fields import lookup
from ..errors import DvError
from ..storage import files
from .layout import CEREMONY, DataDir

FILE = CEREMONY + "/accepted.json"

#: What bound the definition to its operators: its hash, which this node's operator confirmed, or a binding signature by each.
BY_HASH, BY_SIGNATURES = "definition_hash", "binding_signatures"


class Accepted(NamedTuple):
    """The hash (32 bytes) of a definition, and what bound it; ``None`` in the record of an older obol.dv."""

    definition_hash: bytes
    bound_by: str | None


def read(data_dir: DataDir) -> Accepted | None:
    """The :class:`Accepted` definition of this node, or ``None``.

    :raises DvError: the record is damaged
    """
    content, path = data_dir.read(FILE, 4096), data_dir.path(FILE)
    if content is None:
        return None
    record = go_json.loads(content, path)
    found = from_hex(lookup(record, "definition_hash", path), 32, path)
    bound_by = lookup(record, "bound_by", path)
    if not found or bound_by not in (BY_HASH, BY_SIGNATURES, None):
        raise DvError(
            f"{path} does not say which definition was accepted, or what bound it",
            "a definition_hash of 32 bytes, and bound_by",
            "restore it from a backup",
        )
    return Accepted(found, bound_by)


def write(data_dir: DataDir, accepted: Accepted) -> bool:
    """Record that this node has accepted that definition (:class:`Accepted`). True if it was not recorded yet."""
    if read(data_dir) == accepted:
        return False
    path = data_dir.path(FILE)
    files.make_directory(os.path.dirname(path))
    record = {"definition_hash": to_hex(accepted.definition_hash), "bound_by": accepted.bound_by}
    files.replace(path, go_json.dumps(record).encode())
    return True
