# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries all that the store holds of a ceremony to a node, to be looked at."""

from ansible_collections.obol.dv.plugins.module_utils.cluster.store_names import APPROVALS, DKG, PROPOSAL
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DEFINITION
from ansible_collections.obol.dv.plugins.plugin_utils.carrier import Carrier
from ansible_collections.obol.dv.plugins.plugin_utils.copies import WithBackupCopies


class ActionModule(WithBackupCopies, Carrier):
    """See the module of the same name."""

    BRINGS = (PROPOSAL, APPROVALS, DEFINITION, DKG)
    LAST = True
