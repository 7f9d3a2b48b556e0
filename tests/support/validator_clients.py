# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real validator clients with their keymanager APIs, each against a beacon node that may tell it no more than the genesis."""

import json
import os
import pathlib
import signal
import subprocess
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ansible_collections.obol.dv.tests.support.stock_charon import free_addresses, wait_for

#: What hoodi's beacon nodes tell of its genesis.
GENESIS = {
    "genesis_time": "1742213400",
    "genesis_validators_root": "0x212f13fc4df078b6cb7db228f1c8307566dcecf900867401a92023d7ba99cb5f",
    "genesis_fork_version": "0x10000910",
}
_SYNCING = {"head_slot": "1", "sync_distance": "0", "is_syncing": False, "is_optimistic": False, "el_offline": False}
_PATHS = {"/eth/v1/beacon/genesis": GENESIS, "/eth/v1/node/syncing": _SYNCING}


class Beacon:
    """A beacon node that a client begins with, as long as it is entered."""

    def __init__(self):
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _BeaconHandler)
        self.url = "http://127.0.0.1:%d" % self._server.server_port

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_error):
        self._server.shutdown()
        self._server.server_close()


class _BeaconHandler(BaseHTTPRequestHandler):
    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass

    def do_GET(self):
        data = _PATHS.get(self.path)
        body = json.dumps({"data": data} if data else {"code": 404, "message": "not found"}).encode()
        self.send_response(200 if data else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Prysm:
    """A Prysm validator client in ``directory``: its API is at ``url``, ``token_file`` has its token. Ends with the context.

    :param beacon: the URL of its beacon node
    :param builder: whether it talks to builders, without which it has no gas limits
    :param chain_config: the file with the parameters of its chain, if that is not hoodi itself
    """

    name = "prysm"

    def __init__(self, binary, directory, beacon, builder=True, chain_config=None):
        self.binary, self.directory, self._beacon, self._builder = binary, pathlib.Path(directory), beacon, builder
        self._chain = "--chain-config-file=%s" % chain_config if chain_config else "--hoodi"
        self.directory.mkdir(parents=True)
        rpc, http = free_addresses(2)
        self._ports = [address.rpartition(":")[2] for address in (rpc, http)]
        self.url, self.token_file = "http://%s" % http, self.directory / "token"
        self.token_file.write_text("0x" + os.urandom(32).hex() + "\n")
        self.token_file.chmod(0o600)
        (self.directory / "password").write_text("a wallet password, 1\n")
        self._process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_error):
        self.stop(signal.SIGKILL)

    def start(self):
        """Start it, and wait until its API lists keys."""
        wallet = ["--accept-terms-of-use", "--wallet-dir=%s" % (self.directory / "wallet")]
        wallet += ["--wallet-password-file=%s" % (self.directory / "password")]
        if not (self.directory / "wallet").exists():
            self._call("wallet", "create", *wallet, "--keymanager-kind=imported")
        rpc, http = self._ports
        options = [self._chain, "--datadir=%s" % (self.directory / "data"), *wallet, "--keymanager-token-file=%s" % self.token_file]
        options += ["--rpc", "--rpc-host=127.0.0.1", "--rpc-port=%s" % rpc, "--http-host=127.0.0.1", "--http-port=%s" % http]
        options += ["--enable-beacon-rest-api", "--beacon-rest-api-provider=%s" % self._beacon, "--disable-monitoring", "--distributed"]
        options += ["--enable-builder"] * self._builder
        with open(self.directory / "log", "ab") as log:
            self._process = subprocess.Popen([self.binary, *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(self._is_ready, "Prysm lists keys")

    def stop(self, how=signal.SIGTERM):
        """End it."""
        if self._process:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def listed(self):
        """The public keys (hex) that it lists."""
        return {item["validating_pubkey"] for item in self.get("/eth/v1/keystores")["data"] or ()}

    def get(self, path):
        """What its API answers (JSON)."""
        request = urllib.request.Request(self.url + path, headers={"Authorization": "Bearer " + self.token_file.read_text().strip()})
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    def _is_ready(self):
        assert self._process.poll() is None, (self.directory / "log").read_text()[-2000:]
        try:
            self.listed()
            return True
        except (OSError, urllib.error.HTTPError):
            return False

    def _call(self, *words):
        subprocess.run([self.binary, *words], check=True, stdin=subprocess.DEVNULL, capture_output=True)
