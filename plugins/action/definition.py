# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries the proposal and all approvals, or a definition, to a node; the definition back to the store."""

from ansible_collections.obol.dv.plugins.module_utils.cluster.store_names import APPROVALS, PROPOSAL
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DEFINITION
from ansible_collections.obol.dv.plugins.plugin_utils.waiting_carrier import WaitingCarrier


class ActionModule(WaitingCarrier):
    """See the module of the same name."""

    BRINGS = (PROPOSAL, APPROVALS, DEFINITION)
    TAKES = (DEFINITION,)
    WAITS = ("approval",)
