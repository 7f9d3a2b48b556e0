#!/usr/bin/python
# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: test_cluster
short_description: Find out whether a cluster is ready
version_added: 0.1.0
author: The obol.dv authors (@obol-dv)
description:
  - Measures from a node how it reaches the nodes of the other operators, and how its charon, its beacon node, its execution client, its
    validator client and its machine are. Then holds what all nodes measured against thresholds.
  - In three steps, none of which waits for another host. O(step=listen) leaves a process that answers the other nodes for O(seconds), where
    no charon has the O(port). O(step=measure) measures, and states it, signed by the ENR private key, in the store. O(step=judge) verifies
    what the operators of the lock stated in the last O(max_age) minutes, and gives a verdict about each link, each check and the whole. Whether
    the cluster is ready the node states, signed, in the store, where M(obol.dv.activate) asks for it. It is no failure of this module that it is
    not; M(obol.dv.readiness_report) makes it one.
  - Where charon runs, its own metrics tell of the other operators. No second program is started with its ENR private key.
  - Nothing on the node changes. What is written to its disk, to see how long that takes, is a file without a name.
extends_documentation_fragment:
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
  target:
    description:
      - Where the key shares are, as M(obol.dv.load_keys) takes it. Left out, no validator client is looked at.
    type: str
  client:
    description: The validator client, as M(obol.dv.load_keys) takes it.
    type: str
  step:
    description: What is done, in this order.
    type: str
    choices: [listen, measure, judge]
    required: true
  port:
    description: The port on which the others reach the node's charon, that of its C(--p2p-tcp-address).
    type: int
    default: 3610
  p2p_address:
    description: The host and the port by which they do, for example V(alice.example.com:3610). It is returned as it is.
    type: str
    default: ""
  seconds:
    description: For how long the node answers them, if it is not told to stop.
    type: int
    default: 120
  stays:
    description: Whether O(step=judge) lets what answers the others go on, for operators who run it later.
    type: bool
    default: false
  peers:
    description: The host and the port of each other node, for example V(bob.example.com:3610), by the share index of its operator.
    type: dict
    default: {}
  charon_monitoring_url:
    description: Where the node reaches charon's C(--monitoring-address).
    type: str
    default: http://127.0.0.1:3620
  beacon_node_url:
    description: The beacon node behind charon, as the node reaches it. With V(http) only. Left out, none is looked at.
    type: str
  execution_url:
    description: JSON-RPC of the execution client, as the node reaches it. Left out, none is looked at, unless there is O(execution_url_file).
    type: str
  execution_url_file:
    description: Path of a file on the node with that URL, where it has a key in it.
    type: path
  charon_command:
    description: How charon is called on the node, a list of words, for O(charon_tests).
    type: list
    elements: str
    default: []
  charon_tests:
    description:
      - What C(charon alpha test) tests where no charon runs. Its further flags, a list, by the name of each suite, V(peers), V(beacon), V(validator),
        V(mev) or V(infra). O(step=listen) starts it, O(step=measure) collects what it found.
      - They are seen in the node's process list. A URL with a key in it does not belong there.
    type: dict
    default: {}
  charon_seconds:
    description: For how many seconds it tests at most.
    type: int
    default: 30
  mev_relays:
    description: URLs of the MEV relays that the node uses, with or without their public keys.
    type: list
    elements: str
    default: []
  backup_dir:
    description: Directory on the node for its backups, see M(obol.dv.backup), with the statements of drills.
    type: path
  statements:
    description: Statements of drills, name to text. The action plugin of the same name fills it.
    type: dict
    default: {}
  thresholds:
    description:
      - Other thresholds for some checks, by their names, which the documentation lists. Two whole numbers, where a warning begins and where
        it fails, either of them null for none.
    type: dict
    default: {}
  max_age:
    description: How old, in minutes, what a node measured may be.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Answers for the other nodes
  obol.dv.test_cluster:
    step: listen
    data_dir: /opt/charon/.charon
    store: /srv/ceremonies/my-cluster

- name: What this node measures
  obol.dv.test_cluster:
    step: measure
    data_dir: /opt/charon/.charon
    store: /srv/ceremonies/my-cluster
    peers:
      2: bob.example.com:3610
      3: carol.example.com:3610
      4: dan.example.com:3610
    beacon_node_url: http://127.0.0.1:5052
    execution_url: http://127.0.0.1:8545

- name: Whether the cluster is ready, where a round trip of 300 ms is meant
  obol.dv.test_cluster:
    step: judge
    data_dir: /opt/charon/.charon
    store: /srv/ceremonies/my-cluster
    thresholds:
      round_trip: [200000, 400000]
"""

RETURN = r"""
share_index:
  description: The node's share index.
  returned: success
  type: int
listens:
  description: What answers the others on the port, V(echo) (a process of this module) or V(another program).
  returned: O(step=listen)
  type: str
p2p_address:
  description: O(p2p_address).
  returned: O(step=listen)
  type: str
checks:
  description: What came of each check, without a verdict.
  returned: O(step=measure)
  type: list
  elements: dict
  contains:
    check:
      description: Its name.
      type: str
      returned: always
    about:
      description: What was asked.
      type: str
      returned: always
    value:
      description: What was measured, a whole number, or null.
      type: int
      returned: always
    text:
      description: Why there is no value, or what else is to know.
      type: str
      returned: always
    state:
      description: V(measured), V(failed) or V(not measured).
      type: str
      returned: always
links:
  description: What came of the way to each other operator, without a verdict. Times are whole microseconds.
  returned: O(step=measure)
  type: list
  elements: dict
  contains:
    to:
      description: Share index of the other operator.
      type: int
      returned: always
    by:
      description: Who answered, V(echo), V(charon) (its metrics tell), or V(connection) (something takes connections).
      type: str
      returned: always
    median:
      description: The median of the round trips. There are V(p95), V(p99) and V(jitter) too.
      type: int
      returned: always
passed:
  description: Whether the cluster is ready.
  returned: O(step=judge)
  type: bool
judgement:
  description: All verdicts, as the documentation has them.
  returned: O(step=judge)
  type: dict
"""

from ansible_collections.obol.dv.plugins.module_utils.module_backends import registry


def main():
    registry.run("test_cluster")


if __name__ == "__main__":
    main()
