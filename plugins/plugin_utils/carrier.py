# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The carrier: an action plugin that takes files of the store to a node's module, and what the module gives back to the store.

It carries public files only and is trusted with nothing: modules verify all that it brings.
"""

from ansible_collections.obol.dv.plugins.module_utils.cluster.store_names import PROPOSAL, approval_name
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DEFINITION
from ansible_collections.obol.dv.plugins.module_utils.encoding import go_json
from ansible_collections.obol.dv.plugins.module_utils.encoding.json_fields import lookup
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.storage import files
from ansible_collections.obol.dv.plugins.module_utils.storage.paths import absolute
from ansible_collections.obol.dv.plugins.plugin_utils import answers
from ansible_collections.obol.dv.plugins.plugin_utils.node_module import NodeModule
from ansible_collections.obol.dv.plugins.plugin_utils.stores import names
from ansible_collections.obol.dv.plugins.plugin_utils.stores.registry import open_store


class Carrier(NodeModule):
    """Runs the module of the same name with ``inbox`` filled from the store, and puts its ``outbox`` there.

    A subclass names what it brings, and what it takes back: the beginnings of names in the store.
    """

    BRINGS: tuple[str, ...] = ()
    TAKES: tuple[str, ...] = ()

    def _work(self, arguments, result, task_vars):
        with self._open_store(arguments) as store:
            self._carry(store, arguments, result, task_vars)

    def _open_store(self, arguments):
        return open_store(arguments.get("store") or "", arguments.get("store_options"))

    def _carry(self, store, arguments, result, task_vars):
        given = self._given(arguments)
        arguments["inbox"] = self._inbox(store, arguments, given)
        answer = self._answer(arguments, task_vars)
        outbox = answers.outbox(answer, lambda name: name.startswith(self.TAKES) and names.max_size(name) is not None)
        if given and DEFINITION in store.list():
            # It is the given one, in whatever spelling: _inbox saw to that.
            outbox.pop(DEFINITION, None)
        result.update(self._awaited(store, answer))
        if not self._task.check_mode:
            result["stored"] = store.put(outbox, result.pop("handed_on", None) or ())
            result["changed"] = bool(result.get("changed") or result["stored"])

    @staticmethod
    def _awaited(store, answer):
        """The ``answer``; of a node whose turn it seems to be, since others have yet to let in what it sent, that it waits for that."""
        own = {"proposal": PROPOSAL, "approval": approval_name(answer.get("share_index") or 0)}.get(answer.get("step"))
        awaited = store.awaited(own) if own and answer.get("ready") else ""
        return dict(answer, ready=False, detail=f"{own} waits for {awaited}") if awaited else answer

    def _inbox(self, store, arguments, given):
        """What is brought, name to text. The finished definition that is :meth:`_given` stands for all else."""
        if not given:
            return store.get_all(self.BRINGS, tuple(arguments.get("settled") or ()))
        stored = store.get_all((DEFINITION,))
        if stored and _hash(stored[DEFINITION], DEFINITION) != _hash(given[DEFINITION], arguments["definition_file"]):
            raise DvError(
                f"the store {store} holds another definition than {arguments['definition_file']}",
                "the same definition, or none",
                "use the one in the store, or a new store for a new cluster",
            )
        return given

    @staticmethod
    def _given(arguments):
        """The definition in the argument ``definition_file``, name to text; nothing without one."""
        given = arguments.get("definition_file")
        path = given and absolute(given, "dv_definition_file")
        return {DEFINITION: files.read(path, names.max_size(DEFINITION)).decode("utf-8", "replace")} if path else {}


def _hash(text, what):
    """The hash that a definition states, in one spelling. The nodes hold it against what the definition says."""
    return str(lookup(go_json.loads(text, what), "definition_hash", what)).lower().removeprefix("0x")
