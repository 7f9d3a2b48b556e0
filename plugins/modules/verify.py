#!/usr/bin/python
# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: verify
short_description: Verify a charon data directory, a cluster lock or a cluster definition
version_added: 0.1.0
author: The obol.dv authors (@obol-dv)
description:
  - Recomputes every hash and checks every signature of the artefacts that it finds, made by this collection or by charon.
    A lock, its definition, deposit data, key shares and the ENR private key must all belong together.
  - In a data directory whatever has the form of such a file is verified, whatever its name, or named as not verified.
  - Fails when anything is wrong, and says precisely what. What charon accepts but an operator should know of is a warning.
extends_documentation_fragment:
  - obol.dv.attributes
  - obol.dv.attributes.action
  - obol.dv.node.testnet
  - obol.dv.node.process
options:
  path:
    description: A charon data directory, C(cluster-lock.json) or C(cluster-definition.json) on the node.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Verify a node's data directory
  obol.dv.verify:
    path: /opt/charon/.charon

# ansible localhost -m obol.dv.verify -a path=.charon/cluster-lock.json
"""

RETURN = r"""
findings:
  description: What is wrong or doubtful.
  returned: always
  type: list
  elements: dict
  contains:
    level:
      description: V(error) or V(warning).
      type: str
      returned: always
    check:
      description: Short name of the check.
      type: str
      returned: always
    text:
      description: What was found and what was wanted.
      type: str
      returned: always
cluster:
  description:
    - What the verified files say, name, network, threshold, terms, hashes, operators in the order of their share index,
      public keys of the validators.
  returned: always
  type: dict
"""

from ansible_collections.obol.dv.plugins.module_utils.module_backends import registry


def main():
    registry.run("verify")


if __name__ == "__main__":
    main()
