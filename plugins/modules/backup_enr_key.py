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

import os
import time

from ansible_collections.obol.dv.plugins.module_utils.ansible_module.runner import packages, run

with packages():
    from ansible_collections.obol.dv.plugins.module_utils.agreement import approval
    from ansible_collections.obol.dv.plugins.module_utils.backup import enr_key
    from ansible_collections.obol.dv.plugins.module_utils.crypto import age, secp256k1
    from ansible_collections.obol.dv.plugins.module_utils.data_dir import layout, node_key
    from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
    from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
    from ansible_collections.obol.dv.plugins.module_utils.ethereum import enr
    from ansible_collections.obol.dv.plugins.module_utils.storage import files

ARGUMENT_SPEC = dict(
    data_dir=dict(type="path", required=True),
    recipients=dict(type="list", elements="str", required=True),
    backup_dir=dict(type="path", required=True),
    dest=dict(type="str"),
)


def run_module(module):
    params = module.params
    recipients = age.parse_recipients(params["recipients"], "dv_backup_recipients")
    result = dict(changed=True, path=None, recipients=recipients, created=None, peer_id=None)
    data_dir = DataDir(params["data_dir"])
    if not node_key.exists(data_dir):
        if module.check_mode:
            return result
        raise DvError(f"{data_dir} has no {layout.NODE_KEY}", "a key to back up", "run obol.dv.enr first")
    private_key = node_key.read(data_dir)
    result["peer_id"] = enr.peer_id(secp256k1.public_key(private_key))
    backups = enr_key.find(params["backup_dir"], result["peer_id"])
    for error in backups.damaged:
        module.warn(str(error))
    backup = backups.newest(recipients)
    approved = data_dir.read(approval.FILE, approval.MAX_SIZE)
    copy = approved and enr_key.approval_path(params["backup_dir"], result["peer_id"], approved)
    result["changed"] = backup is None or bool(copy) and not os.path.lexists(copy)
    if backup is None:
        if module.check_mode:
            return result
        backup = enr_key.make(params["backup_dir"], result["peer_id"], private_key, recipients, time.time())
    outbox = {os.path.basename(path): files.read(path, enr_key.MAX_SIZE).decode() for path in backup.paths}
    if copy:
        if not module.check_mode:
            files.write_same(copy, approved)
        outbox[os.path.basename(copy)] = approved.decode()
    return dict(result, path=backup.path, created=backup.created, outbox=outbox)


def main():
    run(ARGUMENT_SPEC, run_module)


if __name__ == "__main__":
    main()
