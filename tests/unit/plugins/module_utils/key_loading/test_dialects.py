# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Contract tests: clients that cannot run here, by what is known of where they leave the keymanager API (keymanager-and-chain §5b).

They say what we do if a client does so, not that it does. Lodestar and Prysm are real in tests/integration/test_load_keys.py.
"""

import json
from functools import partial

import pytest
from ansible_collections.obol.dv.plugins.module_utils.clients.http import HttpClient, parse_certificate, parse_endpoint
from ansible_collections.obol.dv.plugins.module_utils.clients.keymanager import Keymanager
from ansible_collections.obol.dv.plugins.module_utils.data_dir import key_place, layout
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.encoding.hex import to_hex
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum.networks import KNOWN
from ansible_collections.obol.dv.plugins.module_utils.key_loading import shares
from ansible_collections.obol.dv.plugins.module_utils.key_loading.keystores import Keystores
from ansible_collections.obol.dv.plugins.module_utils.key_loading.load import Load
from ansible_collections.obol.dv.plugins.module_utils.key_loading.target import Target
from ansible_collections.obol.dv.tests.support.keymanager_stub import TOKEN, KeymanagerStub, make_certificate

KEYSTORES = "/eth/v1/keystores"


def read(node):
    return shares.read(DataDir(node), KNOWN)[0]


def loads(node, stub, client, certificate=None, token=TOKEN):
    """What comes of a run against a stub of that client."""
    api = Keymanager(HttpClient(parse_endpoint(stub.url, "url"), token, certificate), client)
    return Load(DataDir(node), read(node), Target(client, stub.url, key_place.this_machine(), (Keystores(api),), api)).run()


def check_loaded(node, stub, run):
    """All is there, and a second run finds that it is."""
    done = run()
    assert len(done.sent) == len(read(node).wanted) and not done.warnings
    assert set(stub.keystores) == set(map(to_hex, read(node).wanted)) == set(stub.fee_recipients)
    assert not run().changed


def said(status, value):
    return status, "application/json", json.dumps(value).encode()


def is_import(request):
    return (request.method, request.path) == ("POST", KEYSTORES)


def test_teku(node, tmp_path, monkeypatch):
    """A contract test: the real one cannot run here. HTTPS alone, with a certificate of its own; a request with more keystores than
    passwords, or fewer, is refused as a whole."""

    def answer(_stub, request):
        if is_import(request) and len(request.body["keystores"]) != len(request.body["passwords"]):
            return said(400, {"code": 400, "message": "Keystores and passwords must have the same length"})
        return None

    monkeypatch.setattr(Keystores, "batch", 1)
    paths = make_certificate(tmp_path, "teku")
    with KeymanagerStub(answer, paths) as stub:
        check_loaded(node, stub, partial(loads, node, stub, "teku", parse_certificate(paths[0].read_bytes(), "teku.pem")))


def test_nimbus(node):
    """A contract test: the real one cannot run here. 401 without a token, 403 with another one, 404 for an import of nothing."""

    def answer(stub, request):
        if request.token != TOKEN:
            return said(403 if request.token else 401, {"message": "Invalid token"})
        return said(404, {"message": "Empty request's body"}) if is_import(request) and not request.body["keystores"] else None

    with KeymanagerStub(answer) as stub:
        for token, status in (("", 401), ("another", 403)):
            text = r"refuses the token, or what it allows \(%d\); .* where --keymanager-token-file says" % status
            with pytest.raises(DvError, match=text):
                loads(node, stub, "nimbus", token=token)
        assert not (node / layout.LOADING / "place.json").exists()
        check_loaded(node, stub, partial(loads, node, stub, "nimbus"))


def test_lighthouse_lists_what_a_remote_signer_has(node):
    """A contract test: the real one cannot run here. It lists remote keys among its keystores, as readonly: what a signer has is not loaded
    here, and a share of ours that is so is in another place. Nothing is sent."""
    first = to_hex([*read(node).wanted][0])
    with KeymanagerStub() as stub:
        stub.remote_keys[first] = "http://127.0.0.1:9000"
        with pytest.raises(DvError, match="has the key share %s in another way, one of 1: it is readonly there, as a remote key" % first):
            loads(node, stub, "lighthouse")
        assert ("POST", KEYSTORES) not in stub.requests and not (node / layout.LOADING / "place.json").exists()


def test_lighthouse_has_only_the_password(node):
    """A contract test: the real one cannot run here. A password file that is left makes it say ``duplicate`` of what it does not load:
    the others are loaded, this one is told."""
    first = to_hex([*read(node).wanted][0])

    def answer(stub, request):
        if not is_import(request):
            return None
        data = []
        for pair in zip(request.body["keystores"], request.body["passwords"]):
            left = "0x" + json.loads(pair[0])["pubkey"] == first
            data.append({"status": "duplicate"} if left else stub.import_keystore(*pair))
        return said(200, {"data": data})

    with KeymanagerStub(answer) as stub:
        count = len(read(node).wanted)
        text = r"holds %d of %d key shares, not that of validator 0 \(%s\): it says that it does" % (count - 1, count, first)
        with pytest.raises(DvError, match=text):
            loads(node, stub, "lighthouse")
        assert key_place.read(DataDir(node)).state == key_place.STATE_LOADING


def test_what_takes_remote_keys_alone(node):
    """A contract test: the real one, Vero, cannot run here. It has no list of keystores: nothing is sent, nothing is on record."""
    with KeymanagerStub(lambda _stub, request: (404, "text/plain; charset=utf-8", b"404: Not Found")) as stub:
        with pytest.raises(DvError, match="lodestar at .* answers GET /eth/v1/keystores with 404: 404: Not Found"):
            loads(node, stub, "lodestar")
        assert stub.requests == [("GET", KEYSTORES)] and not (node / layout.LOADING / "place.json").exists()


def test_what_takes_keystores_alone(node):
    """A contract test: the real one, Web3Signer, cannot run here. It asks for no token, and has no settings: what it was sent is on
    record when that fails, and goes nowhere else."""

    def answer(stub, request):
        if request.path != KEYSTORES:
            return 404, "text/html", b"<html><body><h1>Resource not found</h1></body></html>"
        return said(*stub.respond(request.method, request.path, request.body))

    with KeymanagerStub(answer) as stub:
        with pytest.raises(DvError, match="answers POST /eth/v1/validator/0x[0-9a-f]+/feerecipient with 404"):
            loads(node, stub, "lodestar", token="")
        assert set(stub.keystores) == set(map(to_hex, read(node).wanted))
        with KeymanagerStub() as other, pytest.raises(DvError, match="or some of them"):
            loads(node, other, "lodestar")
