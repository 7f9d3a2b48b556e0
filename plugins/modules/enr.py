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
options:
  owner:
    description:
      - The user and group, V(user:group), whose the data directory and all in it shall be, as names or numbers.
      - Only root can give files to another user. What root makes in the directory later, by any module, belongs to its owner.
      - Left out, nothing is given away.
    type: str
  backup_dir:
    description: Directory on the node with the backups of its ENR private key, see M(obol.dv.backup_enr_key). None is made here.
    type: path
  backup_dest:
    description: Directory on the control node with copies of them. It is looked into there.
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
enr_key_backup:
  description:
    - Path of the newest backup of the key, in O(backup_dest) on the control node, or if none is there in O(backup_dir) on the node.
      Empty if there is none, null without these options.
  returned: success
  type: str
key_path:
  description: Where the ENR private key is.
  returned: success
  type: str
"""

import os

from ansible_collections.obol.dv.plugins.module_utils.ansible_module.runner import packages, run

with packages():
    from ansible_collections.obol.dv.plugins.module_utils.backup import enr_key
    from ansible_collections.obol.dv.plugins.module_utils.crypto import secp256k1
    from ansible_collections.obol.dv.plugins.module_utils.data_dir import layout, node_key
    from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
    from ansible_collections.obol.dv.plugins.module_utils.ethereum import enr
    from ansible_collections.obol.dv.plugins.module_utils.storage import files, ownership

ARGUMENT_SPEC = dict(
    data_dir=dict(type="path", required=True),
    owner=dict(type="str"),
    backup_dir=dict(type="path"),
    backup_dest=dict(type="str"),
)


def run_module(module):
    data_dir, backup_dir = DataDir(module.params["data_dir"]), module.params["backup_dir"]
    wanted = ownership.parse(module.params["owner"], "dv_data_owner") if module.params["owner"] else None
    if wanted:
        ownership.check(wanted, "dv_data_owner")
    result = dict(key_path=data_dir.path(layout.NODE_KEY), enr=None, peer_id=None, enr_key_backup="" if backup_dir else None)
    new = not node_key.exists(data_dir)
    if new and module.check_mode:
        return dict(result, changed=True)
    if wanted:
        # Its user must be able to get there.
        files.make_directory(os.path.dirname(os.path.abspath(data_dir.root)), 0o711)
    files.make_directory(data_dir.root)
    given = bool(wanted) and ownership.give_to(wanted, data_dir.root, dry_run=module.check_mode)
    with data_dir.as_owner():
        if new:
            with data_dir.exclusive():
                if not node_key.exists(data_dir):
                    node_key.create(data_dir)
        else:
            # A killed run may have made it: it has to last before anybody hears of its ENR.
            files.sync_directory(data_dir.root)
        private_key = node_key.read(data_dir)
    peer_id = enr.peer_id(secp256k1.public_key(private_key))
    if backup_dir:
        result["enr_key_backup"] = enr_key.newest(backup_dir, peer_id)
    return dict(result, changed=new or given, enr=enr.encode(private_key), peer_id=peer_id)


def main():
    run(ARGUMENT_SPEC, run_module)


if __name__ == "__main__":
    main()
