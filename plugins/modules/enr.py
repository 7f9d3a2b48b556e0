#!/usr/bin/python
# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: enr
short_description: Make the ENR private key of a charon node and tell its ENR
version_added: 0.1.0
author: The obol.dv authors (@obol-dv)
description:
  - Makes C(charon-enr-private-key) in the data directory if it is not there, as C(charon create enr) does, and returns
    the node's ENR and peer id.
  - An existing key is never replaced. The key never leaves the node.
extends_documentation_fragment:
  - obol.dv.attributes
  - obol.dv.node
"""

EXAMPLES = r"""
- name: ENR private key and ENR
  obol.dv.enr:
    data_dir: /opt/charon/.charon
  register: enr
"""

RETURN = r"""
enr:
  description: The ENR. Null in check mode as long as there is no key.
  returned: success
  type: str
  sample: enr:-HW4QHk8n...
peer_id:
  description: The libp2p peer id, as charon's logs show it.
  returned: success
  type: str
  sample: 16Uiu2HAm...
key_path:
  description: Where the ENR private key is.
  returned: success
  type: str
"""

import os

from ansible_collections.obol.dv.plugins.module_utils.module import packages, run

with packages():
    from ansible_collections.obol.dv.plugins.module_utils import enr, files, node_key, secp256k1

ARGUMENT_SPEC = dict(data_dir=dict(type="str", required=True))


def make(module):
    data_dir = module.params["data_dir"]
    result = dict(key_path=os.path.join(data_dir, node_key.FILE), enr=None, peer_id=None, changed=not node_key.exists(data_dir))
    if result["changed"] and module.check_mode:
        return result
    files.make_directory(data_dir)
    private_key = node_key.create(data_dir) if result["changed"] else node_key.read(data_dir)
    return dict(result, enr=enr.encode(private_key), peer_id=enr.peer_id(secp256k1.public_key(private_key)))


def main():
    run(ARGUMENT_SPEC, make)


if __name__ == "__main__":
    main()
