# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A carrier that stays: it looks into the store until the others have done their part, and takes what is new to the node each time."""

from __future__ import annotations

import time

from ansible_collections.obol.dv.plugins.plugin_utils import progress
from ansible_collections.obol.dv.plugins.plugin_utils.carrier import Carrier
from ansible_collections.obol.dv.plugins.plugin_utils.waiting import Pace, check_all_at_once, seconds


class WaitingCarrier(Carrier):
    """With the argument ``wait`` (see :func:`.waiting.seconds`), which the module does not get, it goes on until the node waits no more
    or the time is over. Between two looks the store is closed, and nothing runs on the node.
    """

    #: The steps in which a node waits for nodes of other runs.
    WAITS: tuple[str | None, ...] = ()

    def _work(self, arguments, result, task_vars):
        limit = seconds(arguments.pop("wait", 0))
        if limit:
            check_all_at_once(task_vars, self._task.throttle)
        begun = time.monotonic()
        super()._work(arguments, result, task_vars)
        took = time.monotonic() - begun
        if not self._task.check_mode and self._waits(result):
            if limit and _some_are_elsewhere(result, arguments, task_vars):
                self._wait(Pace(limit), arguments, result, task_vars)
            elif took >= progress.LONG:
                progress.tell(task_vars["inventory_hostname"], result, took)

    def _waits(self, result):
        return (
            not result.get("failed") and result.get("state") == "waiting" and not result.get("ready") and result.get("step") in self.WAITS
        )

    def _wait(self, pace, arguments, result, task_vars):
        told = None
        while self._waits(result):
            status = result.get("step"), result.get("waiting_for")
            # Only what a node does of its own counts: who fills the store has it looked at no sooner.
            if status != told:
                told = status
                pace.quicken()
                progress.tell(task_vars["inventory_hostname"], result, left=pace.left())
            if not pace.pause():
                return
            with self._open_store(arguments) as store:
                if self._has_news(store, arguments, result):
                    task_vars = self._carry_on(store, arguments, result, task_vars)

    def _has_news(self, store, arguments, result):
        """Whether the store holds a file that was neither brought to the node nor came from it."""
        known = {*arguments["inbox"], *result["stored"]}
        settled = tuple(result.get("settled") or ())
        return any(name.startswith(self.BRINGS) and not name.startswith(settled) and name not in known for name in store.list())

    def _carry_on(self, store, arguments, result, task_vars):
        """Carry once more: ``result`` tells what came of it, and of all that was done before. The variables of the task after it."""
        before = dict(result)
        if "settled" in before:
            arguments["settled"] = before["settled"]
        facts = before.get("ansible_facts") or {}
        task_vars = {**task_vars, "ansible_facts": {**(task_vars.get("ansible_facts") or {}), **facts}}
        result.clear()
        try:
            self._carry(store, arguments, result, task_vars)
        finally:
            result["changed"] = bool(before["changed"] or result.get("changed"))
            result["stored"] = sorted({*before["stored"], *result.get("stored", ())})
            result["ansible_facts"] = {**facts, **result.get("ansible_facts", {})}
        return task_vars


def _some_are_elsewhere(result, arguments, task_vars):
    """Whether some of the cluster's operators have no node in this run: those that have one have done what they can."""
    terms = arguments.get("terms")
    operators = result.get("operators") or (terms.get("operators") if isinstance(terms, dict) else None) or ()
    clusters = {host: task_vars["hostvars"][host].get("dv_cluster") for host in task_vars["ansible_play_hosts_all"]}
    return len(operators) > list(clusters.values()).count(clusters[task_vars["inventory_hostname"]])
