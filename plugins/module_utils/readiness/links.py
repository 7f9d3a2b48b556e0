# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way from one node to another: what came of measuring it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from . import echo
from .echo import Identity

#: Who measured it: this node's process asked the other's, or charon its peer; of what listens there and is no process of ours it is known only
#: that it takes connections.
ECHO, CHARON, CONNECTION = "echo", "charon", "connection"

#: How often the other one is asked, every so many seconds, and for how long an answer is waited for.
_COUNT, _PAUSE, _PATIENCE = 20, 0.1, 2.0


class Link(NamedTuple):
    """What came of it. Times are whole microseconds, see :meth:`.round_trips.RoundTrips.json`.

    :param to: share index of the other operator
    :param way: ``tcp``; of charon ``direct tcp``, ``direct quic`` or ``relay tcp``
    :param reached: whether the other one answers
    :param clock_offset: by which the other clock is ahead
    :param version: of the other's charon, if that is known
    """

    to: int
    by: str
    way: str
    reached: bool
    sent: int
    lost: int
    median: int | None
    p95: int | None
    p99: int | None
    jitter: int | None
    times: list[int]
    clock_offset: int | None
    text: str
    version: str = ""

    def json(self) -> dict[str, Any]:
        """As a statement has it."""
        return self._asdict()


def measure(addresses: Mapping[int, tuple[str, int]], lock: bytes) -> list[Link]:
    """The links to these ``addresses``, by the share index of each operator, all at the same time.

    :param lock: the first 16 bytes of the hash of the lock
    """
    if not addresses:
        return []
    with ThreadPoolExecutor(len(addresses)) as pool:
        return [*pool.map(lambda share_index: _measure(share_index, addresses[share_index], lock), sorted(addresses))]


def _measure(share_index: int, address: tuple[str, int], lock: bytes) -> Link:
    host, port = address
    try:
        found = echo.ask(host, port, _COUNT, _PAUSE, _PATIENCE)
    except ConnectionError as error:
        refused = isinstance(error, ConnectionRefusedError)
        return _unanswered(share_index, f"{host}:{port}: {'nothing listens there' if refused else error.strerror or error}", not refused)
    except OSError as error:
        return _unanswered(share_index, f"{host}:{port}: {error.strerror or type(error).__name__}", False)
    if not found.round_trips.times:
        return _unanswered(share_index, f"{host}:{port}: no answer within {_PATIENCE:.0f} s", False)
    identity = found.identity
    text = "" if identity == Identity(share_index, lock) else f"{host}:{port}: {_stranger(identity, lock)}"
    return Link(share_index, ECHO, "tcp", not text, **found.round_trips.json(), clock_offset=found.clock_offset, text=text)


def _unanswered(share_index: int, text: str, connected: bool) -> Link:
    nothing: dict[str, Any] = dict(
        sent=1, lost=0 if connected else 1, median=None, p95=None, p99=None, jitter=None, times=[], clock_offset=None
    )
    # A charon that listens there takes connections, and hangs up when it is asked what it does not know.
    return Link(share_index, CONNECTION, "tcp", connected, **nothing, text=text)


def _stranger(identity: Identity | None, lock: bytes) -> str:
    if identity is None:
        return "nobody answers there"
    return f"operator {identity.share_index} answers there" if identity.lock == lock else "a node of another cluster answers there"
