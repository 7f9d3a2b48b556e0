# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries the cluster's proposal between the store and the creator's node."""

from ansible_collections.obol.dv.plugins.module_utils.cluster.store_names import PROPOSAL
from ansible_collections.obol.dv.plugins.plugin_utils.carrier import Carrier


class ActionModule(Carrier):
    """See the module of the same name."""

    BRINGS = TAKES = (PROPOSAL,)
