# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A beacon node and an execution client, good and bad: which of the checks tells."""

import json
import time
from http.server import ThreadingHTTPServer

import pytest
from ansible_collections.obol.dv.plugins.module_utils.clients import beacon_health
from ansible_collections.obol.dv.plugins.module_utils.clients.execution import ExecutionNode
from ansible_collections.obol.dv.plugins.module_utils.clients.http import connect
from ansible_collections.obol.dv.plugins.module_utils.ethereum.networks import KNOWN
from ansible_collections.obol.dv.plugins.module_utils.readiness import layers, mev, verdicts
from ansible_collections.obol.dv.plugins.module_utils.readiness.checks import CHECKS
from ansible_collections.obol.dv.tests.support.beacon_stub import GENESIS
from ansible_collections.obol.dv.tests.support.json_rpc_stub import JsonRpcStub
from ansible_collections.obol.dv.tests.support.loopback import Handler, Served

HOODI = KNOWN.by_name("hoodi")
ROOT = HOODI.genesis_validators_root


def slot(behind=0):
    """The slot that it is now, or so many before."""
    return str((int(time.time()) - int(GENESIS["genesis_time"])) // 12 - behind)


def paths(behind=0, **more):
    """What a beacon node answers that is well, to each path."""
    syncing = {"head_slot": slot(behind), "sync_distance": "0", "is_syncing": False, "is_optimistic": False, "el_offline": False}
    return {
        "/eth/v1/beacon/genesis": GENESIS,
        "/eth/v1/config/spec": {"SECONDS_PER_SLOT": "12", "SLOTS_PER_EPOCH": "32"},
        "/eth/v1/node/version": {"version": "Tester/v1"},
        "/eth/v1/node/peer_count": {"connected": "80"},
        "/eth/v1/node/syncing": syncing,
        **{"/eth/v1/%s" % path: value for path, value in more.items()},
    }


class Answers(Served):
    """Serves ``data`` by path, or whatever is there instead of it: (status, content type, body)."""

    def __init__(self, data):
        class Get(Handler):
            def do_GET(self):
                found = data.get(self.path)
                found = found() if callable(found) else found
                if isinstance(found, tuple):
                    return self.send(*found)
                return self.send(200 if found is not None else 404, "application/json; charset=utf-8", json.dumps({"data": found}).encode())

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Get)
        self.url = "http://127.0.0.1:%d" % self._server.server_port


def worse(findings):
    """What is not ok: the verdict and the text, by check."""
    found = {each.check: (verdicts.of_finding(CHECKS[each.check], each), each.text) for each in findings}
    return {check: told for check, told in found.items() if told[0] != "ok" and not check.endswith("_ping")}


def beacon(data, root=ROOT):
    with Answers(data) as served:
        return worse(layers.look_at_beacon(beacon_health.at(served.url), HOODI, root))


def test_a_good_beacon_node():
    assert beacon(paths()) == {}


def sync(**fields):
    """What the path answers, with other fields: a function, for the clock goes on."""
    return lambda: {**paths()["/eth/v1/node/syncing"], **fields}


PAGE = (200, "text/html", b"<html>")
#: What a beacon node answers, and what is said of it.
BEACONS = {
    "another network": (
        {"beacon/genesis": {**GENESIS, "genesis_fork_version": "0x00000000"}},
        "beacon_network",
        "fail",
        "it is on mainnet",
    ),
    "another chain": (
        {"beacon/genesis": {**GENESIS, "genesis_validators_root": "0x" + "11" * 32}},
        "beacon_network",
        "fail",
        "another chain",
    ),
    "syncing": ({"node/syncing": sync(is_syncing=True)}, "beacon_syncing", "fail", "it is syncing"),
    "offline": ({"node/syncing": sync(el_offline=True)}, "beacon_syncing", "fail", "its execution client is offline"),
    "optimistic": ({"node/syncing": sync(is_optimistic=True)}, "beacon_syncing", "fail", "its head is optimistic"),
    "in the future": (
        {"node/syncing": sync(head_slot=slot(-5000))},
        "beacon_head",
        "fail",
        "in the future: this node's clock is behind",
    ),
    "few peers": ({"node/peer_count": {"connected": "30"}}, "beacon_peers", "warn", ""),
    "no peers": ({"node/peer_count": {"connected": "0"}}, "beacon_peers", "fail", ""),
    "a page": ({"node/peer_count": PAGE}, "beacon_peers", "fail", "does not answer GET /eth/v1/node/peer_count with JSON"),
    "no truth": ({"node/syncing": sync(is_syncing="no")}, "beacon_syncing", "fail", "tells no is_syncing"),
    "no number": ({"node/peer_count": {"connected": 80.5}}, "beacon_peers", "fail", "tells no connected"),
}


@pytest.mark.parametrize("data, check, verdict, text", BEACONS.values(), ids=BEACONS)
def test_a_beacon_node(data, check, verdict, text):
    found = beacon(paths(**data))
    assert set(found) == {check} and found[check][0] == verdict and text in found[check][1]


@pytest.mark.parametrize("behind, verdict", [(2, None), (3, "warn"), (4, "warn"), (6, "fail"), (1000, "fail")])
def test_a_beacon_node_that_lags_and_says_that_all_is_well(behind, verdict):
    assert beacon(paths(behind)) == ({"beacon_head": (verdict, "")} if verdict else {})


def test_of_a_network_of_which_the_root_is_not_known():
    assert beacon(paths(**{"beacon/genesis": {**GENESIS, "genesis_validators_root": "0x" + "11" * 32}}), b"") == {}


def execution(**methods):
    good = dict(eth_chainId=hex(HOODI.chain_id), eth_syncing=False, net_peerCount="0x20")
    block = dict(number="0x1", timestamp=hex(int(time.time()) - 5))
    with JsonRpcStub({**good, "eth_getBlockByNumber": lambda *_parameters: block, **methods}) as stub:
        return worse(layers.look_at_execution(ExecutionNode(connect(stub.url, "dv_execution_url")), HOODI))


def old(seconds):
    return lambda *_parameters: dict(number="0x1", timestamp=hex(int(time.time()) - seconds))


#: The same of an execution client.
EXECUTIONS = {
    "another chain": (dict(eth_chainId="0x1"), "execution_network", "fail", "its chain id is 1, and not 560048"),
    "syncing": (dict(eth_syncing={"currentBlock": "0x1"}), "execution_syncing", "fail", "it is syncing"),
    "nothing": (dict(eth_syncing=None), "execution_syncing", "fail", "answers eth_syncing with something else"),
    "old": (dict(eth_getBlockByNumber=old(70)), "execution_head", "warn", ""),
    "very old": (dict(eth_getBlockByNumber=old(10**6)), "execution_head", "fail", ""),
    "no block": (dict(eth_getBlockByNumber=None), "execution_head", "fail", "it has no block"),
    "few peers": (dict(net_peerCount="0x5"), "execution_peers", "warn", ""),
    "no peers": (dict(net_peerCount="0x0"), "execution_peers", "fail", ""),
    "a number": (dict(net_peerCount=5), "execution_peers", "fail", "answers net_peerCount with something else"),
}


@pytest.mark.parametrize("methods, check, verdict, text", EXECUTIONS.values(), ids=EXECUTIONS)
def test_an_execution_client(methods, check, verdict, text):
    found = execution(**methods)
    assert set(found) == {check} and found[check][0] == verdict and text in found[check][1]


def test_a_good_execution_client():
    assert execution() == {}


def test_nobody_there():
    """One failure, and what cannot be known then is not measured."""
    for findings in (
        layers.look_at_beacon(beacon_health.at("http://127.0.0.1:1"), HOODI, ROOT),
        layers.look_at_execution(ExecutionNode(connect("http://127.0.0.1:1", "url")), HOODI),
    ):
        found = [verdicts.of_finding(CHECKS[each.check], each) for each in findings]
        assert found == ["fail", *["not measured"] * 4] and "gives no answer" in findings[0].text


def test_none_is_named():
    for findings, text in (
        (layers.look_at_beacon(None, HOODI, ROOT), "dv_beacon_url"),
        (layers.look_at_execution(None, HOODI), "dv_execution_url"),
    ):
        assert {(each.state, each.text) for each in findings} == {("not measured", text + " is not set")}


def test_a_url_with_a_key_is_not_shown():
    (first, *_more) = layers.look_at_execution(
        ExecutionNode(connect("http://127.0.0.1:1/v3/0123456789abcdef0123456789abcdef", "url")), HOODI
    )
    assert "0123456789" not in str(first)


RELAYS = {
    "good": ((200, "application/json", b"{}"), "ok"),
    "in any form": ((200, "text/plain", b""), "ok"),
    "down": ((503, "text/plain", b"no"), "fail"),
    "elsewhere": ((302, "", b""), "fail"),
}


@pytest.mark.parametrize("answer, verdict", RELAYS.values(), ids=RELAYS)
def test_a_relay(answer, verdict):
    with Answers({"/eth/v1/builder/status": answer}) as served:
        (found,) = mev.look(
            [
                served.url.replace(
                    "://", "://0xac6e77dfe25ecd6110b8e780608cce0dab71fdd5ebea22a16c0205200f2f8e2e3ad3b71d3499c54ad14d6c21b41a37ae@"
                )
            ]
        )
    assert verdicts.of_finding(CHECKS["mev_ping"], found._replace(value=found.value and 1)) == verdict and found.about == served.url


def test_no_relay():
    (found,) = mev.look([])
    assert found.state == "not measured"
