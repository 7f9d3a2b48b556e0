# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries the messages of the DKG between the store and a node. The process that the first round left there is asked for the next."""

import json
import shlex

from ansible.errors import AnsibleError
from ansible_collections.obol.dv.plugins.module_utils.cluster.store_names import DKG
from ansible_collections.obol.dv.plugins.plugin_utils import answers
from ansible_collections.obol.dv.plugins.plugin_utils.carrier import Carrier

#: Connections that hand on what is given to a command on its standard input.
_WITH_INPUT = ("local", "ssh")
#: Takes the arguments from its standard input to a socket, and prints the answer.
_CLIENT = """
import socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
connection.sendall(sys.stdin.buffer.read())
connection.shutdown(socket.SHUT_WR)
while part := connection.recv(2**20):
    sys.stdout.buffer.write(part)
"""


class ActionModule(Carrier):
    """See the module of the same name."""

    BRINGS = TAKES = (DKG,)

    def _answer(self, arguments, task_vars):
        process = arguments.pop("process", None)
        if self._connection.transport not in _WITH_INPUT:
            arguments["stay"] = False
        answer = self._ask(process, arguments) if process and not self._task.check_mode else None
        if answer is None:
            return super()._answer(arguments, task_vars)
        if answer.get("state") == "waiting":
            answer["process"] = process
        return answer

    def _ask(self, process, arguments):
        """The answer of the ``process`` (dict, see :func:`.resident.start`) to ``arguments``; None where none comes."""
        command = shlex.join([process["python"], "-I", "-S", "-c", _CLIENT, process["socket"]])
        try:
            done = self._low_level_execute_command(command, in_data=json.dumps({**arguments, "stay": False}).encode())
        except AnsibleError:
            return None
        if done["rc"] != 0:
            return None
        try:
            return answers.check(json.loads(answers.only_answer(done["stdout"])))
        except ValueError:
            return None
