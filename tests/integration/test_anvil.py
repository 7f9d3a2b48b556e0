# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands for the chain in tests of deposits does what it says: anvil with the real contract, what comes between, the beacon node."""

import contextlib
import dataclasses
import hashlib
import json
import urllib.error
import urllib.request

import pytest
from ansible_collections.obol.dv.plugins.module_utils.ethereum import deposit
from ansible_collections.obol.dv.tests.support import deposits, json_rpc, rpc_dialects
from ansible_collections.obol.dv.tests.support.anvil import Anvil
from ansible_collections.obol.dv.tests.support.chain_beacon import ChainBeacon
from ansible_collections.obol.dv.tests.support.dealt_cluster import GWEI, DealtCluster
from ansible_collections.obol.dv.tests.support.json_rpc import RpcError
from ansible_collections.obol.dv.tests.support.rpc_proxy import RPC_FAULTS, RpcProxy

LEVELS = 32


@pytest.fixture(scope="module")
def anvil(anvil_program, tmp_path_factory):
    with Anvil(anvil_program, tmp_path_factory.mktemp("chain") / "anvil") as chain:
        yield chain


@pytest.fixture(autouse=True)
def as_it_was(anvil):
    """Each test begins with no deposit."""
    kept = anvil.rpc("evm_snapshot")
    yield
    anvil.rpc("evm_revert", kept)


@pytest.fixture(scope="module")
def entries():
    """The 32 ETH deposits of three validators."""
    cluster = DealtCluster(validators=3, deposit_amounts=(32 * GWEI,))
    made = [validator.deposits[0] for validator in cluster.lock.validators]
    return deposit.parse_file(deposit.dump_file(made, cluster.network.genesis_fork_version, cluster.network.name))


@pytest.fixture
def proxy(anvil):
    with RpcProxy(anvil.url) as served:
        yield served


def ask(proxy, method, *parameters):
    return json_rpc.call(proxy.url, method, parameters)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def leaf(event):
    """The root of a deposit, of hashes alone."""
    pubkey = sha256(event.pubkey, bytes(16))
    signature = sha256(sha256(event.signature[:64]), sha256(event.signature[64:], bytes(32)))
    return sha256(sha256(pubkey, event.withdrawal_credentials), sha256(event.amount.to_bytes(8, "little"), bytes(24), signature))


def root_of(events):
    """The root of a tree of all deposits, built from its leaves up."""
    nodes, zero = [leaf(event) for event in events], bytes(32)
    for _level in range(LEVELS):
        if len(nodes) % 2:
            nodes.append(zero)
        nodes = [sha256(*nodes[place : place + 2]) for place in range(0, len(nodes), 2)]
        zero = sha256(zero, zero)
    return sha256(nodes[0] if nodes else zero, len(events).to_bytes(8, "little"), bytes(24))


def test_deposits(anvil, entries):
    assert len(anvil.rpc("eth_getCode", deposits.CONTRACT, "latest")) == 2 + 2 * 6358
    assert anvil.deposit_events() == [] and anvil.deposit_root() == root_of([])
    for count, entry in enumerate(entries, 1):
        (sent,) = deposits.hand_in(anvil, [entry])
        *_before, event = events = anvil.deposit_events()
        assert anvil.rpc("eth_getTransactionReceipt", sent)["status"] == "0x1"
        assert event == (entry.pubkey, entry.withdrawal_credentials, entry.amount, entry.signature, count - 1)
        assert leaf(event) == entry.deposit_data_root and anvil.deposit_root() == root_of(events)
    anvil.reorg(1)
    assert anvil.deposit_events() == events[:-1] and anvil.rpc("eth_getTransactionReceipt", sent) is None


def test_blocks(anvil, entries):
    anvil.mine(12)
    newest, safe, final = (int(anvil.rpc("eth_getBlockByNumber", tag, False)["number"], 16) for tag in ("latest", "safe", "finalized"))
    assert (newest - safe, newest - final) == (4, 8)
    anvil.automine(False)
    (sent,) = deposits.hand_in(anvil, entries[:1])
    assert anvil.rpc("eth_getTransactionReceipt", sent) is None and anvil.deposit_events() == []
    anvil.mine()
    anvil.automine(True)
    assert len(anvil.deposit_events()) == 1
    with pytest.raises(RpcError, match="nonce too low"):
        anvil.rpc("eth_sendRawTransaction", anvil.rpc("eth_getRawTransactionByHash", sent))


#: What an asker gets of each fault, and whether its call was handed on.
EXPECTED = {
    "refused": (OSError, False),
    "cut": (OSError, False),
    "drop": (OSError, True),
    "500": (urllib.error.HTTPError, False),
    "late": (TimeoutError, False),
    "slow": (None, True),
    "garbage": (ValueError, False),
    "error": (RpcError, False),
    "timeout": (RpcError, True),
    "429": (urllib.error.HTTPError, False),
    "null": (None, False),
    "no result": (KeyError, False),
    "shape": (None, False),
    "id": (None, False),
}


@pytest.mark.parametrize("fault", RPC_FAULTS)
def test_faults(anvil, proxy, fault):
    error, handed_on = EXPECTED[fault]
    before = number_of(anvil)
    proxy.schedule.begin(2, fault, "anvil_mine")
    for method in ("eth_chainId", "anvil_mine", "eth_chainId"):
        ask(proxy, method)
    with pytest.raises(error) if error else contextlib.nullcontext():
        json_rpc.call(proxy.url, "anvil_mine", [], timeout=min(30, proxy.schedule.patience))
    assert number_of(anvil) == before + 1 + handed_on
    proxy.schedule.hand_on_late()
    assert number_of(anvil) == before + 1 + (handed_on or fault == "late")
    ask(proxy, "anvil_mine")
    assert [proxy.schedule.count(method) for method in ("eth_chainId", "anvil_mine", None)] == [2, 3, 5]


def test_dialects(anvil, proxy, entries):
    def logs(first="0x0", last="latest"):
        return ask(proxy, "eth_getLogs", {"address": deposits.CONTRACT, "fromBlock": first, "toBlock": last})

    deposits.hand_in(anvil, entries)
    newest = number_of(anvil)
    assert len(logs()) == 3
    proxy.dialects = [rpc_dialects.log_range(2, rpc_dialects.REFUSALS["quicknode"])]
    with pytest.raises(RpcError, match="-32614: eth_getLogs is limited"):
        logs()
    assert len(logs(hex(newest - 1))) == 2
    proxy.dialects = [rpc_dialects.pruned(newest)]
    with pytest.raises(RpcError, match="4444: pruned history unavailable"):
        logs()
    assert len(logs(hex(newest))) == 1
    with pytest.raises(RpcError, match="-32000: missing trie node"):
        ask(proxy, "eth_getCode", deposits.CONTRACT, "earliest")
    assert ask(proxy, "eth_getCode", deposits.CONTRACT, "latest") != "0x"
    proxy.dialects = [rpc_dialects.forgetful(newest), rpc_dialects.saying(eth_chainId="0x1"), rpc_dialects.without("txpool_content")]
    assert len(logs()) == 1 and ask(proxy, "eth_chainId") == "0x1"
    with pytest.raises(RpcError, match="-32601: the method txpool_content does not exist"):
        ask(proxy, "txpool_content")
    proxy.dialects = [rpc_dialects.refusing("eth_sendRawTransaction", -32000, "already known")]
    with pytest.raises(RpcError, match="-32000: already known"):
        ask(proxy, "eth_sendRawTransaction", "0x")


def test_beacon_node(anvil, entries):
    with ChainBeacon(anvil) as beacon:

        def get(path, body=None):
            request = urllib.request.Request(beacon.url + path, None if body is None else json.dumps(body).encode())
            with urllib.request.urlopen(request) as response:
                return json.load(response)["data"]

        def validators():
            keys = ["0x" + entry.pubkey.hex() for entry in entries]
            found = get("/eth/v1/beacon/states/head/validators?id=" + ",".join(keys))
            assert found == get("/eth/v1/beacon/states/finalized/validators", {"ids": keys})
            return {each["validator"]["pubkey"]: each for each in found}

        def pending():
            return [each["pubkey"] for each in get("/eth/v1/beacon/states/head/pending_deposits")]

        first, second, third = ("0x" + entry.pubkey.hex() for entry in entries)
        contract = {"chain_id": "560048", "address": deposits.CONTRACT}
        assert get("/eth/v1/config/deposit_contract") == contract and get("/eth/v1/node/syncing")["is_syncing"] is False
        unsigned = dataclasses.replace(entries[2], signature=entries[1].signature)
        root = deposit.deposit_data_root(unsigned.pubkey, unsigned.withdrawal_credentials, unsigned.amount, unsigned.signature)
        deposits.hand_in(anvil, [*entries[:2], dataclasses.replace(unsigned, deposit_data_root=root)])
        beacon.plant_deposit(second, "0x01" + "00" * 11 + "ab" * 20)
        assert pending() == [second, first, second, third] and validators() == {}
        beacon.process("pending_queued")
        # A deposit that is not signed is gone.
        assert pending() == [] and {key: each["status"] for key, each in validators().items()} == {
            first: "pending_queued",
            second: "pending_queued",
        }
        beacon.plant_validator(third, "0x00" + "11" * 31)
        beacon.set_status("active_ongoing", first)
        assert [validators()[key]["status"] for key in (first, third)] == ["active_ongoing"] * 2
        beacon.answers["/eth/v1/config/deposit_contract"] = 200, {"data": {**contract, "chain_id": "1"}}
        assert get("/eth/v1/config/deposit_contract")["chain_id"] == "1"


def number_of(anvil):
    """The number of the newest block."""
    return int(anvil.rpc("eth_blockNumber"), 16)
