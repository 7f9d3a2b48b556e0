#!/usr/bin/python
# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: load_keys
short_description: Load a node's key shares into its staking deployment
version_added: 0.1.0
author: The obol.dv authors (@obol-dv)
description:
  - Puts all key shares of a node into one place, O(target). That is a validator client through its keymanager API, the directory that one
    reads when it starts, or a remote signer that signs for one. All are reached from the node itself. What is listed there in the end is
    what counts, not what a client says of an import. What is listed already is not sent again, so a run that was cut off anywhere goes on
    when it is run again.
  - Where the key shares are is on record in the data directory before the first one goes there. As long as it is, they are refused to any
    other client, since two with one key share get validators slashed. So they are where a backup was restored, and to a client that has
    lost some, until O(nowhere_else) says that they are in no client.
  - Everything is verified before, as by M(obol.dv.verify). Each keystore opens, and holds this node's share of the lock. A client that holds
    shares of another operator of the cluster is refused.
  - The client's beacon node has to be this node's charon, on the chain of the lock, where that can be known, and the node's clock not behind
    that chain.
  - Sets the fee recipient and the gas limit of each validator as the lock has them, where there is an API that takes them. Where a client
    reads files, charon alone knows them.
  - Asks for a backup that a drill proved (M(obol.dv.drill)).
  - After key shares were in another client (M(obol.dv.unload_keys)), some epochs of the chain have to pass. With the argument C(wait), V(0) or
    a time such as V(30m), which the module does not get, the action plugin of the same name looks again until they have, or the time is
    over. With the argument C(unready), a list of nodes of the same cluster that cannot take theirs, nothing is done if there are any.
extends_documentation_fragment:
  - obol.dv.attributes.diff
  - obol.dv.attributes
  - obol.dv.attributes.action
  - obol.dv.node
  - obol.dv.node.keys
  - obol.dv.node.store
  - obol.dv.node.inbox
  - obol.dv.node.copies
  - obol.dv.node.testnet
  - obol.dv.node.process
options:
  store:
    description:
      - Where the public files of the cluster meet, as M(obol.dv.dkg) takes it. What the node states about its key shares is told to the other
        operators there, and to the node itself, where its data directory is an older copy. One that cannot be reached is a warning.
    type: str
    required: false
  restarts:
    description:
      - Whether the caller starts the client, or the remote signer, again as long as this module says that this is due (RV(state=written)),
        and then calls it once more with O(restarted). Only of files.
      - Otherwise there is a warning that it has to be started again.
    type: bool
    default: false
  restarted:
    description: Whether that was done.
    type: bool
    default: false
  charon_dir:
    description:
      - Directory on the node that C(charon run) reads, if it is not the data directory. It gets C(cluster-lock.json) and
        C(charon-enr-private-key), the O(owner)'s.
      - Refused where a charon runs with that key elsewhere.
    type: path
  charon_only:
    description: Whether O(charon_dir) gets its files, and nothing else is done. A validator client waits for its charon.
    type: bool
    default: false
  backup_dir:
    description: Directory on the node for its backups, see M(obol.dv.backup), with the statements of drills.
    type: path
    required: true
  node:
    description: The node's name in the inventory.
    type: str
    required: true
  without_drill:
    description: The node's name, as confirmation that its key shares are loaded although no drill proved a backup of them.
    type: str
  drill:
    description:
      - Whether it is an error that no drill proved a backup of the key shares, V(required), or that is waited for, V(awaited). Nothing is done
        then, and told.
    type: str
    choices: [required, awaited]
    default: required
  keep:
    description:
      - Whether the keystores stay in the data directory. Without them the backup is all that brings key shares back, so V(false) asks for one
        that a drill proved, whatever O(without_drill) says.
    type: bool
    default: true
  nowhere_else:
    description:
      - The node's name, as confirmation that no other validator client has any of its key shares, on whatever machine, for one run.
      - Needed where the record names another client, where the client has lost key shares that it had, and once they were restored.
    type: str
  history_file:
    description:
      - Path of a file on the node with what the key shares have signed, as another validator client's own command exports it (EIP-3076). It
        goes along with them, like what M(obol.dv.unload_keys) was told.
    type: path
  moving:
    description:
      - In check mode, whether the key shares may be in another client now. It is seen whether this one can take them once they are not.
    type: bool
    default: false
  statements:
    description: Statements of drills, name to text. The action plugin of the same name fills it.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Key shares in the validator client of the same machine
  obol.dv.load_keys:
    data_dir: /opt/charon/.charon
    backup_dir: /opt/charon/backups
    node: "{{ inventory_hostname }}"
    target: keymanager
    client: lodestar
    token_file: /opt/lodestar/validator-db/api-token.txt

- name: What would be loaded into Teku, which has its API on HTTPS alone
  obol.dv.load_keys:
    data_dir: /opt/charon/.charon
    backup_dir: /opt/charon/backups
    node: "{{ inventory_hostname }}"
    target: keymanager
    client: teku
    token_file: /opt/teku/validator/key-manager/validator-api-bearer
    certificate_file: /opt/teku/keymanager.pem
  check_mode: true
  diff: true

- name: Key shares where the containers of charon-distributed-validator-node read them
  obol.dv.load_keys:
    data_dir: /opt/cdvn/.charon
    backup_dir: /opt/cdvn-backups
    node: "{{ inventory_hostname }}"
    target: files
    client: lodestar

- name: Key shares in Web3Signer, and as remote keys in Vero
  obol.dv.load_keys:
    data_dir: /opt/charon/.charon
    backup_dir: /opt/charon/backups
    node: "{{ inventory_hostname }}"
    target: remote_signer
    client: vero
    token_file: /opt/vero/keymanager-api-token.txt
    signer_url_for_client: http://web3signer:9000
"""

RETURN = r"""
state:
  description:
    - V(loaded) when all are there, V(written) as long as the client has to be started again, V(waiting), or in check mode V(loading) where
      there is something to do.
  returned: success
  type: str
  sample: loaded
place:
  description: The validator client, and where its API or its directory is; and the remote signer, if there is one.
  returned: success
  type: str
  sample: lodestar at http://127.0.0.1:5062
detail:
  description: What is waited for.
  returned: success
  type: str
epochs_left:
  description: How many epochs have to pass before the key shares go to this client.
  returned: success
  type: int
loaded:
  description: How many of the node's key shares the client lists.
  returned: success
  type: int
sent:
  description: The public keys of the key shares that were sent, or in check mode would be.
  returned: success
  type: list
  elements: str
settings:
  description:
    - The fee recipients and gas limits that were set, and the files that were given to their owner, or in check mode would be.
    - What a client has for a key share before it is there is not known, so in check mode those of key shares that would be sent are not
      among them.
  returned: success
  type: list
  elements: str
share_index:
  description: The node's share index.
  returned: success
  type: int
peer_id:
  description: The peer id of the node's ENR private key.
  returned: success
  type: str
"""

from ansible_collections.obol.dv.plugins.module_utils.module_backends import registry


def main():
    registry.run("load_keys")


if __name__ == "__main__":
    main()
