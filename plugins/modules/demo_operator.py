#!/usr/bin/python
# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: demo_operator
short_description: Make up an operator for a first try, with a wallet and a policy
version_added: 0.1.0
author: The obol.dv authors (@obol-dv)
description:
  - Does what an operator does by hand before a ceremony. It makes a wallet, and writes a policy that allows the given
    terms. Both stay as they are once they exist.
  - Only C(inventories/local) uses it. On real nodes the operators bring their wallets and write their policies themselves,
    since a policy protects them from terms that somebody slipped in.
extends_documentation_fragment:
  - obol.dv.attributes
  - obol.dv.attributes.action
  - obol.dv.node.wallet
  - obol.dv.node.terms
  - obol.dv.node.process
options:
  policy_file:
    description: Path of the policy.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Operator of a node on this machine
  obol.dv.demo_operator:
    wallet_file: /tmp/demo/node1/wallet.json
    wallet_password_file: /tmp/demo/node1/wallet-password.txt
    policy_file: /tmp/demo/node1/policy.yml
    terms:
      name: demo
      network: hoodi
      num_validators: 1
      withdrawal_addresses: ["0x000000000000000000000000000000000000dEaD"]
      fee_recipient_addresses: ["0x000000000000000000000000000000000000dEaD"]
      operators: ["", "", "", ""]
"""

RETURN = r"""
address:
  description: The wallet's address, with its checksum. Null in check mode as long as there is no wallet.
  returned: success
  type: str
"""

from ansible_collections.obol.dv.plugins.module_utils.module_backends import registry


def main():
    registry.run("demo_operator")


if __name__ == "__main__":
    main()
