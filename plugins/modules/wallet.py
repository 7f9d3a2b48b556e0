#!/usr/bin/python
# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: wallet
short_description: Tell the address of an operator's wallet, and make one where that is asked for
version_added: 0.1.0
author: The obol.dv authors (@obol-dv)
description:
  - The wallet is an Ethereum key file (V3) on the operator's node. It signs the cluster's configuration and the ENR.
  - An existing wallet is never replaced, and its key never leaves the node.
extends_documentation_fragment:
  - obol.dv.attributes
  - obol.dv.attributes.action
  - obol.dv.node.process
options:
  path:
    description: Path of the key file on the node.
    type: path
    required: true
  password_file:
    description: Path of the file on the node that holds the password in its first line.
    type: path
    required: true
  create:
    description:
      - Make a new wallet, with a random password, if there is none at O(path).
      - Who creates clusters for others wants to bring the operators' own wallets instead.
    type: bool
    default: false
  address:
    description: The address that the wallet must have.
    type: str
  data_dir:
    description: The node's charon data directory. If its approval is there, no wallet is needed any more, and none is made.
    type: path
"""

EXAMPLES = r"""
- name: The wallet that the operator put on the node
  obol.dv.wallet:
    path: /opt/charon/wallet.json
    password_file: /opt/charon/wallet-password.txt
    address: "0x931AFf2A828f6A2dea1f6026cBD03cA6716814AD"
"""

RETURN = r"""
address:
  description: The address of the wallet, or of the approval, with its checksum. Null in check mode where there is none yet.
  returned: success
  type: str
"""

from ansible_collections.obol.dv.plugins.module_utils.module_backends import registry


def main():
    registry.run("wallet")


if __name__ == "__main__":
    main()
