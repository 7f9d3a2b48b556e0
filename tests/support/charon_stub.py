# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""charon's validator API in the memory of a test, as stock charon v1.10.3 answered, until a test has it do otherwise."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: What hoodi's beacon nodes tell of its genesis.
GENESIS = {
    "genesis_time": "1742213400",
    "genesis_validators_root": "0x212f13fc4df078b6cb7db228f1c8307566dcecf900867401a92023d7ba99cb5f",
    "genesis_fork_version": "0x10000910",
}
_VALIDATORS = "/eth/v1/beacon/states/head/validators?id="
_REFUSAL = {"code": 500, "message": "Internal server error"}
_HEALTHY = {"sync_distance": "0", "is_syncing": False, "is_optimistic": False, "el_offline": False}


class CharonStub:
    """Serves on a free port of loopback as long as it is entered: charon of whoever has ``key_shares``, on hoodi, in sync.

    ``asked`` has the path of each request, ``genesis`` and ``spec`` what it tells, ``version`` what it is.

    :param key_shares: public keys (hex, ``0x``) that it takes; None for all of them, as a beacon node does
    :param answers: path -> (status, content type, body) where that is not what charon would say
    """

    def __init__(self, key_shares=None, answers=None):
        self.key_shares, self.answers, self.asked = key_shares, answers or {}, []
        self.genesis, self.spec = dict(GENESIS), {"SLOTS_PER_EPOCH": "32", "SECONDS_PER_SLOT": "12"}
        self.version = "Lighthouse/v7.0.0-abcdef0" if key_shares is None else "obolnetwork/charon/v1.10-unknown/amd64-linux"
        #: How many slots after the present one the newest block is.
        self.ahead = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self.url = "http://127.0.0.1:%d" % self._server.server_port

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_error):
        self._server.shutdown()
        self._server.server_close()

    @property
    def head_slot(self):
        since_genesis = time.time() - int(self.genesis["genesis_time"])
        return max(0, int(since_genesis) // int(self.spec.get("SECONDS_PER_SLOT", 12)) + self.ahead)

    def respond(self, path):
        """Status and JSON value of what charon says."""
        if path.startswith(_VALIDATORS):
            takes = self.key_shares is None or path.removeprefix(_VALIDATORS) in self.key_shares
            return (200, {"execution_optimistic": False, "finalized": False, "data": []}) if takes else (500, _REFUSAL)
        data = {
            "/eth/v1/beacon/genesis": self.genesis,
            "/eth/v1/config/spec": self.spec,
            "/eth/v1/node/syncing": {"head_slot": str(self.head_slot), **_HEALTHY},
            "/eth/v1/node/version": {"version": self.version},
        }.get(path)
        return (200, {"data": data}) if data is not None else (500, _REFUSAL)


def _handler_of(stub):
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format, *args):  # pylint: disable=redefined-builtin
            pass

        def do_GET(self):
            stub.asked.append(self.path)
            if self.path in stub.answers:
                status, content_type, body = stub.answers[self.path]
            else:
                status, value = stub.respond(self.path)
                content_type, body = "application/json", json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
