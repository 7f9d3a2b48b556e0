# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An action plugin about a node's key shares, which are asked for and sent on the node alone. The store brings what the nodes state about
them, and takes what this one states."""

from ansible_collections.obol.dv.plugins.module_utils.cluster.store_names import KEYS, is_about_keys
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.plugin_utils import answers
from ansible_collections.obol.dv.plugins.plugin_utils.node_module import NodeModule
from ansible_collections.obol.dv.plugins.plugin_utils.stores.registry import open_store


class KeysModule(NodeModule):
    """Runs the module of the same name with ``inbox`` filled. A store that is not there is no reason to leave key shares where they are."""

    def _work(self, arguments, result, task_vars):
        unready = arguments.pop("unready", None)
        if unready:
            detail = f"{', '.join(unready)} of this cluster cannot take the key shares, as is said there. To go without: --limit"
            result.update(changed=False, state="waiting", detail=detail)
            return
        warnings = []
        try:
            arguments["inbox"] = self._with_store(arguments, lambda store: store.get_all((KEYS,)), {})
        except DvError as error:
            arguments["inbox"] = {}
            warnings.append(f"what other machines state about key shares is not known: {error}")
        answer = self._answer(arguments, task_vars)
        outbox = answers.outbox(answer, is_about_keys)
        new = {name: text for name, text in outbox.items() if arguments["inbox"].get(name) != text}
        if new and not warnings and not answer.get("failed"):
            try:
                if not self._task.check_mode:
                    self._with_store(arguments, lambda store: store.put(new), None)
                answer["changed"] = bool(answer.get("changed") or arguments.get("store"))
            except DvError as error:
                warnings.append(f"no other operator is told where the key shares are: {error}")
        result.update(answer)
        result["warnings"] = [*result.get("warnings", ()), *warnings]

    @staticmethod
    def _with_store(arguments, function, without):
        """What ``function`` of the store returns that the task names, or ``without`` one."""
        if not arguments.get("store"):
            return without
        with open_store(arguments["store"], arguments.get("store_options")) as store:
            return function(store)
