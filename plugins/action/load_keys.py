# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Has key shares loaded into a validator client, which is asked from its node: neither token nor key share comes to the control node.
Brings the statements of drills that lie beside the copies of the node's backups."""

import contextlib

from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.plugin_utils import copies
from ansible_collections.obol.dv.plugins.plugin_utils.node_module import NodeModule


class ActionModule(NodeModule):
    """See the module of the same name."""

    def _work(self, arguments, result, task_vars):
        # The node has those that a backup brought there: a place that cannot be looked into has no others.
        with contextlib.suppress(DvError), copies.open_copies(arguments) or contextlib.nullcontext() as store:
            arguments["statements"] = copies.statements(store) if store else {}
        super()._work(arguments, result, task_vars)
