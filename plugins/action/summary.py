# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints what a person wants to read at the end: one summary for each cluster of the run."""

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.obol.dv.plugins.plugin_utils.summary import summary_lines


class ActionModule(ActionBase):
    """See the module of the same name."""

    BYPASS_HOST_LOOP = True
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        clusters = {}
        for host in task_vars["ansible_play_hosts_all"]:
            found = task_vars["hostvars"][host]
            step, verified = _last_step(found), found.get("dv_verified") or {}
            clusters.setdefault(found["dv_cluster"], {})[host] = dict(
                data_dir=self._templar.template(found["dv_data_dir"]),
                peer_id=(found.get("dv_enr") or {}).get("peer_id"),
                state="failed" if step.get("failed") else step.get("state"),
                detail=step.get("detail") or ("see its error above" if step.get("failed") else None),
                backup=(found.get("dv_backup") or {}).get("copy") or (found.get("dv_backup") or {}).get("path"),
                report=verified.get("cluster") if not verified.get("failed") else None,
            )
        lines = []
        for cluster, nodes in sorted(clusters.items()):
            lines += summary_lines(cluster, nodes) + [""]
        Display().display("\n" + "\n".join(lines))
        return dict(result, changed=False, lines=lines)


def _last_step(found):
    """What the last step on a node found: the first that failed or waits for somebody."""
    steps = [found.get(name) or {} for name in ("dv_approval", "dv_definition", "dv_dkg")]
    return next((step for step in steps[:2] if step.get("failed") or "detail" in step and step["state"] == "waiting"), steps[2])
