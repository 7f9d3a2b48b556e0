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
  - obol.dv.node.testnet
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

import os

from ansible_collections.obol.dv.plugins.module_utils.ansible_module.argument_specs import (
    CARRIER_SPEC,
    HAZARDS_SPEC,
    TESTNET_SPEC,
    WALLET_SPEC,
    networks_of,
)
from ansible_collections.obol.dv.plugins.module_utils.ansible_module.runner import packages, run

with packages():
    from ansible_collections.obol.dv.plugins.module_utils.agreement import approval, hazards, policy
    from ansible_collections.obol.dv.plugins.module_utils.agreement.approve import Approver, approve, check_approvable
    from ansible_collections.obol.dv.plugins.module_utils.agreement.config import parse_config
    from ansible_collections.obol.dv.plugins.module_utils.agreement.proposal import check_config, check_proposal
    from ansible_collections.obol.dv.plugins.module_utils.cluster.operators import index_of_address
    from ansible_collections.obol.dv.plugins.module_utils.cluster.store_names import PROPOSAL, approval_name
    from ansible_collections.obol.dv.plugins.module_utils.data_dir import node_key
    from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
    from ansible_collections.obol.dv.plugins.module_utils.encoding.hex import from_hex, to_hex
    from ansible_collections.obol.dv.plugins.module_utils.errors import raise_all
    from ansible_collections.obol.dv.plugins.module_utils.ethereum import enr
    from ansible_collections.obol.dv.plugins.module_utils.signers.key_file_wallet import KeyFileWallet

ARGUMENT_SPEC = dict(
    data_dir=dict(type="path", required=True),
    operator_address=dict(type="str"),
    share_index=dict(type="int"),
    terms=dict(type="dict"),
    policy_file=dict(type="path", required=True),
    accept_config_hash=dict(type="str"),
    testnet=TESTNET_SPEC,
    **HAZARDS_SPEC,
    **WALLET_SPEC,
    **CARRIER_SPEC,
)


def run_module(module):
    params, networks = module.params, networks_of(module.params)
    inbox = params["inbox"]
    if PROPOSAL not in inbox:
        return dict(changed=module.check_mode, state="waiting", config_hash=None, share_index=None)
    proposal = check_proposal(inbox[PROPOSAL], f"the proposal in {params['store']}", networks)
    if params["terms"]:
        cluster_config = parse_config(params["terms"], operators_pending=module.check_mode)
        check_config(proposal, cluster_config)
        raise_all(hazards.problems(cluster_config, params["demo"], params["accept"]))
    data_dir = DataDir(params["data_dir"])
    approved = approval.read(data_dir)
    # What has signed may be gone.
    address = params["operator_address"] or approved and approved.address
    if module.check_mode and not (address or os.path.lexists(params["wallet_file"])):
        # The run would make it first, and its place is not known before.
        return dict(changed=True, state="waiting", config_hash=to_hex(proposal.config_hash), share_index=None)
    signer = KeyFileWallet(params["wallet_file"], params["wallet_password_file"])
    address = address or signer.address
    approver = Approver(
        data_dir=data_dir,
        address=address,
        enr=_own_enr(data_dir, module.check_mode),
        policy=policy.read(params["policy_file"]) if os.path.lexists(params["policy_file"]) else None,
        confirmed_config_hash=from_hex(params["accept_config_hash"], 32, "accept_config_hash") or None,
        share_index=params["share_index"],
    )
    network, share_index = networks.of(proposal), index_of_address(proposal, address, params["share_index"])
    result = dict(state="approved", config_hash=to_hex(proposal.config_hash), share_index=share_index)
    if module.check_mode:
        check_approvable(approver, proposal, network, inbox)
        return dict(result, changed=approved is None)
    approved, new = approve(approver, proposal, network, signer, inbox)
    # In the store it may have another spelling: that is no matter.
    name = approval_name(share_index)
    outbox = {} if name in inbox and approval.is_same(inbox[name], approved) else {name: approved.dump()}
    return dict(result, changed=new, outbox=outbox)


def _own_enr(data_dir, check_mode):
    """The node's ENR; in check mode ``""`` where the run would make its key first."""
    if check_mode and not node_key.exists(data_dir):
        return ""
    return enr.encode(node_key.read(data_dir))


def main():
    run(ARGUMENT_SPEC, run_module)


if __name__ == "__main__":
    main()
