# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Has a node measure how it reaches the others, and what it runs. The store takes what it measured, and brings what others did."""

import contextlib
import time

from ansible_collections.obol.dv.plugins.module_utils.cluster.store_names import DRILLS, MEASURED, readiness_made
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.plugin_utils import answers, copies
from ansible_collections.obol.dv.plugins.plugin_utils.node_module import NodeModule
from ansible_collections.obol.dv.plugins.plugin_utils.stores.registry import open_store


class ActionModule(NodeModule):
    """See the module of the same name."""

    def _work(self, arguments, result, task_vars):
        with open_store(arguments["store"], arguments.get("store_options")) as store:
            arguments["inbox"] = _BRINGS.get(arguments.get("step"), lambda _store, _arguments: {})(store, arguments)
            answer = self._answer(arguments, task_vars)
            outbox = answers.outbox(answer, readiness_made)
            if "p2p_address" in answer:
                # The others go there: it is what the inventory says, whatever the node does.
                answer["p2p_address"] = arguments.get("p2p_address", "")
            if not self._task.check_mode:
                store.put(outbox)
        result.update(answer)


def _drills(store, arguments):
    """The statements of drills, as they lie in the store, and beside the copies of the node's backups."""
    # What cannot be looked into is no place of a backup.
    with contextlib.suppress(DvError), copies.open_copies(arguments) or contextlib.nullcontext() as there:
        if there:
            arguments["statements"] = copies.statements(there)
    return store.get_all((DRILLS,))


def _measured(store, arguments):
    """What was measured not too long ago, by its name."""
    since = time.time() - 60 * int(arguments.get("max_age", 60))
    names = tuple(name for name in store.list() if name.startswith(MEASURED) and (readiness_made(name) or 0) > since)
    return store.get_all(names) if names else {}


_BRINGS = {"measure": _drills, "judge": _measured}
