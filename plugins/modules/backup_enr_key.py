#!/usr/bin/python
# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: backup_enr_key
short_description: Back up a node's ENR private key, encrypted for recipients that its operator names
version_added: 0.1.0
author: The obol.dv authors (@obol-dv)
description:
  - Encrypts C(charon-enr-private-key) on the node, in the age format, for the given recipients, and brings a copy of the
    encrypted file to the control node. Only the private key of a recipient opens it. The key itself never leaves the node.
  - Does nothing where a good backup of this very key for these very recipients is there. Other recipients are another
    backup. No backup is ever deleted.
  - A damaged backup is a warning, and another one is made.
  - From the node's approval on C(ceremony/approval.json) is copied beside it. It is no secret, and belongs to the key.
    A wallet binds one ENR to its place, once.
extends_documentation_fragment:
  - obol.dv.attributes
  - obol.dv.attributes.action
  - obol.dv.node
  - obol.dv.node.process
options:
  recipients:
    description:
      - Public keys that can open the backup, each of them alone. Those of age (X25519, C(age1...)), or SSH public keys of
        the type C(ssh-ed25519) or C(ssh-rsa).
    type: list
    elements: str
    required: true
  backup_dir:
    description:
      - Directory on the node for its backups. It is made if it is not there.
    type: path
    required: true
  dest:
    description:
      - Directory on the control node for the copy. It is made if it is not there. Left out, nothing is copied.
    type: str
"""

EXAMPLES = r"""
- name: Backup of the ENR private key
  obol.dv.backup_enr_key:
    data_dir: /opt/charon/.charon
    backup_dir: /opt/charon/backups
    dest: /srv/backups/my-cluster/alice
    recipients:
      - age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p
"""

RETURN = r"""
path:
  description: The encrypted file on the node. Null in check mode as long as there is none.
  returned: success
  type: str
copy:
  description: The encrypted file on the control node. Null without O(dest), and in check mode as long as there is none.
  returned: success
  type: str
recipients:
  description: For whom it is, as sorted public keys without comments.
  returned: success
  type: list
  elements: str
created:
  description: When it was made. Null in check mode as long as there is none.
  returned: success
  type: str
  sample: "2026-05-01T12:00:00Z"
peer_id:
  description: The peer id of the node whose key it is. Null in check mode as long as there is no key.
  returned: success
  type: str
"""

from ansible_collections.obol.dv.plugins.module_utils.module_backends import registry


def main():
    registry.run("backup_enr_key")


if __name__ == "__main__":
    main()
