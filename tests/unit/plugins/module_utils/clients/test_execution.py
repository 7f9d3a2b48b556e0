# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an execution client tells is used where it is what it should be; anything else is one clear error."""

import json

import pytest
from ansible_collections.obol.dv.plugins.module_utils.clients.execution import FINALIZED, LATEST, Block, Call, ExecutionNode, Log, Receipt
from ansible_collections.obol.dv.plugins.module_utils.clients.http import connect
from ansible_collections.obol.dv.plugins.module_utils.clients.json_rpc import Refused
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.tests.support.json_rpc_stub import JSON, JsonRpcStub, Refusal
from hypothesis import given, settings
from hypothesis import strategies as st

ADDRESS, OTHER = b"\xad" * 20, b"\xbe" * 20
TOPIC, HASH, RAW = b"\x70" * 32, b"\x7a" * 32, b"\2\xf8\x00"
DATA = bytes(range(64))
BLOCK = {"number": "0x64", "timestamp": "0x67d2c8d8", "baseFeePerGas": "0x7", "hash": "0x" + "ab" * 32}
RECEIPT = {"transactionHash": "0x" + HASH.hex(), "blockNumber": "0x64", "status": "0x1"}
LOG = {
    "address": "0x" + ADDRESS.hex(),
    "topics": ["0x" + TOPIC.hex()],
    "blockNumber": "0x64",
    "transactionHash": "0x" + HASH.hex(),
    "data": "0x" + DATA.hex(),
    "removed": False,
}
WAITING = {"hash": "0x" + HASH.hex(), "to": "0x" + ADDRESS.hex(), "value": "0x0", "input": "0x"}
POOL = {"pending": {"0xabc": {"7": WAITING}}, "queued": {}}
LONGEST = "0x" + "f" * 64

#: A question: its method, how it is asked, what is sent, an answer, what that says.
QUESTIONS = {
    "chain id": ("eth_chainId", lambda node: node.chain_id(), [], "0x88bb0", 560048),
    "block": ("eth_getBlockByNumber", lambda node: node.block(100), ["0x64", False], BLOCK, Block(100, 0x67D2C8D8, 7)),
    "latest": ("eth_getBlockByNumber", lambda node: node.block(LATEST), ["latest", False], BLOCK, Block(100, 0x67D2C8D8, 7)),
    "code": ("eth_getCode", lambda node: node.code(ADDRESS), ["0x" + ADDRESS.hex(), "latest"], "0x6080", b"\x60\x80"),
    "balance": ("eth_getBalance", lambda node: node.balance(ADDRESS), ["0x" + ADDRESS.hex(), "latest"], LONGEST, 2**256 - 1),
    "nonce": ("eth_getTransactionCount", lambda node: node.nonce(ADDRESS, FINALIZED), ["0x" + ADDRESS.hex(), "finalized"], "0x0", 0),
    "nonce then": ("eth_getTransactionCount", lambda node: node.nonce(ADDRESS, 0), ["0x" + ADDRESS.hex(), "0x0"], "0x7", 7),
    "priority fee": ("eth_maxPriorityFeePerGas", lambda node: node.priority_fee(), [], "0x3b9aca00", 10**9),
    "call": (
        "eth_call",
        lambda node: node.call(ADDRESS, b"", 100),
        [{"to": "0x" + ADDRESS.hex(), "data": "0x"}, "0x64"],
        "0x" + DATA.hex(),
        DATA,
    ),
    "transaction": ("eth_getTransactionByHash", lambda node: node.knows(HASH), ["0x" + HASH.hex()], {"hash": "0x" + HASH.hex()}, True),
    "receipt": ("eth_getTransactionReceipt", lambda node: node.receipt(HASH), ["0x" + HASH.hex()], RECEIPT, Receipt(100, True)),
    "logs": (
        "eth_getLogs",
        lambda node: [*node.logs(ADDRESS, TOPIC, 100, 100)],
        [{"address": LOG["address"], "topics": LOG["topics"], "fromBlock": "0x64", "toBlock": "0x64"}],
        [LOG],
        [Log(100, HASH, DATA)],
    ),
    "pool": ("txpool_content", lambda node: node.pool(), [], POOL, [Call(HASH, ADDRESS, 0, b"")]),
    "send": ("eth_sendRawTransaction", lambda node: node.send(RAW), ["0x" + RAW.hex()], "0x" + HASH.hex(), None),
}
#: Whose answer can be that there is none.
NOTHING = {"block": None, "latest": None, "transaction": False, "receipt": None, "pool": None, "send": None}


def node_of(stub):
    return ExecutionNode(connect(stub.url, "url"))


@pytest.mark.parametrize("method, ask, params, answer, said", QUESTIONS.values(), ids=QUESTIONS)
def test_what_it_tells(method, ask, params, answer, said):
    with JsonRpcStub({method: answer}) as stub:
        assert ask(node_of(stub)) == said
        assert stub.asked == [(method, params)] and stub.paths == ["/"]


def test_a_block_before_london():
    """The search for the first block of a time meets some of mainnet, whatever time that is."""
    block = {name: value for name, value in BLOCK.items() if name != "baseFeePerGas"}
    with JsonRpcStub({"eth_getBlockByNumber": block}) as stub:
        assert node_of(stub).block(100) == Block(100, 0x67D2C8D8, 0)


def test_in_capitals():
    """As some write hex digits."""
    with JsonRpcStub({"eth_getCode": "0xABCD", "eth_chainId": "0X1F"}) as stub:
        assert node_of(stub).code(ADDRESS) == b"\xab\xcd" and node_of(stub).chain_id() == 31


@pytest.mark.parametrize("question", NOTHING)
def test_that_there_is_none(question):
    method, ask = QUESTIONS[question][:2]
    with JsonRpcStub({method: None}) as stub:
        assert ask(node_of(stub)) is NOTHING[question]


def test_a_transaction_that_failed():
    with JsonRpcStub({"eth_getTransactionReceipt": {**RECEIPT, "status": "0x0"}}) as stub:
        assert node_of(stub).receipt(HASH) == Receipt(100, False)


NUMBERS = [7, -1, True, 1.5, "", "0x", "7", "0x07", "0x-1", "-0x1", "0xg", "0x 1", "0x1\n", "0x" + "f" * 65, "٣", [], {}, ["0x1"]]
BYTES = [7, True, "", "ab", "0xa", "0xag", "0xab\n", "0x a", "0x" + "é" * 2, [], {}, ["0xab"]]
STRANGE = {
    **{each: [None, *NUMBERS] for each in ("chain id", "balance", "nonce", "priority fee")},
    **{each: [None, *BYTES] for each in ("code", "call")},
    **{each: [7, True, "0x64", [], [BLOCK], {}] for each in ("block", "latest", "transaction", "receipt")},
    "logs": [None, 7, "0x", {}, [None], [7], ["0x"], [[]], [{}], [LOG, None]],
}


@pytest.mark.parametrize("question, value", [(question, value) for question, values in STRANGE.items() for value in values])
def test_what_is_no_answer_to_it(question, value):
    method, ask = QUESTIONS[question][:2]
    with JsonRpcStub({method: value}) as stub:
        with pytest.raises(
            DvError, match="^the execution client at http://127.0.0.1:[0-9]+ answers %s with something else; wanted" % method
        ):
            ask(node_of(stub))


FIELDS = [
    *(("block", name, value) for name in ("number", "timestamp", "baseFeePerGas") for value in [None, *NUMBERS]),
    *(("receipt", name, value) for name in ("blockNumber", "status") for value in [None, *NUMBERS]),
    *(("receipt", "transactionHash", value) for value in [None, "0x" + "7b" * 32, "0x", *BYTES]),
    *(("transaction", "hash", value) for value in [None, "0x" + "7b" * 32, "0x", *BYTES]),
    ("block", "number", "0x65"),
]


@pytest.mark.parametrize("question, field, value", FIELDS)
def test_fields_that_are_none(question, field, value):
    method, ask, _params, answer, _said = QUESTIONS[question]
    with JsonRpcStub({method: {**answer, field: value}}) as stub, pytest.raises(DvError, match="answers %s with something else" % method):
        ask(node_of(stub))


LOGS = [
    *(("blockNumber", value) for value in [None, "0x63", "0x65", *NUMBERS]),
    *(("address", value) for value in [None, "0x" + OTHER.hex(), "0x", *BYTES]),
    *(
        ("topics", value)
        for value in (None, [], {}, "0x" + TOPIC.hex(), [None], [7], ["0x"], ["0x" + "71" * 32], ["0x" + "71" * 32, *LOG["topics"]])
    ),
    *((name, value) for name in ("transactionHash", "data") for value in [None, *BYTES]),
    *(("removed", value) for value in (True, "true", 1)),
]


@pytest.mark.parametrize("field, value", LOGS)
def test_logs_that_nobody_asked_for(field, value):
    """Of another contract, event or block, or that the chain does not have any more: none is believed, for others may be missing."""
    with JsonRpcStub({"eth_getLogs": [LOG, {**LOG, field: value}]}) as stub:
        with pytest.raises(DvError, match="answers eth_getLogs with something else"):
            [*node_of(stub).logs(ADDRESS, TOPIC, 100, 100)]


def test_logs_without_a_word_of_removal():
    log = {name: value for name, value in LOG.items() if name != "removed"}
    with JsonRpcStub({"eth_getLogs": [log]}) as stub:
        assert [*node_of(stub).logs(ADDRESS, TOPIC, 100, 100)] == [Log(100, HASH, DATA)]


class Chain:
    """The logs of a chain whose client tells of ``most`` blocks at once, and of none before ``pruned``."""

    def __init__(self, blocks, most, pruned=0):
        self.blocks, self.most, self.pruned, self.ranges = blocks, most, pruned, []

    def __call__(self, asked):
        first, last = int(asked["fromBlock"], 16), int(asked["toBlock"], 16)
        self.ranges.append((first, last))
        if first < self.pruned:
            raise Refusal(4444, "pruned history unavailable")
        if last - first + 1 > self.most:
            raise Refusal(-32005, "query exceeds max block range %d" % self.most)
        return [dict(LOG, blockNumber=hex(number)) for number in self.blocks if first <= number <= last]


@pytest.mark.parametrize("most", [1, 2, 3, 999, 1000, 2000, 5000, 9999, 10_000, 10**9])
def test_logs_by_halves(most):
    """All of them, in order, each once, whatever is told at once."""
    first, last = 5000, 5000 + min(25_000, 20 * most)
    blocks = [number for number in (0, 4999, 5000, 5001, 5500, 5999, 6000, 14_999, 15_000, 29_999, 30_000, 30_001) if number <= last + 1]
    chain = Chain(blocks, most)
    with JsonRpcStub({"eth_getLogs": chain}) as stub:
        found = [log.block for log in node_of(stub).logs(ADDRESS, TOPIC, first, last)]
    assert found == [number for number in blocks if first <= number <= last]
    told = [each for each in chain.ranges if each[1] - each[0] < most]
    assert [each[0] for each in told] == [first, *(each[1] + 1 for each in told[:-1])] and told[-1][1] == last
    assert len(chain.ranges) - len(told) <= 14


def test_no_blocks():
    with JsonRpcStub() as stub:
        assert [*node_of(stub).logs(ADDRESS, TOPIC, 101, 100)] == [] and stub.asked == []


def test_a_block_that_is_not_told():
    chain = Chain([110, 4000], 2000, pruned=3000)
    text = (
        "^the execution client at .* does not tell what the deposit contract told in the blocks from 100 on: .*pruned history "
        "unavailable; wanted: the events of the blocks 100 to 5000; use an execution client that has them"
    )
    with JsonRpcStub({"eth_getLogs": chain}) as stub, pytest.raises(DvError, match=text):
        [*node_of(stub).logs(ADDRESS, TOPIC, 100, 5000)]
    # What was told before is not the whole.
    chain = Chain([110], 10)

    def until(asked):
        if int(asked["toBlock"], 16) >= 137:
            raise Refusal(-32000, "no")
        return chain(asked)

    found = []
    with JsonRpcStub({"eth_getLogs": until}) as stub, pytest.raises(DvError, match="in the blocks from 137 on: .*wanted: .* 137 to 200;"):
        for log in node_of(stub).logs(ADDRESS, TOPIC, 100, 200):
            found.append(log.block)
    assert found == [110]


def test_a_client_that_dies_is_asked_no_further():
    with JsonRpcStub(answer=(502, "text/html", b"bad gateway")) as stub:
        with pytest.raises(DvError, match="answers eth_getLogs with 502: bad gateway"):
            [*node_of(stub).logs(ADDRESS, TOPIC, 0, 1000)]
        assert len(stub.asked) == 1


def test_what_is_asked_at_once():
    """However far back: the answer has to fit, whatever the client allows."""
    chain = Chain([], 10**9)
    with JsonRpcStub({"eth_getLogs": chain}) as stub:
        assert [*node_of(stub).logs(ADDRESS, TOPIC, 0, 35_000)] == []
    assert chain.ranges == [(0, 9999), (10_000, 19_999), (20_000, 29_999), (30_000, 35_000)]


def test_nothing_is_final_yet():
    """geth refuses to tell, others have none."""

    def refuse(name, _whole):
        raise Refusal(-32000, "%s block not found" % name)

    with JsonRpcStub({"eth_getBlockByNumber": refuse}) as stub:
        assert node_of(stub).block(FINALIZED) is None
        for of in (LATEST, 100):
            with pytest.raises(Refused, match="block not found"):
                node_of(stub).block(of)


POOLS = {
    "empty": ({"pending": {}, "queued": {}}, []),
    "a contract is created": (
        {"pending": {"0xabc": {"7": {**WAITING, "to": None}}}, "queued": {"0xdef": {"1": WAITING}}},
        [Call(HASH, ADDRESS, 0, b"")],
    ),
    "without whom": ({"pending": {"0xabc": {"7": {name: WAITING[name] for name in ("hash", "value", "input")}}}, "queued": {}}, []),
    "more than is known": ({**POOL, "baseFee": {}}, [Call(HASH, ADDRESS, 0, b"")]),
    **{
        "of no known form: %s" % json.dumps(content)[:40]: (content, None)
        for content in (7, "0x", [], {}, {"pending": {}}, {"pending": [], "queued": {}}, {"pending": {"0xabc": []}, "queued": {}})
    },
    **{
        "a call of no known form: %s" % json.dumps(value)[:40]: ({"pending": {"0xabc": {"7": value}}, "queued": {}}, None)
        for value in (7, "0x", [], {"to": 7}, *({**WAITING, name: None} for name in ("hash", "value", "input")), {**WAITING, "value": 7})
    },
}


@pytest.mark.parametrize("content, said", POOLS.values(), ids=POOLS)
def test_pools(content, said):
    with JsonRpcStub({"txpool_content": content}) as stub:
        assert node_of(stub).pool() == said


def test_no_pool():
    with JsonRpcStub() as stub:
        assert node_of(stub).pool() is None


def envelope(**fields):
    return json.dumps({"jsonrpc": "2.0", "id": 1, **fields}).encode()


#: What no question has for an answer: status, content type, body, and what is said of it.
NO_ANSWERS = {
    "web page": (200, "text/html", b"<html>", "is not said to be JSON"),
    "no JSON": (200, JSON, b"{", "is not JSON"),
    "nothing": (200, JSON, b"", "is not JSON"),
    "deep": (200, JSON, b"[" * 100_000, "is not JSON"),
    "a long number": (200, JSON, b'{"result": %s}' % (b"9" * 5000), "is not JSON"),
    "NaN": (200, JSON, b'{"result": NaN}', "is not JSON"),
    "a key twice": (200, JSON, b'{"id":1,"result":"0x1","result":"0x2"}', "is not JSON"),
    "null": (200, JSON, b"null", "with something else"),
    "a text": (200, JSON, b'"0x1"', "with something else"),
    "a batch": (200, JSON, b"[%s]" % envelope(result="0x1"), "with something else"),
    "without a result": (200, JSON, envelope(), "with something else"),
    "another question's": (200, JSON, json.dumps({"jsonrpc": "2.0", "id": 2, "result": "0x1"}).encode(), "with something else"),
    "nobody's": (200, JSON, json.dumps({"jsonrpc": "2.0", "id": None, "result": "0x1"}).encode(), "with something else"),
    "another status": (201, JSON, envelope(result="0x1"), "with 201: "),
    "not there": (404, "text/plain", b"no such page", "with 404: no such page; wanted: 200"),
    "moved": (301, "text/html", b"", "with 301: "),
    "not allowed": (401, JSON, b'{"message": "unauthorized"}', 'with 401: {"message": "unauthorized"}'),
    "no text": (503, "text/plain", b"\xff\xfe\x1b[31m", "with 503: "),
}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("status, content_type, body, text", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_what_is_no_answer(question, status, content_type, body, text):
    method, ask = QUESTIONS[question][:2]
    with JsonRpcStub(answer=(status, content_type, body)) as stub:
        with pytest.raises(DvError, match="the execution client at http://127.0.0.1:[0-9]+ answers.* %s" % text) as caught:
            ask(node_of(stub))
    assert not isinstance(caught.value, Refused) and method in str(caught.value)
    assert "\x1b" not in str(caught.value) and len(str(caught.value)) < 500


#: Refusals: status, what is said of why, and its code.
REFUSALS = {
    "an error": (200, {"code": -32000, "message": "nonce too low"}, "nonce too low", -32000),
    "with a status": (500, {"code": -32000, "message": "nonce too low"}, "nonce too low", -32000),
    "too much": (429, {"code": -32005, "message": "limit exceeded"}, "limit exceeded", -32005),
    "without a message": (200, {"code": 3}, "it says nothing of why", 3),
    "without anything": (200, {}, "it says nothing of why", None),
    "a message that is none": (200, {"code": "x", "message": {"a": 1}}, "a mapping", None),
    "a text": (200, "rate limited", "rate limited", None),
    "a list": (200, ["rate limited"], "a list", None),
    "with a result": (200, {"code": 1, "message": "no"}, "no", 1),
}


@pytest.mark.parametrize("status, error, text, code", REFUSALS.values(), ids=REFUSALS)
def test_refusals(status, error, text, code):
    with JsonRpcStub(answer=(status, JSON, envelope(error=error, result="0x1"))) as stub:
        with pytest.raises(Refused, match="^the execution client at .* refuses eth_chainId: %s; wanted: its result$" % text) as caught:
            node_of(stub).chain_id()
    assert caught.value.code == code


def test_no_error():
    """Some say so."""
    with JsonRpcStub(answer=(200, JSON, envelope(error=None, result="0x1"))) as stub:
        assert node_of(stub).chain_id() == 1


def test_its_words_are_cleaned():
    """They may steer a terminal, and quote what nobody should read."""
    words = "\x1b[31m\nno 0x" + "5a" * 32 + " ~" * 1000
    for answer in ((200, JSON, envelope(error={"message": words})), (418, "text/plain", words.encode())):
        with JsonRpcStub(answer=answer) as stub, pytest.raises(DvError) as caught:
            node_of(stub).chain_id()
        assert "\x1b" not in str(caught.value) and "5a5a" not in str(caught.value) and len(str(caught.value)) < 600


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.binary(max_size=40).map(lambda raw: "0x" + raw.hex()),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*LOG, *BLOCK, *RECEIPT, *WAITING, *POOL, "error", "result"]), inner, max_size=5)
    ),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(QUESTIONS)), json_values)
def test_only_own_errors_escape(question, value):
    method, ask = QUESTIONS[question][:2]
    with JsonRpcStub({method: value}) as stub:
        try:
            ask(node_of(stub))
        except DvError:
            pass


def test_an_answer_that_is_large():
    """A contract's code, a whole chain's events: what fits is read, in a time that it has."""
    with JsonRpcStub({"eth_call": "0x" + "ab" * 8_000_000}) as stub:
        assert node_of(stub).call(ADDRESS, DATA, LATEST) == b"\xab" * 8_000_000
