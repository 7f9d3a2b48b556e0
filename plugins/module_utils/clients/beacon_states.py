# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a beacon node knows of validators and of deposits to come. Amounts are whole numbers of Gwei.

Source: the Ethereum beacon APIs v1; of Electra ``pending_deposits``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..encoding.hex import to_hex
from .beacon import BeaconNode, NoFacts
from .http import HttpClient, parse_endpoint

#: States that are named by how sure they are.
HEAD, FINALIZED = "head", "finalized"

_VALIDATORS = "/eth/v1/beacon/states/%s/validators?id=%s"
_PENDING = "/eth/v1/beacon/states/%s/pending_deposits"
_CONTRACT = "/eth/v1/config/deposit_contract"
# How many keys a URL holds that every client takes.
_AT_ONCE = 50


@dataclass(frozen=True)
class Validator:
    """A validator of the beacon chain.

    :param status: in the API's own words, ``pending_queued`` for example
    """

    pubkey: bytes
    index: int
    status: str
    withdrawal_credentials: bytes
    balance: int


class Pending(NamedTuple):
    """A deposit that the beacon chain has not dealt with."""

    pubkey: bytes
    withdrawal_credentials: bytes
    amount: int


class BeaconStates(BeaconNode):
    """A beacon node that is asked about its states. All methods raise :class:`~.beacon.NoFacts` where it does not tell."""

    # Of mainnet tens of thousands of deposits may wait.
    patience = 60

    def deposit_contract(self) -> tuple[int, bytes]:
        """The chain id and the address (20 bytes) of the contract whose deposits it follows."""
        data = self._object(_CONTRACT)
        return self._number(data, "chain_id"), self._bytes(data, "address", 20)

    def validators(self, pubkeys: Iterable[bytes], state: str = HEAD) -> dict[bytes, Validator]:
        """Those with these public keys (48 bytes each) that a ``state`` has, by the public key."""
        keys, found = [*pubkeys], {}
        for first in range(0, len(keys), _AT_ONCE):
            batch = keys[first : first + _AT_ONCE]
            for entry in self._list(_VALIDATORS % (state, ",".join(map(to_hex, batch)))):
                validator = self._validator(entry)
                if validator.pubkey in batch:
                    found[validator.pubkey] = validator
        return found

    def pending_deposits(self, state: str = HEAD) -> Iterator[Pending]:
        """All that wait in a ``state``."""
        for entry in self._list(_PENDING % state):
            yield Pending(self._bytes(entry, "pubkey", 48), self._bytes(entry, "withdrawal_credentials", 32), self._number(entry, "amount"))

    def _validator(self, entry: dict[str, Any]) -> Validator:
        fields, status = entry.get("validator"), entry.get("status")
        if not isinstance(fields, dict) or not isinstance(status, str) or not re.fullmatch("[a-z_]{1,40}", status):
            raise NoFacts(f"{self} tells of a validator without its status", "what the beacon APIs say", "see what answers there")
        return Validator(
            self._bytes(fields, "pubkey", 48),
            self._number(entry, "index"),
            status,
            self._bytes(fields, "withdrawal_credentials", 32),
            self._number(entry, "balance"),
        )

    def _list(self, path: str) -> list[dict[str, Any]]:
        where = path.partition("?")[0]
        data = self._data(where, self._ask(path))
        if not isinstance(data, list) or not all(isinstance(entry, dict) for entry in data):
            raise NoFacts(f"{self} answers GET {where} without a list", '{"data": [...]}', "see what answers there")
        return data


def at(url: str) -> BeaconStates:
    """The beacon node at ``dv_beacon_url``; errors as of :func:`.http.parse_endpoint`."""
    return BeaconStates(HttpClient(parse_endpoint(url, "dv_beacon_url")))
