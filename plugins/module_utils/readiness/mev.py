# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The MEV relays of a node. Source: the builder specs, ``/eth/v1/builder/status``."""

from __future__ import annotations

from collections.abc import Iterable

from ..clients.http import HttpClient, connect
from ..errors import DvError
from .finding import Finding, failed, not_measured
from .timed import ping

_STATUS = "/eth/v1/builder/status"


def look(urls: Iterable[str]) -> list[Finding]:
    """What the relays at ``urls`` tell; of none, that there are none."""
    found = [_look(url) for url in urls]
    return found or [not_measured("mev_ping", "dv_mev_relays is empty")]


def _look(url: str) -> Finding:
    # Their public key stands before an @, as boost wants it.
    scheme, _separator, rest = url.partition("://")
    http = connect(f"{scheme}://{rest.rpartition('@')[2].rstrip('/')}", "one of dv_mev_relays")
    try:
        return ping("mev_ping", lambda: _status(http), http.endpoint)
    except DvError as error:
        return failed("mev_ping", error, http.endpoint)


def _status(http: HttpClient) -> None:
    answer = http.request("GET", _STATUS)
    if answer.status != 200:
        words = http.shorten(answer.body.decode("utf-8", "replace"))
        raise DvError(f"{http.endpoint} answers GET {_STATUS} with {answer.status}: {words}", "200")
