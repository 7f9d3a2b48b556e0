#!/usr/bin/python
# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: preflight
short_description: Say everything that would fail later, before anything is written
version_added: 0.1.0
author: The obol.dv authors (@obol-dv)
description:
  - Checks the cluster's terms, and on the node its Python, data directory, disk, ENR private key, wallet, policy, and what
    is there of this or another cluster; and on the control node, that the store can be written, and holds no approval of
    the node's operator for another ENR. Fails with all that is wrong, not with the first thing only. It writes nothing.
  - With O(definition_file) it checks that definition instead of terms, wallet and policy.
extends_documentation_fragment:
  - obol.dv.attributes
  - obol.dv.attributes.action
  - obol.dv.node
  - obol.dv.node.store
  - obol.dv.node.inbox
  - obol.dv.node.copies
  - obol.dv.node.terms
  - obol.dv.node.hazards
  - obol.dv.node.testnet
  - obol.dv.node.wallet
  - obol.dv.node.process
attributes:
  action:
    details:
      - With the argument C(wait) it refuses a run in which nodes would wait for others whose turn comes later, see M(obol.dv.dkg).
options:
  operator_address:
    description: Address of the node's operator. Left out, the wallet tells it.
    type: str
  share_index:
    description: The node's share index. Needed only where several operators share the address.
    type: int
  wallet_create:
    description: Whether a wallet will be made if there is none.
    type: bool
    default: false
  policy_file:
    description: Path of the node's policy.
    type: path
    required: true
  accept_config_hash:
    description: The config hash that the node's operator has looked at and agrees to.
    type: str
  definition_file:
    description: Path on the control node of a finished definition, to use instead of proposal and approvals.
    type: str
  accept_definition_hash:
    description: The hash of that definition, confirmed by the node's operator.
    type: str
  owner:
    description: The user and group whose the data directory shall be, see M(obol.dv.enr).
    type: str
  backup_recipients:
    description: For whom the node will be backed up. Left out, and without O(backup_passphrase_file), it is not.
    type: list
    elements: str
  backup_passphrase_file:
    description: Path of a file on the node with the passphrase of its backups, in the place of O(backup_recipients).
    type: path
  backup_dir:
    description: Directory on the node for its encrypted backups. Needed with the recipients, or the passphrase.
    type: path
  keys:
    description:
      - Where the key shares will go, the options of that name of M(obol.dv.load_keys), C(target), C(client), C(url), C(token_file),
        C(certificate_file), C(directory), C(layout), C(owner), C(signer_url) and C(signer_url_for_client). It is asked what it holds, as long
        as there is no cluster.
    type: dict
  variables:
    description: Names of the variables that are set. One that is nearly the name of a variable of this collection is an error.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Preflight
  obol.dv.preflight:
    data_dir: /opt/charon/.charon
    store: /srv/ceremonies/my-cluster
    wallet_file: /opt/charon/wallet.json
    wallet_password_file: /opt/charon/wallet-password.txt
    policy_file: /opt/charon/policy.yml
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
problems:
  description: All that is wrong.
  returned: always
  type: list
  elements: str
has_definition:
  description: Whether the node has the definition of these terms already, so that no signature is missing.
  returned: always
  type: bool
enr:
  description: The node's ENR. Null as long as it has no key, or none that can be read.
  returned: always
  type: str
can_propose:
  description: Whether a creator has to sign here, and this node's operator is the one. Null where no creator is missing.
  returned: always
  type: bool
terms:
  description: The terms as people compare them, by the names of their variables without C(dv_). Null as long as they are not known.
  returned: always
  type: dict
config_hash:
  description: The config hash that the node's cluster or the proposal in the store has. Null where nothing is proposed yet.
  returned: always
  type: str
accepted:
  description: What O(accept) names and these terms have.
  returned: always
  type: list
  elements: str
"""

from ansible_collections.obol.dv.plugins.module_utils.module_backends import registry


def main():
    registry.run("preflight")


if __name__ == "__main__":
    main()
