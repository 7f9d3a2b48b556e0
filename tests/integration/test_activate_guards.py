# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each guard before deposits are paid, and what it says; and what somebody else does that must not keep anybody from paying."""

import json
import pathlib
import random
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from ansible_collections.obol.dv.plugins.module_utils.activation import guards
from ansible_collections.obol.dv.plugins.module_utils.cluster import store_names
from ansible_collections.obol.dv.plugins.module_utils.crypto import jws, secp256k1
from ansible_collections.obol.dv.plugins.module_utils.crypto.bls.signatures import bls
from ansible_collections.obol.dv.plugins.module_utils.data_dir import statements
from ansible_collections.obol.dv.plugins.module_utils.encoding.hex import to_hex
from ansible_collections.obol.dv.plugins.module_utils.ethereum import deposit, transaction
from ansible_collections.obol.dv.plugins.module_utils.ethereum.address import checksum_address
from ansible_collections.obol.dv.tests.support import deposits, paying, rpc_dialects
from ansible_collections.obol.dv.tests.support.anvil import Anvil
from ansible_collections.obol.dv.tests.support.chain_beacon import ChainBeacon
from ansible_collections.obol.dv.tests.support.dealt_cluster import GWEI, DealtCluster
from ansible_collections.obol.dv.tests.support.paying import WITHOUT, Paying, Refused, in_time
from ansible_collections.obol.dv.tests.support.rpc_proxy import RpcProxy

HOUR = 3600
#: Of somebody else.
OTHERS = b"\1" + bytes(11) + b"\xee" * 20
GENESIS_PATH, CONTRACT_PATH = "/eth/v1/beacon/genesis", "/eth/v1/config/deposit_contract"
UNSIGNED = b"\xc0" + bytes(95)


#: Of somebody else.
STRANGER = b"\x09" * 32


class World:
    """A cluster that could pay, and all that a test may break around it: ``chain`` (anvil), ``node``, a proxy in front of it, ``beacon``."""

    def __init__(self, directory, chain, node, beacon):
        self.directory, self.chain, self.node, self.beacon = directory, chain, node, beacon
        self._paying = None

    def deal(self, **fields):
        """Another cluster than the usual one."""
        self._paying = Paying(self.directory / "nodes", self.chain, self.beacon, **fields)
        self._paying.url = self.node.url
        return self._paying

    @property
    def paying(self):
        return self._paying or self.deal()

    def entry(self, position=0, amount=32, credentials=None, signature=None):
        """A deposit for a validator, which its key has signed if there is no ``signature``; the credentials are those of the lock if none are
        named."""
        line = self.paying.validators[position].deposits[0]
        credentials, gwei = credentials or line.withdrawal_credentials, amount * GWEI
        root = deposit.signing_root(line.pubkey, credentials, gwei, self.paying.cluster.network.genesis_fork_version)
        signature = signature or bls.sign(self.paying.cluster.keys[position], root)
        data_root = deposit.deposit_data_root(line.pubkey, credentials, gwei, signature)
        return SimpleNamespace(
            pubkey=line.pubkey, withdrawal_credentials=credentials, amount=gwei, signature=signature, deposit_data_root=data_root
        )

    def hand_in(self, *entries):
        """Have somebody pay for them."""
        return deposits.hand_in(self.chain, entries)

    def pay_elsewhere(self, *entries):
        """The same, by another account than the cluster's payer."""
        address = checksum_address(secp256k1.address_of(secp256k1.public_key(STRANGER)))
        self.chain.rpc("anvil_setBalance", address, hex(10**24))
        stranger = SimpleNamespace(funded_key=STRANGER, chain_id=self.chain.chain_id, rpc=self.chain.rpc)
        return deposits.hand_in(stranger, entries)

    def in_pool(self, *entries):
        """The same, and it waits."""
        self.chain.automine(False)
        return self.hand_in(*entries)

    def claim(self, node, lines, number=1, **facts):
        """What an operator says that it pays."""
        name = store_names.activation_name(self.paying.lock_hash, number)
        self.paying.state(node, statements.ACTIVATION, name, **{"plan": "ab" * 32, "lines": lines, **facts})

    def key(self, position=0):
        return to_hex(self.paying.validators[position].public_key)


@pytest.fixture
def world(anvil_program, tmp_path):
    with Anvil(anvil_program, tmp_path / "anvil") as chain, RpcProxy(chain.url) as node, ChainBeacon(chain) as beacon:
        yield World(tmp_path, chain, node, in_time(beacon))


def refused(world, text, **params):
    """That nothing is paid, and why."""
    before = world.paying.paid()
    with pytest.raises(Refused, match=text) as error:
        world.paying.pay(**params)
    assert "unforeseen" not in str(error.value) and "Traceback" not in str(error.value)
    world.chain.automine(True)
    world.chain.mine()
    made = world.paying.paid()[len(before) :]
    ours = world.paying.record()
    assert not ours or not ours["payments"], (made, ours)
    return str(error.value)


def guard(answer, name):
    """What a guard says."""
    (found,) = [each for each in answer["guards"] if each["guard"] == name]
    return found["state"], found["text"]


# The lock, and what lies beside it


def test_a_lock_with_a_bit_that_is_another(world):
    """Refused, or the same in another spelling; never another plan."""
    path = world.paying.data_dir(0) / "cluster-lock.json"
    whole, chosen = path.read_bytes(), random.Random(15)
    plan = world.paying.ask(check_mode=True)["plan"]
    path.chmod(0o600)
    told = []
    for place in chosen.sample(range(len(whole)), 24):
        changed = bytearray(whole)
        changed[place] ^= 1 << chosen.randrange(8)
        path.write_bytes(changed)
        try:
            assert world.paying.ask(check_mode=True)["plan"] == plan
        except Refused as error:
            told.append(str(error))
    assert len(told) > 12 and not any("unforeseen" in text for text in told), told


@pytest.mark.parametrize(
    "name, change, text",
    [
        ("deposit-data.json", lambda content: content.replace(b'"amount": 32000000000', b'"amount": 31000000000', 1), "deposit"),
        ("deposit-data.json", lambda content: content.replace(b"010000000000000000000000", b"000000000000000000000000", 1), "deposit"),
        ("charon-enr-private-key", lambda _content: b"07" * 32, "the key's ENR is .*; wanted: that of an operator"),
        ("cluster-lock.json", lambda content: content[:-100], "is not JSON"),
    ],
    ids=["amount", "credentials", "key", "cut off"],
)
def test_what_lies_beside_the_lock(world, name, change, text):
    path = world.paying.data_dir(0) / name
    path.chmod(0o600)
    path.write_bytes(change(path.read_bytes()))
    refused(world, text)


def test_the_key_of_another_node(world):
    """Its key shares are not those that lie here."""
    path = world.paying.data_dir(0) / "charon-enr-private-key"
    path.write_text(world.paying.cluster.node_keys[1].hex())
    refused(world, "key")


def test_no_lock(world):
    (world.paying.data_dir(0) / "cluster-lock.json").unlink()
    refused(world, "has no cluster-lock.json; wanted: a complete cluster")


class Unsigned(DealtCluster):
    """A dealer whose deposits another key has signed, each in a lock that all have signed."""

    def deposit(self, place, amount, definition):
        right = super().deposit(place, amount, definition)
        return replace(right, signature=bls.sign(7, b"\7" * 32))


class Elsewhere(DealtCluster):
    """A dealer whose deposits are to somebody else, well signed, in a lock that all have signed."""

    def deposit(self, place, amount, definition):
        pubkey = bls.secret_to_public(self.keys[place])
        signature = bls.sign(self.keys[place], deposit.signing_root(pubkey, OTHERS, amount, definition.fork_version))
        return replace(super().deposit(place, amount, definition), withdrawal_credentials=OTHERS, signature=signature)


@pytest.mark.parametrize("dealer, text", [(Unsigned, "deposit"), (Elsewhere, "credentials")])
def test_deposits_of_a_lock_that_are_wrong(world, monkeypatch, dealer, text):
    monkeypatch.setattr(paying, "DealtCluster", dealer)
    refused(world, text)


@pytest.mark.parametrize(
    "name, dealer, text",
    [
        ("signature", Unsigned, "the signature of the deposit for validator 0: 32 ETH is wrong; wanted: that of the validator's key"),
        (
            "credentials",
            Elsewhere,
            "the deposit for validator 0: 32 ETH has the withdrawal credentials 0x01.*; wanted: 0x01.* all operators",
        ),
    ],
)
def test_the_same_of_a_plan(world, monkeypatch, name, dealer, text):
    """Where verification let one pass the guard does not."""
    monkeypatch.setattr(paying, "DealtCluster", dealer)
    monkeypatch.setattr("%s.activate.check_data_dir" % guards.__name__.replace("activation.guards", "module_backends"), lambda *_: None)
    told = refused(world, "guard %s: %s" % (name, text))
    assert told.count("for validator") == 3


# The network


def latest_at(seconds):
    """A dialect in which the newest block is that much older."""

    def dialect(ask, method, parameters):
        result = ask(method, parameters)
        if method == "eth_getBlockByNumber" and parameters[0] == "latest":
            return {**result, "timestamp": hex(int(result["timestamp"], 16) - seconds)}
        return result

    return dialect


def told_by_node(*dialects):
    return lambda world: world.node.dialects.extend(dialects)


def told_by_beacon(path, **fields):
    """The beacon node answers with other fields."""

    def change(world):
        told = world.beacon.respond("GET", path, None)[1]["data"]
        world.beacon.answers[path] = 200, {"data": {**told, **fields}}

    return change


def behind(world):
    world.beacon.syncing["head_slot"] = str(int(world.beacon.syncing["head_slot"]) - 100)


NETWORKS = {
    "chain": (
        told_by_node(rpc_dialects.saying(eth_chainId="0x1")),
        "the execution client at .* is of the chain 1; wanted: 560048, of hoodi",
    ),
    "beacon chain": (
        told_by_beacon(CONTRACT_PATH, chain_id="1"),
        "the beacon node at .* follows the deposits of the chain 1; wanted: 560048, of hoodi; correct dv_execution_url or dv_beacon_url",
    ),
    "contract": (
        told_by_beacon(CONTRACT_PATH, address="0x4242424242424242424242424242424242424242"),
        "follows the deposit contract 0x4242.*; wanted: 0x0000.*, of hoodi",
    ),
    "fork version": (
        told_by_beacon(GENESIS_PATH, genesis_fork_version="0x00000000"),
        "has the genesis fork version 0x00000000; wanted: 0x10000910, of hoodi",
    ),
    "root": (
        told_by_beacon(GENESIS_PATH, genesis_validators_root="0x" + "4b" * 32),
        "has the genesis validators root 0x4b.*; wanted: 0x212f13.*, of hoodi",
    ),
    "no code": (told_by_node(rpc_dialects.saying(eth_getCode="0x")), "has other code at 0x0000.*; wanted: that of the deposit contract"),
    "other code": (told_by_node(rpc_dialects.saying(eth_getCode="0x6080")), "has other code at 0x0000.*pay nothing"),
    "old block": (told_by_node(latest_at(700)), "the newest block of the execution client at .* is 70. s old; wanted: at most 600 s"),
    "block to come": (told_by_node(latest_at(-120)), "the newest block of the execution client at .* is -1.. s old"),
    "old head": (behind, "the newest block of the beacon node at .* is 12.. s old"),
}


@pytest.mark.parametrize("change, text", NETWORKS.values(), ids=NETWORKS)
def test_networks(world, change, text):
    world.paying.ask(check_mode=True)
    change(world)
    refused(world, text)


@pytest.mark.parametrize("ahead", [700, -120])
def test_a_clock_that_is_wrong(world, monkeypatch, ahead):
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + ahead)
    told = refused(world, "the newest block of the execution client at .* s old.*see the clock of this node")
    assert "the newest block of the beacon node" in told


@pytest.mark.parametrize(
    "timestamp, text",
    [
        ("2999-01-01T00:00:00+00:00", "the definition was made at 2999-.*, which is to come; wanted: a time that is over"),
        ("in the year of the pig", "the definition was made at in the year of the pig; wanted: a time"),
        ("", "the definition was made at ; wanted: a time"),
        ("0001-01-01T00:00:00", "the definition was made at 0001-.*; wanted: a time"),
    ],
)
def test_when_the_definition_was_made(world, timestamp, text):
    world.deal(timestamp=timestamp)
    refused(world, text)


@pytest.mark.parametrize(
    "network, text",
    [
        (
            "gnosis",
            "the network is gnosis, whose deposits are paid in GNO, a token; wanted: one of mainnet, hoodi, holesky, or a custom one",
        ),
        ("chiado", "the network is chiado, whose deposits are paid in GNO"),
        ("sepolia", "the network is sepolia, whose deposits are for those who were given a token"),
        ("goerli", "the network is goerli, which has ended"),
    ],
)
def test_networks_that_are_paid_in_another_way(world, network, text):
    world.deal(network=network)
    refused(world, text)


# What operators have stated


def about(kind):
    """The names in the store of what is stated about that."""
    return {statements.DRILL: store_names.DRILLS, statements.KEYS: store_names.KEYS, statements.READINESS: "readiness/"}[kind]


def restated(kind, node, signer=None, **facts):
    """Another statement of an operator in the place of its own."""

    def change(world):
        (name,) = [name for name, text in world.paying.inbox.items() if name.startswith(about(kind)) and _is_by(world, text, node, kind)]
        usual = {"key_shares": 3} if kind == statements.DRILL else {"number": 1, "state": "loaded"}
        world.paying.state(node if signer is None else signer, kind, name, **{**usual, **facts})

    return change


def _is_by(world, text, node, kind):
    return statements.verify(text, secp256k1.public_key(world.paying.cluster.node_keys[node]), kind) is not None


def forget(kind, *nodes):
    """Take what operators have stated out of the store."""

    def change(world):
        for name, text in list(world.paying.inbox.items()):
            if any(_is_by(world, text, node, kind) for node in nodes):
                del world.paying.inbox[name]

    return change


def unloaded(node):
    return lambda world: world.paying.state(
        node, statements.KEYS, store_names.keys_name(world.paying.lock_hash, node + 1, 2), number=2, state="unloaded"
    )


def all_of(*changes):
    return lambda world: [change(world) for change in changes]


OTHER_LOCK = "0x" + "77" * 32
STATED = {
    "no backup": (forget(statements.DRILL, 2), "guard backups: in the store no statement says that operator 3 proved a backup"),
    "no backups": (forget(statements.DRILL, 0, 1, 2, 3), "guard backups: .*operator 1, 2, 3, 4 proved .*obol.dv.drill makes it"),
    "old backup": (restated(statements.DRILL, 1, made=time.time() - 169 * HOUR), "guard backups: .*operator 2 .*dv_activate_max_age"),
    "backup of tomorrow": (restated(statements.DRILL, 1, made=time.time() + HOUR), "guard backups: .*operator 2"),
    "backup of another lock": (restated(statements.DRILL, 0, lock_hash=OTHER_LOCK), "guard backups: .*operator 1"),
    "backup with fewer": (restated(statements.DRILL, 3, key_shares=2), "guard backups: .*operator 4"),
    "backup of another number": (restated(statements.DRILL, 3, key_shares=True), "guard backups: .*operator 4"),
    "backup by another": (restated(statements.DRILL, 3, signer=2), "guard backups: .*operator 4"),
    "keys of two": (forget(statements.KEYS, 0, 1), "guard keys: .*operator 1, 2 stated that its key shares are loaded.*at least 3"),
    "keys of another lock": (
        all_of(*(restated(statements.KEYS, node, lock_hash=OTHER_LOCK) for node in (0, 1))),
        "guard keys: .*operator 1, 2",
    ),
    "keys unloaded": (all_of(unloaded(3), unloaded(2)), "guard keys: .*operator 3, 4"),
    "keys without a number": (all_of(*(restated(statements.KEYS, node, number="1") for node in (0, 1))), "guard keys: .*operator 1, 2"),
}


@pytest.mark.parametrize("change, text", STATED.values(), ids=STATED)
def test_what_operators_have_not_stated(world, change, text):
    change(world)
    refused(world, text)
    name = text.split()[1].rstrip(":")
    answer = world.paying.pay(without={**WITHOUT, name: "on the telephone"})
    assert guard(answer, name)[0] == "without" and guard(answer, name)[1].endswith("(passed by name: on the telephone)")
    assert world.paying.paid() == world.paying.wanted()


def test_enough_is_enough(world):
    """One of four may have none of its key shares loaded, and a drill may be nearly as old as asked."""
    all_of(forget(statements.KEYS, 0), restated(statements.DRILL, 1, made=time.time() - 47 * HOUR))(world)
    world.paying.pay(max_age=48)
    assert world.paying.paid() == world.paying.wanted()


@pytest.mark.parametrize(
    "facts, passes",
    [
        ([], False),
        ([(0, {"passed": True, "made": time.time() - 169 * HOUR})], False),
        ([(0, {"passed": "true"})], False),
        ([(0, {"passed": False})], False),
        ([(0, {"passed": True, "lock_hash": OTHER_LOCK})], False),
        ([(0, {"passed": True})], True),
        # Another operator's word, and the last one of its own.
        ([(2, {"passed": True})], False),
        ([(2, {"passed": False}), (0, {"passed": True})], True),
        ([(0, {"passed": True, "made": time.time() - HOUR}), (0, {"passed": False})], False),
        ([(0, {"passed": False, "made": time.time() - HOUR}), (0, {"passed": True})], True),
    ],
)
def test_readiness(world, facts, passes):
    for number, (node, each) in enumerate(facts):
        world.paying.state(node, statements.READINESS, "readiness/%d.jws" % number, **each)
    if passes:
        assert guard(world.paying.pay(without={}), "readiness") == ("passed", "")
        assert world.paying.paid() == world.paying.wanted()
    else:
        refused(
            world,
            "guard readiness: this node has not stated that the cluster is ready; .*obol.dv.test_cluster measures it.*dv_activate_without",
            without={},
        )


@pytest.mark.parametrize(
    "status", ["active_exiting", "active_slashed", "exited_unslashed", "exited_slashed", "withdrawal_possible", "withdrawal_done"]
)
def test_a_validator_that_has_left(world, status):
    """What is added to it comes back, and does nothing."""
    world.deal(compounding=True)
    world.paying.pay()
    world.beacon.process()
    world.chain.mine(12)
    keys = [to_hex(validator.public_key) for validator in world.paying.validators]
    world.beacon.set_status(status, *keys[:2])
    with pytest.raises(
        Refused, match="guard left: validators 0-1 on the beacon chain: %s; wanted: one that stays; leave them out" % status
    ):
        world.paying.pay(amounts=["32", "32"])
    told = world.paying.ask(check_mode=True, amounts=["32", "32"], without={**WITHOUT, "left": "meant"})
    assert told["state"] == "unconfirmed"
    world.paying.pay(validators=["2"], amounts=["32", "32"])
    assert len(world.paying.paid()) == 4


# Deposits of others


def test_a_deposit_with_other_credentials(world):
    world.hand_in(world.entry(1, amount=1, credentials=OTHERS))
    told = refused(world, "guard front_run: ALARM: a deposit in block [0-9]+ has the withdrawal credentials 0x01.*ee for validator 1")
    assert "tell all operators" in told
    with pytest.raises(Refused, match="dv_activate_without names 'front_run'"):
        world.paying.ask(check_mode=True, without={"front_run": "no"})


@pytest.mark.parametrize("where", ["block", "pool", "beacon chain"])
def test_it_is_an_alarm_also_for_a_validator_that_is_not_in_the_plan(world, where):
    """Whoever has its key may have the other keys, too."""
    others = world.entry(2, amount=1, credentials=OTHERS)
    if where == "block":
        world.hand_in(others)
    elif where == "pool":
        world.in_pool(others)
    else:
        world.beacon.plant_validator(world.key(2), to_hex(OTHERS))
    refused(world, "ALARM: .* has the withdrawal credentials 0x01.*ee for validator 2", first=1)


def test_deposits_of_validators_that_are_not_in_the_plan(world):
    """They are right, and no matter of it."""
    world.hand_in(world.entry(1, amount=1))
    world.in_pool(world.entry(2))
    answer = world.paying.pay(first=1)
    assert (guard(answer, "deposits"), guard(answer, "pool")) == (("passed", ""), ("passed", ""))
    world.chain.mine()
    assert world.paying.paid()[-1:] == world.paying.wanted(positions=[0])


def test_it_is_an_alarm_also_when_all_is_paid(world):
    world.paying.pay()
    world.chain.mine(12)
    assert world.paying.ask()["state"] == "final"
    world.hand_in(world.entry(0, amount=1, credentials=OTHERS))
    with pytest.raises(Refused, match="guard front_run: ALARM"):
        world.paying.ask()


@pytest.mark.parametrize("credentials", [None, OTHERS], ids=["own", "of others"])
def test_a_deposit_that_the_beacon_chain_lets_vanish_pays_nothing(world, credentials):
    """The key has not signed it, and is no validator yet: anybody can make one."""
    void = world.entry(1, credentials=credentials, signature=UNSIGNED)
    world.hand_in(void)
    assert world.paying.pay()["changed"]
    assert world.paying.paid() == [(void.pubkey, void.amount), *world.paying.wanted()]
    again = world.paying.ask()
    assert not again["changed"] and {line["state"] for line in again["lines"]} == {"mined"}
    world.beacon.process()
    assert {each["validator"]["withdrawal_credentials"] for each in world.beacon.validators.values()} == {
        to_hex(validator.deposits[0].withdrawal_credentials) for validator in world.paying.validators
    }


def test_what_is_added_to_a_validator_counts_whatever_it_holds(world):
    """So the beacon chain has it, once there is one: paying the line once more would be too much."""
    amounts = {"amounts": ["32", "32"]}
    world.paying.pay(first=1)
    world.hand_in(world.entry(0, signature=UNSIGNED, credentials=OTHERS))
    world.beacon.process()
    answer = world.paying.pay(first=1, **amounts)
    assert [line["state"] for line in answer["lines"]] == ["mined", "mined"]
    assert len(world.paying.paid()) == 2


@pytest.mark.parametrize(
    "compounding, credentials, text",
    [
        (False, b"\0" + bytes(31), "guard beacon: ALARM: the beacon chain has the withdrawal credentials 0x0000"),
        (False, OTHERS, "guard beacon: ALARM: the beacon chain has the withdrawal credentials 0x01.*ee for validator 0"),
        (False, b"\2" + OTHERS[1:], "guard beacon: ALARM: the beacon chain has the withdrawal credentials 0x02.*ee for validator 0"),
        (False, 2, None),
        (True, 1, "guard beacon: ALARM: the beacon chain has the withdrawal credentials 0x01"),
        (True, 2, None),
    ],
)
def test_validators_of_the_beacon_chain(world, compounding, credentials, text):
    """A validator becomes compounding, and never the other way."""
    world.deal(compounding=compounding)
    own = world.paying.validators[0].deposits[0].withdrawal_credentials
    if isinstance(credentials, int):
        credentials = bytes([credentials]) + own[1:]
    world.hand_in(world.entry())
    world.beacon.process()
    world.beacon.plant_validator(world.key(), to_hex(credentials))
    if text:
        refused(world, text)
    else:
        world.paying.pay()
        assert world.paying.paid() == world.paying.wanted()


def test_a_validator_of_which_no_deposit_is_told(world):
    world.beacon.plant_validator(world.key(2), to_hex(world.paying.validators[2].deposits[0].withdrawal_credentials))
    refused(world, "guard beacon: the beacon chain has validator 2, or a deposit of it, of which the execution client does not tell")


@pytest.mark.parametrize("told", [False, True], ids=["none", "another one"])
def test_a_deposit_that_waits_of_which_none_is_told(world, told):
    if told:
        world.hand_in(world.entry(2, amount=1))
    world.beacon.plant_deposit(world.key(2), to_hex(OTHERS))
    refused(world, "guard beacon: the beacon chain has validator 2, or a deposit of it, of which the execution client does not tell")


def test_what_a_validator_has_too_much_is_no_deposit(world):
    """When it becomes compounding, that waits as a deposit does, and no contract was told of it."""
    world.hand_in(world.entry())
    world.beacon.process()
    world.beacon.plant_deposit(world.key(), to_hex(world.paying.validators[0].deposits[0].withdrawal_credentials), amount=7)
    world.paying.pay()
    assert world.paying.paid() == world.paying.wanted()


def test_a_block_that_comes_while_it_is_looked(world):
    """The deposit in it is no deposit of which the execution client does not tell."""
    world.chain.automine(False)
    world.paying.pay()
    respond = world.beacon.respond

    def later(method, url, body):
        if "pending_deposits" in url and len(world.paying.chain.deposit_events()) == 0:
            world.chain.mine()
        return respond(method, url, body)

    world.beacon.respond = later
    assert {line["state"] for line in world.paying.ask()["lines"]} == {"mined"}


def test_deposits_that_the_plan_has_not(world):
    world.hand_in(world.entry(1, amount=1))
    text = "guard deposits: the chain has 1 x 1 ETH for validator 1, and the plan 0; wanted: deposits that the plan has"
    refused(world, text)
    world.paying.pay(without={**WITHOUT, "deposits": "a gift"})
    assert sorted(world.paying.paid()[1:]) == sorted(world.paying.wanted())


def test_validators_that_are_active_already_get_no_more(world):
    """They are told together, and what is proposed pays nothing on top."""
    world.paying.pay()
    text = (
        "guard deposits: the chain has 1 x 32 ETH for validators 0-2, and the plan 0; .*; they are active by what is there: leave them out"
    )
    with pytest.raises(Refused, match=text) as error:
        world.paying.ask(check_mode=True, amounts=["1", "31"])
    assert "put them into dv_activate_amounts" not in str(error.value) and str(error.value).count("the chain has") == 1


def test_another_plan_of_this_node_is_no_reason_to_pay_more(world):
    """32 ETH, and by another plan 1 and 31 more."""
    world.chain.automine(False)
    world.paying.pay()
    parts = {"amounts": ["1", "31"]}
    with pytest.raises(
        Refused, match="guard deposits: another plan of this node has a transaction that may still come, validator 0: 32 ETH"
    ):
        world.paying.ask(check_mode=True, **parts)
    world.chain.mine()
    with pytest.raises(Refused, match="guard deposits: the chain has 1 x 32 ETH for validators 0-2, and the plan 0"):
        world.paying.ask(check_mode=True, **parts)


def test_what_somebody_else_paid_while_ours_waits(world):
    """It counts, and ours would come on top: nothing more is sent before that is decided, since it may be the next of that amount."""
    world.deal(deposit_amounts=(8 * GWEI, 16 * GWEI, 32 * GWEI))
    parts = {"amounts": ["8", "16", "8"], "first": 1}
    world.chain.automine(False)
    world.paying.pay(**parts)
    (own,) = world.paying.record()["payments"]
    world.chain.rpc("anvil_dropAllTransactions")
    world.pay_elsewhere(world.entry(amount=8))
    world.chain.mine(12)
    world.chain.rpc("eth_sendRawTransaction", own["transaction"])
    alone = world.paying.ask(amounts=["8"], first=1, check_mode=True)
    assert alone["state"] == "unconfirmed" and guard(alone, "deposits")[0] == "failed"
    world.beacon.process()
    text = "guard deposits: validator 0: 8 ETH is paid, and the transaction 0x[0-9a-f]{64} of this node, which waits, pays it once more; .*nonce 0"
    with pytest.raises(Refused, match=text):
        world.paying.ask(**parts)
    world.chain.mine()
    world.paying.ask(**parts)
    world.chain.mine()
    assert [amount // GWEI for _key, amount in world.paying.paid()] == [8, 8, 16]


def test_it_is_not_over_while_ours_waits(world):
    world.chain.automine(False)
    world.paying.pay(first=1)
    (own,) = world.paying.record()["payments"]
    world.chain.rpc("anvil_dropAllTransactions")
    world.pay_elsewhere(world.entry())
    world.chain.mine(12)
    world.chain.rpc("eth_sendRawTransaction", own["transaction"])
    waits = world.paying.ask(first=1)
    assert (waits["state"], waits["changed"]) == ("sent", False)
    assert waits["detail"] == "1 final; of 1 that somebody else paid a transaction waits, see the guard deposits"
    world.chain.rpc("anvil_dropAllTransactions")
    assert world.paying.ask(first=1)["state"] == "final"


# The pool


def test_what_waits_of_others(world):
    (hash_,) = world.in_pool(world.entry(2))
    refused(world, "guard pool: the transaction %s, which waits, pays 32 ETH for validator 2" % hash_)
    world.paying.pay()
    assert sorted(world.paying.paid()) == sorted(world.paying.wanted())


def test_what_waits_with_other_credentials(world):
    (hash_,) = world.in_pool(world.entry(2, credentials=OTHERS))
    text = "guard front_run: ALARM: the transaction %s, which waits, has the withdrawal credentials 0x01.*ee for validator 2" % hash_
    refused(world, text, without={**WITHOUT, "pool": "no matter"})


@pytest.mark.parametrize("credentials", [None, OTHERS], ids=["own", "of others"])
def test_what_waits_unsigned_keeps_nobody_from_paying(world, credentials):
    """To have it wait costs nobody anything."""
    world.in_pool(world.entry(2, signature=UNSIGNED, credentials=credentials))
    answer = world.paying.pay()
    assert guard(answer, "pool") == ("passed", "")
    world.chain.mine()
    assert world.paying.paid()[1:] == world.paying.wanted()


def test_a_pool_that_is_not_shown_is_told(world):
    world.node.dialects = [rpc_dialects.without("txpool_content")]
    answer = world.paying.pay()
    state, text = guard(answer, "pool")
    assert state == "unchecked" and text.startswith("not checked: the execution client at") and "does not show what waits" in text
    assert world.paying.paid() == world.paying.wanted()


def test_a_record_of_a_moment_before(world):
    """A copy of the data directory that knows the plan, and not what was sent: it waits, and nobody shows it."""
    world.chain.automine(False)
    plan = world.paying.ask(check_mode=True)["plan"]
    world.paying.inbox.update(world.paying.ask(confirm=plan)["outbox"])
    (path,) = world.paying.data_dir(0).glob("activation/*.json")
    before = path.read_bytes()
    world.paying.ask()
    path.write_bytes(before)
    world.node.dialects = [rpc_dialects.without("txpool_content")]
    with pytest.raises(Refused, match="guard pool: a transaction of 0x.* with nonce 0 waits, of which this data directory has no record"):
        world.paying.ask()
    world.chain.mine()
    world.paying.ask()
    assert world.paying.paid() == world.paying.wanted()


# What others have claimed


OVERLAPPING = {
    "one": [[32 * GWEI, 1, "1"]],
    "range": [[32 * GWEI, 1, "0-2"]],
    "among others": [[GWEI, 1, "0-2"], ["rubbish"], [32 * GWEI, 1, "7,2-2"]],
    "huge range": [[32 * GWEI, 1, "0-999999999"]],
    "many": [[32 * GWEI, 1, ",".join(["5"] * 2000 + ["0"])]],
}


@pytest.mark.parametrize("lines", OVERLAPPING.values(), ids=OVERLAPPING)
def test_claims_of_others(world, lines):
    world.claim(2, lines)
    refused(world, "guard claims: operator 3 stated on 20.* that it pays deposits of this plan .its plan abababababababab")
    world.paying.pay(without={**WITHOUT, "claims": "it gave up"})
    assert world.paying.paid() == world.paying.wanted()


BESIDE = {
    "other amount": [[31 * GWEI, 1, "0-2"]],
    "second of it": [[32 * GWEI, 2, "0-2"]],
    "other positions": [[32 * GWEI, 1, "3-9,11"]],
    "none": [],
    "rubbish": [7, None, "0-2", [32 * GWEI], [32 * GWEI, 1], [32 * GWEI, 1, 0], [32 * GWEI, 1, {"0": 2}], {"amount": 1}, [[], [], []]],
    "no ranges": [[32 * GWEI, 1, "a-b,-,--,1-2-3,,٠-٩,-1,0x0"]],
    "thousands of digits": [[32 * GWEI, 1, "0-" + "9" * 5000]],
    "deep": [[32 * GWEI, 1, [[[[[[[[[]]]]]]]]]]],
}


@pytest.mark.parametrize("lines", BESIDE.values(), ids=BESIDE)
def test_claims_that_are_of_something_else(world, lines):
    world.claim(2, lines)
    world.paying.pay()
    assert world.paying.paid() == world.paying.wanted()


def test_claims_of_nobody(world):
    """Somebody who is no operator, an operator of another lock, rubbish, under any name: it is passed over, and a number that is free is found."""

    def name(number):
        return store_names.activation_name(world.paying.lock_hash, number)

    lines = [[32 * GWEI, 1, "0-2"]]
    world.paying.cluster.node_keys.append(b"\7" * 32)
    world.claim(4, lines, 1)
    world.claim(1, lines, 2, lock_hash=OTHER_LOCK)
    world.claim(1, "0-2", 4)
    world.claim(1, lines, 5, plan=7)
    world.paying.state(1, statements.DRILL, name(6), plan="ab" * 32, lines=lines)
    world.paying.inbox.update({name(999999): "rubbish", name(7): "a.b.c", name(8): "." * 16000, name(9): ""})
    claimed = world.paying.ask(confirm=world.paying.ask(check_mode=True)["plan"])["outbox"]
    assert [*claimed] == [name(3)]
    world.paying.pay()
    assert world.paying.paid() == world.paying.wanted()


def test_a_claim_under_another_name(world):
    """It counts, whatever a carrier calls it."""
    world.claim(2, [[32 * GWEI, 1, "0"]])
    ((name, text),) = [each for each in world.paying.inbox.items() if each[0].startswith(store_names.ACTIVATION)]
    del world.paying.inbox[name]
    world.paying.inbox["drills/drill-16Uiu2HAm-00000000.jws"] = text
    refused(world, "guard claims: operator 3")


def test_the_time_of_a_claim_is_shown_shortly(world):
    name, made = store_names.activation_name(world.paying.lock_hash, 1), "long ago " * 500
    facts = {"about": statements.ACTIVATION, "made": made, "lock_hash": to_hex(world.paying.lock_hash), "plan": "ab" * 32}
    facts["lines"] = [[32 * GWEI, 1, "0"]]
    world.paying.inbox[name] = jws.sign(world.paying.cluster.node_keys[1], statements._HEADER, json.dumps(facts).encode())
    assert len(refused(world, "guard claims: operator 2")) < 500


def test_a_node_that_has_no_record_of_what_it_stated(world):
    """An older copy of its data directory, or another machine: what the first one sent may wait, and nobody shows it."""
    world.chain.automine(False)
    world.paying.pay()
    world.node.dialects = [rpc_dialects.without("txpool_content")]
    for path in world.paying.data_dir(0).glob("activation/*.json"):
        path.unlink()
    with pytest.raises(
        Refused, match="guard claims: this node stated on .* that it pays the plan .*, of which its data directory has no record"
    ):
        world.paying.pay()
    world.chain.mine()
    assert world.paying.paid() == world.paying.wanted()


def test_a_lock_that_was_edited_since(world):
    """It has another hash, and the same validators: what waits for them is known."""
    world.chain.automine(False)
    world.paying.pay()
    world.node.dialects = [rpc_dialects.without("txpool_content")]
    kept = {path.name: path.read_bytes() for path in world.paying.data_dir(0).glob("activation/*.json")}
    world.directory = world.directory / "edited"
    world.directory.mkdir()
    edited = world.deal(name="edited")
    (edited.data_dir(0) / "activation").mkdir(mode=0o700)
    for name, content in kept.items():
        (edited.data_dir(0) / "activation" / name).write_bytes(content)
    assert {line["state"] for line in edited.ask(check_mode=True)["lines"]} == {"pending"}
    edited.pay()
    world.chain.mine()
    assert edited.paid() == edited.wanted()


def test_what_others_have_paid_is_no_reason_for_more_than_an_alarm(world):
    """An operator who looks at a plan that another one has paid sees it."""
    world.paying.pay()
    seen = world.paying.ask(1)
    assert {line["state"] for line in seen["lines"]} == {"mined"} and guard(seen, "claims")[0] == "failed"
    world.chain.mine(12)
    assert world.paying.ask(1)["state"] == "final"


# Money


def test_what_another_operator_paid_may_be_added_to(world):
    """Its plan has come to its end, and what it claimed stays in the store."""
    amounts = {"amounts": ["32", "32"]}
    world.paying.pay(1)
    world.beacon.process()
    with pytest.raises(Refused, match="guard claims: operator 2"):
        world.paying.pay(**amounts)
    world.chain.mine(12)
    world.paying.pay(**amounts)
    assert world.paying.paid() == world.paying.wanted() * 2


def test_the_fee_cap(world):
    world.chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(60 * 10**9))
    world.chain.mine()
    refused(world, "guard fee: a unit of gas costs 6[0-9.]* Gwei now; wanted: at most dv_activate_max_fee, 50 Gwei; wait, or allow more")
    world.paying.pay(max_fee=200)
    assert world.paying.paid() == world.paying.wanted()


def test_what_another_account_sent_gets_no_more_fees(world):
    """With its nonce, by this one, it would be paid twice."""
    world.chain.automine(False)
    world.paying.pay()
    world.paying.wallet("other", b"\7" * 32)
    other = {"wallet": "other", "without": {**WITHOUT, "claims": "it is mine, too"}}
    address = world.paying.ask(check_mode=True, **other)["payer"]
    world.chain.rpc("anvil_setBalance", address, hex(10**24))
    assert {line["state"] for line in world.paying.ask(check_mode=True, bump=True, **other)["lines"]} == {"pending"}
    world.paying.pay(bump=True, **other)
    assert world.chain.rpc("txpool_status") == {"pending": "0x3", "queued": "0x0"}
    for call in [call for calls in world.chain.rpc("txpool_content")["pending"].values() for call in calls.values()]:
        world.chain.rpc("anvil_dropTransaction", call["hash"])
    assert {line["state"] for line in world.paying.ask(check_mode=True, **other)["lines"]} == {"dropped"}
    world.paying.pay(bump=True, **other)
    world.chain.mine()
    assert sorted(world.paying.paid()) == sorted(world.paying.wanted())


def test_a_batch_that_is_full_changes_nothing(world):
    world.chain.automine(False)
    assert world.paying.pay(batch=1)["changed"]
    for _again in range(2):
        again = world.paying.ask(batch=1)
        assert not again["changed"] and [line["state"] for line in again["lines"]] == ["pending", "not sent", "not sent"]


@pytest.mark.parametrize("most", [0, -1, 10**6, float("nan")])
def test_fees_that_are_none(world, most):
    refused(world, "dv_activate_max_fee is .*; wanted: Gwei for a unit of gas, more than 0", max_fee=most)


def test_a_tip_of_nothing(world):
    """Nobody need take that into a block, and a quarter more of it is nothing, too."""
    world.node.dialects = [rpc_dialects.saying(eth_maxPriorityFeePerGas="0x0")]
    world.chain.automine(False)
    world.paying.pay(first=1)
    world.paying.ask(first=1, bump=True)
    sent = [transaction.parse(bytes.fromhex(each["transaction"][2:]), "it") for each in world.paying.record()["payments"]]
    assert [each.transaction.max_priority_fee for each in sent] == [GWEI, GWEI * 5 // 4]


def test_a_balance_that_is_one_wei_short(world):
    payer = world.paying.ask(check_mode=True)["payer"]
    base = int(world.chain.rpc("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)
    offered = 2 * base + int(world.chain.rpc("eth_maxPriorityFeePerGas"), 16)
    needed = 3 * (32 * 10**18 + 200_000 * offered)
    world.chain.rpc("anvil_setBalance", payer, hex(needed - 1))
    refused(world, "guard balance: %s has 9[0-9.]+ ETH; wanted: 9[0-9.]+ ETH, for 3 deposits and their gas; send it there first" % payer)
    world.chain.rpc("anvil_setBalance", payer, hex(10**24))
    world.paying.pay()
    assert world.paying.paid() == world.paying.wanted()


@pytest.mark.parametrize(
    "fields, params, said",
    [
        ({}, {}, []),
        ({}, {"amounts": ["1"]}, ["less than 32 ETH, so not active by this alone: validators 0-2"]),
        ({}, {"amounts": ["31"], "first": 1}, ["less than 32 ETH, so not active by this alone: validator 0"]),
        ({}, {"amounts": ["1", "31"]}, []),
        ({}, {"amounts": ["32", "1"]}, ["more than 32 ETH, which is the most that counts: validators 0-2"]),
        ({"compounding": True}, {"amounts": ["32", "32", "1"]}, []),
        (
            {"compounding": True, "deposit_amounts": (2048 * GWEI, GWEI)},
            {"amounts": ["2048", "1"], "validators": ["0", "2"]},
            ["more than 2048 ETH, which is the most that counts: validators 0,2"],
        ),
    ],
)
def test_sums_that_are_unusual_are_told(world, fields, params, said):
    world.deal(**fields)
    assert world.paying.ask(check_mode=True, **params)["remarks"] == said


# What is asked for


ASKED = {
    "unknown guard": (
        {"without": {"luck": "why not"}},
        "dv_activate_without names 'luck'; wanted: one of withdrawal, deposits, left, pool, claims, backups, keys",
    ),
    **{
        "never " + name: (
            {"without": {name: "why not"}},
            "dv_activate_without names '%s'; wanted: one of .*no other guard is passed" % name,
        )
        for name in ("lock", "network", "signature", "credentials", "front_run", "beacon", "fee", "balance")
    },
    **{
        "reason %r" % (reason,): ({"without": {"keys": reason}}, "dv_activate_without has no reason for keys; wanted: a few words")
        for reason in ("", "  ", None, True, ["why"])
    },
    **{
        "validator %.9s" % each: (
            {"validators": [each]},
            "dv_activate_validators names .*; wanted: positions from 0 to 2, or public keys of the lock",
        )
        for each in ("3", "-1", "0x" + "ab" * 48, "0-2", "", "٣", "9" * 5000, "0.0")
    },
    "validator twice": ({"validators": ["1", "1"]}, "dv_activate_validators names validator 1 twice; wanted: each once"),
    **{"first %d" % each: ({"first": each}, "dv_activate_first is %d; wanted: a number from 1 to 3" % each) for each in (0, -1, 4)},
    **{
        "amount %.9s" % each: ({"amounts": ["32", each]}, "dv_activate_amounts has .* ETH; wanted: amounts that the lock has: 1, 31, 32")
        for each in ("33", "0", "-32", "32.0000000001", "32.1", "1e1", "", ".", "0x20", "٣٢", "9" * 5000, "32 ETH")
    },
    **{"batch %d" % each: ({"batch": each}, "dv_activate_batch is %d; wanted: 1 or more" % each) for each in (0, -1)},
}


@pytest.fixture(scope="module")
def quiet(anvil_program, tmp_path_factory):
    """A world in which nothing is ever paid, for what is refused before anything is looked at."""
    directory = tmp_path_factory.mktemp("quiet")
    with Anvil(anvil_program, directory / "anvil") as chain, RpcProxy(chain.url) as node, ChainBeacon(chain) as beacon:
        yield World(directory, chain, node, in_time(beacon))


@pytest.mark.parametrize("params, text", ASKED.values(), ids=ASKED)
def test_what_cannot_be_asked(quiet, params, text):
    with pytest.raises(Refused, match="^" + text):
        quiet.paying.ask(check_mode=True, **params)


@pytest.mark.parametrize("key", [False, True])
def test_validators_by_position_or_key(quiet, key):
    chosen = [quiet.key(position).upper().replace("0X", "0x") if key else str(position) for position in (2, 0)]
    answer = quiet.paying.ask(check_mode=True, validators=chosen, amounts=["32.000", "1.0"])
    assert [line["line"] for line in answer["lines"]] == ["validator %d: %d ETH" % each for each in ((2, 32), (0, 32), (2, 1), (0, 1))]


def test_withdrawal_addresses_that_are_written_down(world):
    address, *more = [each.withdrawal_address for each in world.paying.cluster.lock.definition.validators]
    other = "0x" + "12" * 20
    path = world.directory / "policy.yml"

    def write_policy(*addresses):
        rules = {"networks": ["hoodi"], "withdrawal_addresses": addresses, "fee_recipient_addresses": [address]}
        path.write_text(json.dumps(rules))
        path.chmod(0o600)

    text = "guard withdrawal: %s lacks %s, where what is paid goes back to; wanted: the withdrawal addresses of the lock"
    refused(world, text % ("dv_withdrawal_addresses", more[1]), withdrawal_addresses=[address, more[0]])
    write_policy(other)
    refused(world, text % (path, ", ".join([address, *more])), policy_file=str(path), withdrawal_addresses=[address, *more])
    passed = world.paying.ask(check_mode=True, withdrawal_addresses=[other], without={**WITHOUT, "withdrawal": "moved"})
    assert guard(passed, "withdrawal")[0] == "without"
    write_policy(other, address, *more)
    right = world.paying.pay(withdrawal_addresses=[address.lower(), *more], policy_file=str(path))
    assert guard(right, "withdrawal") == ("passed", "") and world.paying.paid() == world.paying.wanted()


def test_there_is_a_test_for_each_guard():
    text = pathlib.Path(__file__).read_text(encoding="utf-8")
    assert [name for name in guards.GUARDS if "guard %s:" % name not in text and '("%s", ' % name not in text] == []
