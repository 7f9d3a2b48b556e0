# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster whose deposits are paid in a test, with the module's own function: on an :class:`.anvil.Anvil`, with what operators have stated."""

import json
import shutil
import time
import types

from ansible_collections.obol.dv.plugins.module_utils.activation import payers
from ansible_collections.obol.dv.plugins.module_utils.ansible_module import runner
from ansible_collections.obol.dv.plugins.module_utils.cluster import store_names
from ansible_collections.obol.dv.plugins.module_utils.crypto import secp256k1
from ansible_collections.obol.dv.plugins.module_utils.data_dir import statements
from ansible_collections.obol.dv.plugins.module_utils.encoding.hex import to_hex
from ansible_collections.obol.dv.plugins.module_utils.ethereum import deposit, enr, key_file
from ansible_collections.obol.dv.plugins.module_utils.module_backends import activate
from ansible_collections.obol.dv.tests.support.beacon_stub import GENESIS
from ansible_collections.obol.dv.tests.support.dealt_cluster import GWEI, DealtCluster

#: What cannot be known before there is a measurement of readiness.
WITHOUT = {"readiness": "no test of this file measures"}

_PASSWORD = "of a test"


def write_wallet(directory, name, private_key):
    """Make the key file of an account, and beside it its password; what the inventory says of a node that pays with it."""
    address = secp256k1.address_of(secp256k1.public_key(private_key))
    content = key_file.encrypt(private_key, address, _PASSWORD.encode(), 2**10)
    wallet_file, password_file = directory / (name + ".json"), directory / (name + ".txt")
    wallet_file.write_text(json.dumps(content))
    password_file.write_text(_PASSWORD)
    return {"dv_activate_wallet_file": str(wallet_file), "dv_activate_wallet_password_file": str(password_file)}


class Refused(Exception):
    """The module failed, with the message of its ``answer``."""

    def __init__(self, answer):
        super().__init__(answer["msg"])
        self.answer = answer


class Paying:
    """Nodes of one cluster, each in a directory below ``directory``, which may pay its deposits.

    ``statements`` is what the store has: text by name.

    :param chain: an Anvil, or what has its ``url``, ``rpc`` and ``funded_key``
    :param beacon: its beacon node, with a ``url``
    :param fields: of the :class:`DealtCluster`
    """

    def __init__(self, directory, chain, beacon, **fields):
        self.chain, self.beacon, self.url, self.directory = chain, beacon, chain.url, directory
        self.cluster = DealtCluster(**{"validators": 3, "deposit_amounts": (GWEI, 31 * GWEI, 32 * GWEI), **fields})
        self.lock_hash = self.cluster.lock.lock_hash
        self.validators = self.cluster.lock.validators
        self.inbox = {}
        directory.mkdir(exist_ok=True)
        for node in range(4):
            (directory / str(node)).mkdir()
            self.cluster.write(self.data_dir(node), node)
            peer_id = enr.peer_id(secp256k1.public_key(self.cluster.node_keys[node]))
            name = "%sdrill-%s-%08x.jws" % (store_names.DRILLS, peer_id, node)
            self.state(node, statements.DRILL, name, key_shares=len(self.validators))
            self.state(node, statements.KEYS, store_names.keys_name(self.lock_hash, node + 1, 1), number=1, state="loaded")
        self.wallet("payer", chain.funded_key)

    def data_dir(self, node):
        return self.directory / str(node) / ".charon"

    def record(self, node=0):
        """What a node keeps of the plan that it pays, or ``None``."""
        found = sorted(self.data_dir(node).glob("activation/*.json"))
        return json.loads(found[-1].read_text()) if found else None

    def wallet(self, name, private_key):
        """Make the key file of an account."""
        write_wallet(self.directory, name, private_key)

    def state(self, node, about, name, made=None, **facts):
        """Have a node state something, under that name in the store."""
        facts = {"lock_hash": to_hex(self.lock_hash), **facts}
        self.inbox[name] = statements.sign(self.cluster.node_keys[node], about, facts, time.time() if made is None else made)

    def ask(self, node=0, check_mode=False, wallet="payer", **params):
        """What the module answers; a key file pays, where ``params`` choose nothing else.

        :raises Refused: it fails
        """
        defaults = {name: option.get("default") for name, option in activate.ARGUMENT_SPEC.items()}
        module = types.SimpleNamespace(params={**defaults, **self.params(node, wallet, **params)}, check_mode=check_mode)
        answer = runner.answer(module, activate.run_module)
        if answer.get("failed"):
            raise Refused(answer)
        return answer

    def params(self, node=0, wallet="payer", **params):
        """What the module is given."""
        files = {"wallet_file": self.directory / (wallet + ".json"), "wallet_password_file": self.directory / (wallet + ".txt")}
        return {
            "data_dir": str(self.data_dir(node)),
            "execution_url": self.url,
            "beacon_url": self.beacon.url,
            **({} if params.keys() & payers.KINDS.keys() else {name: str(path) for name, path in files.items()}),
            "store": str(self.directory / "store"),
            "inbox": dict(self.inbox),
            "without": WITHOUT,
            **params,
        }

    def forget(self):
        """What all nodes know and have stated of deposits."""
        for node in range(4):
            shutil.rmtree(self.data_dir(node) / "activation", ignore_errors=True)
        for name in [name for name in self.inbox if name.startswith(store_names.ACTIVATION)]:
            del self.inbox[name]

    def pay(self, node=0, **params):
        """The same with what is confirmed and stated, as the action plugin does it: until something is sent, or there is nothing to send."""
        plan = self.ask(node, check_mode=True, **params)["plan"]
        answer = self.ask(node, confirm=plan, **params)
        if answer["outbox"]:
            for name, text in answer["outbox"].items():
                self.inbox.setdefault(name, text)
            answer = self.ask(node, confirm=plan, **params)
        return answer

    def entries(self, amount=32, positions=None):
        """The deposits of an amount (ETH), as files have them: of all validators, or of those at these ``positions``."""
        content = (self.data_dir(0) / deposit.file_name(amount * GWEI)).read_bytes()
        keys = [pubkey for pubkey, _amount in self.wanted(amount, positions)]
        return [entry for entry in deposit.parse_file(content) if entry.pubkey in keys]

    def paid(self):
        """Public key and amount (Gwei) of each deposit in the chain, in order."""
        return [(event.pubkey, event.amount) for event in self.chain.deposit_events()]

    def wanted(self, amount=32, positions=None):
        """The same of those that a plan has."""
        chosen = range(len(self.validators)) if positions is None else positions
        return [(self.validators[position].public_key, amount * GWEI) for position in chosen]


def in_time(beacon):
    """A stub of a beacon node whose newest block is of now."""
    beacon.syncing["head_slot"] = str((int(time.time()) - int(GENESIS["genesis_time"])) // 12)
    return beacon


def states(answer):
    """The states of the lines of a plan, in their order."""
    return [line["state"] for line in answer["lines"]]
