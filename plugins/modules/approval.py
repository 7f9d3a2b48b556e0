#!/usr/bin/python
# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: approval
short_description: Approve a cluster's proposal with the operator's wallet
version_added: 0.1.0
author: The obol.dv authors (@obol-dv)
description:
  - Checks the proposal, holds its terms against O(terms) and the node's own policy, and signs its config hash and the node's
    ENR with the operator's wallet (EIP-712).
  - What was approved is recorded in the data directory, C(ceremony/approval.json). The DKG starts only for a definition
    that follows from it. A node approves one cluster, with one ENR.
  - Without a policy the node signs only what O(accept_config_hash) confirms.
extends_documentation_fragment:
  - obol.dv.attributes
  - obol.dv.attributes.action
  - obol.dv.node
  - obol.dv.node.hazards
  - obol.dv.node.wallet
  - obol.dv.node.store
  - obol.dv.node.inbox
  - obol.dv.node.testnet
  - obol.dv.node.process
attributes:
  action:
    details:
      - With the argument C(wait) it waits for the proposal, as M(obol.dv.dkg) does for messages.
options:
  operator_address:
    description: Address of the node's operator. Left out, the wallet tells it.
    type: str
  share_index:
    description: The node's share index. Needed only where several operators share the address.
    type: int
  terms:
    description:
      - The terms that the operator expects, as in M(obol.dv.proposal). A proposal with others is not signed, each difference is told.
    type: dict
  policy_file:
    description: Path of the node's policy. If there is such a file it decides.
    type: path
    required: true
  accept_config_hash:
    description: The config hash that the node's operator has looked at and agrees to.
    type: str
"""

EXAMPLES = r"""
- name: Approval of the operator
  obol.dv.approval:
    data_dir: /opt/charon/.charon
    store: /srv/ceremonies/my-cluster
    operator_address: "0x931AFf2A828f6A2dea1f6026cBD03cA6716814AD"
    wallet_file: /opt/charon/wallet.json
    wallet_password_file: /opt/charon/wallet-password.txt
    policy_file: /opt/charon/policy.yml
"""

RETURN = r"""
state:
  description: V(approved), or V(waiting) for the creator's proposal.
  returned: success
  type: str
config_hash:
  description: The config hash of the proposal. Null as long as there is none.
  returned: success
  type: str
share_index:
  description: The node's share index. Null as long as there is no proposal.
  returned: success
  type: int
stored:
  description: Names of the files that were put into the store.
  returned: outside of check mode
  type: list
  elements: str
"""

from ansible_collections.obol.dv.plugins.module_utils.module_backends import registry


def main():
    registry.run("approval")


if __name__ == "__main__":
    main()
