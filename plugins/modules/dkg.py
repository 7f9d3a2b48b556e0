#!/usr/bin/python
# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: dkg
short_description: Take part in the distributed key generation, as far as it can go now
version_added: 0.1.0
author: The obol.dv authors (@obol-dv)
description:
  - Reads the messages of the other operators, writes this node's next message, and ends. It never waits on the node. Run it on every
    node once for each round (commit, deal, confirm, sign, seal, and once to finish), all together or weeks apart.
  - When the ceremony is complete the data directory holds C(cluster-lock.json), C(deposit-data*.json) and the
    node's C(validator_keys), as charon writes them. No machine ever holds a whole validator key.
  - Whoever carries the messages is not trusted. A message that an operator got wrong stops the ceremony and names them.
extends_documentation_fragment:
  - obol.dv.attributes
  - obol.dv.attributes.action
  - obol.dv.node
  - obol.dv.node.store
  - obol.dv.node.inbox
  - obol.dv.node.testnet
  - obol.dv.node.process
attributes:
  action:
    details:
      - With the argument C(wait), V(0) or a time such as V(10m), which the module does not get, it looks into the store until the node
        waits no more or the time is over, and takes what is new there to the node each time. Between two looks the store is closed.
      - It does so only where some operators have no node in the run, and refuses it where the run does not work on all of its nodes at
        once. In check mode it does not wait.
options:
  attempt:
    description:
      - The number of the attempt. A higher one gives up all earlier ones of this definition, where nothing was signed yet.
    type: int
    default: 1
  settled:
    description:
      - The RV(settled) of a result in the same run. What lies in the store under these beginnings is neither brought nor given.
    type: list
    elements: str
    default: []
  accept_definition_hash:
    description:
      - The hash of the definition, confirmed by the node's operator. Needed for a definition that this node did not approve.
    type: str
"""

EXAMPLES = r"""
- name: One round
  obol.dv.dkg:
    data_dir: /opt/charon/.charon
    store: /srv/ceremonies/my-cluster
  register: dkg
"""

RETURN = r"""
state:
  description:
    - V(complete), the artefacts are in the data directory. V(waiting), messages of others are missing.
    - V(planned), in check mode, it would take part.
    - V(aborted) and V(stopped) are failures, an operator sent something wrong, or this node lost its state.
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
config_hash:
  description: The config hash of the cluster's terms. Null as long as it is not known.
  returned: when there is a definition
  type: str
definition_hash:
  description: The definition's hash. Null as long as it is not known.
  returned: when there is a definition
  type: str
share_index:
  description: The node's share index. Null as long as it is not known.
  returned: when there is a definition
  type: int
terms:
  description: The terms as people compare them, by the names of their variables without C(dv_). Null as long as they are not known.
  returned: always
  type: dict
operators:
  description: The operators in the order of their share index. Empty as long as they are not known.
  returned: when there is a definition
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
settled:
  description:
    - The rounds that are over on this node and whole in the store, as beginnings of names there.
    - Given back as the option O(settled) they spare the way of messages that the node has.
  returned: always
  type: list
  elements: str
stored:
  description: Names of the files that were put into the store.
  returned: outside of check mode
  type: list
  elements: str
"""

from ansible_collections.obol.dv.plugins.module_utils.module_backends import registry


def main():
    registry.run("dkg")


if __name__ == "__main__":
    main()
