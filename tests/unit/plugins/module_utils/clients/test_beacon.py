# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a beacon node tells is used where it is what it should be; anything else is one clear error, which says that nobody knows."""

import json

import pytest
from ansible_collections.obol.dv.plugins.module_utils.clients.beacon import BeaconNode, Genesis, NoFacts, Slots
from ansible_collections.obol.dv.plugins.module_utils.clients.http import HttpClient, parse_endpoint
from ansible_collections.obol.dv.tests.support.charon_stub import GENESIS, CharonStub

KEY, OTHER = bytes.fromhex("ab" * 48), bytes.fromhex("cd" * 48)
JSON = "application/json"
PATHS = {
    "genesis": "/eth/v1/beacon/genesis",
    "slots": "/eth/v1/config/spec",
    "head_slot": "/eth/v1/node/syncing",
    "version": "/eth/v1/node/version",
    "takes": "/eth/v1/beacon/states/head/validators?id=0x" + KEY.hex(),
}


def node_of(url):
    return BeaconNode(HttpClient(parse_endpoint(url, "url")))


def ask(node, what):
    return node.takes(KEY) if what == "takes" else getattr(node, what)()


def answering(what, value, status=200, content_type=JSON):
    """A stub that answers one question so."""
    return CharonStub(answers={PATHS[what]: (status, content_type, value if isinstance(value, bytes) else json.dumps(value).encode())})


def test_what_it_tells():
    with CharonStub({"0x" + KEY.hex()}) as stub:
        node = node_of(stub.url)
        root = bytes.fromhex(GENESIS["genesis_validators_root"][2:])
        assert node.genesis() == Genesis(1742213400, root, bytes.fromhex("10000910"))
        assert node.slots() == Slots(32, 12) and abs(node.head_slot() - stub.head_slot) <= 1
        assert node.version() == "obolnetwork/charon/v1.10-unknown/amd64-linux"
        assert node.takes(KEY) and not node.takes(OTHER)
        stub.key_shares = None
        assert node.takes(OTHER)
        stub.spec.update(SLOTS_PER_EPOCH="16", SECONDS_PER_SLOT="5")
        assert node.slots() == Slots(16, 5)
        # Of a mock.
        stub.spec.clear()
        assert node.slots() == Slots(32, 12)


#: What no question has for an answer.
NO_ANSWERS = {
    "web page": (b"<html>", 200, "text/html", "is not JSON"),
    "no JSON": (b"{", 200, JSON, "is not JSON"),
    "deep": (b"[" * 100_000, 200, JSON, "is not JSON"),
    "a list": ([], 200, JSON, "without a"),
    "a number": ({"data": 7}, 200, JSON, "without a"),
    "nothing": ({}, 200, JSON, "without a"),
    "not there": (b"no", 404, "text/plain", "with 404: no; wanted: 200"),
    "elsewhere": (b"", 302, "", "with 302"),
    "busy": ({"message": "syncing"}, 503, JSON, "with 503: .*syncing"),
}


@pytest.mark.parametrize("what", PATHS)
@pytest.mark.parametrize("value, status, content_type, text", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_what_is_no_answer(what, value, status, content_type, text):
    with answering(what, value, status, content_type) as stub, pytest.raises(NoFacts, match=text):
        ask(node_of(stub.url), what)


NUMBERS = [None, 7, True, "", "-1", "0x7", "1.5", "9" * 21, str(2**64), "٣", "1\n", [], {}]
FIELDS = [
    *(("genesis", "genesis_time", value) for value in NUMBERS),
    *(("genesis", "genesis_validators_root", value) for value in (None, "", 7, "0x", "0xab", "ab" * 33, "zz" * 32, [])),
    *(("genesis", "genesis_fork_version", value) for value in (None, "", 7, "0x0000", "0x1000091000", "0xzzzzzzzz")),
    *(("slots", field, value) for field in ("SLOTS_PER_EPOCH", "SECONDS_PER_SLOT") for value in ["0", *NUMBERS]),
    *(("head_slot", "head_slot", value) for value in NUMBERS),
]


@pytest.mark.parametrize("what, field, value", FIELDS)
def test_fields_that_are_none(what, field, value):
    with CharonStub() as stub:
        data = {**stub.respond(PATHS[what])[1]["data"], field: value}
        stub.answers[PATHS[what]] = 200, JSON, json.dumps({"data": data}).encode()
        with pytest.raises(NoFacts, match="the beacon node at http://127.0.0.1:.* tells no " + field):
            ask(node_of(stub.url), what)


@pytest.mark.parametrize("what", PATHS)
def test_its_words_are_cleaned(what):
    """They may steer a terminal, and quote what nobody should read."""
    words = "\x1b[31m\nno 0x" + "5a" * 32 + " ~" * 1000
    with answering(what, words.encode(), 418) as stub, pytest.raises(NoFacts) as caught:
        ask(node_of(stub.url), what)
    assert "\x1b" not in str(caught.value) and "5a5a" not in str(caught.value) and len(str(caught.value)) < 600
    with CharonStub() as stub:
        stub.version = words
        assert len(node_of(stub.url).version()) <= 200 and "5a5a" not in node_of(stub.url).version()
        stub.version = {"a": 1}
        assert node_of(stub.url).version() == "a mapping"


@pytest.mark.parametrize("what", PATHS)
def test_nobody_there(what):
    with CharonStub() as stub:
        url = stub.url
    with pytest.raises(NoFacts, match="gives no answer to GET .*: Connection refused"):
        ask(node_of(url), what)
    with pytest.raises(NoFacts, match="is behind TLS; wanted: http://"):
        ask(node_of(url.replace("http:", "https:")), what)
