#!/usr/bin/python
# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: proposal
short_description: Propose a cluster, signed by its creator
version_added: 0.1.0
author: The obol.dv authors (@obol-dv)
description:
  - Makes the cluster definition of the terms, without ENRs, signs its config hash with the creator's wallet (EIP-712) and
    hands it to the store, where the operators find it.
  - The creator's node keeps its own copy, C(ceremony/proposal.json) in the data directory. Once it is made the terms are
    fixed. Other terms are refused, with every difference named.
extends_documentation_fragment:
  - obol.dv.attributes
  - obol.dv.attributes.action
  - obol.dv.attributes.diff
  - obol.dv.node
  - obol.dv.node.terms
  - obol.dv.node.hazards
  - obol.dv.node.wallet
  - obol.dv.node.store
"""

EXAMPLES = r"""
- name: Proposal of the creator
  obol.dv.proposal:
    data_dir: /opt/charon/.charon
    store: /srv/ceremonies/my-cluster
    wallet_file: /opt/charon/wallet.json
    wallet_password_file: /opt/charon/wallet-password.txt
    terms:
      name: my-cluster
      network: hoodi
      num_validators: 1
      withdrawal_addresses: ["0x2A35cB849cacf42f5FD6752a3Ca924303a5a5Ca4"]
      fee_recipient_addresses: ["0x2A35cB849cacf42f5FD6752a3Ca924303a5a5Ca4"]
      operators:
        - "0x931AFf2A828f6A2dea1f6026cBD03cA6716814AD"
        - "0x74C1Ff92140B796Cf649C162B9e15E9dB7249938"
        - "0x574863172Eedf8D2Ec2f8aD6469aacB2A53c7339"
        - "0x2A35cB849cacf42f5FD6752a3Ca924303a5a5Ca4"
"""

RETURN = r"""
config_hash:
  description: The hash of the terms, which the creator and every operator sign. Null in check mode for a new proposal.
  returned: success
  type: str
stored:
  description: Names of the files that were put into the store.
  returned: outside of check mode
  type: list
  elements: str
"""

import datetime
import uuid

from ansible_collections.obol.dv.plugins.module_utils.ansible_module.argument_specs import CARRIER_SPEC, HAZARDS_SPEC, WALLET_SPEC
from ansible_collections.obol.dv.plugins.module_utils.ansible_module.runner import packages, run

with packages():
    from ansible_collections.obol.dv.plugins.module_utils.agreement import hazards, proposal
    from ansible_collections.obol.dv.plugins.module_utils.agreement.config import parse_config
    from ansible_collections.obol.dv.plugins.module_utils.cluster.store_names import PROPOSAL
    from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
    from ansible_collections.obol.dv.plugins.module_utils.encoding.hex import to_hex
    from ansible_collections.obol.dv.plugins.module_utils.errors import DvError, raise_all
    from ansible_collections.obol.dv.plugins.module_utils.ethereum.networks import Networks
    from ansible_collections.obol.dv.plugins.module_utils.signers.key_file_wallet import KeyFileWallet

ARGUMENT_SPEC = dict(
    data_dir=dict(type="path", required=True),
    terms=dict(type="dict", required=True),
    **HAZARDS_SPEC,
    **WALLET_SPEC,
    **CARRIER_SPEC,
)


def run_module(module):
    params = module.params
    cluster_config = parse_config(params["terms"], operators_pending=module.check_mode)
    raise_all(hazards.problems(cluster_config, params["demo"], params["accept"]))
    data_dir = DataDir(params["data_dir"])
    found = proposal.read(data_dir, cluster_config)
    stored = params["inbox"].get(PROPOSAL)
    if stored is not None and (not found or not _is_same(stored, found, cluster_config)):
        raise DvError(
            f"the store {params['store']} holds a proposal that is not of this node",
            "the proposal that this node made" if found else "an empty store for a new cluster",
            "if another node created the cluster, set dv_creator_node; if the proposal was made here and lost, use a new store; "
            "otherwise ask where it comes from",
        )
    if not found and module.check_mode:
        return dict(changed=True, config_hash=None)
    made, changed = found, False
    if not module.check_mode:
        timestamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        signer = KeyFileWallet(params["wallet_file"], params["wallet_password_file"])
        made, changed = proposal.propose(data_dir, cluster_config, signer, str(uuid.uuid4()).upper(), timestamp)
    text = made.dump().decode()
    return dict(
        changed=changed,
        config_hash=to_hex(made.config_hash),
        outbox={PROPOSAL: text} if stored is None else {},
        diff=dict(before="", after=text + "\n") if changed else dict(before="", after=""),
    )


def _is_same(stored, found, cluster_config):
    """Whether the store's proposal is the one that this node made, in whatever spelling."""
    try:
        return proposal.check_proposal(stored, networks=Networks(cluster_config.network)) == found
    except DvError:
        return False


def main():
    run(ARGUMENT_SPEC, run_module)


if __name__ == "__main__":
    main()
