#!/usr/bin/python
# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: status
short_description: Tell where a node stands in its cluster's ceremony
version_added: 0.1.0
author: The obol.dv authors (@obol-dv)
description:
  - Tells in which of four states a node is, in whatever step, and what has to happen next. It reads the node's data directory
    and the store.
  - It writes nothing, waits for no lock, and verifies no finished cluster, which M(obol.dv.verify) does.
  - Files that no run can go on with are no failure here. The node then waits for its own operator, and C(detail) says why.
extends_documentation_fragment:
  - obol.dv.attributes
  - obol.dv.attributes.action
  - obol.dv.node
  - obol.dv.node.store
  - obol.dv.node.inbox
  - obol.dv.node.copies
  - obol.dv.node.testnet
  - obol.dv.node.process
options:
  attempt:
    description:
      - The number of the DKG's attempt that the inventory asks for. A lower one than the node is in says nothing.
    type: int
    default: 1
  operator_address:
    description: Address of the node's operator, if it is known. With it a lost approval is noticed.
    type: str
  share_index:
    description: The node's share index. Needed only where several operators share the address.
    type: int
  creator:
    description: Address of the creator, if it is known. It is told as long as the proposal is missing.
    type: str
  wallet_file:
    description: Path of the operator's wallet on the node, which tells the address where O(operator_address) does not.
    type: path
  beacon_url:
    description: URL of the API of a beacon node, which is asked for the cluster's validators. Left out, nothing is told of them.
    type: str
  backup_dir:
    description: Directory on the node for its backups, see M(obol.dv.backup). Left out, nothing is told of them.
    type: path
  copies:
    description: What copies of them there are, with C(path) and C(record). The action plugin of the same name fills it.
    type: list
    elements: dict
    default: []
  statements:
    description: Statements of drills, name to text. The action plugin of the same name fills it.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Where the node stands
  obol.dv.status:
    data_dir: /opt/charon/.charon
    store: /srv/ceremonies/my-cluster
  register: status
"""

RETURN = r"""
state:
  description:
    - V(complete), the cluster is in the data directory.
    - V(waiting) for other operators, or for a run on this node, see C(ready).
    - V(aborted), an operator signed something wrong.
    - V(stopped), this node was rolled back, or its ENR private key is used twice, gone or not the one that was approved.
  returned: always
  type: str
step:
  description:
    - The step that is not over, V(enr), V(proposal), V(approval), V(definition), or a round of the DKG, V(commit), V(deal),
      V(confirm), V(sign), V(seal). Null where there is none.
  returned: always
  type: str
attempt:
  description: The number of the DKG's attempt that the node is in. Null before its first round.
  returned: always
  type: int
waiting_for:
  description: Share indices of the operators whose part of the step is missing.
  returned: always
  type: list
  elements: int
ready:
  description: Whether a run on this node would go on now.
  returned: always
  type: bool
since:
  description: When the node last did something, UTC. Null where it has done nothing.
  returned: always
  type: str
  sample: "2026-07-01T10:00:00Z"
detail:
  description: What else is to know, and what to do. Empty where the other values say all.
  returned: always
  type: str
accused:
  description: The operators who signed something wrong.
  returned: always
  type: list
  elements: dict
  contains:
    operator:
      description: Share index of the operator.
      type: int
      returned: always
    check:
      description: Round and short name of the check that failed.
      type: str
      returned: always
      sample: deal.share
    evidence:
      description: Path on the node of the signed messages that prove it. Null where they are only in the store yet.
      type: str
      returned: always
evidence:
  description: Path on the node of the first evidence. Null where there is none.
  returned: always
  type: str
next_attempt:
  description: The attempt that the operators may begin. Null where none is needed, or none would help.
  returned: always
  type: int
backup:
  description: How far the backups of the node go. Null without O(backup_dir).
  returned: always
  type: dict
  contains:
    path:
      description: The newest archive, in O(dest) or if none is there in O(backup_dir). Empty if there is none.
      type: str
      returned: always
    created:
      description: When it was made, UTC. Null where there is none.
      type: str
      returned: always
      sample: "2026-05-01T12:00:00Z"
    holds:
      description: What there is in it, see M(obol.dv.backup).
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
keys:
  description: Where the node's key shares are, as M(obol.dv.load_keys) left on record. Null where it has not loaded any.
  returned: always
  type: dict
  contains:
    place:
      description: The validator client, and where its API is. Empty where nobody knows.
      type: str
      returned: always
      sample: prysm at http://127.0.0.1:7500
    state:
      description:
        - V(loaded), or V(loading) where a run did not come to its end, so that some of them may be there. V(restored) where they came out
          of a backup, which does not tell.
      type: str
      returned: always
proven:
  description:
    - The share indices of the operators of whom it is known that a backup with all key shares of the node's lock passed a drill. The store
      and the copies of the node's own backups tell. Null as long as there is no lock.
  returned: always
  type: list
  elements: int
validators:
  description:
    - The validators of the lock, each with C(position), C(pubkey) and C(status), in the words of the beacon API, or V(pending_deposit) where a
      deposit waits, or empty. Null without O(beacon_url), or where nobody answers there.
  returned: always
  type: list
  elements: dict
peer_id:
  description: The peer id of the node's ENR private key. Null where none can be read.
  returned: always
  type: str
enr:
  description: The node's ENR. Null as long as it has no key.
  returned: always
  type: str
config_hash:
  description: The config hash of the cluster's terms. Null as long as it is not known.
  returned: always
  type: str
definition_hash:
  description: The definition's hash. Null as long as it is not known.
  returned: always
  type: str
share_index:
  description: The node's share index. Null as long as it is not known.
  returned: always
  type: int
terms:
  description: The terms as people compare them, by the names of their variables without C(dv_). Null as long as they are not known.
  returned: always
  type: dict
operators:
  description: The operators in the order of their share index. Empty as long as they are not known.
  returned: always
  type: list
  elements: dict
  contains:
    share_index:
      description: The share index, from 1.
      type: int
      returned: always
    address:
      description: The operator's address. Null in an unsigned definition.
      type: str
      returned: always
    peer_id:
      description: The libp2p peer id of its node. Null before its approval.
      type: str
      returned: always
"""

from ansible_collections.obol.dv.plugins.module_utils.module_backends import registry


def main():
    registry.run("status")


if __name__ == "__main__":
    main()
