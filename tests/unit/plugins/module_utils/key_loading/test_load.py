# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Loading, into a keymanager API that does as it likes: all key shares are listed in the end, once and in one place, or one error says
what is missing, and the next run goes on."""

import json
import os
import shutil
import time

import pytest
from ansible_collections.obol.dv.plugins.module_utils.clients.http import HttpClient, parse_endpoint
from ansible_collections.obol.dv.plugins.module_utils.clients.keymanager import Keymanager
from ansible_collections.obol.dv.plugins.module_utils.clients.table import CLIENTS
from ansible_collections.obol.dv.plugins.module_utils.data_dir import key_place, layout
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.data_dir.validator_keys import ValidatorKeys
from ansible_collections.obol.dv.plugins.module_utils.encoding.hex import to_hex
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum.networks import KNOWN
from ansible_collections.obol.dv.plugins.module_utils.key_loading import shares
from ansible_collections.obol.dv.plugins.module_utils.key_loading.keystores import Keystores
from ansible_collections.obol.dv.plugins.module_utils.key_loading.load import Load
from ansible_collections.obol.dv.plugins.module_utils.key_loading.target import Target
from ansible_collections.obol.dv.plugins.module_utils.storage import files
from ansible_collections.obol.dv.tests.support.keymanager_stub import TOKEN, KeymanagerStub

KEYSTORES = "/eth/v1/keystores"
JSON = "application/json"


@pytest.fixture
def stub():
    with KeymanagerStub() as served:
        yield served


def read(node):
    return shares.read(DataDir(node), KNOWN)[0]


def target_of(stub, client="lodestar"):
    api = Keymanager(HttpClient(parse_endpoint(stub.url, "url"), TOKEN), client)
    return Target(client, stub.url, key_place.this_machine(), (Keystores(api),), api)


def run(node, stub, client="lodestar", dry_run=False, nowhere_else=False):
    return Load(DataDir(node), read(node), target_of(stub, client), nowhere_else).run(dry_run)


def check_loaded(node, stub):
    """All of them, and what goes with them; a second run does nothing."""
    mine = read(node)
    assert set(stub.keystores) == set(map(to_hex, mine.wanted))
    assert {share.password for share in mine.here} >= set(stub.keystores.values())
    for key, validator in mine.wanted.items():
        assert stub.fee_recipients[to_hex(key)] == to_hex(validator.fee_recipient)
        assert stub.gas_limits[to_hex(key)] == str(validator.gas_limit)
    assert key_place.read(DataDir(node)).state == key_place.STATE_LOADED
    stub.requests.clear()
    again = run(node, stub)
    assert not again.changed and not again.sent and not again.set and not again.warnings
    assert {method for method, _path in stub.requests} == {"GET"}


def test_all(node, stub, tree):
    before = tree(node)
    plan = run(node, stub, dry_run=True)
    assert plan.changed and len(plan.sent) == len(read(node).wanted) and not stub.keystores and tree(node) == before
    done = run(node, stub)
    assert done.changed and done.sent == plan.sent and not done.warnings
    assert len(done.set) == 2 * len(done.sent)
    check_loaded(node, stub)
    assert not run(node, stub, dry_run=True).changed


def test_what_is_read_is_what_goes(node, stub):
    run(node, stub)
    for share in read(node).here:
        assert json.loads(share.keystore)["pubkey"] == share.public_key.hex()
        assert stub.keystores[to_hex(share.public_key)] == share.password != ""


def test_in_batches(node, stub, monkeypatch):
    monkeypatch.setattr(Keystores, "batch", 1)
    run(node, stub)
    assert stub.requests.count(("POST", KEYSTORES)) == len(read(node).wanted)
    check_loaded(node, stub)


def test_what_is_there_already(node, stub):
    """By somebody's hand: it is told, and not sent again."""
    mine = read(node)
    key = to_hex([*mine.wanted][0])
    stub.keystores[key] = mine.here[0].password
    done = run(node, stub)
    assert len(done.sent) == len(mine.wanted) - 1 and "has 1 of the key shares already" in done.warnings[0]
    check_loaded(node, stub)


def test_a_client_that_lost_them(node, stub):
    """Somebody may have taken them out, to load them elsewhere."""
    run(node, stub)
    stub.keystores.clear()
    stub.requests.clear()
    count = len(read(node).wanted)
    for dry_run in (True, False):
        with pytest.raises(DvError, match="has lost %d of %d key shares: that of validator 0 .* set dv_keys_nowhere_else" % (count, count)):
            run(node, stub, dry_run=dry_run)
    assert {method for method, _path in stub.requests} == {"GET"}
    assert run(node, stub, nowhere_else=True).changed
    check_loaded(node, stub)


def test_what_was_restored_may_be_anywhere(node, stub):
    key_place.note_restored(DataDir(node))
    with pytest.raises(DvError, match="are restored from a backup, which does not tell where"):
        run(node, stub)
    assert not stub.requests
    run(node, stub, nowhere_else=True)
    check_loaded(node, stub)
    key_place.note_restored(DataDir(node))
    check_loaded(node, stub)


def test_to_another_client_once_somebody_says_so(node, stub):
    run(node, stub)
    with KeymanagerStub() as other:
        run(node, other, nowhere_else=True)
        check_loaded(node, other)
        with pytest.raises(DvError, match="%s holds the key shares of this node" % other.url):
            run(node, stub)


def test_one_place(node, stub, tree):
    run(node, stub)
    before = tree(node)
    with KeymanagerStub() as other:
        for dry_run in (False, True):
            with pytest.raises(
                DvError, match="lodestar at %s holds the key shares of this node, or some of them; wanted: the same" % stub.url
            ):
                run(node, other, dry_run=dry_run)
        with pytest.raises(DvError, match="holds the key shares of this node"):
            run(node, stub, client="teku")
        assert not other.requests
    assert tree(node) == before


def test_a_copy_of_the_data_directory_on_another_machine(node, stub, monkeypatch):
    """The same URL leads to another client there."""
    run(node, stub)
    monkeypatch.setattr(key_place, "this_machine", lambda: "another")
    asked = len(stub.requests)
    stub.keystores.clear()
    for dry_run in (False, True):
        with pytest.raises(DvError, match="holds the key shares of this node on another machine than this, from which"):
            run(node, stub, dry_run=dry_run)
    assert len(stub.requests) == asked


def test_one_place_from_before_the_first_byte(node, stub):
    """A run that got no answer may have loaded them."""

    def dies(served, request):
        if request.method == "POST":
            served.respond(request.method, request.path, request.body)
            return None, "", b""
        return (500, JSON, b"{}") if served.keystores else None

    stub.answer = dies
    with pytest.raises(DvError, match="with 500"):
        run(node, stub)
    assert key_place.read(DataDir(node)).state == key_place.STATE_LOADING and stub.keystores
    with KeymanagerStub() as other, pytest.raises(DvError, match="or some of them"):
        run(node, other)
    stub.answer = None
    assert not run(node, stub).sent
    check_loaded(node, stub)


def test_the_client_of_another_operator(node, cluster, original, stub):
    """Even of the same cluster: nothing is sent, nothing on record."""
    mine = read(node)
    other = [*mine.of_others][0]
    stub.keystores[to_hex(other)] = "x"
    with pytest.raises(DvError, match="holds 1 key shares of operator 2 of this cluster; wanted: none but those of operator 1"):
        run(node, stub)
    assert ("POST", KEYSTORES) not in stub.requests and not (node / layout.LOADING / "place.json").exists()
    # Others' keys are their own matter.
    stub.keystores = {"0x" + "ab" * 48: "x"}
    run(node, stub)
    assert len(stub.keystores) == 1 + len(mine.wanted)


def says(value, does=True):
    """An answer to each import: ``value`` for each keystore, whether it ``does`` load it or not."""

    def answer(served, request):
        if request.method == "POST" and request.path == KEYSTORES:
            if does:
                served.respond(request.method, request.path, request.body)
            return 200, JSON, json.dumps({"data": [value] * len(request.body["keystores"])}).encode()
        return None

    return answer


def test_an_error_of_what_is_loaded_is_none(node, stub):
    stub.answer = says({"status": "error", "message": "EEXIST"})
    run(node, stub)
    stub.answer = None
    check_loaded(node, stub)


@pytest.mark.parametrize(
    "value, text",
    [
        ({"status": "imported"}, "it says that it does"),
        ({"status": "duplicate"}, "it says that it does"),
        ({"status": "error", "message": "Invalid password"}, "Invalid password"),
        ({"status": "strange"}, "strange"),
        ({}, "empty"),
    ],
)
def test_what_it_says_is_no_proof(node, stub, value, text):
    stub.answer = says(value, does=False)
    count = len(read(node).wanted)
    with pytest.raises(
        DvError, match="holds 0 of %d key shares, not that of validator 0 .*: %s; wanted: all; .*load them nowhere else" % (count, text)
    ):
        run(node, stub)
    stub.answer = None
    run(node, stub)
    check_loaded(node, stub)


def test_a_part_is_sent_again(node, stub, monkeypatch):
    """What came through stays, what did not is sent once more in the same run."""
    monkeypatch.setattr(Keystores, "batch", 1)
    fails = iter([False, True])

    def answer(served, request):
        if request.method == "POST" and request.path == KEYSTORES and next(fails, False):
            return None, "", b""
        return None

    stub.answer = answer
    run(node, stub)
    stub.answer = None
    check_loaded(node, stub)


def test_a_client_that_forgets_them_again(node, stub, monkeypatch):
    """Prysm, which takes what it is reading from its file at that moment: it lists all, and then not the last: that is sent again."""
    forgets = iter([stub.keystores.popitem])
    monkeypatch.setattr(Target, "settle", lambda self: next(forgets, lambda: None)())
    run(node, stub, client="prysm")
    assert stub.requests.count(("POST", KEYSTORES)) == 2 and set(stub.keystores) == set(map(to_hex, read(node).wanted))


def test_how_long_clients_take_to_settle(stub, monkeypatch):
    waited = []
    monkeypatch.setattr(time, "sleep", waited.append)
    for client in CLIENTS:
        target_of(stub, client).settle()
    assert dict(zip(CLIENTS, waited)) == {**dict.fromkeys(CLIENTS, 0), "prysm": 5}


def test_settings_that_it_does_not_keep(node, stub):
    def answer(served, request):
        return (202, JSON, b"{}") if request.path.endswith("feerecipient") and request.method == "POST" else None

    stub.answer = answer
    with pytest.raises(DvError, match="keeps the fee recipient 0x0{40} of 0x[0-9a-f]{96}; wanted: 0x"):
        run(node, stub)
    assert key_place.read(DataDir(node)).state == key_place.STATE_LOADING
    stub.answer = None
    run(node, stub)
    check_loaded(node, stub)


def test_settings_of_what_is_there_already(node, stub):
    """By somebody's hand, and the client fails then: that they are there is on record."""
    stub.keystores = dict.fromkeys(map(to_hex, read(node).wanted), "x")
    stub.answer = lambda served, request: (500, JSON, b"{}") if request.method == "POST" else None
    with pytest.raises(DvError, match="with 500"):
        run(node, stub)
    with KeymanagerStub() as other, pytest.raises(DvError, match="or some of them"):
        run(node, other)


def test_gas_limits_that_a_client_has_only_with_builders(node, stub, monkeypatch):
    monkeypatch.setattr(Target, "settle", lambda self: None)
    stub.answer = lambda served, request: (500, JSON, b"no builder") if request.path.endswith("gas_limit") else None
    done = run(node, stub, client="prysm")
    assert "gas limits are not set, which prysm takes with --enable-builder only" in done.warnings[0]
    assert not run(node, stub, client="prysm").changed
    shutil.rmtree(node / layout.LOADING)
    with pytest.raises(DvError, match="no builder"):
        run(node, stub, client="teku")


@pytest.mark.parametrize("name", ["feerecipient", "gas_limit"])
def test_a_client_that_dies_before_all_is_set(node, stub, name):
    """That is nothing which it lacks, in check mode neither."""
    stub.keystores = dict.fromkeys(map(to_hex, read(node).wanted), "x")
    stub.answer = lambda served, request: (None, "", b"") if request.path.endswith(name) else None
    for dry_run in (True, False):
        with pytest.raises(DvError, match="gives no answer to GET .*/%s: the connection was cut" % name):
            run(node, stub, client="prysm", dry_run=dry_run)


def test_shares_that_are_nowhere(node, stub):
    """They were taken elsewhere, and this client has none."""
    run(node, stub)
    shutil.rmtree(node / layout.KEYS)
    assert not run(node, stub).changed
    stub.keystores.popitem()
    with pytest.raises(DvError, match="1 of . key shares are neither in the data directory nor in the client"):
        run(node, stub)


def test_no_share_that_is_not_what_it_says(node, cluster, stub):
    """verify tells what is wrong; nobody is asked."""
    first = ValidatorKeys(str(node / layout.KEYS)).paths()[0]
    password = first.removesuffix(".json") + ".txt"
    os.chmod(password, 0o600)
    with open(password, "w", encoding="utf-8") as file:
        file.write("wrong")
    with pytest.raises(DvError, match="key_shares: the password of"):
        run(node, stub)
    assert not stub.requests


def test_a_password_with_the_end_of_a_line(node, stub):
    """As an editor leaves it: a client would take that for a part of it."""
    for path in (node / layout.KEYS).glob("*.txt"):
        path.write_bytes(path.read_bytes() + b"\n")
    run(node, stub)
    assert not any("\n" in password for password in stub.keystores.values())


def test_what_lies_beside_the_keystores(node, stub, tmp_path):
    """Charon passes it over, and so does verify."""
    (node / layout.KEYS / "old").mkdir()
    (node / layout.KEYS / "broken").symlink_to(tmp_path / "nowhere")
    run(node, stub)
    check_loaded(node, stub)


def test_without_a_lock(tmp_path, stub):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DvError, match="has no cluster-lock.json; wanted: a complete cluster"):
        run(tmp_path / "empty", stub)


def test_a_damaged_record(node, stub):
    run(node, stub)
    for content in ("", "{}", '{"client": 1}', '{"client": "a", "url": "b", "machine": "", "lock_hash": "c", "state": "gone"}'):
        (node / key_place.FILE).write_text(content)
        with pytest.raises(DvError, match="place.json"):
            run(node, stub)


def test_what_a_killed_run_left(node, stub, monkeypatch):
    """Its record may not be on the disk yet when the next run relies on it."""
    run(node, stub)
    left = node / layout.LOADING / ".place.json.0123456789abcdef.tmp"
    left.write_text("{")
    run(node, stub)
    assert not left.exists()
    synced = []
    monkeypatch.setattr(files, "sync_directory", lambda path: synced.append((path, len(stub.requests))))
    asked = len(stub.requests)
    run(node, stub)
    # No more than its list was asked for until then.
    assert synced == [(str(node / layout.LOADING), asked + 1)]


def test_one_run_at_a_time(node, stub):
    with key_place.exclusive(DataDir(node)), pytest.raises(DvError, match="is held by another run on this node"):
        run(node, stub)
    assert {method for method, _path in stub.requests} == {"GET"}
