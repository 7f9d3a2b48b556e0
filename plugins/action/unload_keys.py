# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Has key shares taken out of a validator client, which is asked from its node."""

from ansible_collections.obol.dv.plugins.plugin_utils.keys_module import KeysModule


class ActionModule(KeysModule):
    """See the module of the same name."""
