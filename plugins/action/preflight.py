# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks that the store can be used, and takes a finished definition to the node, if one is given."""

from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.disk import check_directory
from ansible_collections.obol.dv.plugins.plugin_utils.carrier import Carrier


class ActionModule(Carrier):
    """See the module of the same name."""

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        if result.get("failed"):
            result.setdefault("problems", [result["msg"]])
        return result

    def _inbox(self, store, arguments):
        try:
            check_directory(store.path)
        except DvError as error:
            hint = "let the user of ansible-playbook write there, or set dv_store"
            raise DvError("the store: %s" % error.found, error.wanted, hint) from None
        return super()._inbox(store, arguments)
