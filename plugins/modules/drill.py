#!/usr/bin/python
# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: drill
short_description: Find out whether backups can be restored
version_added: 0.1.0
author: The obol.dv authors (@obol-dv)
description:
  - Opens archives that M(obol.dv.backup) made, in memory, on whatever machine has the identity, which lies offline otherwise. No node is
    needed, and nothing is written in clear.
  - Decrypts every keystore, holds every key share against the lock, the ENR private key against the definition, and verifies lock,
    definition and deposit data as M(obol.dv.verify) does.
  - That an archive passed is a dated statement, signed by the ENR private key in it, which proves that it was opened. Bring it to where the
    copies of the node's backups are. The next run of M(obol.dv.backup) takes it from there, and M(obol.dv.status) tells of it.
  - Every run is another drill, and says C(changed).
extends_documentation_fragment:
  - obol.dv.attributes
  - obol.dv.attributes.action
  - obol.dv.node.opener
  - obol.dv.node.testnet
  - obol.dv.node.process
attributes:
  idempotent:
    support: none
options:
  archives:
    description:
      - Paths of archives, C(backup-*.age). A directory stands for the newest archive of each node in it and below it.
    type: list
    elements: path
    required: true
  statement_dir:
    description: Directory for the statements. Left out, each is written beside its archive.
    type: path
"""

EXAMPLES = r"""
- name: Restore drill of all backups on a stick
  obol.dv.drill:
    archives:
      - /media/usb/backups
    identity_file: /root/dv-backup-key.txt
"""

RETURN = r"""
drills:
  description: The archives that passed.
  returned: always
  type: list
  elements: dict
  contains:
    archive:
      description: Path of the archive.
      type: str
      returned: always
    archive_sha256:
      description: Its SHA-256.
      type: str
      returned: always
    manifest_sha256:
      description: SHA-256 of the manifest in it.
      type: str
      returned: always
    statement:
      description: Path of the statement. Null in check mode.
      type: str
      returned: always
    cluster:
      description: The cluster's name. Null before there is a definition.
      type: str
      returned: always
    peer_id:
      description: The peer id of the node.
      type: str
      returned: always
    share_index:
      description: Its share index. Null before there is a definition.
      type: int
      returned: always
    definition_hash:
      description: The definition's hash. Null before there is one.
      type: str
      returned: always
    lock_hash:
      description: The lock's hash. Null before there is one.
      type: str
      returned: always
    holds:
      description: What there is in it.
      type: list
      elements: str
      returned: always
    key_shares:
      description: How many key shares were decrypted and held against the lock.
      type: int
      returned: always
"""

from ansible_collections.obol.dv.plugins.module_utils.module_backends import registry


def main():
    registry.run("drill")


if __name__ == "__main__":
    main()
