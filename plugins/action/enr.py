# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes a node's ENR private key, and tells its ENR."""

from ansible_collections.obol.dv.plugins.plugin_utils.node_module import NodeModule


class ActionModule(NodeModule):
    """See the module of the same name."""
