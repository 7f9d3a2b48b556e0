# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes what was measured of each cluster of the run, and fails where one is not ready."""

import os

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError, printable
from ansible_collections.obol.dv.plugins.modules.readiness_report import ARGUMENT_SPEC
from ansible_collections.obol.dv.plugins.plugin_utils import readiness_files
from ansible_collections.obol.dv.plugins.plugin_utils.run_status import registered


class ActionModule(ActionBase):
    """See the module of the same name."""

    BYPASS_HOST_LOOP = True
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(ARGUMENT_SPEC)
        hostvars = task_vars["hostvars"]
        nodes = {
            host: dict(cluster=hostvars[host]["dv_cluster"], results=registered(hostvars[host]))
            for host in task_vars["ansible_play_hosts_all"]
        }
        judged = readiness_files.worst(nodes)
        dest, reports = os.path.abspath(os.path.expanduser(arguments["dest"])), {}
        try:
            for name, judgement in judged.items():
                if not self._task.check_mode:
                    reports[name] = readiness_files.write(os.path.join(dest, name), judgement, nodes)
        except DvError as error:
            return dict(result, failed=True, msg=str(error))
        for name, path in reports.items():
            Display().display(printable(f"  report of {name}: {path}"))
        unready = sorted(name for name, judgement in judged.items() if not judgement["passed"])
        if unready:
            result.update(failed=True, msg=f"not ready: {', '.join(unready)}; the summary above says why, and what to do")
        return dict(result, changed=False, reports=reports)
