# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backs a node up, and copies what it encrypted: to the control node, or to an SFTP server. Takes statements of drills the other way,
and tells them to the other operators through the store."""

import contextlib
import hashlib

from ansible_collections.obol.dv.plugins.module_utils.backup import backups
from ansible_collections.obol.dv.plugins.module_utils.cluster.store_names import DRILLS
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.plugin_utils import answers, copies
from ansible_collections.obol.dv.plugins.plugin_utils.node_module import NodeModule
from ansible_collections.obol.dv.plugins.plugin_utils.stores.registry import open_store


class ActionModule(NodeModule):
    """See the module of the same name."""

    def _work(self, arguments, result, task_vars):
        with copies.open_copies(arguments) or contextlib.nullcontext() as store:
            there, told = store.list() if store else [], self._told(arguments)
            # Each under its own name: whoever writes to the ceremony's store hides none of the copies.
            arguments["statements"] = {DRILLS + name: text for name, text in told.items()} | (copies.statements(store) if store else {})
            answer, outbox = self._back_up(arguments, task_vars)
            if store and answer.get("sha256") and not self._is_there(store, there, answer):
                again, outbox = self._back_up(dict(arguments, send=True), task_vars)
                answer = dict(again, changed=answer.get("changed", False)) if not again.get("failed") else again
            result.update(answer)
            result["copy"] = None
            if store and not result.get("failed"):
                self._copy(store, there, outbox, result)
            if not result.get("failed"):
                self._tell(arguments, {name: text for name, text in outbox.items() if name.endswith(".jws") and name not in told}, result)

    @staticmethod
    def _told(arguments):
        """The statements in the store of the ceremony, name to text. A backup does not wait for that to be there."""
        with contextlib.suppress(DvError):
            if arguments.get("store"):
                with open_store(arguments["store"], arguments.get("store_options")) as store:
                    return copies.statements(store, DRILLS)
        return {}

    def _tell(self, arguments, new, result):
        """Tell the other operators of drills that passed: statements that are ``new``, name to text. A name that somebody else took, or a
        store that is not there, is no reason to fail."""
        if not new or not arguments.get("store"):
            return
        try:
            with open_store(arguments["store"], arguments.get("store_options")) as store:
                there = set(store.list())
                texts = {DRILLS + name: copies.encrypted(name, text) for name, text in new.items() if DRILLS + name not in there}
                if texts and not self._task.check_mode:
                    store.put(texts)
                result["changed"] = bool(result.get("changed") or texts)
        except DvError as error:
            result.setdefault("warnings", []).append(f"no other operator is told of the drills that passed: {error}")

    def _back_up(self, arguments, task_vars):
        """The answer of the module, and the files that it sends."""
        answer = self._answer(arguments, task_vars)
        return answer, answers.outbox(answer, lambda _name: True)

    @staticmethod
    def _name(answer):
        """The name of the archive that the node answers."""
        return backups.archive_name(answer.get("peer_id"), answer["sha256"])

    def _is_there(self, store, there, answer):
        """Whether the newest archive of the node is among the copies.

        :raises DvError: another has its name
        """
        name = self._name(answer)
        of_name = backups.record_name(name)
        if not {name, of_name} <= set(there):
            return False
        # Without its record a copy does not count.
        record = backups.Record.parse(store.get(of_name).encode(), f"{store}/{of_name}")
        if (record.name, record.sha256) != (name, answer["sha256"]):
            raise backups.damaged(f"{store}/{of_name}", f"the record of {name}")
        if hashlib.sha256(store.get(name).encode()).hexdigest() != answer["sha256"]:
            raise DvError(
                f"{store}/{name} is damaged, or another: its SHA-256 is not that of the node's backup",
                answer["sha256"],
                "move it away, then run again",
            )
        return True

    def _copy(self, store, there, outbox, result):
        new = {name: copies.encrypted(name, text) for name, text in outbox.items() if name not in there}
        # A node that is broken into answers without it.
        result.setdefault("changed", False)
        if not self._task.check_mode:
            # The record last: an archive without one does not count.
            for name in sorted(new):
                result["changed"] |= bool(store.put({name: new[name]}))
        else:
            result["changed"] |= bool(new)
        if result.get("sha256"):
            name = self._name(result)
            is_there = name in there or (name in new and not self._task.check_mode)
            result["copy"] = f"{store}/{name}" if is_there else None
            if result.get("backup"):
                result["backup"]["copied"] = is_there
