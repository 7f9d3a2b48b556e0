# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A beacon node that tells a validator client as much as it wants before it begins: the genesis, and that all is well."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: What hoodi's beacon nodes tell of its genesis.
GENESIS = {
    "genesis_time": "1742213400",
    "genesis_validators_root": "0x212f13fc4df078b6cb7db228f1c8307566dcecf900867401a92023d7ba99cb5f",
    "genesis_fork_version": "0x10000910",
}
_SYNCING = {"head_slot": "1", "sync_distance": "0", "is_syncing": False, "is_optimistic": False, "el_offline": False}
#: Of a specification without a value, none differs from the client's own.
_PATHS = {"/eth/v1/beacon/genesis": GENESIS, "/eth/v1/node/syncing": _SYNCING, "/eth/v1/config/spec": {}}


class Beacon:
    """Serves on a free port of loopback, as long as it is entered."""

    def __init__(self):
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.url = "http://127.0.0.1:%d" % self._server.server_port

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_error):
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass

    def do_GET(self):
        data = _PATHS.get(self.path)
        known = data is not None
        body = json.dumps({"data": data} if known else {"code": 404, "message": "not found"}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    #: Clients prepare what they would propose, and subscribe.
    do_POST = do_GET
