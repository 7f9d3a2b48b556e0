# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real validator clients with their keymanager APIs, each against a beacon node that tells it no more than the genesis."""

import json
import os
import pathlib
import signal
import subprocess
import urllib.request

from ansible_collections.obol.dv.tests.support.stock_charon import free_addresses, wait_for


class ClientDied(Exception):
    """A client ended instead of listing its keys; holds the end of its log."""


class ValidatorClient:
    """A client in ``directory``: its API is at ``url``, ``token_file`` has its token. Ends with the context.

    :param program: its path
    :param beacon: the URL of its beacon node
    """

    #: As ``dv_keys_client`` has it.
    name = ""
    #: Where its token is in ``directory``, and what it begins with.
    _TOKEN_FILE, _TOKEN_PREFIX = "token", "0x"

    def __init__(self, program, directory, beacon):
        self.directory, self._program, self._beacon = pathlib.Path(directory), program, beacon
        self._address, self._other_address = free_addresses(2)
        self.url, self.token_file = "http://%s" % self._address, self.directory / self._TOKEN_FILE
        self.token_file.parent.mkdir(parents=True)
        self.token_file.write_text(self._TOKEN_PREFIX + os.urandom(32).hex())
        self.token_file.chmod(0o600)
        self._process = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop(signal.SIGKILL)
            raise
        return self

    def __exit__(self, *_error):
        self.stop(signal.SIGKILL)

    @property
    def variables(self):
        """What the inventory says of a node that has it."""
        api = {"dv_keys_url": self.url, "dv_keys_token_file": str(self.token_file)}
        return {"dv_keys_target": "keymanager", "dv_keys_client": self.name, **api}

    def start(self, *more):
        """Start it, with ``more`` options, and wait until its API lists keys.

        :raises ClientDied: it ended instead
        """
        with open(self.directory / "log", "ab") as log:
            self._process = subprocess.Popen([self._program, *self._arguments(), *more], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(self._is_ready, "%s lists keys" % self.name)

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
        return self.ask("GET", path, timeout=10)

    def ask(self, method, path, body=None, timeout=600):
        """What its API answers (JSON) to a request with that ``body`` (JSON)."""
        headers = {"Authorization": "Bearer " + self.token_file.read_text().strip(), "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, content, headers, method=method)
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return json.load(response)

    def _arguments(self):
        """Its command line."""
        raise NotImplementedError

    def _is_ready(self):
        if self._process.poll() is not None:
            raise ClientDied((self.directory / "log").read_text()[-2000:])
        try:
            self.listed()
            return True
        except OSError:
            return False


class Prysm(ValidatorClient):
    """A Prysm, which has gas limits as it talks to builders.

    :param chain_config: the file with the parameters of its chain, if that is not hoodi itself
    """

    name = "prysm"

    def __init__(self, program, directory, beacon, chain_config=None):
        super().__init__(program, directory, beacon)
        self._chain = "--chain-config-file=%s" % chain_config if chain_config else "--hoodi"

    def start(self, *more):
        if not (self.directory / "wallet").exists():
            (self.directory / "password").write_text("a wallet password, 1\n")
            create = [self._program, "wallet", "create", *self._wallet(), "--keymanager-kind=imported"]
            subprocess.run(create, check=True, stdin=subprocess.DEVNULL, capture_output=True)
        super().start(*more)

    def _wallet(self):
        password, wallet = self.directory / "password", self.directory / "wallet"
        return ["--accept-terms-of-use", "--wallet-dir=%s" % wallet, "--wallet-password-file=%s" % password]

    def _arguments(self):
        (host, port), rpc_port = self._address.split(":"), self._other_address.split(":")[1]
        return [
            *(self._chain, "--datadir=%s" % (self.directory / "data"), *self._wallet(), "--keymanager-token-file=%s" % self.token_file),
            *("--rpc", "--rpc-host=%s" % host, "--rpc-port=%s" % rpc_port, "--http-host=%s" % host, "--http-port=%s" % port),
            *("--enable-beacon-rest-api", "--beacon-rest-api-provider=%s" % self._beacon, "--disable-monitoring"),
            *("--distributed", "--enable-builder"),
        ]


class Lodestar(ValidatorClient):
    """A Lodestar, of a time before hoodi: it has the fork versions of mainnet, with which it signs nothing here.

    One that was killed starts with ``--force`` only: its locks are still there.
    """

    name = "lodestar"
    _TOKEN_FILE, _TOKEN_PREFIX = "validator-db/api-token.txt", "api-token-0x"

    def _arguments(self):
        host, port = self._address.split(":")
        return [
            *("validator", "--network=mainnet", "--dataDir=%s" % self.directory, "--beaconNodes=%s" % self._beacon, "--logFile=none"),
            *("--keymanager", "--keymanager.address=%s" % host, "--keymanager.port=%s" % port),
        ]
