# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
name: group
short_description: The name of a group that has hosts in this run
version_added: 0.1.0
author: The obol.dv authors (@obol-dv)
description:
  - For the C(hosts) of a play. Of a group that is not in the inventory, or has no hosts, Ansible makes a play that does nothing,
    a warning, and success.
  - The name is returned as it is. Without a host in it the run fails before anything is done, and says what the inventory has.
options:
  _terms:
    description: The names of the groups.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Something on every node
  hosts: "{{ lookup('obol.dv.group', 'dv_nodes') }}"
  gather_facts: false
"""

RETURN = r"""
_raw:
  description: The names of the groups.
  type: list
  elements: str
"""

from ansible import context
from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.plugin_utils.clusters import check_group


class LookupModule(LookupBase):
    """See above."""

    def run(self, terms, variables=None, **kwargs):
        # A syntax check needs no inventory.
        for name in () if context.CLIARGS.get("syntax") else terms:
            try:
                # As long as the play has no hosts yet, these are all of the inventory that the run is limited to.
                check_group(name, variables["groups"], variables["ansible_play_hosts_all"], context.CLIARGS)
            except DvError as error:
                raise AnsibleLookupError(str(error)) from None
        return terms
