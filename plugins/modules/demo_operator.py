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

import os

from ansible_collections.obol.dv.plugins.module_utils.ansible_module.argument_specs import WALLET_SPEC
from ansible_collections.obol.dv.plugins.module_utils.ansible_module.runner import packages, run

with packages():
    from ansible_collections.obol.dv.plugins.module_utils.agreement import policy
    from ansible_collections.obol.dv.plugins.module_utils.agreement.config import parse_config
    from ansible_collections.obol.dv.plugins.module_utils.signers import key_file_wallet
    from ansible_collections.obol.dv.plugins.module_utils.storage import files

ARGUMENT_SPEC = dict(
    policy_file=dict(type="path", required=True),
    terms=dict(type="dict", required=True),
    **WALLET_SPEC,
)


def run_module(module):
    params = module.params
    terms = parse_config(params["terms"], operators_pending=True)
    new_wallet, new_policy = (not os.path.lexists(params[name]) for name in ("wallet_file", "policy_file"))
    # It names the operators, so it waits until each has a wallet.
    new_policy = new_policy and "" not in terms.operators
    changed = new_wallet or new_policy
    if module.check_mode:
        return dict(changed=changed, address=None if new_wallet else key_file_wallet.address(params["wallet_file"]))
    if new_wallet:
        key_file_wallet.create(params["wallet_file"], params["wallet_password_file"])
    if new_policy:
        files.make_directory(os.path.dirname(params["policy_file"]))
        files.write_new(params["policy_file"], policy.allowing(terms).encode())
    key_file_wallet.finish_interrupted_write(*(params[name] for name in ("wallet_file", "wallet_password_file", "policy_file")))
    return dict(changed=changed, address=key_file_wallet.address(params["wallet_file"]))


def main():
    run(ARGUMENT_SPEC, run_module)


if __name__ == "__main__":
    main()
