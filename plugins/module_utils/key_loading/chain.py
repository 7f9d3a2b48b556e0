# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The chain that a validator client will sign on has to be that of the lock, and the clock of the node not behind it.

A history of slashing protection is worth nothing on another chain; and what a node signs by a clock that is behind, it has signed before.
"""

from __future__ import annotations

from typing import NamedTuple

from ..clients.beacon import BeaconNode, Genesis
from ..encoding.hex import to_hex
from ..errors import DvError
from ..ethereum.networks import name_of

#: Epochs that the newest block may be old: a chain misses some slots, and no two epochs of them.
_OLD = 2


class Chain(NamedTuple):
    """Where a chain stands: the epoch of its newest block."""

    epoch: int
    warnings: list[str]


def latest_epoch(beacon: BeaconNode, fork_version: bytes, root: bytes, now: float) -> int:
    """The epoch that it is by the newest block of ``beacon`` or by the clock, whichever is later: what was signed before may be of it. For the
    rest see :func:`check`.

    :raises NoFacts: it does not tell
    :raises DvError: it is another chain, which counts other epochs
    """
    genesis, slots = _genesis(beacon, fork_version, root), beacon.slots()
    return max(beacon.head_slot(), int(now - genesis.time) // slots.seconds) // slots.per_epoch


def check(beacon: BeaconNode, fork_version: bytes, root: bytes, now: float) -> Chain:
    """The chain of ``beacon``, which is the right one.

    :param fork_version: of the genesis of the lock's network, 4 bytes
    :param root: the genesis validators root (32 bytes) of the right one; empty where nobody knows it
    :param now: the node's clock, Unix seconds
    :raises NoFacts: it does not tell
    :raises DvError: it is another chain, or the clock is behind it
    """
    genesis, warnings = _genesis(beacon, fork_version, root), []
    if not root:
        warnings.append(
            f"the genesis validators root {to_hex(genesis.validators_root)} of {beacon} is not checked: dv_keys_genesis_validators_root "
            f"does not say that of {name_of(fork_version)}"
        )
    slots, head = beacon.slots(), beacon.head_slot()
    age = now - (genesis.time + head * slots.seconds)
    # Before genesis slot 0 is the newest.
    if head and age < -slots.seconds:
        raise DvError(
            f"the clock of this node is at least {-age:.0f} s behind: the newest block of {beacon} is of the slot {head}",
            "a clock that is right",
            "set it, by NTP for example, before this node signs anything",
        )
    if age > _OLD * slots.per_epoch * slots.seconds:
        warnings.append(
            f"the newest block of {beacon} is {age:.0f} s old: it is not in sync yet, or the clock of this node is wrong; until it has "
            "newer ones, nothing is signed"
        )
    return Chain(head // slots.per_epoch, warnings)


def _genesis(beacon: BeaconNode, fork_version: bytes, root: bytes) -> Genesis:
    """The genesis of the chain of ``beacon``, which is the right one, see :func:`check`.

    :raises NoFacts: it does not tell
    :raises DvError: it is another chain
    """
    genesis = beacon.genesis()
    if genesis.fork_version != fork_version:
        raise DvError(
            f"{beacon} is on the network {name_of(genesis.fork_version)}",
            f"{name_of(fork_version)}, that of the lock",
            "set dv_keys_beacon_url to this node's charon; see what its --beacon-node-endpoints lead to",
        )
    if root and genesis.validators_root != root:
        raise DvError(
            f"{beacon} is on a chain with the genesis validators root {to_hex(genesis.validators_root)}",
            to_hex(root),
            "it is another network with the same fork version; of a network of your own set dv_keys_genesis_validators_root",
        )
    return genesis
