# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries all that the store holds of a ceremony to a node, to be looked at, and what is known of the copies of its backups."""

import contextlib

from ansible_collections.obol.dv.plugins.module_utils.cluster.store_names import APPROVALS, DKG, DRILLS, KEYS, PROPOSAL
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DEFINITION
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.plugin_utils import copies
from ansible_collections.obol.dv.plugins.plugin_utils.carrier import Carrier


class ActionModule(Carrier):
    """See the module of the same name."""

    BRINGS = (PROPOSAL, APPROVALS, DEFINITION, DKG, DRILLS, KEYS)
    LAST = True

    def _carry(self, store, arguments, result, task_vars):
        # What cannot be looked into is no place of a backup, and an error only where one is to be made.
        with contextlib.suppress(DvError), copies.open_copies(arguments) or contextlib.nullcontext() as there:
            if there:
                arguments.update(copies=copies.newest(there), statements=copies.statements(there))
        super()._carry(store, arguments, result, task_vars)
