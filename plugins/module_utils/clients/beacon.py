# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The few things that a beacon node is asked, or charon's validator API, which hands on to one what it does not answer itself.

Source: the Ethereum beacon APIs v1; keymanager-and-chain §1.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from ..encoding import go_json
from ..encoding.hex import from_hex, to_hex
from ..errors import DvError
from .http import Answer, HttpClient, shorten

#: Where one says whether it is in sync.
SYNCING = "/eth/v1/node/syncing"
_GENESIS = "/eth/v1/beacon/genesis"
_SPEC = "/eth/v1/config/spec"
_VERSION = "/eth/v1/node/version"
_VALIDATOR = "/eth/v1/beacon/states/head/validators?id=%s"
#: What a spec does not say: mainnet's.
_SLOTS_PER_EPOCH, _SECONDS_PER_SLOT = 32, 12
#: How charon refuses a key: 500, as all that goes wrong in it; 400 would be right.
_REFUSALS = (400, 500)


class NoFacts(DvError):
    """A beacon node does not tell what it was asked: nobody knows."""


class Genesis(NamedTuple):
    """What tells a chain from others: Unix seconds, 32 bytes, 4 bytes."""

    time: int
    validators_root: bytes
    fork_version: bytes


class Slots(NamedTuple):
    """How a chain divides time."""

    per_epoch: int
    seconds: int


class BeaconNode:
    """A beacon node, or a charon that is one to its validator client. All methods raise :class:`NoFacts` where it does not tell."""

    #: Seconds for an answer.
    patience = 10

    def __init__(self, http: HttpClient) -> None:
        self.http = http

    def __str__(self) -> str:
        return f"the beacon node at {self.http.endpoint}"

    def genesis(self) -> Genesis:
        """The genesis of its chain."""
        data = self._object(_GENESIS)
        root, fork_version = (self._bytes(data, *field) for field in (("genesis_validators_root", 32), ("genesis_fork_version", 4)))
        return Genesis(self._number(data, "genesis_time"), root, fork_version)

    def slots(self) -> Slots:
        """The length of a slot and of an epoch."""
        data = self._object(_SPEC)
        return Slots(
            self._number(data, "SLOTS_PER_EPOCH", _SLOTS_PER_EPOCH, least=1),
            self._number(data, "SECONDS_PER_SLOT", _SECONDS_PER_SLOT, least=1),
        )

    def head_slot(self) -> int:
        """The slot of the newest block that it has."""
        return self._number(self._object(SYNCING), "head_slot")

    def version(self) -> str:
        """What it says that it is, fit to be shown."""
        return shorten(self._object(_VERSION).get("version"))

    def takes(self, public_key: bytes) -> bool:
        """Whether it can be asked for a validator with that ``public_key`` (48 bytes), be there one or not: charon cannot but for the key
        shares of its own node, and a beacon node can for any key."""
        path = _VALIDATOR % to_hex(public_key)
        answer = self._ask(path)
        if answer.status in _REFUSALS:
            return False
        if not isinstance(self._data(path, answer), list):
            raise NoFacts(f"{self} answers GET {path} without a list")
        return True

    def _ask(self, path: str) -> Answer:
        if self.http.endpoint.secure:
            raise NoFacts(f"{self} is behind TLS", "http://", "nothing secret is asked there, and no certificate of it is known")
        try:
            return self.http.request("GET", path, timeout=self.patience)
        except DvError as error:
            raise NoFacts(error.found, error.wanted, error.hint) from None

    def _data(self, path: str, answer: Answer) -> Any:
        """What is in an answer, under ``data``."""
        if answer.status != 200:
            words = shorten(answer.body.decode("utf-8", "replace"))
            raise NoFacts(f"{self} answers GET {path} with {answer.status}: {words}", "200", "see whether it runs well, and what it is")
        try:
            # Whatever its type: a mock has it as plain text.
            value = go_json.loads(answer.body, f"what {self} answers to GET {path}")
        except DvError as error:
            raise NoFacts(error.found, error.wanted, error.hint) from None
        return value.get("data") if isinstance(value, dict) else None

    def _object(self, path: str) -> dict[str, Any]:
        data = self._data(path, self._ask(path))
        if not isinstance(data, dict):
            raise NoFacts(f"{self} answers GET {path} without an object", '{"data": {...}}', "see what answers there")
        return data

    def _number(self, data: dict[str, Any], name: str, default: int | None = None, least: int = 0) -> int:
        """The number (uint64) of a field, which has it as a text of decimal digits."""
        if name not in data and default is not None:
            return default
        text = data.get(name)
        if isinstance(text, str) and re.fullmatch("[0-9]{1,20}", text) and least <= int(text) < 2**64:
            return int(text)
        raise NoFacts(f"{self} tells no {name}", f"a text of digits, {least} or more", "see what answers there")

    def _bytes(self, data: dict[str, Any], name: str, length: int) -> bytes:
        try:
            if value := from_hex(data.get(name), length, name):
                return value
        except DvError:
            pass
        raise NoFacts(f"{self} tells no {name}", f"{length} bytes as hex", "see what answers there")
