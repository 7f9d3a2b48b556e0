# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which beacon node a target has, and all that it is asked before key shares go there: it has to be this node's charon, on the right chain."""

from __future__ import annotations

import time
from typing import Any

from ..clients.beacon import BeaconNode, NoFacts
from ..clients.http import Endpoint, HttpClient, parse_endpoint
from ..clients.table import CLIENTS
from ..encoding.hex import from_hex
from ..errors import DvError
from ..ethereum.networks import validators_root_of
from . import beacon_of_client, chain, charon
from .shares import Shares
from .target import Target

#: Where charon's validator API is by default.
_DEFAULT = "http://127.0.0.1:3600"


def choose(asked: dict[str, Any], target: Target) -> BeaconNode:
    """The beacon node of the client of ``target``: ``beacon_url`` of what is ``asked`` for, or what the client was started with.

    :raises DvError: the URL is wrong
    """
    named = _named(asked)
    return _at(named, [] if named else _started(target))


def _at(named: Endpoint | None, started: list[Endpoint]) -> BeaconNode:
    # What the client has counts, where nobody says what it should have.
    return BeaconNode(HttpClient(named or (started or [parse_endpoint(_DEFAULT, "the default")])[0]))


def _named(asked: dict[str, Any]) -> Endpoint | None:
    return parse_endpoint(asked["beacon_url"], "dv_keys_beacon_url") if asked["beacon_url"] else None


def _started(target: Target) -> list[Endpoint]:
    """What the client of ``target`` was started with, as far as that is known."""
    return beacon_of_client.endpoints(target.settings.http.endpoint, CLIENTS[target.client].beacon_flags) if target.settings else []


def root(asked: dict[str, Any], shares: Shares) -> bytes:
    """The genesis validators root (32 bytes) of the chain of ``shares``: ``genesis_validators_root`` of what is ``asked`` for, or that of the
    known network; empty where nobody knows it."""
    named = from_hex(asked["genesis_validators_root"], 32, "dv_keys_genesis_validators_root")
    return named or validators_root_of(shares.fork_version) or b""


def check(asked: dict[str, Any], target: Target, shares: Shares) -> tuple[int | None, list[str]]:
    """Refuse a client whose beacon node is not this node's charon, or is on another chain, as far as that can be known: the epoch of the chain,
    ``None`` where that is not known, and warnings.

    :param asked: ``beacon_url`` and ``genesis_validators_root``, see the module load_keys
    """
    named, started = _named(asked), _started(target)
    beacon = _at(named, started)
    if named and started and not any(map(named.is_same, started)):
        raise DvError(
            f"{target.client} was started with the beacon node {started[0]}",
            f"{named}, as dv_keys_beacon_url says",
            "one of the two is not this node's charon: correct it",
        )
    epoch: int | None = None
    warnings: list[str] = []
    try:
        epoch, warnings = chain.check(beacon, shares.fork_version, root(asked, shares), time.time())
        charon.check(beacon, shares)
    except NoFacts as error:
        if named:
            raise
        warnings = [*warnings, f"whether the validator client is behind this node's charon, on the right chain, is not known: {error}"]
    return epoch, warnings
