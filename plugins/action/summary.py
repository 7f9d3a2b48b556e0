# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints what a person wants to read at the end: one summary for each cluster of the run; or writes it as JSON."""

import json
import os

from ansible import constants, context
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError, printable
from ansible_collections.obol.dv.plugins.module_utils.storage import files
from ansible_collections.obol.dv.plugins.modules.summary import ARGUMENT_SPEC
from ansible_collections.obol.dv.plugins.plugin_utils import answers
from ansible_collections.obol.dv.plugins.plugin_utils.rerun_command import CommandLine
from ansible_collections.obol.dv.plugins.plugin_utils.run_status import document, registered
from ansible_collections.obol.dv.plugins.plugin_utils.summary import summary_lines


class ActionModule(ActionBase):
    """See the module of the same name."""

    BYPASS_HOST_LOOP = True
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(ARGUMENT_SPEC)
        hosts, hostvars = task_vars["ansible_play_hosts_all"], task_vars["hostvars"]
        command_line = CommandLine(context.CLIARGS, constants.DEFAULT_HOST_LIST, hosts)
        nodes = {host: self._node(hostvars[host]) for host in hosts}
        status = document(nodes, command_line)
        lines = []
        for name, cluster in status["clusters"].items():
            reports = {host: nodes[host]["report"] for host in cluster["nodes"] if nodes[host]["report"]}
            lines += summary_lines(name, cluster, reports, command_line) + [""]
        # Names and details come from others, and from files that others made.
        lines, as_json = [printable(line) for line in lines], printable(json.dumps(status))
        Display().display(as_json if arguments["format"] == "json" else "\n" + "\n".join(lines))
        try:
            changed = self._write(arguments["path"], as_json)
        except DvError as error:
            return dict(result, failed=True, msg=str(error))
        return dict(result, changed=changed, lines=lines, **status)

    def _node(self, variables):
        results = registered(variables)
        return dict(
            cluster=variables["dv_cluster"],
            data_dir=self._templar.template(variables["dv_data_dir"]),
            results=results,
            report=answers.cluster(results.get("dv_verified") or {}),
        )

    def _write(self, path, text):
        """Write ``text`` to ``path`` on the control node, if there is one and it holds something else. Whether it did."""
        if not path:
            return False
        path, content = os.path.abspath(os.path.expanduser(path)), text.encode() + b"\n"
        if files.read_if_exists(path) == content:
            return False
        if not self._task.check_mode:
            files.replace(path, content, 0o644)
        return True
