# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries the messages of the DKG between the store and a node, until it is complete or once."""

from ansible_collections.obol.dv.plugins.module_utils.cluster.node_status import ROUNDS
from ansible_collections.obol.dv.plugins.module_utils.cluster.store_names import DKG
from ansible_collections.obol.dv.plugins.plugin_utils.waiting_carrier import WaitingCarrier


class ActionModule(WaitingCarrier):
    """See the module of the same name."""

    BRINGS = TAKES = (DKG,)
    WAITS = ROUNDS
