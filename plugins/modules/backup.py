#!/usr/bin/python
# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: backup
short_description: Back up a node, encrypted on it
version_added: 0.1.0
author: The obol.dv authors (@obol-dv)
description:
  - Puts all that a node cannot make again into one archive, encrypted on the node for the given recipients or with a passphrase. The ENR
    private key, what the node agreed to, definition, key shares with their passwords, deposit data, lock, and the messages of its ceremony,
    as far as they are there. Never the seed of a ceremony.
  - An archive is a tar that gzip packed and age encrypted. C(age --decrypt) and C(tar) open it, without this collection.
  - A copy of it goes to the control node, or to an SFTP server. Nothing leaves the node in clear.
  - Does nothing where a good archive of this very content, for these very recipients, is there. No backup is ever deleted or written over.
  - A damaged backup is a warning, and another one is made.
  - The data directory may be one that charon made.
  - Takes the statements of drills that passed (M(obol.dv.drill)) from where the copies are, or from the ceremony's store, keeps them on
    the node, and tells the other operators in that store.
extends_documentation_fragment:
  - obol.dv.attributes
  - obol.dv.attributes.action
  - obol.dv.node
  - obol.dv.node.process
  - obol.dv.node.store
  - obol.dv.node.copies
options:
  store:
    description:
      - Where the public files of the cluster's ceremony meet, as M(obol.dv.dkg) takes it. Statements of drills that passed are taken from
        there too, and told to the other operators there. One that cannot be reached is no reason to make no backup.
    type: str
    required: false
  recipients:
    description:
      - Public keys that can open the archive, each of them alone. Those of age (X25519, C(age1...)), or SSH public keys of
        the type C(ssh-ed25519) or C(ssh-rsa).
    type: list
    elements: str
    default: []
  passphrase_file:
    description:
      - Path of a file on the node with a passphrase in its first line, in the place of O(recipients).
    type: path
  backup_dir:
    description:
      - Directory on the node for its backups. It is made if it is not there.
    type: path
    required: true
  send:
    description: Whether the archive is answered, so that it can be copied. The action plugin of the same name asks for it.
    type: bool
    default: false
  statements:
    description: Statements of drills, name to text. The action plugin of the same name fills it.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Backup for two recipients, with a copy on the control node
  obol.dv.backup:
    data_dir: /opt/charon/.charon
    backup_dir: /opt/charon/backups
    dest: /srv/backups/my-cluster/alice
    recipients:
      - "{{ lookup('ansible.builtin.file', '/srv/recipients/safe.txt') }}"
      - "{{ lookup('ansible.builtin.file', '~/.ssh/id_ed25519.pub') }}"

- name: Backup with a passphrase, with a copy on an SFTP server
  obol.dv.backup:
    data_dir: /opt/charon/.charon
    backup_dir: /opt/charon/backups
    passphrase_file: /root/backup-passphrase.txt
    dest: sftp://backups@files.example.org/my-cluster/alice
"""

RETURN = r"""
backup:
  description: How far the backups of the node go. Null in check mode as long as there is none.
  returned: success
  type: dict
  contains:
    path:
      description: The newest archive.
      type: str
      returned: always
    created:
      description: When it was made, UTC.
      type: str
      returned: always
      sample: "2026-05-01T12:00:00Z"
    holds:
      description:
        - What there is in it, V(enr_private_key), V(agreement), V(definition), V(key_shares), V(deposit_data), V(lock),
          V(transcript), V(unfinished_key_shares).
      type: list
      elements: str
      returned: always
    current:
      description: Whether it is of the very files that the node has now.
      type: bool
      returned: always
    copied:
      description: Whether it is in O(dest) too, since a backup on the disk of the node is lost with it.
      type: bool
      returned: always
    drilled:
      description: When a drill of it last passed, UTC. Null where none did, so that nobody knows whether it can be restored.
      type: str
      returned: always

copy:
  description: The copy of the newest archive. Null without O(dest), and in check mode as long as there is none.
  returned: success
  type: str
recipients:
  description: For whom it is, as sorted public keys without comments; V(scrypt) stands for a passphrase.
  returned: success
  type: list
  elements: str
sha256:
  description: The archive's SHA-256. Null in check mode as long as there is none.
  returned: success
  type: str
peer_id:
  description: The peer id of the node. Null in check mode as long as it has no key.
  returned: success
  type: str
"""

from ansible_collections.obol.dv.plugins.module_utils.module_backends import registry


def main():
    registry.run("backup")


if __name__ == "__main__":
    main()
