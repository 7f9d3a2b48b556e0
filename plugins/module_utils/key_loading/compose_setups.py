# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A compose setup around a data directory: what starts with it may read the key shares where they are."""

from __future__ import annotations

import os

from ..data_dir.layout import KEYS, DataDir
from ..storage import files
from .target import Target

_FILES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
# From .charon/cluster/node0, as Obol's setup for a whole cluster has it.
_LEVELS = 3


def warnings(data_dir: DataDir, target: Target) -> list[str]:
    """That a client of such a setup would load them a second time, where they go to another ``target``."""
    directory = os.path.realpath(data_dir.root)
    for _level in range(_LEVELS):
        directory = os.path.dirname(directory)
        found = [path for path in (os.path.join(directory, name) for name in _FILES) if files.exists(path)]
        if found and not target.in_place:
            return [
                f"{found[0]} lies beside the data directory: a validator client in it that reads {data_dir.path(KEYS)} would have the same "
                f"key shares as {target}, which gets validators slashed. See that none is started with it"
            ]
    return []
