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
  - The data directory can be given to another user, as whom charon runs.
extends_documentation_fragment:
  - obol.dv.attributes
  - obol.dv.attributes.action
  - obol.dv.node
  - obol.dv.node.process
options:
  owner:
    description:
      - The user and group, V(user:group), whose the data directory and all in it shall be, as names or numbers.
      - Only root can give files to another user. What root makes in the directory later, by any module, belongs to its owner.
      - Left out, nothing is given away.
    type: str
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

from ansible_collections.obol.dv.plugins.module_utils.module_backends import registry


def main():
    registry.run("enr")


if __name__ == "__main__":
    main()
