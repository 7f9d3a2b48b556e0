# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a node measures the way to another one where no charon runs yet: it asks who listens there, see :mod:`.echo_server`."""

from __future__ import annotations

import os
import socket
import threading
import time
from typing import NamedTuple

from .echo_server import ANSWER, MAGIC, QUESTION
from .finding import LARGEST
from .round_trips import RoundTrips

#: After how many answers that did not come nobody waits for more.
_MOST_LOST = 3


class Identity(NamedTuple):
    """Who answers: the share index, and the first 16 bytes of the hash of the lock."""

    share_index: int
    lock: bytes


class Echo(NamedTuple):
    """What came of the questions to one address.

    :param identity: who answered, if it was one of us
    :param clock_offset: microseconds by which the other clock is ahead, by the quickest answer
    """

    round_trips: RoundTrips
    identity: Identity | None
    clock_offset: int | None


def ask(host: str, port: int, count: int, pause: float, patience: float) -> Echo:
    """Ask who listens there ``count`` times, every ``pause`` seconds, on one connection; what takes longer than ``patience`` seconds is lost,
    with that connection. After :data:`_MOST_LOST` nobody asks on.

    :raises OSError: nobody takes the connection; or one does who is none of us (:class:`ConnectionError`)
    """
    times: list[int] = []
    identity, best, offset = None, None, None
    sent, connection = 0, None
    try:
        while sent < count and sent - len(times) < _MOST_LOST:
            sent += 1
            try:
                connection = connection or _connected(host, port, patience)
                took, ahead, identity = _exchange(connection, patience)
            except TimeoutError:
                # What comes late would be taken for an answer to what is asked next.
                if connection:
                    connection.close()
                connection = None
                continue
            times.append(took)
            if best is None or took < best:
                best, offset = took, ahead
            # Not by time.sleep, which faketime breaks: tests have clocks that are wrong.
            threading.Event().wait(max(pause - took / 1e6, 0) if sent < count else 0)
    finally:
        if connection:
            connection.close()
    return Echo(RoundTrips(sent, times), identity, offset)


def _connected(host: str, port: int, patience: float) -> socket.socket:
    connection = socket.create_connection((host, port), patience)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _exchange(connection: socket.socket, patience: float) -> tuple[int, int, Identity]:
    """What a question took, by how much the other clock is ahead, both in microseconds, and who answered.

    :raises TimeoutError: not all of the answer is there after ``patience`` seconds, however it drips in
    """
    connection.settimeout(patience)
    question, began, clock = os.urandom(24), time.monotonic_ns(), time.time_ns()
    connection.sendall(QUESTION.pack(MAGIC, question))
    told, at, share_index, lock = ANSWER.unpack(_read(connection, ANSWER.size, began / 1e9 + patience))
    if told != question:
        raise ConnectionError("it answers what was not asked")
    took = time.monotonic_ns() - began
    # A clock may tell anything.
    ahead = min((at - clock - took // 2) // 1000, LARGEST)
    return took // 1000, ahead, Identity(share_index, lock)


def _read(connection: socket.socket, size: int, end: float) -> bytes:
    """So many bytes, until then (:func:`time.monotonic`)."""
    found = b""
    while len(found) < size:
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        part = connection.recv(size - len(found))
        if not part:
            raise ConnectionError("it hangs up")
        found += part
    return found
