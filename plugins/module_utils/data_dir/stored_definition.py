# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The definition that lies in a node's data directory, by itself or in the lock."""

from __future__ import annotations

from ..cluster.definition import Definition
from ..encoding import go_json
from ..encoding.json_fields import lookup
from .layout import DEFINITION, LOCK, DataDir


def definition(data_dir: DataDir) -> Definition | None:
    """The :class:`~.definition.Definition` in ``cluster-definition.json``, as it is spelled there; ``None`` where there is none.

    :raises DvError: it is not one, or cannot be read
    """
    content = data_dir.read(DEFINITION)
    return None if content is None else Definition.parse(content, data_dir.path(DEFINITION))


def locked_definition(data_dir: DataDir) -> Definition | None:
    """The :class:`~.definition.Definition` in ``cluster-lock.json``; ``None`` where there is none.

    Nothing else of the lock is read: what we write was verified before.

    :raises DvError: it has none, or cannot be read
    """
    content, path = data_dir.read(LOCK), data_dir.path(LOCK)
    return None if content is None else Definition.parse(lookup(go_json.loads(content, path), "cluster_definition", path), path)
