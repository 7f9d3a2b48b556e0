# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes a finished definition to the node, if one is given, and checks on the control node that variables have no slip in their names,
that each node is in one cluster, that no node waits for one whose turn comes after its own, that store and backups can be written there, and
that no node gets a new key while backups of its old one are there."""

import contextlib

from ansible.module_utils.common.validation import check_type_list
from ansible_collections.obol.dv.plugins.module_utils.cluster.store_names import APPROVALS, PROPOSAL
from ansible_collections.obol.dv.plugins.module_utils.errors import Collector
from ansible_collections.obol.dv.plugins.plugin_utils import copies
from ansible_collections.obol.dv.plugins.plugin_utils.carrier import Carrier
from ansible_collections.obol.dv.plugins.plugin_utils.clusters import check_cluster
from ansible_collections.obol.dv.plugins.plugin_utils.variable_names import misspelled
from ansible_collections.obol.dv.plugins.plugin_utils.waiting import check_all_at_once, seconds


class ActionModule(Carrier):
    """See the module of the same name."""

    BRINGS = (PROPOSAL, APPROVALS)

    def _work(self, arguments, result, task_vars):
        problems, slips = Collector(), []
        # What is no list the module refuses.
        with contextlib.suppress(TypeError):
            slips = [str(error) for error in misspelled(check_type_list(arguments.get("variables") or []))]
        with problems:
            check_cluster(task_vars)
        with problems:
            if seconds(arguments.pop("wait", 0)):
                check_all_at_once(task_vars)
        with problems:
            # Without the store too, the module checks what was given.
            given = arguments["inbox"] = self._given(arguments)
            with self._open_store(arguments) as store:
                store.check()
                arguments["inbox"] = self._inbox(store, arguments, given)
        if (arguments.get("backup_recipients") or arguments.get("backup_passphrase_file")) and arguments.get("dest"):
            with problems, copies.open_copies(arguments) as there:
                there.check()
        with problems:
            result.update(self._answer(arguments, task_vars))
            if "enr" in result and not result["enr"]:
                copies.check_no_key_lost(arguments)
        if result.get("unreachable"):
            slips = []
        if slips or problems.errors:
            of_node = result.get("problems", [str(result.get("msg"))] if result.get("failed") else [])
            texts = [*slips, *of_node, *map(str, problems.errors)]
            result.update(failed=True, problems=texts, msg="\n".join("- " + text for text in texts))
