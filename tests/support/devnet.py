# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real chain on loopback: geth, two Prysm beacon nodes, and a Prysm validator client with all validators of the genesis.

It has hoodi's fork versions, chain id and deposit contract, but a genesis of its own each time: ``tests/devnet`` has its parameters.
"""

import contextlib
import json
import pathlib
import secrets
import signal
import subprocess
import time
import urllib.request

from ansible_collections.obol.dv.plugins.module_utils.crypto import secp256k1
from ansible_collections.obol.dv.plugins.module_utils.ethereum import enr
from ansible_collections.obol.dv.plugins.module_utils.ethereum.address import checksum_address
from ansible_collections.obol.dv.tests.support import deposits, go_build, stock_charon

CONFIG = go_build.TESTS / "devnet"

#: What it is made of, of :data:`go_build.PROGRAMS`.
PROGRAMS = ("geth", "prysm", "prysm-beacon-chain", "prysmctl")

#: Its validators from the genesis on.
VALIDATORS = 16

#: Of its execution layer, as of hoodi's.
CHAIN_ID = 560048

#: Seconds that something on the chain may take on a busy machine: some ten times what it takes on an idle one.
DEADLINE = 900

_BEACON_NODES = ("beacon-0", "beacon-1")
# What whoever proposes a block is paid to: nobody has the key.
_FEES = "--suggested-fee-recipient=0x000000000000000000000000000000000000dEaD"
# Seconds from the making of the genesis to its time: all that is done in between, where nothing else is.
_GENESIS_DELAY = 8


class DevnetError(Exception):
    """A program of the chain ended, or something did not happen in time; holds the ends of the logs."""


def binaries():
    """The paths of the :data:`PROGRAMS` by name; see :func:`go_build.binary`."""
    return {name: go_build.binary(name) for name in PROGRAMS}


class Devnet:
    """The chain, as long as it is entered: its nodes answer then, and the first final epoch is about a minute away.

    ``url`` is that of geth's JSON-RPC, ``beacons`` are those of its beacon nodes (two: charon is not ready on a beacon node that has no
    peer), ``chain_config`` is what other clients on this chain are given, ``chain_id`` a number, ``funded_key`` a private key (32 bytes)
    with a million ETH.

    :param paths: of its programs, as of :func:`binaries`
    :param directory: new, for data and logs
    :param contract: its deposit contract, as of :func:`.anvil.contract_of`
    """

    chain_config, chain_id = CONFIG / "config.yml", CHAIN_ID

    def __init__(self, paths, directory, contract):
        self.directory, self._paths, self._contract = pathlib.Path(directory), paths, contract
        self.directory.mkdir(parents=True)
        self.funded_key = secrets.token_bytes(32)
        count = len(_BEACON_NODES)
        self._http, self._engine, *addresses = stock_charon.free_addresses(2 + count * _BeaconNode.ADDRESSES)
        self._nodes = [_BeaconNode(self.directory / name, addresses[place::count]) for place, name in enumerate(_BEACON_NODES)]
        self.url = "http://" + self._http
        self.beacons = ["http://%s" % node.http for node in self._nodes]
        self._running, self._processes = contextlib.ExitStack(), {}

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self._start_all(stack)
            self._running = stack.pop_all()
        return self

    def __exit__(self, *_error):
        self._running.close()

    def beacon(self, path, body=None):
        """The ``data`` of what the first beacon node answers, to a POST of ``body`` if there is one; ``None`` where it has none yet."""
        try:
            return _exchange(self.beacons[0] + path, body)["data"]
        except OSError:
            return None

    def validator(self, public_key):
        """What the head's state has of a validator (``0x`` hex): its index, status and balance; ``None`` if it is no validator."""
        return self.beacon("/eth/v1/beacon/states/head/validators/" + public_key)

    def rewards(self, epoch, index):
        """What the validator with this ``index`` gets for its attestations of an epoch, as far as they are on the chain: Gwei by
        ``source``, ``target`` and ``head``; ``None`` as long as some may still come."""
        rewards = self.beacon("/eth/v1/beacon/rewards/attestations/%d" % epoch, [index])
        return rewards and {name: int(value) for name, value in rewards["total_rewards"][0].items()}

    def rpc(self, method, *parameters):
        """The result of a JSON-RPC call of geth.

        :raises DevnetError: what it says instead
        """
        answer = _exchange(self.url, {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})
        if "error" in answer:
            raise DevnetError("geth refuses %s: %s" % (method, answer["error"]))
        return answer["result"]

    @contextlib.contextmanager
    def standing_still(self, name):
        """One of its processes, ``geth`` for example, does nothing as long as this is entered: whoever asks it waits."""
        self._processes[name].send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._processes[name].send_signal(signal.SIGCONT)

    def wait_for(self, condition, what, seconds=DEADLINE):
        """Call ``condition`` until it returns something true, which is returned, as long as every program runs.

        :raises DevnetError: that ``what`` did not happen within ``seconds``
        """

        def look():
            for name, process in self._processes.items():
                if process.poll() is not None:
                    raise DevnetError("%s ended with %d%s" % (name, process.returncode, self._logs()))
            return condition()

        try:
            return stock_charon.wait_for(look, what, seconds)
        except stock_charon.CharonError as error:
            raise DevnetError("%s%s" % (error, self._logs())) from None

    def _start_all(self, stack):
        genesis = self._make_genesis()
        secret = self.directory / "jwt"
        secret.write_text(secrets.token_hex(32))
        data = "--datadir=%s" % (self.directory / "geth")
        self._call("geth", "init", data, str(genesis / "execution.json"))
        # The default cache takes more than a gigabyte of disk within minutes.
        options = ["--config=%s" % (CONFIG / "geth.toml"), data, "--networkid=%d" % CHAIN_ID, "--syncmode=full", "--cache=16"]
        options += ["--ipcdisable", "--http", *_address("http.addr", "http.port", self._http)]
        options += ["--authrpc.jwtsecret=%s" % secret, *_address("authrpc.addr", "authrpc.port", self._engine)]
        stack.enter_context(self._process("geth", "geth", *options))

        chain = ["--accept-terms-of-use", "--chain-config-file=%s" % self.chain_config, "--disable-monitoring", _FEES]
        options = [*chain, "--genesis-state=%s" % (genesis / "beacon.ssz"), "--contract-deployment-block=0"]
        options += ["--chain-id=%d" % CHAIN_ID, "--network-id=%d" % CHAIN_ID]
        options += ["--execution-endpoint=http://%s" % self._engine, "--jwt-secret=%s" % secret]
        for node in self._nodes:
            peers = ["--peer=%s" % other.multiaddress for other in self._nodes if other is not node]
            stack.enter_context(self._process(node.name, "prysm-beacon-chain", *options, *node.options(), *peers))

        options = [*chain, "--datadir=%s" % (self.directory / "validators"), "--beacon-rpc-provider=%s" % self._nodes[0].rpc]
        options += ["--interop-num-validators=%d" % VALIDATORS, "--interop-start-index=0"]
        stack.enter_context(self._process("validators", "prysm", *options))
        urls = [self.url, *(url + "/eth/v1/node/version" for url in self.beacons)]
        self.wait_for(lambda: all(stock_charon.http_get(url)[0] == 200 for url in urls), "its nodes answer")

    def _make_genesis(self):
        """The directory with the genesis of both layers: what prysmctl makes for geth, with what Prague wants besides,
        with the deposit contract that everybody knows, for prysmctl has another one, and with who pays."""
        directory = self.directory / "genesis"
        directory.mkdir()
        path = directory / "execution.json"
        options = ["--fork=electra", "--num-validators=%d" % VALIDATORS, "--chain-config-file=%s" % self.chain_config]
        options += ["--genesis-time=%d" % (time.time() + _GENESIS_DELAY), "--output-ssz=%s" % (directory / "beacon.ssz")]
        options += ["--geth-genesis-json-out=%s" % path]
        self._call("prysmctl", "testnet", "generate-genesis", *options)
        genesis = json.loads(path.read_text())
        genesis["config"]["chainId"] = CHAIN_ID
        genesis["alloc"].update(json.loads((CONFIG / "system-contracts.json").read_text()))
        genesis["alloc"][deposits.CONTRACT[2:].lower()].update(self._contract._asdict())
        funded = checksum_address(secp256k1.address_of(secp256k1.public_key(self.funded_key)))
        genesis["alloc"][funded] = {"balance": hex(10**6 * 10**18)}
        path.write_text(json.dumps(genesis))
        self._call("prysmctl", "testnet", "generate-genesis", *options, "--geth-genesis-json-in=%s" % path)
        return directory

    def _call(self, program, *words):
        """Run one of the programs to its end."""
        with open(self.directory / (program + ".log"), "ab") as log:
            done = subprocess.run([self._paths[program], *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)
        if done.returncode:
            raise DevnetError("%s ended with %d: %s%s" % (program, done.returncode, " ".join(words), self._logs()))

    @contextlib.contextmanager
    def _process(self, name, program, *options):
        """One of the programs, ended with the context; ``name`` is that of its log."""
        with open(self.directory / (name + ".log"), "ab") as log:
            process = subprocess.Popen([self._paths[program], *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._processes[name] = process
        try:
            yield
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _logs(self):
        paths = sorted(self.directory.glob("*.log"))
        return "".join("\n--- %s\n%s" % (path.name, path.read_text(errors="replace")[-3000:]) for path in paths)


class _BeaconNode:
    """What one of the beacon nodes is started with: a data directory of its own, a node key, and its addresses."""

    #: How many it has: REST, gRPC, and two of its libp2p.
    ADDRESSES = 4

    def __init__(self, directory, addresses):
        self.name, self._directory = directory.name, directory
        self.http, self.rpc, *self._p2p = addresses
        self._key = secrets.token_bytes(32)
        peer_id = enr.peer_id(secp256k1.public_key(self._key))
        self.multiaddress = "/ip4/127.0.0.1/tcp/%s/p2p/%s" % (self._p2p[0].partition(":")[2], peer_id)

    def options(self):
        """Its options; makes its directory."""
        self._directory.mkdir()
        key = self._directory / "node-key"
        key.write_text(self._key.hex())
        options = ["--datadir=%s" % (self._directory / "data"), *_address("http-host", "http-port", self.http)]
        options += [*_address("rpc-host", "rpc-port", self.rpc), "--p2p-priv-key=%s" % key]
        for name, address in zip(("tcp", "udp"), self._p2p, strict=True):
            options += ["--p2p-%s-port=%s" % (name, address.partition(":")[2])]
        # Its QUIC panics in the TLS of a newer Go: "where's my session ticket?"
        options += ["--p2p-local-ip=127.0.0.1", "--p2p-host-ip=127.0.0.1", "--disable-quic"]
        # It looks for nobody, and begins without others.
        options += ["--p2p-max-peers=1", "--no-discovery", "--bootstrap-node=", "--min-sync-peers=0", "--minimum-peers-per-subnet=0"]
        return options


def _address(host_option, port_option, address):
    """The options for host and port of an address."""
    return ["--%s=%s" % pair for pair in zip((host_option, port_option), address.split(":"), strict=True)]


def _exchange(url, body):
    """The JSON answer of a GET, or of a POST of ``body`` if there is one."""
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)
