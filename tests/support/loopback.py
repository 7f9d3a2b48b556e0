# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands for a program that answers on loopback, as long as it is entered."""

import threading
from http.server import BaseHTTPRequestHandler


class Served:
    """Serves with ``_server`` (of :mod:`socketserver`), which a subclass makes, on a free port."""

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_error):
        self._server.shutdown()
        self._server.server_close()


class Handler(BaseHTTPRequestHandler):
    """Answers requests, and logs none of them."""

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass

    def send(self, status, content_type, body):
        """Answer with that ``body`` (bytes)."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
