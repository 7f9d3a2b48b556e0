# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Has deposits paid by a node. The store brings what the operators have stated, and takes what this one is going to pay before anything is
sent; waits for blocks that are final."""

from ansible.errors import AnsiblePromptInterrupt, AnsiblePromptNoninteractive
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.utils.display import Display
from ansible_collections.obol.dv.plugins.module_utils.cluster.store_names import ACTIVATION, DRILLS, KEYS, READINESS, is_about_activation
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError, printable, raise_all
from ansible_collections.obol.dv.plugins.plugin_utils import answers, progress
from ansible_collections.obol.dv.plugins.plugin_utils.node_module import NodeModule
from ansible_collections.obol.dv.plugins.plugin_utils.stores.registry import open_store
from ansible_collections.obol.dv.plugins.plugin_utils.summary import deposit_lines
from ansible_collections.obol.dv.plugins.plugin_utils.variable_names import misspelled, names_in_run
from ansible_collections.obol.dv.plugins.plugin_utils.waiting import Pace, seconds

# Where nothing more is to be done, or not by this run.
_ENDS = ("final", "unconfirmed")
# How often a node says what it is going to pay, where others do so at the same time.
_ATTEMPTS = 5
# How often in a row it may fail while it waits.
_FAILURES = 4
# By which of its variables a node pays.
_PAYERS = ("dv_activate_wallet_file", "dv_activate_wallet_url", "dv_activate_unsigned_file", "dv_activate_safe")
# How much of the hash is typed.
_TYPED = 8


class ActionModule(NodeModule):
    """See the module of the same name."""

    def _work(self, arguments, result, task_vars):
        # A slip on any node of the run may keep it from paying, or have another one pay something else.
        raise_all(misspelled([*arguments.pop("variables", ()), *names_in_run(task_vars)]))
        if not self._pays(boolean(arguments.pop("pays", True)), task_vars):
            result["skipped"] = True
            return
        unverified = arguments.pop("unverified", None)
        if unverified:
            raise DvError(
                f"guard lock: {', '.join(unverified)} of this run does not hold, verified, the same lock as this node",
                "every node of the run",
                "the verification there says what is wrong; or leave it out with --limit",
            )
        pace = Pace(seconds(arguments.pop("wait", 0), "dv_activate_wait"))
        changed, told, failures, sent, done = False, None, 0, [], ""
        while True:
            with open_store(arguments["store"], arguments.get("store_options")) as store:
                answer = self._step(arguments, task_vars, store)
            sent += answer.get("sent", ())
            done += answer["diff"]["after"] if answer.get("changed") and "diff" in answer else ""
            failures = failures + 1 if answer.get("failed") else 0
            if told is not None and 0 < failures < _FAILURES and pace.pause():
                # While it waits, a client may be started again.
                continue
            changed = changed or bool(answer.get("changed"))
            if changed:
                # Once in a run: each time it costs more.
                arguments["bump"] = False
            result.update(answer, changed=changed, sent=sent)
            if done:
                result["diff"] = dict(before="", after=done)
            if answer.get("state") == "unconfirmed" and not self._task.check_mode and self._is_confirmed(answer, task_vars):
                arguments["confirm"] = answer["plan"]
                continue
            # What people have to sign takes longer than a run.
            people = answer.get("state") == "waiting" and (arguments.get("unsigned_file") or arguments.get("safe"))
            if answer.get("failed"):
                self._show_diff(done, task_vars)
                return
            if self._task.check_mode or answer.get("state") in _ENDS or people:
                return
            if told != answer.get("detail"):
                told = answer.get("detail")
                progress.say(task_vars["inventory_hostname"], told or "waits", pace.left())
            if not pace.pause():
                return

    @staticmethod
    def _pays(pays, task_vars):
        """Whether this node pays.

        :raises DvError: none of the run does
        """
        others = (task_vars["hostvars"][host] for host in task_vars["ansible_play_hosts_all"])
        if not pays and not any(variables.get(name) for variables in others for name in _PAYERS):
            raise DvError(
                "no node of this run pays", f"one that has {', '.join(_PAYERS[:-1])} or {_PAYERS[-1]}", "set it beside the node that pays"
            )
        return pays

    def _show_diff(self, done, task_vars):
        """Of a task that failed Ansible shows none."""
        for line in done.splitlines() if self._task.diff else ():
            progress.say(task_vars["inventory_hostname"], f"+{line}")

    @staticmethod
    def _is_confirmed(answer, task_vars):
        """Whether somebody who sits there wants it paid: then the plan is shown, and how its hash begins has to be typed."""
        beginning = answer["plan"][:_TYPED]
        shown = "\n".join(deposit_lines(task_vars["inventory_hostname"], answer))
        question = f"\n{printable(shown, lines=True)}\n\n  Type {beginning}, how the hash of the plan begins, to have it paid; anything else pays nothing."
        try:
            typed = Display().prompt_until(question)
        except (AnsiblePromptInterrupt, AnsiblePromptNoninteractive):
            return False
        if not isinstance(typed, bytes):
            return False
        is_right = typed.strip().decode("ascii", "replace") == beginning
        if not is_right:
            Display().display("  That was not it: nothing is paid.", stderr=True)
        return is_right

    def _step(self, arguments, task_vars, store):
        """What the module answers; where it has something to say first, after that is said."""
        changed, refused = False, None
        for _attempt in range(_ATTEMPTS):
            arguments["inbox"] = store.get_all((ACTIVATION, DRILLS, KEYS, READINESS))
            answer = self._answer(arguments, task_vars)
            outbox = answers.outbox(answer, is_about_activation)
            changed = changed or bool(answer.get("changed"))
            if not outbox or answer.get("failed") or self._task.check_mode:
                return dict(answer, changed=changed)
            try:
                store.put(outbox)
            except DvError as error:
                # Another operator may have taken that number: what it says decides.
                refused = error
        raise refused or DvError(f"the store {store} does not give what this node put there", "its claim", "see who else writes there")
