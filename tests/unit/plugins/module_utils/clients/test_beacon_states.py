# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a beacon node tells of validators and deposits is used where it is what it should be; anything else says that nobody knows."""

import json

import pytest
from ansible_collections.obol.dv.plugins.module_utils.clients.beacon import NoFacts
from ansible_collections.obol.dv.plugins.module_utils.clients.beacon_states import FINALIZED, BeaconStates, Pending, Validator
from ansible_collections.obol.dv.plugins.module_utils.clients.http import HttpClient, parse_endpoint
from ansible_collections.obol.dv.plugins.module_utils.encoding.hex import to_hex
from ansible_collections.obol.dv.tests.support.charon_stub import CharonStub

JSON = "application/json"
KEYS = [bytes([number]) * 48 for number in range(1, 121)]
CREDENTIALS = b"\1" + bytes(11) + b"\xad" * 20
CONTRACT = {"chain_id": "560048", "address": "0x00000000219ab540356cbb839cbe05303d7705fa"}
PATHS = {
    "deposit_contract": "/eth/v1/config/deposit_contract",
    "validators": "/eth/v1/beacon/states/head/validators",
    "pending_deposits": "/eth/v1/beacon/states/head/pending_deposits",
}


def validator(key, status="active_ongoing"):
    fields = {"pubkey": to_hex(key), "withdrawal_credentials": to_hex(CREDENTIALS), "effective_balance": "32000000000", "slashed": False}
    return {"index": str(key[0]), "balance": "32000000001", "status": status, "validator": fields}


PENDING = {"pubkey": to_hex(KEYS[0]), "withdrawal_credentials": to_hex(CREDENTIALS), "amount": "1000000000", "signature": "0x", "slot": "7"}
ANSWERS = {"deposit_contract": CONTRACT, "validators": [validator(KEYS[0])], "pending_deposits": [PENDING]}


class States(CharonStub):
    """A beacon node whose ``answers`` do not depend on a path's query; it can do without one."""

    def __init__(self, **answers):
        super().__init__(answers={PATHS[what]: _json(data) for what, data in answers.items()})

    def respond(self, path):
        status, _content_type, body = self.answers.get(path.partition("?")[0], (404, JSON, b'{"message": "not found"}'))
        return status, json.loads(body)


def _json(data, status=200):
    return status, JSON, json.dumps({"data": data}).encode()


def node_of(stub):
    return BeaconStates(HttpClient(parse_endpoint(stub.url, "url")))


def ask(node, what):
    if what == "validators":
        return node.validators(KEYS[:1])
    found = getattr(node, what)()
    return found if what == "deposit_contract" else [*found]


def test_what_it_tells():
    with States(**ANSWERS) as stub:
        node = node_of(stub)
        assert node.deposit_contract() == (560048, bytes.fromhex(CONTRACT["address"][2:]))
        assert node.validators(KEYS[:1]) == {KEYS[0]: Validator(KEYS[0], 1, "active_ongoing", CREDENTIALS, 32_000_000_001)}
        assert [*node.pending_deposits()] == [Pending(KEYS[0], CREDENTIALS, 10**9)]
        assert stub.asked == [PATHS["deposit_contract"], PATHS["validators"] + "?id=" + to_hex(KEYS[0]), PATHS["pending_deposits"]]


def test_of_a_state():
    final = {PATHS[what].replace("head", "finalized"): _json([]) for what in ("validators", "pending_deposits")}
    with States() as stub:
        stub.answers = final
        node = node_of(stub)
        assert node.validators(KEYS[:1], FINALIZED) == {} and [*node.pending_deposits(FINALIZED)] == []


def test_many_validators():
    """In URLs that each client takes; others than were asked for are nobody's."""
    with States(validators=[validator(key) for key in [*KEYS, b"\xff" * 48]]) as stub:
        assert [*node_of(stub).validators(iter(KEYS))] == KEYS
        assert [path.count("0x") for path in stub.asked] == [50, 50, 20] and max(map(len, stub.asked)) < 5000
    with States() as stub:
        assert node_of(stub).validators([]) == {} and stub.asked == []


@pytest.mark.parametrize("status", ["pending_initialized", "pending_queued", "active_ongoing", "withdrawal_done"])
def test_in_its_own_words(status):
    with States(validators=[validator(KEYS[0], status)]) as stub:
        assert node_of(stub).validators(KEYS[:1])[KEYS[0]].status == status


NO_ANSWERS = {
    "web page": (200, "text/html", b"<html>", "is not JSON"),
    "deep": (200, JSON, b"[" * 100_000, "is not JSON"),
    "a list": (200, JSON, b"[]", "without a"),
    "a number": (200, JSON, b'{"data": 7}', "without a"),
    "null": (200, JSON, b'{"data": null}', "without a"),
    "nothing": (200, JSON, b"{}", "without a"),
    "before Electra": (404, JSON, b'{"message": "no such endpoint"}', "with 404: .*no such endpoint"),
    "busy": (503, JSON, b"syncing", "with 503: syncing"),
}


@pytest.mark.parametrize("what", PATHS)
@pytest.mark.parametrize("status, content_type, body, text", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_what_is_no_answer(what, status, content_type, body, text):
    path = PATHS[what] + ("?id=" + to_hex(KEYS[0]) if what == "validators" else "")
    with CharonStub(answers={path: (status, content_type, body)}) as stub:
        with pytest.raises(NoFacts, match="the beacon node at .* %s" % text) as caught:
            ask(node_of(stub), what)
    # A path without its keys.
    assert PATHS[what] in str(caught.value) and "0x" not in str(caught.value)


@pytest.mark.parametrize("what", ["validators", "pending_deposits"])
@pytest.mark.parametrize("entry", [None, 7, "0x", [], True])
def test_lists_of_something_else(what, entry):
    with States(**{what: [*ANSWERS[what], entry]}) as stub, pytest.raises(NoFacts, match="answers GET .* without a list"):
        ask(node_of(stub), what)


@pytest.mark.parametrize("what", PATHS)
def test_nobody_there(what):
    with States() as stub:
        pass
    with pytest.raises(NoFacts, match="gives no answer to GET %s: Connection refused" % PATHS[what]):
        ask(node_of(stub), what)


NUMBERS = [None, 7, True, "", "-1", "0x7", "1.5", "9" * 21, str(2**64), "٣", "1\n", [], {}]


def hexes(length):
    return [None, "", 7, "0x", "0xab", "ab" * (length + 1), "zz" * length, [], {}]


FIELDS = [
    *(("deposit_contract", "chain_id", value) for value in NUMBERS),
    *(("deposit_contract", "address", value) for value in hexes(20)),
    *(("validators", name, value) for name in ("index", "balance") for value in NUMBERS),
    *(("pending_deposits", "amount", value) for value in NUMBERS),
    *(("pending_deposits", "pubkey", value) for value in hexes(48)),
    *(("pending_deposits", "withdrawal_credentials", value) for value in hexes(32)),
]


@pytest.mark.parametrize("what, field, value", FIELDS)
def test_fields_that_are_none(what, field, value):
    told = {**CONTRACT, field: value} if what == "deposit_contract" else [{**ANSWERS[what][0], field: value}]
    with States(**{what: told}) as stub, pytest.raises(NoFacts, match="the beacon node at http://127.0.0.1:.* tells no " + field):
        ask(node_of(stub), what)


@pytest.mark.parametrize(
    "field, value", [(name, value) for name, length in (("pubkey", 48), ("withdrawal_credentials", 32)) for value in hexes(length)]
)
def test_fields_of_a_validator_that_are_none(field, value):
    entry = validator(KEYS[0])
    entry["validator"][field] = value
    with States(validators=[entry]) as stub, pytest.raises(NoFacts, match="tells no " + field):
        node_of(stub).validators(KEYS[:1])


WITHOUT = [("status", value) for value in (None, 7, "", [], "Active", "active ongoing", "active\n", "\x1b[31m", "a" * 41)]


@pytest.mark.parametrize("field, value", [*WITHOUT, *(("validator", value) for value in (None, 7, "0x", []))])
def test_a_validator_without_its_status(field, value):
    with (
        States(validators=[{**validator(KEYS[0]), field: value}]) as stub,
        pytest.raises(NoFacts, match="tells of a validator without its status"),
    ):
        node_of(stub).validators(KEYS[:1])


def test_all_that_waits_is_a_lot():
    """As after a rush: read in a moment."""
    with States(pending_deposits=[PENDING] * 50_000) as stub:
        assert sum(1 for _each in node_of(stub).pending_deposits()) == 50_000
