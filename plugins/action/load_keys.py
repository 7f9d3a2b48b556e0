# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Loads key shares into a validator client, which is asked from its node: neither token nor key share comes to the control node."""

from ansible_collections.obol.dv.plugins.plugin_utils.node_module import NodeModule


class ActionModule(NodeModule):
    """See the module of the same name."""
