# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A beacon node that tells a validator client as much as it wants before it begins: the genesis, and that all is well."""

import json
from http.server import ThreadingHTTPServer

from ansible_collections.obol.dv.tests.support.loopback import Handler, Served

#: What hoodi's beacon nodes tell of its genesis.
GENESIS = {
    "genesis_time": "1742213400",
    "genesis_validators_root": "0x212f13fc4df078b6cb7db228f1c8307566dcecf900867401a92023d7ba99cb5f",
    "genesis_fork_version": "0x10000910",
}
_SYNCING = {"head_slot": "1", "sync_distance": "0", "is_syncing": False, "is_optimistic": False, "el_offline": False}
#: Of a specification without a value, none differs from the client's own.
_PATHS = {"/eth/v1/beacon/genesis": GENESIS, "/eth/v1/node/syncing": _SYNCING, "/eth/v1/config/spec": {}}


class Beacon(Served):
    """Serves on a free port of loopback, as long as it is entered."""

    def __init__(self):
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.url = "http://127.0.0.1:%d" % self._server.server_port


class _Handler(Handler):
    def do_GET(self):
        data = _PATHS.get(self.path)
        known = data is not None
        body = json.dumps({"data": data} if known else {"code": 404, "message": "not found"}).encode()
        self.send(200 if known else 404, "application/json", body)

    #: Clients prepare what they would propose, and subscribe.
    do_POST = do_GET
