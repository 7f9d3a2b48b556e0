# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Has key shares loaded into a validator client, which is asked from its node: neither token nor key share comes to the control node.
Brings the statements of drills that lie beside the copies of the node's backups; waits for epochs that have to pass."""

import contextlib

from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.plugin_utils import copies, progress
from ansible_collections.obol.dv.plugins.plugin_utils.keys_module import KeysModule
from ansible_collections.obol.dv.plugins.plugin_utils.waiting import Pace, seconds


class ActionModule(KeysModule):
    """See the module of the same name."""

    def _work(self, arguments, result, task_vars):
        limit = seconds(arguments.pop("wait", 0), "dv_keys_wait")
        # The node has those that a backup brought there: a place that cannot be looked into has no others.
        with contextlib.suppress(DvError), copies.open_copies(arguments) or contextlib.nullcontext() as store:
            arguments["statements"] = copies.statements(store) if store else {}
        pace, told = Pace(limit), None
        super()._work(arguments, result, task_vars)
        while limit and result.get("epochs_left") and not self._task.check_mode:
            if told != result["epochs_left"]:
                told = result["epochs_left"]
                progress.say(task_vars["inventory_hostname"], result.get("detail") or "waits", pace.left())
            if not pace.pause():
                return
            super()._work(arguments, result, task_vars)
