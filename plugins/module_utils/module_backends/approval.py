# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module ``approval`` does on a node."""

from __future__ import annotations

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..ansible_module.argument_specs import CARRIER_SPEC, HAZARDS_SPEC, PROCESS_SPEC, TESTNET_SPEC, WALLET_SPEC, networks_of
from ..ansible_module.runner import packages

with packages():
    from ..agreement import approval, hazards, policy
    from ..agreement.approve import Approver, approve, check_approvable
    from ..agreement.config import parse_config
    from ..agreement.proposal import check_config, check_proposal
    from ..cluster.operators import index_of_address
    from ..cluster.store_names import PROPOSAL, approval_name
    from ..data_dir import node_key
    from ..data_dir.layout import DataDir
    from ..encoding.hex import from_hex, to_hex
    from ..errors import raise_all
    from ..ethereum import enr
    from ..signers.key_file_wallet import KeyFileWallet

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
    **PROCESS_SPEC,
)


def run_module(module: AnsibleModule) -> dict[str, Any]:
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


def _own_enr(data_dir: DataDir, check_mode: bool) -> str:
    """The node's ENR; in check mode ``""`` where the run would make its key first."""
    if check_mode and not node_key.exists(data_dir):
        return ""
    return enr.encode(node_key.read(data_dir))
