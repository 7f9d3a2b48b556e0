# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of the definition that a node has accepted: ``<data dir>/ceremony/accepted.json``."""

import os

from . import files, gojson
from .data_dir import CEREMONY
from .errors import DvError
from .records import lookup

FILE = CEREMONY + "/accepted.json"


def read(data_dir):
    """The hash (32 bytes) of the definition that this node has accepted, or ``None``.

    :raises DvError: the record is damaged
    """
    path = os.path.join(data_dir, FILE)
    content = files.read_if_exists(path, 4096)
    if content is None:
        return None
    found = gojson.from_hex(lookup(gojson.loads(content, path), "definition_hash", path), 32, path)
    if not found:
        raise DvError("%s names no definition" % path, "a definition_hash of 32 bytes", "restore it from a backup")
    return found


def write(data_dir, definition_hash):
    """Record that this node has accepted the definition with that hash (32 bytes). True if it was not recorded yet."""
    path = os.path.join(data_dir, FILE)
    files.make_directory(os.path.dirname(path))
    return files.write_same(path, gojson.dumps({"definition_hash": gojson.to_hex(definition_hash)}).encode())
