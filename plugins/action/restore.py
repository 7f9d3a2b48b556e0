# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restores a node, and brings the newest of the copies of its backups where none is named."""

import contextlib

from ansible_collections.obol.dv.plugins.module_utils.backup import backups
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.plugin_utils import copies
from ansible_collections.obol.dv.plugins.plugin_utils.node_module import NodeModule


class ActionModule(NodeModule):
    """See the module of the same name."""

    LAST = True

    def _work(self, arguments, result, task_vars):
        arguments["inbox"] = {} if arguments.get("archive") else self._newest(arguments)
        super()._work(arguments, result, task_vars)

    @staticmethod
    def _newest(arguments):
        """Archive and record of the newest copy, name to text; nothing where there are no copies."""
        with copies.open_copies(arguments) or contextlib.nullcontext() as store:
            found = copies.records(store) if store else []
            if not found:
                return {}
            nodes = {record.peer_id for record in found}
            if len(nodes) > 1:
                raise DvError(f"{store} holds backups of {len(nodes)} nodes", "those of one", "name the .age file (dv_restore_archive)")
            backups.check_newest(found, arguments.get("parts"))
            record = found[-1]
            return {record.name: copies.archive(store, record), backups.record_name(record.name): record.dump().decode()}
