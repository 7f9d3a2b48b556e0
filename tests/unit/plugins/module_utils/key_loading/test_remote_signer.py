# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""contract: Web3Signer, contract: Vero. Neither can be run here: these tests hold what their documentation says, on stubs, that nobody has
compared with a real one. Key shares are in the signer, as remote keys in the client, and nowhere else."""

import json

import pytest
from ansible_collections.obol.dv.plugins.module_utils.clients.table import CLIENTS
from ansible_collections.obol.dv.plugins.module_utils.data_dir import key_place
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.encoding.hex import to_hex
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.key_loading import choice, histories, shares
from ansible_collections.obol.dv.plugins.module_utils.key_loading.load import Load
from ansible_collections.obol.dv.plugins.module_utils.key_loading.unload import Unload
from ansible_collections.obol.dv.tests.support.keymanager_stub import TOKEN, KeymanagerStub

from .test_key_files import ASKED, names
from .test_load import JSON, KEYSTORES, read

REMOTE_KEYS = "/eth/v1/remotekeys"


def as_web3signer(stub, request):
    """No authentication, keystores only."""
    if request.path != KEYSTORES:
        return 404, JSON, b"{}"
    status, value = stub.respond(request.method, request.path, request.body)
    return status, JSON, json.dumps(value).encode()


def as_vero(stub, request):
    """Remote keys only."""
    return (404, JSON, b"{}") if request.path == KEYSTORES else None


@pytest.fixture
def signer():
    with KeymanagerStub(as_web3signer) as served:
        yield served


@pytest.fixture(params=["vero", "lodestar"])
def client(request):
    with KeymanagerStub(as_vero if request.param == "vero" else None) as served:
        served.name = request.param
        yield served


@pytest.fixture
def asked(tmp_path):
    """A function that gives the options of a target: the client's stub and the signer's, or others."""
    (tmp_path / "token").write_text(TOKEN)

    def options(stub, signer=None, /, **more):
        urls = {"url": stub.url, "signer_url": signer.url if signer else "http://127.0.0.1:9000"}
        return {**ASKED, "target": "remote_signer", "client": stub.name, "token_file": str(tmp_path / "token"), **urls, **more}

    return options


def load(node, options, dry_run=False, **more):
    return Load(DataDir(node), read(node), choice.choose(options, DataDir(node)), **more).run(dry_run)


def test_by_its_api(node, client, signer, asked):
    mine, options = read(node), asked(client, signer, signer_url_for_client="http://web3signer:9000/")
    plan = load(node, options, dry_run=True)
    assert plan.changed and not signer.keystores and not client.remote_keys
    done = load(node, options)
    assert done.sent == plan.sent and set(signer.keystores) == set(client.remote_keys) == set(map(to_hex, mine.wanted))
    assert set(client.remote_keys.values()) == {"http://web3signer:9000"} and not client.keystores and not done.warnings
    assert client.fee_recipients and not signer.fee_recipients
    assert str(done.place) == "%s at %s by the signer at %s" % (client.name, client.url, signer.url)
    assert key_place.read(DataDir(node)) == done.place and done.place.state == "loaded" and done.place.machine == key_place.this_machine()
    client.requests.clear()
    again = load(node, options)
    assert not again.changed and {method for method, _path in client.requests} == {"GET"}


def test_cut_off_anywhere(node, client, signer, asked):
    """In the signer, or between the two: the next run goes on, and no other signer may have them."""
    options, normal = asked(client, signer), client.answer
    client.answer = lambda stub, request: (500, JSON, b"{}") if request.method == "POST" else normal and normal(stub, request)
    with pytest.raises(DvError, match="holds 0 of . key shares"):
        load(node, options)
    assert signer.keystores and not client.remote_keys and key_place.read(DataDir(node)).state == "loading"
    with KeymanagerStub(as_web3signer) as other:
        with pytest.raises(DvError, match="by the signer at %s holds the key shares of this node" % signer.url):
            load(node, asked(client, other))
        assert not other.requests
    client.answer = normal
    assert load(node, options).place.state == "loaded"


def test_by_key_files(node, client, asked, tmp_path):
    """It has to be started again, or told to look; that is due until it was done."""
    directory = tmp_path / "signer"
    options = asked(client, directory=str(directory), signer_url_for_client="http://127.0.0.1:9000")
    done = load(node, options, restarts=True)
    assert done.place.state == "written" and len(names(directory)) == 3 * len(read(node).wanted) == 3 * len(client.remote_keys)
    assert load(node, options, restarts=True, restarted=True).place.state == "loaded"
    assert not load(node, options, restarts=True).changed
    assert str(done.place) == "%s at %s by the signer at file://%s" % (client.name, client.url, directory)


def test_found_again_by_its_record(node, client, signer, asked, tmp_path):
    for more in ({}, {"directory": str(tmp_path / "signer")}):
        place = choice.choose(asked(client, signer, **more), DataDir(node)).place("lock", "loaded")
        found = choice.at(place, asked(client, signer, target="keymanager", client="prysm", url="http://127.0.0.1:7500", signer_url="x"))
        assert choice.named(dict(found), DataDir(node)) == (place.client, place.url, place.signer)


def test_taken_away(node, client, signer, asked):
    """From the client first, which may sign no more then; what was signed the signer knows."""
    options = asked(client, signer)
    load(node, options)
    key = [*read(node).wanted][0]
    signer.histories[to_hex(key)] = {"signed_blocks": [{"slot": "7"}], "signed_attestations": []}
    order = []
    client.answer, normal = (
        lambda stub, request: order.append(("client", request.method)) or (normal and normal(stub, request)),
        client.answer,
    )
    signer.answer = lambda stub, request: order.append(("signer", request.method)) or as_web3signer(stub, request)
    done = Unload(DataDir(node), shares.of_lock(DataDir(node)), choice.choose(options, DataDir(node)), lambda: 100).run()
    assert done.changed and not signer.keystores and not client.remote_keys
    assert [name for name, method in order if method == "DELETE"] == ["client", "signer"]
    assert histories.read(DataDir(node)).keys == {key}


def test_held_in_another_way(node, client, signer, asked):
    """By another signer, or by the client itself: nothing is sent."""
    key, options = to_hex([*read(node).wanted][0]), asked(client, signer)
    client.remote_keys[key] = "http://127.0.0.1:9999"
    with pytest.raises(DvError, match="has the key share %s in another way, one of 1: it is a remote key of http://127.0.0.1:9999" % key):
        load(node, options)
    client.remote_keys.clear()
    if client.name != "vero":
        client.keystores[key] = "p"
        with pytest.raises(DvError, match="has the key share %s in another way, one of 1: the client has its keystore" % key):
            load(node, options)
    assert not signer.keystores and not key_place.read(DataDir(node))


def test_a_remote_key_is_no_keystore(node, asked):
    """contract: Lighthouse lists those it has of a signer among its keystores, as readonly."""
    key = to_hex([*read(node).wanted][0])
    with KeymanagerStub() as stub:
        stub.name, stub.remote_keys[key] = "lighthouse", "http://127.0.0.1:9000"
        with pytest.raises(DvError, match="has the key share %s in another way, one of 1: it is readonly there, as a remote key" % key):
            load(node, asked(stub, target="keymanager"))
        assert ("POST", KEYSTORES) not in stub.requests


def test_no_secret_in_what_the_signer_says(node, client, signer, asked):
    """It logs what it cannot parse; what it answers quotes no password either."""

    def quotes(stub, request):
        if request.method == "POST":
            return 500, JSON, request.body["passwords"][0].encode()
        return as_web3signer(stub, request)

    signer.answer = quotes
    with pytest.raises(DvError) as caught:
        load(node, asked(client, signer))
    assert "(its words quote a secret)" in str(caught.value)
    assert not any(share.password in str(caught.value) for share in read(node).here)


@pytest.mark.parametrize(
    "more, text",
    [
        ({"client": "prysm"}, "prysm takes no remote keys by its API; wanted: one of lighthouse, lodestar, nimbus, teku, vero"),
        ({"target": "keymanager", "client": "vero"}, "vero takes no key shares itself"),
        ({"signer_url": "http://10.0.0.1:9000"}, "dv_keys_signer_url is http://10.0.0.1:9000, and the remote signer asks nobody"),
        ({"signer_url": "https://127.0.0.1:9000"}, "dv_keys_signer_url is https://127.0.0.1:9000, and the remote signer asks nobody"),
        ({"signer_url": "web3signer"}, "dv_keys_signer_url is no URL of an API"),
        ({"signer_url_for_client": "http://web3signer"}, "dv_keys_signer_url_for_client is no URL of an API"),
        ({"token_file": None}, "dv_keys_token_file is not set"),
    ],
)
def test_refused_before_anything(node, client, signer, asked, more, text):
    with pytest.raises(DvError, match=text):
        choice.choose(asked(client, signer, **more), DataDir(node))
    assert not client.requests and not signer.requests


def test_every_client_takes_them_somehow():
    assert all(row.keystores or row.remote_keys for row in CLIENTS.values())
