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
  - obol.dv.attributes.diff
  - obol.dv.attributes
  - obol.dv.attributes.action
  - obol.dv.node
  - obol.dv.node.terms
  - obol.dv.node.hazards
  - obol.dv.node.wallet
  - obol.dv.node.store
  - obol.dv.node.inbox
  - obol.dv.node.process
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

from ansible_collections.obol.dv.plugins.module_utils.module_backends import registry


def main():
    registry.run("proposal")


if __name__ == "__main__":
    main()
