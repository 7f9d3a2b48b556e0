# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An action plugin that runs the module of the same name on the node, and takes from its answer only what modules of ours answer."""

from ansible.plugins.action import ActionBase
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.plugin_utils import answers


class NodeModule(ActionBase):
    """Runs the module as it is; a subclass may give it more, and use what it answers."""

    _requires_connection = True
    _supports_check_mode = True

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
        try:
            answer = self._execute_module(module_args=arguments, task_vars=task_vars)
        except (AttributeError, RecursionError, TypeError):
            # Ansible takes its own part of an answer as it comes, whatever it is.
            raise answers.unreadable() from None
        answer = answers.check(answer)
        if self._discovered_interpreter_key:
            # Ansible's own finding, here on the control node: without it each task would look for a Python again.
            answer["ansible_facts"] = {self._discovered_interpreter_key: self._discovered_interpreter}
        return answer
