# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A proxy on loopback in front of a real API, which hands on each request but one: there it does one of the :data:`FAULTS`.

For askers with one connection for each request, as :class:`HttpClient` is, and for one request at a time.
"""

import contextlib
import math
import re
import socket
import struct
import time
from socketserver import BaseRequestHandler, ThreadingTCPServer
from urllib.parse import urlsplit

from ansible_collections.obol.dv.tests.support.loopback import Served

#: Seconds after which the asker gives up what is handed on too late, and between the pieces of an answer that drips.
PATIENCE, _DRIP = 0.5, 0.02
_HEAD = "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"


class Schedule:
    """Which request has which fault: the one with that ``number``, from 1, among all that come to the proxies with this schedule.

    ``requests`` has method and path of each that came so far, None where nothing was read of it; ``late`` those that wait to be handed on.
    """

    def __init__(self):
        self.requests, self.late = [], []
        self._number, self._fault = 0, None

    def begin(self, number=0, fault=None):
        """Count from 1 again, with another fault, or with none."""
        self.requests.clear()
        self._number, self._fault = number, fault

    @property
    def patience(self):
        """Seconds for which an asker may wait for the answer to its next request."""
        return PATIENCE if self._fault == "late" and len(self.requests) + 1 == self._number else math.inf

    def hand_on_late(self):
        """Hand on what came too late, to where it should have gone."""
        while self.late:
            self.late.pop(0)()

    def next(self, _exchange):
        """What is done with the next request: a function of its :class:`Exchange`."""
        self.requests.append(None)
        return FAULTS[self._fault] if len(self.requests) == self._number else handed_on


class Exchange:
    """A request of the ``asker`` (a socket), and what becomes of it."""

    def __init__(self, proxy, asker):
        self.asker, self.proxy, self._name, self._request = asker, proxy, None, None
        self.late = proxy.schedule.late

    def read(self):
        """The bytes of the whole request: head and body."""
        if not self._request:
            head = b""
            while b"\r\n\r\n" not in head:
                head += self._more()
            head, end, body = head.partition(b"\r\n\r\n")
            length = int((re.search(rb"\r\nContent-Length: (\d+)", head) or [0, 0])[1])
            while len(body) < length:
                body += self._more()
            self._name = tuple(head.decode().split(" ")[:2])
            self.proxy.schedule.requests[-1] = self._name
            self._request = head + end, body
        return self._request

    def _more(self):
        received = self.asker.recv(2**16)
        if not received:
            raise ConnectionError("the asker has gone")
        return received

    def hand_on(self, *parts):
        """Give a request to the API: its answer."""
        self.proxy.before(*self._name)
        with socket.create_connection(self.proxy.target) as api:
            api.sendall(b"".join(parts))
            answer = b"".join(iter(lambda: api.recv(2**16), b""))
        self.proxy.after(*self._name)
        return answer

    def answer(self, status, content_type, body):
        """Give the asker an answer that is none of the API's."""
        self.asker.sendall(http_answer(status, content_type, body))

    def hand_on_half(self, head, body):
        """Give the API one half of a request, and hang up."""
        self.proxy.before(*self._name)
        with socket.create_connection(self.proxy.target) as api:
            api.sendall(head + body[: len(body) // 2] if body else head[: len(head) // 2])


class FaultProxy(Served):
    """Serves on a free port of loopback, in front of the API at ``target`` (a URL), as long as it is entered.

    ``before`` and ``after`` are called with method and path of a request, before it is handed on and once that is done.
    """

    #: What it makes of a request.
    exchange = Exchange

    def __init__(self, target, schedule):
        parts = urlsplit(target)
        self.target, self.schedule = (parts.hostname, parts.port), schedule
        self.before = self.after = lambda method, path: None
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self.url = "http://127.0.0.1:%d" % self._server.server_address[1]


class _Server(ThreadingTCPServer):
    daemon_threads = True


class _Handler(BaseRequestHandler):
    def handle(self):
        proxy = self.server.proxy
        # Whoever gave up is no error, and a client that was killed is one of the asker's.
        with contextlib.suppress(OSError):
            exchange = proxy.exchange(proxy, self.request)
            proxy.schedule.next(exchange)(exchange)


def http_answer(status, content_type, body):
    """The bytes of an answer with that ``body`` (text)."""
    content = body.encode()
    return (_HEAD % (status, content_type, len(content))).encode() + content


def handed_on(exchange):
    """Hand it on, and its answer back."""
    exchange.asker.sendall(exchange.hand_on(*exchange.read()))


def _refused(exchange):
    # With nothing to linger for, it is reset.
    exchange.asker.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    exchange.asker.close()


def _cut(exchange):
    exchange.hand_on_half(*exchange.read())


def _drop(exchange):
    exchange.hand_on(*exchange.read())


def _error(exchange):
    exchange.read()
    exchange.answer("500 Internal Server Error", "application/json", '{"message": "oops"}')


def _late(exchange):
    request = exchange.read()
    exchange.late.append(lambda: exchange.hand_on(*request))
    # Until the asker has hung up.
    exchange.asker.recv(1)


def _slow(exchange):
    answer = exchange.hand_on(*exchange.read())
    size = len(answer) // 10 + 1
    for first in range(0, len(answer), size):
        exchange.asker.sendall(answer[first : first + size])
        time.sleep(_DRIP)


def _garbage(exchange):
    exchange.read()
    exchange.answer("200 OK", "text/html", "<html>hello</html>")


#: Reset before anything; hung up in the middle of the request, of which the API gets one half; done, and the answer lost; another's error,
#: and not handed on; handed on only when the asker has long given up; the answer drips, still in time; another's page, and not handed on.
FAULTS = {
    "refused": _refused,
    "cut": _cut,
    "drop": _drop,
    "500": _error,
    "late": _late,
    "slow": _slow,
    "garbage": _garbage,
}
