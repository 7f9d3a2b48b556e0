# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a beacon node is, by its own word: that it is well it may say for half a minute after it lost its execution client.

Source: the Ethereum beacon APIs v1.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .beacon import SYNCING, BeaconNode, NoFacts
from .http import Answer, HttpClient, parse_endpoint

_PEERS = "/eth/v1/node/peer_count"
_JSON = "application/json"


class Sync(NamedTuple):
    """What it says of its chain; older ones do not tell the last two."""

    syncing: bool
    optimistic: bool
    el_offline: bool


class BeaconHealth(BeaconNode):
    """A beacon node that is asked how it is. All methods raise :class:`~.beacon.NoFacts` where it does not tell."""

    def sync(self) -> Sync:
        """Whether it is in sync."""
        data = self._object(SYNCING)
        return Sync(*(self._truth(data, *field) for field in (("is_syncing",), ("is_optimistic", False), ("el_offline", False))))

    def peers(self) -> int:
        """How many peers it has."""
        return self._number(self._object(_PEERS), "connected")

    def _truth(self, data: dict[str, Any], name: str, default: bool | None = None) -> bool:
        value = data.get(name, default)
        if not isinstance(value, bool):
            raise NoFacts(f"{self} tells no {name}", "true or false", "see what answers there")
        return value

    def _data(self, path: str, answer: Answer) -> Any:
        # The web pages of some clients answer 200, too.
        if answer.status == 200 and answer.content_type.partition(";")[0].strip().lower() != _JSON:
            raise NoFacts(f"{self} does not answer GET {path} with JSON", _JSON, "see what answers there")
        return super()._data(path, answer)


def at(url: str) -> BeaconHealth:
    """The beacon node at ``dv_beacon_url``; errors as of :func:`.http.parse_endpoint`."""
    return BeaconHealth(HttpClient(parse_endpoint(url, "dv_beacon_url")))
