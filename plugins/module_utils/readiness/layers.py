# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node's beacon node and execution client. Each is asked itself, and its newest block is held against the clock: one that lost the other says
for half a minute that it is in sync."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from ..clients.beacon_health import BeaconHealth
from ..clients.execution import LATEST, ExecutionNode
from ..encoding.hex import to_hex
from ..errors import DvError
from ..ethereum.networks import Network, name_of
from .finding import Finding, failed, measured, not_measured
from .timed import ping

#: Those of each layer, beside the time to answer, which comes first.
_OF_BEACON = ("beacon_network", "beacon_syncing", "beacon_head", "beacon_peers")
_OF_EXECUTION = ("execution_network", "execution_syncing", "execution_head", "execution_peers")


def look_at_beacon(beacon: BeaconHealth | None, network: Network, root: bytes) -> list[Finding]:
    """What the ``beacon`` node of the node tells; it should be of the ``network``, with that genesis validators root (32 bytes), if that is
    known."""
    if beacon is None:
        return [not_measured(check, "dv_beacon_url is not set") for check in ("beacon_ping", *_OF_BEACON)]
    checks: dict[str, Callable[[], Finding]] = {
        "beacon_network": lambda: _beacon_network(beacon, network, root),
        "beacon_syncing": lambda: _beacon_syncing(beacon),
        "beacon_head": lambda: _beacon_head(beacon),
        "beacon_peers": lambda: measured("beacon_peers", beacon.peers(), beacon.http.endpoint),
    }
    return [*_looked("beacon_ping", beacon.version, beacon.http.endpoint, checks)]


def _beacon_network(beacon: BeaconHealth, network: Network, root: bytes) -> Finding:
    genesis = beacon.genesis()
    if genesis.fork_version != network.genesis_fork_version:
        return measured("beacon_network", 0, beacon.http.endpoint, f"it is on {name_of(genesis.fork_version)}")
    if root and genesis.validators_root != root:
        text = f"another chain of that network: the genesis validators root is {to_hex(genesis.validators_root)}"
        return measured("beacon_network", 0, beacon.http.endpoint, text)
    return measured("beacon_network", 1, beacon.http.endpoint, name_of(genesis.fork_version))


def _beacon_syncing(beacon: BeaconHealth) -> Finding:
    sync = beacon.sync()
    words = [
        text
        for text, is_so in (
            ("it is syncing", sync.syncing),
            ("its execution client is offline", sync.el_offline),
            ("its head is optimistic", sync.optimistic),
        )
        if is_so
    ]
    return measured("beacon_syncing", not words, beacon.http.endpoint, ", ".join(words) or beacon.version())


def _beacon_head(beacon: BeaconHealth) -> Finding:
    genesis, slots = beacon.genesis(), beacon.slots()
    behind = int(time.time() - genesis.time) // slots.seconds - beacon.head_slot()
    if behind < -1:
        return failed("beacon_head", f"its head is {-behind} slots in the future: this node's clock is behind", beacon.http.endpoint)
    return measured("beacon_head", max(behind, 0), beacon.http.endpoint)


def look_at_execution(node: ExecutionNode | None, network: Network) -> list[Finding]:
    """What the execution client of the node tells; it should be of the ``network``."""
    if node is None:
        return [not_measured(check, "dv_execution_url is not set") for check in ("execution_ping", *_OF_EXECUTION)]
    checks: dict[str, Callable[[], Finding]] = {
        "execution_network": lambda: _execution_network(node, network),
        "execution_syncing": lambda: _execution_syncing(node),
        "execution_head": lambda: _execution_head(node),
        "execution_peers": lambda: measured("execution_peers", node.peers(), node.http.endpoint),
    }
    return [*_looked("execution_ping", node.chain_id, node.http.endpoint, checks)]


def _execution_network(node: ExecutionNode, network: Network) -> Finding:
    chain_id = node.chain_id()
    text = "" if chain_id == network.chain_id else f"its chain id is {chain_id}, and not {network.chain_id}"
    return measured("execution_network", not text, node.http.endpoint, text)


def _execution_syncing(node: ExecutionNode) -> Finding:
    syncing = node.syncing()
    return measured("execution_syncing", not syncing, node.http.endpoint, "it is syncing" if syncing else "")


def _execution_head(node: ExecutionNode) -> Finding:
    block = node.block(LATEST)
    if block is None:
        return failed("execution_head", "it has no block", node.http.endpoint)
    return measured("execution_head", max(time.time() - block.timestamp, 0), node.http.endpoint)


def _looked(first: str, ask: Callable[[], object], about: object, checks: dict[str, Callable[[], Finding]]) -> Iterator[Finding]:
    """What came of the ``checks``: none is tried where it does not answer to the ``first``."""
    try:
        yield ping(first, ask, about)
    except DvError as error:
        yield failed(first, error, about)
        for check in checks:
            yield not_measured(check, "it does not answer", about)
        return
    for check, look in checks.items():
        try:
            yield look()
        except DvError as error:
            yield failed(check, error, about)
