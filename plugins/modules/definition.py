#!/usr/bin/python
# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: definition
short_description: Put the cluster definition into a node's data directory, verified in full
version_added: 0.1.0
author: The obol.dv authors (@obol-dv)
description:
  - Puts the creator's proposal and the approvals of all operators together, verifies every hash and signature, checks
    that the result follows from what this node approved, and writes C(cluster-definition.json).
  - A definition that was made elsewhere, and lies in the store as C(cluster-definition.json), is taken as it is, once
    O(accept_definition_hash) confirms its hash.
  - Another definition in the data directory is never replaced.
extends_documentation_fragment:
  - obol.dv.attributes.diff
  - obol.dv.attributes
  - obol.dv.attributes.action
  - obol.dv.node
  - obol.dv.node.store
  - obol.dv.node.inbox
  - obol.dv.node.testnet
  - obol.dv.node.process
attributes:
  action:
    details:
      - With the argument C(wait) it waits for the approvals of the others, as M(obol.dv.dkg) does for messages.
options:
  creator:
    description: Address of the creator, if it is known. It is told as long as the proposal is missing.
    type: str
  definition_file:
    description:
      - Path on the control node of a finished definition, to use instead of proposal and approvals.
      - Needs O(accept_definition_hash).
    type: str
  accept_definition_hash:
    description:
      - The hash of the definition, confirmed by the node's operator. Needed for a definition that this node did not approve.
    type: str
"""

EXAMPLES = r"""
- name: Definition with all signatures
  obol.dv.definition:
    data_dir: /opt/charon/.charon
    store: /srv/ceremonies/my-cluster
"""

RETURN = r"""
state:
  description: V(complete), or V(waiting) for proposal or approvals, in check mode V(planned).
  returned: success
  type: str
step:
  description: V(proposal) or V(approval), the step that is not over. Null where the definition is complete.
  returned: success
  type: str
waiting_for:
  description: Share indices of the operators whose approval is missing.
  returned: success
  type: list
  elements: int
ready:
  description: Whether a run on this node would go on now.
  returned: success
  type: bool
since:
  description: When the node last did something, UTC. Null where it has done nothing.
  returned: success
  type: str
  sample: "2026-07-01T10:00:00Z"
detail:
  description: What is waited for, or where the definition is. Empty where the other values say all.
  returned: success
  type: str
config_hash:
  description: The config hash of the cluster's terms. Null as long as it is not known.
  returned: success
  type: str
definition_hash:
  description: The definition's hash. Null as long as it is not known.
  returned: success
  type: str
share_index:
  description: The node's share index. Null as long as it is not known.
  returned: success
  type: int
terms:
  description: The terms as people compare them, by the names of their variables without C(dv_). Null as long as they are not known.
  returned: always
  type: dict
operators:
  description: The operators in the order of their share index. Empty as long as they are not known.
  returned: success
  type: list
  elements: dict
  contains:
    share_index:
      description: The share index, from 1.
      type: int
      returned: always
    address:
      description: The operator's address. Null in an unsigned definition.
      type: str
      returned: always
    peer_id:
      description: The libp2p peer id of its node. Null before its approval.
      type: str
      returned: always
stored:
  description: Names of the files that were put into the store.
  returned: outside of check mode
  type: list
  elements: str
"""

from ansible_collections.obol.dv.plugins.module_utils.module_backends import registry


def main():
    registry.run("definition")


if __name__ == "__main__":
    main()
