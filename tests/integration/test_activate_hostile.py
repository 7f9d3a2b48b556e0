# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deposits are paid once, or not at all, whatever an execution client, a beacon node, a carrier or a damaged record tells: one clear error."""

import json
import os
import time
from types import SimpleNamespace

import eth_account
import pytest
from ansible_collections.obol.dv.plugins.module_utils.activation import sighting
from ansible_collections.obol.dv.plugins.module_utils.clients import execution, http
from ansible_collections.obol.dv.plugins.module_utils.cluster import store_names
from ansible_collections.obol.dv.plugins.module_utils.data_dir import statements
from ansible_collections.obol.dv.plugins.module_utils.encoding.utc import to_utc
from ansible_collections.obol.dv.plugins.module_utils.ethereum import deposit
from ansible_collections.obol.dv.tests.support import deposits, hostile_json, rpc_dialects
from ansible_collections.obol.dv.tests.support.anvil import Anvil
from ansible_collections.obol.dv.tests.support.chain_beacon import ChainBeacon
from ansible_collections.obol.dv.tests.support.dealt_cluster import GWEI
from ansible_collections.obol.dv.tests.support.paying import Refused, in_time
from ansible_collections.obol.dv.tests.support.rpc_proxy import RpcProxy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .test_activate_guards import OTHERS, UNSIGNED, World, guard, refused

# Chains that are told in another way

#: A block is so many days older than the one after it: what was made a day before the definition begins with block 20 of 50.
DAYS, MADE, FIRST, LATEST = 10, 300, 20, 50


@pytest.fixture
def world(anvil_program, tmp_path):
    with Anvil(anvil_program, tmp_path / "anvil") as chain, RpcProxy(chain.url) as node, ChainBeacon(chain) as beacon:
        yield World(tmp_path, chain, node, in_time(beacon))


@pytest.fixture
def old(world):
    """The same, where the definition is that old."""
    world.deal(timestamp=to_utc(time.time() - MADE * 86400).replace("Z", "+00:00"))
    return world


def stranger():
    """A deposit of a key that is nobody's."""
    root = deposit.deposit_data_root(b"\x99" * 48, OTHERS, GWEI, UNSIGNED)
    return SimpleNamespace(pubkey=b"\x99" * 48, withdrawal_credentials=OTHERS, amount=GWEI, signature=UNSIGNED, deposit_data_root=root)


def go_on(world, made, *dialects):
    """Make a chain of 50 blocks with these deposits, by the number of their block, and tell it in ``dialects``."""
    for number in range(1, LATEST + 1):
        if number in made:
            deposits.hand_in(world.chain, [made[number]])
            world.chain.deposit_events()
        else:
            world.chain.mine()
    assert int(world.chain.rpc("eth_blockNumber"), 16) == LATEST
    world.node.dialects = [*dialects, aged]
    in_time(world.beacon)


def aged(ask, method, parameters):
    """Blocks that are days apart."""
    result = ask(method, parameters)
    if method == "eth_getBlockByNumber" and result:
        latest = ask(method, ["latest", False])
        age = (int(latest["number"], 16) - int(result["number"], 16)) * DAYS * 86400
        result = {**result, "timestamp": hex(int(latest["timestamp"], 16) - age)}
    return result


def gone(first):
    """Blocks before that one are there no more, and nobody says so; their logs are."""

    def dialect(ask, method, parameters):
        if method == "eth_getBlockByNumber" and parameters[0].startswith("0x") and int(parameters[0], 16) < first:
            return None
        return ask(method, parameters)

    return dialect


@pytest.mark.parametrize("refusal", rpc_dialects.REFUSALS)
def test_logs_of_some_blocks_at_once(old, refusal):
    go_on(old, {3: stranger(), 18: stranger(), 25: stranger()}, rpc_dialects.log_range(4, rpc_dialects.REFUSALS[refusal]))
    old.paying.pay()
    assert old.paying.paid()[3:] == old.paying.wanted()


@pytest.mark.parametrize("dialect", [rpc_dialects.pruned, rpc_dialects.forgetful, gone])
def test_a_history_that_is_long_enough(old, monkeypatch, dialect):
    """What is before the last deposit of before the definition nobody asks for."""
    monkeypatch.setattr(sighting, "_LOOK_BACK", 4)
    go_on(old, {3: stranger(), 17: stranger(), 25: stranger()}, dialect(16))
    old.paying.pay()
    assert old.paying.paid()[3:] == old.paying.wanted()


BLOCKS = "use an execution client that has them: hosted ones, and those that prune their history, may not"
#: Where deposits were made, in which dialect, and what is said of it.
TOO_SHORT = {
    "no block": ({}, rpc_dialects.pruned(30), "does not tell of the block 29: .*pruned history.*; wanted: all blocks since 20.*" + BLOCKS),
    "no word": ({}, gone(30), "does not tell of the block 29: there is none; wanted: all blocks since 20.*" + BLOCKS),
    "no logs": (
        {3: stranger(), 25: stranger()},
        rpc_dialects.pruned(16),
        "does not tell what the deposit contract told in the blocks from [0-9]+ on: .*pruned history.*" + BLOCKS,
    ),
    "forgotten": (
        {3: stranger(), 17: stranger(), 25: stranger()},
        rpc_dialects.forgetful(22),
        "tells of 1 deposits from block 20 on, of 3 in all: some are missing; wanted: each, and the last one before block 20",
    ),
    "one forgotten": (
        {17: stranger(), 22: stranger(), 25: stranger()},
        lambda ask, method, parameters: (
            [log for log in ask(method, parameters) if method != "eth_getLogs" or int(log["blockNumber"], 16) != 22]
            if method == "eth_getLogs"
            else ask(method, parameters)
        ),
        "tells of 1 deposits from block 20 on, of 3 in all: some are missing",
    ),
}


@pytest.mark.parametrize("made, dialect, text", TOO_SHORT.values(), ids=TOO_SHORT)
def test_a_history_that_is_too_short(old, made, dialect, text):
    go_on(old, made, dialect)
    refused(old, text)


def test_a_deposit_in_a_block_that_is_gone(old):
    """It is told of, and its block is not: whoever took that for an old one would not see it."""
    go_on(old, {25: old.entry(1, 1, OTHERS), 40: stranger()}, gone(30))
    refused(old, "does not tell of the block 29: there is none")


def test_what_was_then_is_there_no_more(old):
    """As where the chain has not been final for long: what waits is looked at all the same."""
    go_on(old, {}, rpc_dialects.pruned(49))
    old.node.dialects = [aged]
    old.chain.automine(False)
    old.paying.pay()
    old.node.dialects = [state_only(rpc_dialects.pruned(49)), aged]
    again = old.paying.ask()
    assert {line["state"] for line in again["lines"]} == {"pending"} and not again["changed"]
    old.chain.mine()
    assert old.paying.paid() == old.paying.wanted()


def state_only(dialect):
    """The dialect, of states and nothing else."""
    methods = ("eth_getTransactionCount", "eth_getBalance", "eth_call")
    return lambda ask, method, parameters: dialect(ask, method, parameters) if method in methods else ask(method, parameters)


def test_logs_that_do_not_fit_in_an_answer(old, monkeypatch):
    go_on(old, {number: stranger() for number in range(21, 41)})
    monkeypatch.setattr(http, "MAX_SIZE", 20_000)
    old.paying.pay()
    assert old.paying.paid()[20:] == old.paying.wanted()


def test_a_pool_that_does_not_fit_in_an_answer(world, monkeypatch):
    def large(ask, method, parameters):
        return {"pending": {"0x0": {"0": "x" * 50_000}}} if method == "txpool_content" else ask(method, parameters)

    world.node.dialects = [large]
    monkeypatch.setattr(http, "MAX_SIZE", 40_000)
    assert guard(world.paying.pay(), "pool")[0] == "unchecked"
    assert world.paying.paid() == world.paying.wanted()


def test_a_chain_that_has_no_end(world, monkeypatch):
    """A client tells of 2^60 blocks: nobody asks for the logs of all of them."""
    monkeypatch.setattr(execution, "_LONGEST", 1)

    def endless(ask, method, parameters):
        if method == "eth_getLogs":
            return []
        if method == "eth_getBlockByNumber":
            number = {"latest": 2**60, "finalized": 2**60}.get(parameters[0]) or int(parameters[0], 16)
            return {"number": hex(number), "timestamp": hex(int(time.time())), "baseFeePerGas": "0x7"}
        return ask(method, parameters)

    world.node.dialects = [endless]
    began = time.monotonic()
    refused(world, "took more than 1 s to tell what the deposit contract told in the blocks before [0-9]+; wanted: the events of")
    assert time.monotonic() - began < 20


LOG = {
    "address": deposits.CONTRACT,
    "topics": ["0x649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5"],
    "blockNumber": "0x0",
    "transactionHash": "0x" + "ab" * 32,
    "data": "0x",
}
#: What a method answers, whatever it is asked.
HOSTILE = {
    "a million logs": ("eth_getLogs", [{}] * 10**6),
    "many logs of nothing": ("eth_getLogs", [LOG] * 10**5),
    "many logs of zeros": ("eth_getLogs", [{**LOG, "data": "0x" + "00" * 576}] * 10**4),
    "a log that points to itself": ("eth_getLogs", [{**LOG, "data": "0x" + "ff" * 576}]),
    "a count of many": ("eth_call", "0x" + "20".rjust(64, "0") + "8".rjust(64, "0") + "ff" * 8 + "00" * 24),
    "a count of nothing": ("eth_call", "0x"),
    "a long count": ("eth_call", "0x" + "00" * 10**6),
    "a fee of all": ("eth_maxPriorityFeePerGas", "0x" + "f" * 64),
    "a balance of all": ("eth_getBalance", "0x" + "f" * 65),
    "a nonce of all": ("eth_getTransactionCount", "0x" + "f" * 64),
    "code": ("eth_getCode", "0x" + "60" * 10**6),
}


@pytest.mark.parametrize("method, result", HOSTILE.values(), ids=HOSTILE)
def test_a_client_that_says_anything(world, method, result):
    """One clear error, or it is paid as if nothing were; and that soon."""
    world.node.dialects = [rpc_dialects.saying(**{method: result})]
    began = time.monotonic()
    try:
        world.paying.pay()
    except Refused as error:
        check_text(str(error))
    assert time.monotonic() - began < 60
    world.node.dialects = []
    world.chain.rpc("anvil_dropAllTransactions")
    world.paying.pay()
    assert world.paying.paid() == world.paying.wanted()


def check_text(text):
    assert "unforeseen" not in text and "Traceback" not in text, text
    assert len(text) < 5000, text


METHODS = ("eth_getBlockByNumber", "eth_getLogs", "txpool_content", "eth_getTransactionByHash", "eth_call", "eth_getTransactionCount")
PATHS = (
    *("/eth/v1/beacon/genesis", "/eth/v1/config/deposit_contract", "/eth/v1/config/spec", "/eth/v1/node/syncing"),
    *("/eth/v1/beacon/states/%s/%s" % each for each in (("head", "validators"), ("finalized", "validators"), ("head", "pending_deposits"))),
)
NEARLY = ("0x1", "0x" + "ab" * 20, "0x" + "ab" * 48, "0x" + "f" * 64, "1", "-1", "latest", str(2**64))


@pytest.fixture
def busy(world):
    """Something of everything: a deposit that is final, one that waits in the beacon chain, one in the pool, a validator."""
    world.paying.pay(first=1)
    world.beacon.process()
    world.chain.mine(12)
    world.hand_in(world.entry(1))
    world.chain.automine(False)
    world.paying.pay()
    return world


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_value_anywhere(busy, data):
    """In the answers of either: an error of ours, or an answer; and nothing more is sent than the plan has."""
    if data.draw(st.booleans()):
        method, value, place = (
            data.draw(st.sampled_from(METHODS)),
            data.draw(hostile_json.values(*NEARLY)),
            data.draw(st.integers(0, 2**16)),
        )

        def dialect(ask, asked, parameters):
            result = ask(asked, parameters)
            paths = [*hostile_json.paths(result)]
            return hostile_json.changed(result, paths[place % len(paths)], value) if asked == method else result

        busy.node.dialects = [dialect]
    else:
        path, value = data.draw(st.sampled_from(PATHS)), data.draw(hostile_json.values(*NEARLY))
        told = busy.beacon.respond("GET", path, None)[1]
        busy.beacon.answers[path] = 200, hostile_json.changed(told, data.draw(st.sampled_from([*hostile_json.paths(told)])), value)
    try:
        busy.paying.ask()
    except Refused as error:
        check_text(str(error))
    finally:
        busy.node.dialects = []
        busy.beacon.answers.clear()
    pool = busy.chain.rpc("txpool_content")
    sent = [call["input"] for part in pool.values() for calls in part.values() for call in calls.values()]
    assert len(sent) == len({*sent}) <= 1


# Records that are damaged


def raw(world, key=None, **fields):
    """A transaction for the first line, with other fields."""
    transaction = eth_account.Account.from_key(key or world.chain.funded_key)
    line = world.entry()
    usual = {"chainId": 560048, "nonce": 0, "to": deposits.CONTRACT, "value": line.amount * 10**9, "gas": 200_000}
    usual.update({"maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9, "data": first_call(world)})
    return "0x" + transaction.sign_transaction({**usual, **fields}).raw_transaction.hex()


def first_call(world):
    call = world.chain.rpc("eth_getTransactionByHash", world.hash)
    return call["input"]


def with_payment(**fields):
    return lambda world, record: {**record, "payments": [{**record["payments"][0], "transaction": raw(world, **fields)}]}


def with_plan(**fields):
    return lambda _world, record: {**record, "plan": {**record["plan"], **fields}}


PAYS_NOTHING = "holds a transaction that pays no deposit of its plan"
#: What becomes of the value in the file, or of its text.
DAMAGED = {
    "empty": ("", "is not JSON"),
    "cut off": (lambda text: text[:-200], "is not JSON"),
    "zeros": (lambda text: "\0" * len(text), "is not JSON"),
    "a list": ("[]", "is a list; wanted: a JSON object"),
    "an object": ("{}", "holds no plan"),
    "nothing": ("null", "holds no plan"),
    "no plan": (lambda _world, record: {"payments": record["payments"]}, "holds no plan"),
    "another plan": (with_plan(without={}), "holds another plan than its name says"),
    "of another lock": (with_plan(lock_hash="0x" + "77" * 32), "holds another plan than its name says"),
    "of no lock": (with_plan(lock_hash=None), "holds another plan than its name says"),
    "without lines": (with_plan(lines=None), "holds no plan"),
    "lines of nothing": (with_plan(lines=[None]), "holds no plan"),
    "reasons of nothing": (with_plan(without=None), "holds no plan"),
    "reasons of a list": (with_plan(without=[1]), "holds no plan"),
    "no payments": (lambda _world, record: {"plan": record["plan"]}, "holds no list of payments"),
    "payments of nothing": (lambda _world, record: {**record, "payments": [None]}, "holds no list of payments"),
    "a payment of nothing": (lambda _world, record: {**record, "payments": [{}]}, "holds no list of payments"),
    "rubbish": (
        lambda _world, record: {**record, "payments": [{**record["payments"][0], "transaction": "0x02ff"}]},
        "is no signed transaction",
    ),
    "no hex": (lambda _world, record: {**record, "payments": [{**record["payments"][0], "transaction": "money"}]}, "wanted: hex digits"),
    "no line": (lambda _world, record: {**record, "payments": [{**record["payments"][0], "line": ["0xab", 1, 1]}]}, PAYS_NOTHING),
    "a line of more": (lambda _world, record: {**record, "payments": [{**record["payments"][0], "line": [1, 2, 3, 4]}]}, PAYS_NOTHING),
    "another line": (
        lambda _world, record: {**record, "payments": [{**record["payments"][0], "line": record["payments"][1]["line"]}]},
        PAYS_NOTHING,
    ),
    "of another chain": (with_payment(chainId=1), PAYS_NOTHING),
    "to another contract": (with_payment(to="0x" + "77" * 20), PAYS_NOTHING),
    "of more": (with_payment(value=33 * 10**18), PAYS_NOTHING),
    "with other data": (with_payment(data="0x22895118"), PAYS_NOTHING),
    "by another account": (with_payment(key=b"\7" * 32), PAYS_NOTHING),
}


@pytest.fixture
def sent(world):
    """Two deposits wait; the chain's client does not have them any more."""
    world.chain.automine(False)
    world.paying.pay(first=2)
    world.hash = world.paying.ask(first=2)["lines"][0]["transaction"]
    (world.record,) = world.paying.data_dir(0).glob("activation/*.json")
    return world


@pytest.mark.parametrize("change, text", DAMAGED.values(), ids=DAMAGED)
def test_a_record_that_is_damaged(sent, change, text):
    whole = sent.record.read_text()
    if isinstance(change, str):
        changed = change
    elif change.__code__.co_argcount == 1:
        changed = change(whole)
    else:
        changed = json.dumps(change(sent, json.loads(whole)))
    sent.record.write_text(changed)
    sent.chain.rpc("anvil_dropAllTransactions")
    for _again in range(2):
        with pytest.raises(Refused, match=text) as error:
            sent.paying.ask(first=2)
        assert "unforeseen" not in str(error.value) and sent.record.name in str(error.value)
    assert sent.chain.rpc("txpool_status") == {"pending": "0x0", "queued": "0x0"}
    sent.record.write_text(whole)
    sent.paying.ask(first=2)
    sent.chain.mine()
    assert sent.paying.paid() == sent.paying.wanted(positions=[0, 1])


def link(path):
    path.symlink_to("/etc/passwd")


STRANGE_FILES = {
    "of another kind": (lambda path: path.write_text("hello"), "is not JSON"),
    "directory": (lambda path: path.mkdir(), "is not a regular file|Is a directory"),
    "link": (link, "link|Too many levels|is not JSON"),
    "pipe": (os.mkfifo, "is not a regular file"),
    "unreadable bytes": (lambda path: path.write_bytes(b"\xff\xfe"), "is not JSON"),
}


@pytest.mark.parametrize("make, text", STRANGE_FILES.values(), ids=STRANGE_FILES)
def test_a_foreign_file_among_the_records(sent, make, text):
    make(sent.record.parent / "0123456789abcdef.json")
    with pytest.raises(Refused, match=text) as error:
        sent.paying.ask(first=2)
    assert "unforeseen" not in str(error.value)


def test_files_that_are_no_records(sent):
    """Notes of somebody, and what a run that was killed left."""
    for name in ("notes.txt", "README", "." + sent.record.name + ".swp"):
        (sent.record.parent / name).write_text("hello")
    assert not sent.paying.ask(first=2)["changed"]


def test_the_record_of_another_cluster_is_known_too(sent):
    """It does not matter: its transactions have nonces, and its keys are others."""
    record = json.loads(sent.record.read_text())
    assert record["payments"] and not sent.paying.ask(first=3, check_mode=True)["lines"][0]["state"] == "not sent"


# A carrier that lies


def test_statements_that_are_dropped_repeated_and_renamed(world):
    """Nothing is sent before the claim comes back; whatever is brought besides, in whatever order, is what it is."""
    plan = world.paying.ask(check_mode=True)["plan"]
    for _again in range(2):
        claim = world.paying.ask(confirm=plan)
        assert claim["outbox"] and not world.paying.paid()
        assert claim["outbox"].keys() == {store_names.activation_name(world.paying.lock_hash, 1)}
    ((_name, text),) = claim["outbox"].items()
    copies = {"drills/%d.jws" % number: each for number, each in enumerate(2 * [*world.paying.inbox.values(), text])}
    world.paying.inbox = dict(reversed(copies.items()))
    world.paying.ask(confirm=plan)
    assert world.paying.paid() == world.paying.wanted()


def test_a_claim_that_is_taken_away_again(world):
    """What was sent is sent once, and what was not waits."""
    world.chain.automine(False)
    world.paying.pay(batch=1)
    claims = {name: text for name, text in world.paying.inbox.items() if name.startswith(store_names.ACTIVATION)}
    for name in claims:
        del world.paying.inbox[name]
    world.chain.mine()
    again = world.paying.ask(batch=3)
    assert again["outbox"] and len(world.paying.paid()) == 1
    world.paying.inbox.update(claims)
    world.paying.ask(batch=3)
    world.chain.mine()
    assert sorted(world.paying.paid()) == sorted(world.paying.wanted())


def test_two_statements_with_one_number(world):
    """Of a node that was two for some time: it is not believed that its key shares are loaded, whichever is brought first."""
    for node in (2, 3):
        world.paying.state(node, statements.KEYS, "keys/%d.jws" % node, number=1, state="unloaded")
    refused(world, "guard keys: .*operator 3, 4")
    world.paying.inbox = dict(reversed(world.paying.inbox.items()))
    refused(world, "guard keys: .*operator 3, 4")


def test_thousands_of_statements(world):
    """All signed, each another one."""
    for number in range(1000):
        world.paying.state(number % 4, statements.DRILL, "drills/%d.jws" % number, made=number, key_shares=3)
        world.claim(number % 4, [[32 * GWEI, 2, "0-2"]], number + 1, of=number)
    began = time.monotonic()
    world.paying.pay()
    assert time.monotonic() - began < 60
    assert world.paying.paid() == world.paying.wanted()
