# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes what was measured of each cluster of the run, and fails where one is not ready."""

import os

from ansible import constants, context
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError, printable
from ansible_collections.obol.dv.plugins.modules.readiness_report import ARGUMENT_SPEC
from ansible_collections.obol.dv.plugins.plugin_utils.rerun_command import CommandLine
from ansible_collections.obol.dv.plugins.plugin_utils.run_status import document, registered


class ActionModule(ActionBase):
    """See the module of the same name."""

    BYPASS_HOST_LOOP = True
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        # With what draws it, which no other task of a run needs.
        from ansible_collections.obol.dv.plugins.plugin_utils.readiness import report, report_files

        result = super().run(tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(ARGUMENT_SPEC)
        hosts, hostvars = task_vars["ansible_play_hosts_all"], task_vars["hostvars"]
        nodes = {host: dict(cluster=hostvars[host]["dv_cluster"], data_dir="", results=registered(hostvars[host])) for host in hosts}
        judged = report_files.worst(nodes)
        known = document(nodes, CommandLine(context.CLIARGS, constants.DEFAULT_HOST_LIST, hosts))["clusters"]
        dest, reports = os.path.abspath(os.path.expanduser(arguments["dest"])), {}
        try:
            for name, judgement in judged.items():
                if not self._task.check_mode:
                    reports[name] = report_files.write(os.path.join(dest, name), judgement, _facts(judgement, known.get(name)))
        except DvError as error:
            return dict(result, failed=True, msg=str(error))
        for name, path in reports.items():
            Display().display(printable(f"  report of {name}: {path}"))
        if reports and report.missing():
            Display().warning(report.missing())
        unready = sorted(name for name, judgement in judged.items() if not judgement["passed"])
        if unready:
            result.update(failed=True, msg=f"not ready: {', '.join(unready)}; the summary says why, and what to do")
        return dict(result, changed=False, reports=reports)


def _facts(judgement, cluster):
    """What is known of a cluster, as the report shows it."""
    cluster = cluster or dict(nodes={}, terms=None, operators=[], validators=None)
    nodes, terms = cluster["nodes"].values(), cluster["terms"] or {}
    plans = [node["deposits"] for node in nodes if node["deposits"]]
    kinds = {each["address"]: each["kind"] for plan in plans for each in plan["withdrawal"]}
    return dict(
        name=judgement["cluster"],
        network=judgement["network"],
        lock_hash=judgement["lock_hash"],
        **{key: next((node[key] for node in nodes if node[key]), None) for key in ("config_hash", "definition_hash")},
        threshold=terms.get("threshold"),
        operators=cluster["operators"],
        withdrawal=[dict(address=address, kind=kinds.get(address, "")) for address in terms.get("withdrawal_addresses", ())],
        fee_recipients=terms.get("fee_recipient_addresses"),
        creator=terms.get("creator"),
        validators=cluster["validators"],
        deposits=plans[0]["payer"] if plans else None,
        versions=None,
    )
