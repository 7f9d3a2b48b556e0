# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A slow or lossy way from one node to another: a proxy on loopback for TCP."""

import contextlib
import random
import socket
import threading
import time
from socketserver import BaseRequestHandler, ThreadingTCPServer

from ansible_collections.obol.dv.tests.support.loopback import Served


class LinkProxy(Served):
    """Hands on what comes to its ``address`` (``127.0.0.1:port``) to the ``port`` of this machine, and back, as long as it is entered.

    :param delay: seconds that all takes, each way
    :param loss: which part of all is lost, 0 to 1; always the same for the same ``seed``
    """

    def __init__(self, port, delay=0.0, loss=0.0, seed=0):
        self.port, self.delay, self.loss, self.random = port, delay, loss, random.Random(seed)
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self.address = "127.0.0.1:%d" % self._server.server_address[1]


class _Server(ThreadingTCPServer):
    daemon_threads = True


class _Handler(BaseRequestHandler):
    def handle(self):
        proxy = self.server.proxy
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", proxy.port), 5) as other:
            other.settimeout(None)
            back = threading.Thread(target=self._hand_on, args=(other, self.request), daemon=True)
            back.start()
            self._hand_on(self.request, other)
            back.join()

    def _hand_on(self, one, other):
        proxy = self.server.proxy
        with contextlib.suppress(OSError):
            while part := one.recv(2**16):
                time.sleep(proxy.delay)
                if proxy.random.random() >= proxy.loss:
                    other.sendall(part)
        for each in (one, other):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
