# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An action plugin that runs the module of the same name on the node, and takes from its answer only what modules of ours answer.

The first module of a run that is started on a node leaves a process there, which answers for the next ones: see :mod:`.resident`.
"""

import json
import shlex

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.plugin_utils import answers

#: The fact of a node that names the process that was left there.
PROCESS = "obol_dv_process"
#: Ansible's directory for this run: facts may be kept for longer.
_RUN = C.DEFAULT_LOCAL_TMP
#: Connections that hand on what a command is given on its standard input.
_WITH_INPUT = ("local", "ssh")
#: Takes the question from its standard input, which no terminal ends, to the process, if that is of the same user, and prints the answer
#: when it has all of it: the process waits for no slow connection. ``_socket`` is what ``socket`` is made of: to load all of that takes as
#: long as everything else here. It is one line: a C shell takes no more in quotes.
_CLIENT = "; ".join(
    (
        "import _socket, os, sys",
        "sys.stdin.isatty() and sys.exit(1)",
        "process = _socket.socket(_socket.AF_UNIX)",
        "process.connect(sys.argv[1])",
        "user = process.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)[4:8]",
        "int.from_bytes(user, sys.byteorder) == os.geteuid() or sys.exit(1)",
        "process.sendall(sys.stdin.buffer.read())",
        "process.shutdown(_socket.SHUT_WR)",
        'sys.stdout.buffer.write(b"".join(iter(lambda: process.recv(2**20), b"")))',
    )
)


class NodeModule(ActionBase):
    """Runs the module as it is; a subclass may give it more, and use what it answers."""

    _requires_connection = True
    _supports_check_mode = True

    #: Whether this is the last that is asked of a node in a run.
    LAST = False

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        try:
            self._work(dict(self._task.args), result, task_vars)
        except DvError as error:
            result.update(failed=True, msg=str(error))
        return result

    def _work(self, arguments, result, task_vars):
        """Do what the task is for, with its ``arguments`` (dict): ``result`` (dict) tells of it.

        :raises DvError: the task fails
        """
        result.update(self._answer(arguments, task_vars))
        # Nobody takes any files.
        result.pop("outbox", None)

    def _parse_returned_data(self, res, profile):
        return super()._parse_returned_data({**res, "stdout": answers.only_answer(res["stdout"])}, profile)

    def _answer(self, arguments, task_vars):
        """The answer of the module to ``arguments`` (dict), see :func:`.answers.check`. That drops the arguments too, which hold whole
        messages and, by mistake, secret keys: they have no place in a log of the run.

        :raises DvError: no module of ours answers so
        """
        answer = self._ask(arguments, task_vars) or self._start(arguments, task_vars)
        answer.pop("process", None)
        return answer

    def _ask(self, arguments, task_vars):
        """The answer (dict) of the process that an earlier module of this run left on the node, or None where none comes."""
        process = _left_in(task_vars)
        if not process or process["way"] != self._way() or not self._is_for_process():
            return None
        module = self._task.action.rpartition(".")[2]
        question = dict(module=module, params=dict(arguments), check_mode=self._task.check_mode, last=self.LAST)
        command = shlex.join([process["python"], "-I", "-S", "-c", _CLIENT, process["socket"]])
        try:
            done = self._low_level_execute_command(command, in_data=json.dumps(question).encode())
            answer = json.loads(answers.only_answer(done["stdout"])) if done["rc"] == 0 else None
        except (AnsibleError, RecursionError, TypeError, ValueError):
            # Starting the module tells what is wrong, or takes an argument that JSON has not, such as a date.
            return None
        return answers.check(answer) if isinstance(answer, dict) else None

    def _way(self):
        """How Ansible gets to where the task works: the path of a program that one node tells is run on no other machine."""
        return [self._connection.transport, self._play_context.remote_addr]

    def _is_for_process(self):
        """Whether a process that stays may answer in the place of a module that is started: it would do it on the same node, in the same
        environment, and a command there is given what comes for its standard input."""
        if self._task.delegate_to or self._compute_environment_string():
            return False
        connection, become = self._connection, self._connection.become
        if connection.transport not in _WITH_INPUT or become and not become.pipelining:
            return False
        # Without pipelining, what asks for a password is given a terminal here.
        return connection.transport != "local" or not become or connection.is_pipelining_enabled()

    def _start(self, arguments, task_vars):
        """The answer of the module, started anew. It leaves a process once in a run: where that does not answer, or in a loop, whose
        items know nothing of each other, there would be more and more of them."""
        stay = not self.LAST and not self._task.loop and not _left_in(task_vars) and self._is_for_process()
        try:
            answer = self._execute_module(module_args={**arguments, "stay": stay}, task_vars=task_vars)
        except (AttributeError, RecursionError, TypeError):
            # Ansible takes its own part of an answer as it comes, whatever it is.
            raise answers.unreadable() from None
        answer = answers.check(answer)
        # What Ansible found, and what we left, here on the control node: without it each task would look for a Python, and start it, again.
        facts = {self._discovered_interpreter_key: self._discovered_interpreter} if self._discovered_interpreter_key else {}
        if stay and answer.get("process"):
            facts[PROCESS] = {**answer["process"], "way": self._way(), "run": _RUN}
        if facts:
            answer["ansible_facts"] = facts
        return answer


def _left_in(task_vars):
    """The process that was left on the node in this run, as its fact has it (dict), or None."""
    process = ((task_vars or {}).get("ansible_facts") or {}).get(PROCESS)
    return process if isinstance(process, dict) and process.get("run") == _RUN else None
