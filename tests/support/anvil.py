# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An execution layer on loopback with nothing behind it: anvil, which makes blocks as it is told, with the real deposit contract on it."""

import functools
import json
import os
import pathlib
import secrets
import signal
import subprocess
from typing import NamedTuple

from ansible_collections.obol.dv.plugins.module_utils.crypto import secp256k1
from ansible_collections.obol.dv.plugins.module_utils.ethereum.address import checksum_address
from ansible_collections.obol.dv.tests.support import deposits, json_rpc
from ansible_collections.obol.dv.tests.support.stock_charon import free_addresses, wait_for

#: Of hoodi.
CHAIN_ID = 560048

# get_deposit_root()
_ROOT = "0xc5f2892f"
# What hoodi begins with at an address: balance, code, and the storage, which the constructor fills elsewhere.
_GENESIS = 'JSON.stringify(require("@ethereumjs/genesis/hoodi").hoodiGenesis["%s"])'


class AnvilDied(Exception):
    """It ended instead of answering; holds the end of its log."""


class Contract(NamedTuple):
    """What the deposit contract is before the first deposit, all of it hex with 0x: its code, and what is in which slot of its storage."""

    code: str
    storage: dict


class Anvil:
    """The chain, as long as it is entered; ``url`` is that of its JSON-RPC, ``funded_key`` a private key (32 bytes) with a million ETH.

    Each transaction is in a block of its own at once, unless :meth:`automine` is told otherwise. The safe block is one epoch behind the
    newest one, the final block two.

    :param program: its path, of :func:`npm_install.program`
    :param directory: new, for its log and what it keeps
    """

    def __init__(self, program, directory, chain_id=CHAIN_ID, slots_in_an_epoch=4):
        self.directory, self._program = pathlib.Path(directory), pathlib.Path(program)
        self.directory.mkdir(parents=True)
        self.chain_id, self._slots_in_an_epoch = chain_id, slots_in_an_epoch
        self.funded_key = secrets.token_bytes(32)
        (self._address,) = free_addresses(1)
        self.url, self._process, self._automines = "http://%s" % self._address, None, True

    def __enter__(self):
        try:
            self._start()
            self._place_contract()
            funded = checksum_address(secp256k1.address_of(secp256k1.public_key(self.funded_key)))
            self.rpc("anvil_setBalance", funded, hex(10**6 * 10**18))
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_error):
        self._stop()

    def rpc(self, method, *parameters):
        """The result of a call.

        :raises RpcError: what it says instead
        """
        return json_rpc.call(self.url, method, parameters)

    def mine(self, count=1):
        """Make ``count`` blocks, of what waits for one."""
        self.rpc("anvil_mine", hex(count))

    def automine(self, wanted):
        """Whether each transaction is in a block at once, or waits for :meth:`mine`."""
        self.rpc("evm_setAutomine", wanted)
        self._automines = wanted

    def reorg(self, depth):
        """Replace the newest ``depth`` blocks by empty ones: what was in them is gone."""
        self.rpc("anvil_reorg", depth, [])

    def deposit_events(self):
        """The :class:`~.deposits.DepositEvent` of each deposit on the chain, once what makes its own block is in one."""
        wait_for(lambda: not self._automines or int(self.rpc("txpool_status")["pending"], 16) == 0, "what was sent is in a block")
        return deposits.events(self)

    def deposit_root(self):
        """The 32 bytes that the contract tells of all deposits."""
        return bytes.fromhex(self.rpc("eth_call", {"to": deposits.CONTRACT, "data": _ROOT}, "latest")[2:])

    def _start(self):
        host, port = self._address.split(":")
        options = ["--quiet", "--no-cors", "--host=%s" % host, "--port=%s" % port, "--accounts=0"]
        options += ["--chain-id=%d" % self.chain_id, "--slots-in-an-epoch=%d" % self._slots_in_an_epoch]
        # It keeps states in the home directory.
        environment = {**os.environ, "HOME": str(self.directory)}
        with open(self.directory / "log", "ab") as log:
            self._process = subprocess.Popen(
                [self._program, *options], cwd=self.directory, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_for(self._answers, "anvil answers")

    def _answers(self):
        if self._process.poll() is not None:
            raise AnvilDied((self.directory / "log").read_text()[-2000:])
        try:
            return self.rpc("eth_chainId")
        except OSError:
            return None

    def _stop(self):
        if self._process:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _place_contract(self):
        contract = contract_of(self._program)
        self.rpc("anvil_setCode", deposits.CONTRACT, contract.code)
        for slot, value in contract.storage.items():
            self.rpc("anvil_setStorageAt", deposits.CONTRACT, slot, value)


@functools.cache
def contract_of(program):
    """The real deposit contract, as the package that is installed beside anvil, the ``program``, has it: a :class:`Contract`."""
    asked = ["node", "--print", _GENESIS % deposits.CONTRACT.lower()]
    # From below there it finds what is installed.
    done = subprocess.run(asked, cwd=program.parent, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    _balance, code, storage, _nonce = json.loads(done.stdout)
    return Contract(code, dict(storage))
