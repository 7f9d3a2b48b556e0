# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keymanager API: what can be used of an answer is used, anything else is one clear error that shows no secret."""

import json

import pytest
from ansible_collections.obol.dv.plugins.module_utils.clients.http import HttpClient, parse_endpoint
from ansible_collections.obol.dv.plugins.module_utils.clients.keymanager import Keymanager, parse_token
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.tests.support.keymanager_stub import TOKEN, KeymanagerStub

KEY = bytes.fromhex("ab" * 48)
JSON = "application/json"


def asked(answer=None, secrets=()):
    """A stub that answers so, and the API of it."""
    stub = KeymanagerStub(answer)
    return stub, Keymanager(HttpClient(parse_endpoint(stub.url, "url"), TOKEN), "prysm", secrets)


def answering(value, status=200, content_type=JSON):
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return asked(lambda stub, request: (status, content_type, body))


def test_import_and_list():
    stub, api = asked()
    with stub:
        assert api.keystores() == {}
        keystore = json.dumps({"pubkey": KEY.hex()})
        assert [status.status for status in api.import_keystores([keystore], ["p"], "", 10)] == ["imported"]
        assert [status.status for status in api.import_keystores([keystore], ["p"], "", 10)] == ["duplicate"]
        assert api.keystores() == {KEY: False} and stub.keystores == {"0x" + KEY.hex(): "p"}


def test_delete():
    """What they have signed comes along, of keys that are deleted already, too."""
    stub, api = asked()
    with stub:
        api.import_keystores([json.dumps({"pubkey": KEY.hex()})], ["p"], "", 10)
        stub.histories["0x" + KEY.hex()] = {"signed_blocks": [{"slot": "7"}], "signed_attestations": []}
        for status in ("deleted", "not_active"):
            found, history = api.delete_keystores([KEY], 10)
            assert [each.status for each in found] == [status] and json.loads(history)["data"][0]["signed_blocks"] == [{"slot": "7"}]
        assert api.keystores() == {}
        stub.history = lambda keys: "null"
        assert api.delete_keystores([KEY], 10)[1] == ""


def test_settings():
    stub, api = asked()
    with stub:
        stub.keystores["0x" + KEY.hex()] = "p"
        assert api.fee_recipient(KEY) == bytes(20) and api.gas_limit(KEY) == "30000000"
        api.set_fee_recipient(KEY, b"\xcd" * 20)
        api.set_gas_limit(KEY, 60_000_000)
        assert api.fee_recipient(KEY) == b"\xcd" * 20 and api.gas_limit(KEY) == "60000000"


@pytest.mark.parametrize("data", [None, []])
def test_an_empty_list(data):
    stub, api = answering({"data": data})
    with stub:
        assert api.keystores() == {}


NO_LISTS = {
    "web page": (b"<html>", 200, "text/html", "is not said to be JSON; wanted: application/json"),
    "no JSON": (b"{", 200, JSON, "is not JSON"),
    "nothing": ({}, 200, JSON, "without a list"),
    "a list": ([], 200, JSON, "without a list"),
    "no list": ({"data": "x"}, 200, JSON, "without a list"),
    "no keys": ({"data": ["x", 7]}, 200, JSON, "lists what are no keys"),
    "no field": ({"data": [{}]}, 200, JSON, "lists what are no keys"),
    "short": ({"data": [{"validating_pubkey": "0xab"}]}, 200, JSON, "lists what are no keys"),
    "number": ({"data": [{"validating_pubkey": 7}]}, 200, JSON, "lists what are no keys"),
    "null": ({"data": [{"validating_pubkey": None}]}, 200, JSON, "lists what are no keys"),
    "empty": ({"data": [{"validating_pubkey": ""}]}, 200, JSON, "lists what are no keys"),
    "nobody": ({}, 401, JSON, "refuses the token, or what it allows \\(401\\)"),
    "somebody else": ({}, 403, JSON, "refuses the token"),
    "not ready": ({"message": "keymanager is not initialized"}, 500, JSON, "with 500: .*keymanager is not initialized.*no beacon node"),
    "elsewhere": (b"", 302, "", "with 302"),
    "deep": (b"[" * 100_000, 200, JSON, "is not JSON"),
}


@pytest.mark.parametrize("value, status, content_type, text", NO_LISTS.values(), ids=NO_LISTS)
def test_what_is_no_list(value, status, content_type, text):
    stub, api = answering(value, status, content_type)
    with stub, pytest.raises(DvError, match=text):
        api.keystores()


@pytest.mark.parametrize("data", [[], [{}, {}], ["imported"], None, [None]])
def test_as_many_answers_as_keystores(data):
    stub, api = answering({"data": data})
    with stub, pytest.raises(DvError, match="tells of . keys; wanted: of 1"):
        api.import_keystores(["{}"], ["p"], "", 10)


def test_what_it_says_is_cleaned():
    """It may quote what it was given, and steer a terminal."""
    words = "wrong password hunter2-hunter2 for\n\x1b[31m 0xab" + "x" * 1000 + " ~" * 1000
    cleaned = ("wrong password hunter2-hunter2 for \x1b[31m ..." + " ~" * 1000)[:200]
    for secrets, text in ((["hunter2-hunter2"], "(its words quote a secret)"), ([""], cleaned)):
        stub, api = asked(
            lambda stub, request: (200, JSON, json.dumps({"data": [{"status": "error", "message": words}]}).encode()), secrets
        )
        with stub:
            (status,) = api.import_keystores(["{}"], ["p"], "", 10)
            assert (status.status, status.message) == ("error", text)
    stub, api = asked(lambda stub, request: (500, JSON, (" " * 190 + "hunter2-hunter2").encode()), ["hunter2-hunter2"])
    with stub, pytest.raises(DvError) as caught:
        api.keystores()
    assert "hunter2" not in str(caught.value) and "\x1b" not in str(caught.value)


SECRETS = ["5a" * 16, 'pa"ss<wörd', "api-token-0x" + "5b" * 32]
#: As they are, and as JSON has them in the request.
QUOTED = [*SECRETS, 'pa\\"ss\\u003cwörd', 'pa\\"ss<w\\u00f6rd', SECRETS[2][:50]]

ASKED = {
    "keystores": (),
    "import_keystores": (["{}"], ["p"], "", 10),
    "delete_keystores": ([KEY], 10),
    "fee_recipient": (KEY,),
    "set_fee_recipient": (KEY, KEY[:20]),
    "gas_limit": (KEY,),
    "set_gas_limit": (KEY, 1),
}


@pytest.mark.parametrize("quoted", QUOTED)
def test_no_field_shows_what_it_quotes(quoted):
    data = {"validating_pubkey": quoted, "ethaddress": quoted, "gas_limit": quoted, "status": quoted, "message": quoted}
    answers = [({"data": [data]}, 200, JSON), ({"data": data}, 200, JSON), (quoted.encode(), 500, JSON)]
    if quoted.isascii():
        answers.append(({}, 200, quoted))
    for value, status, content_type in answers:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        stub, api = asked(lambda _stub, _request, answer=(status, content_type, body): answer, SECRETS)
        with stub:
            for name, given in ASKED.items():
                try:
                    said = str(getattr(api, name)(*given))
                except DvError as error:
                    said = str(error)
                assert quoted not in said and quoted[:24] not in said


@pytest.mark.parametrize("value", [None, True, -1, 1.5, "", "0x", "1" * 30, 10**400, [], {}, "x" * 100_000])
def test_settings_that_are_none(value):
    stub, api = answering({"data": {"ethaddress": value, "gas_limit": value}})
    with stub:
        for ask, name in ((api.fee_recipient, "ethaddress"), (api.gas_limit, "gas_limit")):
            with pytest.raises(DvError, match="answers GET /eth/v1/validator/0x[0-9a-f]{96}/[a-z_]+ without %s$" % name):
                ask(KEY)


def test_tokens():
    assert parse_token(b"api-token-0x12\n", "t") == parse_token(b"secret of old files\napi-token-0x12", "t") == "api-token-0x12"
    for content in (b"", b"\n", b"two words", b"a\nb\nc", b"a\r\nHost: b c", "ä".encode(), b"x" * 5000, b"\xff"):
        with pytest.raises(DvError, match="^t holds no token; wanted: one line"):
            parse_token(content, "t")
