# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that one node measures: its links, and what it runs."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from ..clients.beacon_health import BeaconHealth
from ..clients.charon_monitoring import CharonMonitoring
from ..clients.execution import ExecutionNode
from ..cluster.lock import ClusterLock
from ..data_dir import key_place
from ..data_dir.layout import DataDir
from ..ethereum.networks import Network
from . import charon, charon_test, layers, links, machine, mev, validator_client
from .echo import Identity
from .finding import Finding, measured
from .measurement import Measurement

#: How much of the hash of a lock tells it from others.
_BYTES = 16


class Places(NamedTuple):
    """Where the parts of a node are.

    :param peers: the host and the port of each other node, by the share index of its operator
    :param mev_relays: URLs
    :param keys: what is asked for of the validator client, see the module load_keys
    :param suites: what ``charon alpha test`` was started for, and for how many seconds
    """

    peers: Mapping[int, tuple[str, int]]
    charon: CharonMonitoring
    beacon: BeaconHealth | None
    execution: ExecutionNode | None
    mev_relays: list[str]
    keys: dict[str, Any]
    suites: Collection[str]
    seconds: int


class Node(NamedTuple):
    """The node that measures.

    :param root: the genesis validators root (32 bytes) of its chain, if it is known
    :param proven: whether a drill proved a backup of its key shares
    """

    data_dir: DataDir
    lock: ClusterLock
    share_index: int
    network: Network
    root: bytes
    proven: bool


def identity(lock: ClusterLock, share_index: int) -> Identity:
    """Who the node of that operator is to the others."""
    return Identity(share_index, lock.lock_hash[:_BYTES])


def measure(node: Node, places: Places, dry_run: bool) -> Measurement:
    """What the ``node`` finds; with ``dry_run`` nothing is written to its disk."""
    data_dir, lock = node.data_dir, node.lock
    its = charon.look(places.charon, charon.Node(data_dir, lock.lock_hash, node.share_index, len(lock.definition.operators or ())))
    # First: the others answer for a bounded time, which what is slow here would outlast.
    found = links.measure(places.peers, lock.lock_hash[:_BYTES]) if its.links is None else its.links
    findings: list[Finding] = [
        *its.findings,
        *layers.look_at_beacon(places.beacon, node.network, node.root),
        *layers.look_at_execution(places.execution, node.network),
        *validator_client.look(places.keys, data_dir),
        *mev.look(places.mev_relays),
        *machine.look(data_dir.root, dry_run),
        *charon_test.collect(places.suites, data_dir, node.share_index, lock.definition, places.seconds),
        measured("backup", node.proven, text="" if node.proven else "no statement of a drill is known here"),
    ]
    return Measurement(node.share_index, time.time(), machine_of(data_dir), findings, found)


def machine_of(data_dir: DataDir) -> str:
    """What tells this node from another with the same keys, and nothing else of it: 16 hex digits."""
    return sha256(f"obol.dv node {key_place.this_machine()} {os.path.realpath(data_dir.root)}".encode()).hexdigest()[:16]
