# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes a finished definition to the node, if one is given, and checks on the control node that the store can be used."""

from ansible_collections.obol.dv.plugins.module_utils.disk import check_directory
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.plugin_utils.carrier import Carrier
from ansible_collections.obol.dv.plugins.plugin_utils.store import DirectoryStore


class ActionModule(Carrier):
    """See the module of the same name."""

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        store = self._task.args.get("store")
        if not store:
            return result
        problems = result.setdefault("problems", [result["msg"]] if result.get("failed") else [])
        try:
            check_directory(DirectoryStore(store).path)
        except DvError as error:
            hint = "let the user of ansible-playbook write there, or set dv_store"
            problems.append("the store: %s" % DvError(error.found, error.wanted, hint))
            result.update(failed=True, msg="\n".join("- " + text for text in problems))
        return result
