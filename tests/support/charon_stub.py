# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""charon's validator API in the memory of a test, as stock charon v1.10.3 answered, until a test has it do otherwise."""

import json
import time
from http.server import ThreadingHTTPServer

from ansible_collections.obol.dv.tests.support.beacon_stub import GENESIS
from ansible_collections.obol.dv.tests.support.loopback import Handler, Served

_VALIDATORS = "/eth/v1/beacon/states/head/validators?id="
_REFUSAL = {"code": 500, "message": "Internal server error"}
_HEALTHY = {"sync_distance": "0", "is_syncing": False, "is_optimistic": False, "el_offline": False}


class CharonStub(Served):
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
    class Answers(Handler):
        def do_GET(self):
            stub.asked.append(self.path)
            if self.path in stub.answers:
                status, content_type, body = stub.answers[self.path]
            else:
                status, value = stub.respond(self.path)
                content_type, body = "application/json", json.dumps(value).encode()
            self.send(status, content_type, body)

    return Answers
