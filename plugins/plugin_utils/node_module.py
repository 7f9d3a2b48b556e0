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
#: Takes the question from its standard input to the process, if that is of the same user, and prints the answer. ``_socket`` is what
#: ``socket`` is made of: to load all of that takes as long as everything else here.
_CLIENT = """
import _socket, os, sys
process = _socket.socket(_socket.AF_UNIX)
process.connect(sys.argv[1])
user = process.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)[4:8]
if int.from_bytes(user, sys.byteorder) != os.geteuid():
    sys.exit(1)
process.sendall(sys.stdin.buffer.read())
process.shutdown(_socket.SHUT_WR)
while part := process.recv(2**20):
    sys.stdout.buffer.write(part)
"""


class NodeModule(ActionBase):
    """Runs the module as it is; a subclass may give it more, and use what it answers."""

    _requires_connection = True
    _supports_check_mode = True

    #: Whether this is the last that is asked of a node in a run.
    LAST = False

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        try:
            result.update(self._answer(self._task.args, task_vars))
            # Nobody takes any files.
            result.pop("outbox", None)
        except DvError as error:
            result.update(failed=True, msg=str(error))
        return result

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
        process = ((task_vars or {}).get("ansible_facts") or {}).get(PROCESS)
        if not isinstance(process, dict) or process.get("run") != _RUN or not self._hands_on_input():
            return None
        module = self._task.action.rpartition(".")[2]
        question = dict(module=module, params=dict(arguments), check_mode=self._task.check_mode, last=self.LAST)
        command = shlex.join([process["python"], "-I", "-S", "-c", _CLIENT, process["socket"]])
        try:
            done = self._low_level_execute_command(command, in_data=json.dumps(question).encode())
            answer = json.loads(answers.only_answer(done["stdout"])) if done["rc"] == 0 else None
        except (AnsibleError, ValueError, RecursionError):
            # Starting the module tells what is wrong.
            return None
        return answers.check(answer) if isinstance(answer, dict) else None

    def _hands_on_input(self):
        """Whether a command on the node is given what comes for its standard input."""
        connection, become = self._connection, self._connection.become
        if connection.transport not in _WITH_INPUT or become and not become.pipelining:
            return False
        # Without pipelining, what asks for a password is given a terminal here.
        return connection.transport != "local" or not become or connection.is_pipelining_enabled()

    def _start(self, arguments, task_vars):
        """The answer of the module, started anew."""
        stay = not self.LAST and self._hands_on_input()
        try:
            answer = self._execute_module(module_args={**arguments, "stay": stay}, task_vars=task_vars)
        except (AttributeError, RecursionError, TypeError):
            # Ansible takes its own part of an answer as it comes, whatever it is.
            raise answers.unreadable() from None
        answer = answers.check(answer)
        # What Ansible found, and what we left, here on the control node: without it each task would look for a Python, and start it, again.
        facts = {self._discovered_interpreter_key: self._discovered_interpreter} if self._discovered_interpreter_key else {}
        if answer.get("process"):
            facts[PROCESS] = {**answer["process"], "run": _RUN}
        if facts:
            answer["ansible_facts"] = facts
        return answer
