# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies the files that one store has and another lacks, on the control node."""

from ansible.plugins.action import ActionBase
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.modules.store_copy import ARGUMENT_SPEC
from ansible_collections.obol.dv.plugins.plugin_utils.stores.registry import open_store


class ActionModule(ActionBase):
    """See the module of the same name."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(ARGUMENT_SPEC)
        try:
            with (
                open_store(arguments["src"], arguments["src_options"]) as source,
                open_store(arguments["dest"], arguments["dest_options"]) as destination,
            ):
                if self._task.check_mode:
                    available = source.list()
                    copied = sorted(set(available).difference(destination.list()))
                else:
                    available = source.get_all(("",))
                    copied = destination.put(available)
                counts = dict(copied=copied, found=len(available), src=str(source), dest=str(destination))
        except DvError as error:
            return dict(result, failed=True, msg=str(error))
        return dict(result, **counts, changed=bool(copied), msg=_message(**counts))


def _message(copied, found, src, dest):
    """What was copied, for people. Nothing in the source is no error: so an air-gapped operator's first stick comes."""
    if not found:
        return f"{src} is empty: it has no files of this cluster's ceremony"
    return f"{len(copied)} of the {found} files in {src} were new to {dest}"
