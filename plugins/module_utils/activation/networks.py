# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Both layers have to be those of the lock's network, with the deposit contract that everybody knows, and at their newest block."""

from __future__ import annotations

from collections.abc import Iterator

from ..clients import execution
from ..clients.beacon_states import BeaconStates
from ..clients.execution import ExecutionNode
from ..encoding.hex import to_hex
from ..errors import DvError
from ..ethereum import deposit_contract
from ..ethereum.networks import Network

#: Seconds that the newest block of either layer may be old, or ahead of the clock.
_OLD, _AHEAD = 600, 60


def contract_of(network: Network, beacon: BeaconStates) -> bytes:
    """The address (20 bytes) of the deposit contract of a ``network``; of a custom one what its beacon node follows.

    :raises DvError: nobody can deposit there by it
    """
    address = deposit_contract.ADDRESSES.get(network.name)
    if address:
        return address
    if network.name in deposit_contract.OTHERS:
        raise DvError(
            f"the network is {network.name}, {deposit_contract.OTHERS[network.name]}",
            "one of " + ", ".join(deposit_contract.ADDRESSES) + ", or a custom one",
            "deposit with that network's own tools",
        )
    return beacon.deposit_contract()[1]


def check(network: Network, contract: bytes, root: bytes, node: ExecutionNode, beacon: BeaconStates, now: float) -> Iterator[DvError]:
    """What is wrong.

    :param root: the genesis validators root (32 bytes) of the right chain; empty where nobody knows it
    """
    chain_id, genesis, followed = node.chain_id(), beacon.genesis(), beacon.deposit_contract()
    hint = "correct dv_execution_url or dv_beacon_url, or the network of the cluster is another"
    for what, found, wanted in (
        (f"{node} is of the chain", chain_id, network.chain_id),
        (f"{beacon} follows the deposits of the chain", followed[0], network.chain_id),
        (f"{beacon} follows the deposit contract", to_hex(followed[1]), to_hex(contract)),
        (f"{beacon} has the genesis fork version", to_hex(genesis.fork_version), to_hex(network.genesis_fork_version)),
        (f"{beacon} has the genesis validators root", to_hex(genesis.validators_root), to_hex(root or genesis.validators_root)),
    ):
        if found != wanted:
            yield DvError(f"{what} {found}", f"{wanted}, of {network.name}", hint)
    if not deposit_contract.is_code(node.code(contract)):
        yield DvError(
            f"{node} has other code at {to_hex(contract)}", "that of the deposit contract", "pay nothing: it is another chain, or no chain"
        )
    if not root:
        yield DvError(
            f"nobody knows the genesis validators root of {network.name}", "dv_keys_genesis_validators_root", "see what its clients say"
        )
    slots = beacon.slots()
    latest = node.block(execution.LATEST)
    at_head = genesis.time + beacon.head_slot() * slots.seconds
    for who, made in ((str(node), latest.timestamp if latest else 0), (str(beacon), at_head)):
        if not -_AHEAD <= now - made <= _OLD:
            yield DvError(
                f"the newest block of {who} is {now - made:.0f} s old",
                f"at most {_OLD} s",
                "wait until it is in sync, and see the clock of this node",
            )
