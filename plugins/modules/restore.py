#!/usr/bin/python
# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: restore
short_description: Restore a node from its backup
version_added: 0.1.0
author: The obol.dv authors (@obol-dv)
description:
  - Puts what an archive holds that M(obol.dv.backup) made into a data directory, the ENR private key last. It was verified as a whole
    before, as M(obol.dv.drill) does, and each file or directory comes to its place by one rename.
  - Refuses where other keys, or other files than those of the archive, are in a place. What is there already stays. A run that was
    interrupted goes on when it is run again.
  - The old machine must be dead. Two machines with one key share get validators slashed. It has to be confirmed by the node's name.
  - The archive is on the node, or among the copies on the control node or the SFTP server, of which the newest is taken.
extends_documentation_fragment:
  - obol.dv.attributes
  - obol.dv.attributes.action
  - obol.dv.node
  - obol.dv.node.copies
  - obol.dv.node.opener
  - obol.dv.node.testnet
  - obol.dv.node.process
options:
  archive:
    description:
      - Path of the archive on the node, or of a directory of them, of which the newest is taken.
      - Left out, it is the newest of the copies in O(dest), or if there is none the newest in O(backup_dir).
    type: path
  backup_dir:
    description: Directory on the node for its backups. An archive that was brought is kept there.
    type: path
    required: true
  inbox:
    description: An archive and its record, name to text. The action plugin of the same name fills it.
    type: dict
    default: {}
  parts:
    description: What is restored. Left out, all that the archive holds.
    type: list
    elements: str
    choices: [enr_private_key, agreement, definition, key_shares, deposit_data, lock, transcript, unfinished_key_shares]
  owner:
    description: The user and group whose the data directory shall be, see M(obol.dv.enr).
    type: str
  node:
    description: The node's name.
    type: str
    required: true
  old_machine_is_dead:
    description: The node's name once more, as who has seen to it confirms that its old machine never starts again.
    type: str
  operator_address:
    description: Address of the node's operator, if it is known. The backup of another operator is refused then.
    type: str
  share_index:
    description: The node's share index. Needed only where several operators share the address.
    type: int
"""

EXAMPLES = r"""
- name: A new machine in the place of a dead one
  obol.dv.restore:
    data_dir: /opt/charon/.charon
    backup_dir: /opt/charon/backups
    dest: /srv/backups/my-cluster/alice
    identity_file: /dev/shm/dv-backup-key.txt
    node: alice
    old_machine_is_dead: alice
"""

RETURN = r"""
path:
  description: The archive.
  returned: success
  type: str
parts:
  description: What of it is in its place now.
  returned: success
  type: list
  elements: str
restored:
  description: Names of the files that were put in their place, or would be in check mode.
  returned: success
  type: list
  elements: str
enr:
  description: The node's ENR.
  returned: success
  type: str
peer_id:
  description: The node's peer id.
  returned: success
  type: str
"""

from ansible_collections.obol.dv.plugins.module_utils.module_backends import registry


def main():
    registry.run("restore")


if __name__ == "__main__":
    main()
