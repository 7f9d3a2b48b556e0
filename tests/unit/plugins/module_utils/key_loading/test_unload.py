# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking key shares away, and moving them: what they have signed is on the disk before anything else, nothing is listed in the end, and
they go nowhere before their time."""

import itertools
import json
import shutil
import time
from dataclasses import replace

import pytest
from ansible_collections.obol.dv.plugins.module_utils.data_dir import key_place, layout, node_key
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.encoding.hex import to_hex
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum import slashing_protection
from ansible_collections.obol.dv.plugins.module_utils.key_loading import histories, loaded, shares
from ansible_collections.obol.dv.plugins.module_utils.key_loading.keystores import Keystores
from ansible_collections.obol.dv.plugins.module_utils.key_loading.load import Load
from ansible_collections.obol.dv.plugins.module_utils.key_loading.target import Target
from ansible_collections.obol.dv.plugins.module_utils.key_loading.unload import Unload
from ansible_collections.obol.dv.tests.support.keymanager_stub import ROOT, KeymanagerStub

from .test_load import JSON, KEYSTORES, read, target_of

SIGNED = {"signed_blocks": [{"slot": "100"}], "signed_attestations": [{"source_epoch": "3", "target_epoch": "4"}]}


@pytest.fixture
def stub(node):
    """A client that has the node's key shares, with which it has signed."""
    with KeymanagerStub() as served:
        load(node, served)
        served.histories.update({key: dict(SIGNED) for key in served.keystores})
        served.requests.clear()
        yield served


@pytest.fixture
def other():
    with KeymanagerStub() as served:
        yield served


def load(node, stub, **more):
    return Load(DataDir(node), read(node), target_of(stub), **more).run()


def unload(node, stub, epoch=100, dry_run=False, **more):
    return Unload(DataDir(node), shares.of_lock(DataDir(node)), target_of(stub), lambda: epoch, **more).run(dry_run)


def kept(node):
    return sorted((node / layout.LOADING).glob("history-*"))


def test_all(node, stub, tree):
    before, mine = tree(node), read(node)
    plan = unload(node, stub, dry_run=True)
    assert plan.changed and set(plan.taken) == set(mine.wanted) == set(map(bytes.fromhex, (key[2:] for key in stub.keystores)))
    assert tree(node) == before
    done = unload(node, stub)
    assert done.changed and done.taken == plan.taken and not done.without_history and not done.warnings
    assert not stub.keystores
    place = key_place.read(DataDir(node))
    assert (place.state, place.left_epoch, place.resting_epochs, place.url) == ("unloaded", 100, 2, stub.url)
    assert histories.read(DataDir(node)).keys == set(mine.wanted)
    assert [path.stat().st_mode & 0o777 for path in kept(node)] == [0o600]
    # There is nothing left to do, or to ask.
    before = tree(node)
    stub.requests.clear()
    again = unload(node, stub)
    assert not again.changed and not stub.requests and tree(node) == before


def test_the_history_is_there_before_anything_else(node, stub, monkeypatch):
    """What the client told, before what it says of each key is looked at, and before it is asked again."""
    monkeypatch.setattr("ansible_collections.obol.dv.plugins.module_utils.key_loading.unload._BATCH", 1)
    seen = []

    def answer(served, request):
        seen.append((request.method, len(kept(node)), key_place.read(DataDir(node)).state))

    stub.answer = answer
    unload(node, stub)
    count = len(read(node).wanted)
    deletes = [(number, state) for method, number, state in seen if method == "DELETE"]
    assert deletes == [(number, "unloading") for number in range(count)]
    assert seen[-1] == ("GET", count, "unloading")


def test_an_answer_that_got_lost(node, stub):
    """They are deleted, and nobody heard what they had signed: it is asked again, of those that are not listed, too."""

    def dies(served, request):
        if request.method == "DELETE":
            served.respond(request.method, request.path, request.body)
            return None, "", b""
        return None

    stub.answer = dies
    with pytest.raises(DvError, match="gives no answer to DELETE"):
        unload(node, stub)
    assert key_place.read(DataDir(node)).state == "unloading" and not stub.keystores and not kept(node)
    with KeymanagerStub() as third:
        with pytest.raises(
            DvError, match="still holds key shares of this node, or some of them; wanted: none; .*obol.dv.unload_keys to its end"
        ):
            load(node, third)
        with pytest.raises(DvError, match="still holds"):
            load(node, stub)
        assert not third.requests
    stub.answer = None
    done = unload(node, stub)
    assert done.changed and not done.taken and not done.without_history
    assert histories.read(DataDir(node)).keys == set(read(node).wanted)


@pytest.mark.parametrize("status", ("error", "deleted"))
def test_a_client_that_keeps_them(node, stub, status):
    """Whatever it says; and what it says is an error, even where it lists nothing."""

    def answer(served, request):
        if request.method == "DELETE":
            data = [{"status": status, "message": "busy"}] * len(request.body["pubkeys"])
            return 200, JSON, json.dumps({"data": data, "slashing_protection": served.history(request.body["pubkeys"])}).encode()
        return None

    stub.answer = answer
    with pytest.raises(DvError, match="keeps %d of %d key shares: .*load them nowhere else" % ((len(read(node).wanted),) * 2)):
        unload(node, stub)
    assert key_place.read(DataDir(node)).state == "unloading" and len(kept(node)) == 1
    stub.keystores.clear()
    if status == "error":
        with pytest.raises(DvError, match="keeps 0 of . key shares: busy"):
            unload(node, stub)
    else:
        assert unload(node, stub).changed


def test_a_client_that_has_them_again(node, monkeypatch):
    """Prysm, which lets go what it is reading from its file at that moment: it lists nothing, and then all of them again."""
    again = {}

    def answer(served, request):
        if request.method == "DELETE":
            again.update(served.keystores)

    with KeymanagerStub(answer) as prysm:
        target, mine = target_of(prysm, "prysm"), read(node)
        monkeypatch.setattr(Target, "settle", lambda self: None)
        Load(DataDir(node), mine, target).run()
        monkeypatch.setattr(Target, "settle", lambda self: prysm.keystores.update(again))
        with pytest.raises(DvError, match="keeps %d of %d key shares: it says that it does not" % ((len(mine.wanted),) * 2)):
            Unload(DataDir(node), mine, target).run()
        assert key_place.read(DataDir(node)).state == "unloading"
        monkeypatch.setattr(Target, "settle", lambda self: None)
        assert Unload(DataDir(node), mine, target).run().changed and not prysm.keystores


def test_a_client_that_tells_nothing_of_any(node, stub):
    """Prysm, where one of them has signed no block: what it tells of each alone is kept."""
    silent, *others = sorted(stub.histories)
    stub.histories[silent]["signed_blocks"] = []

    def answer(served, request):
        if request.method != "DELETE":
            return None
        value = served.respond(request.method, request.path, request.body)[1]
        if silent in request.body["pubkeys"]:
            value["slashing_protection"] = "null"
        return 200, JSON, json.dumps(value).encode()

    stub.answer = answer
    done = unload(node, stub)
    assert done.changed and not stub.keystores and not done.warnings
    assert set(map(to_hex, histories.read(DataDir(node)).keys)) == set(others) and others
    assert done.without_history == 1 and done.place.resting_epochs == 3


def test_from_where_they_are(node, stub, other, tree):
    before = tree(node)
    with pytest.raises(DvError, match="are on record at lodestar at %s, not at lodestar at %s" % (stub.url, other.url)):
        unload(node, other)
    assert not other.requests and tree(node) == before


def test_without_a_record(node, other, tree):
    """Nothing is there, nothing is done; what somebody put there is taken away."""
    before = tree(node)
    assert not unload(node, other).changed
    after = tree(node)
    assert {name for name in after if name not in before} <= {layout.LOADING, layout.LOADING + "/lock"}
    other.keystores[to_hex([*read(node).wanted][0])] = "x"
    assert unload(node, other).changed and not other.keystores


def test_one_that_may_still_be_loading(node, stub):
    """It was sent key shares, and never answered: they may be there when nobody looks any more."""
    place = key_place.read(DataDir(node))
    key_place.write(DataDir(node), replace(place, state="loading", busy_until=int(time.time()) + 60))
    with pytest.raises(DvError, match="may still be loading key shares that it was sent"):
        unload(node, stub)
    assert not stub.requests
    key_place.write(DataDir(node), replace(place, state="loading", busy_until=int(time.time()) - 1))
    assert unload(node, stub).changed


@pytest.mark.parametrize("number", [0, 1], ids=["and the run failed", "and was sent again"])
def test_one_that_may_still_be_loading_though_all_is_there(node, other, monkeypatch, number):
    """It never answered one request, and did another that came after it: the first may be done when the key shares are elsewhere."""
    monkeypatch.setattr(Keystores, "batch", 1)
    lost = itertools.count()

    def loses(served, request):
        return (None, "", b"") if (request.method, request.path) == ("POST", KEYSTORES) and next(lost) == number else None

    other.answer = loses
    if number == 0:
        with pytest.raises(DvError, match="the connection was cut"):
            load(node, other)
    load(node, other)
    assert next(lost) > len(read(node).wanted) and not load(node, other).changed
    place = key_place.read(DataDir(node))
    assert place.state == "loaded" and place.busy_until > time.time()
    other.requests.clear()
    with pytest.raises(DvError, match="may still be loading key shares that it was sent"):
        unload(node, other)
    assert not other.requests
    key_place.write(DataDir(node), replace(place, busy_until=int(time.time()) - 1))
    assert unload(node, other).changed


def test_busy_while_it_is_sent_something(node, other):
    seen = []
    other.answer = lambda served, request: seen.append((request.method, key_place.read(DataDir(node))))
    load(node, other)
    (busy,) = {place.busy_until for method, place in seen if method == "POST" and not place.busy_until == 0}
    assert time.time() < busy < time.time() + 3600
    assert key_place.read(DataDir(node)).busy_until == 0


def test_moved_with_what_they_have_signed(node, stub, other):
    """After two epochs, not before; the new client knows all that was signed."""
    unload(node, stub, epoch=100)
    for now, left in ((99, 3), (100, 2), (101, 1)):
        waits = load(node, other, epoch=now)
        assert waits.epochs_left == left and not waits.changed
    assert not other.requests
    done = load(node, other, epoch=102)
    assert done.changed and not done.epochs_left and set(other.keystores) == set(map(to_hex, read(node).wanted))
    assert {key: signed["signed_blocks"] for key, signed in other.histories.items()} == {
        to_hex(key): SIGNED["signed_blocks"] for key in read(node).wanted
    }
    assert key_place.read(DataDir(node)).url == other.url and key_place.read(DataDir(node)).state == "loaded"
    # And back again, with what both know.
    other.histories[to_hex([*read(node).wanted][0])]["signed_blocks"] = [{"slot": "200"}]
    unload(node, other, epoch=200)
    assert load(node, stub, epoch=202).changed
    found = stub.histories[to_hex([*read(node).wanted][0])]["signed_blocks"]
    assert found == [{"slot": "100"}, {"slot": "200"}]


def ahead(node, stub, **more):
    """What is seen before anything is taken from where they are."""
    return Load(DataDir(node), read(node), target_of(stub), moving=True, **more).run(dry_run=True)


def test_a_look_ahead_of_a_move(node, stub, other):
    """From where they are they will be taken first; where they are already, or wait to go, it is seen what any run sees."""
    seen = ahead(node, other)
    assert seen.changed and seen.sent and not seen.warnings
    unload(node, stub, epoch=100)
    assert ahead(node, other, epoch=101).epochs_left == 1
    load(node, other, epoch=102)
    seen = ahead(node, other)
    assert not seen.changed and not seen.sent and not seen.warnings
    other.keystores.clear()
    with pytest.raises(DvError, match="has lost"):
        ahead(node, other)
    (node / key_place.FILE).unlink()
    key_place.note_restored(DataDir(node))
    with pytest.raises(DvError, match="are restored from a backup"):
        ahead(node, other)


def test_where_nobody_counts(node, stub, other):
    """Without a beacon node at either end: refused, and told what counts."""

    def nobody():
        raise DvError("no beacon node answers")

    done = Unload(DataDir(node), shares.of_lock(DataDir(node)), target_of(stub), nobody).run()
    assert "no beacon node answers" in done.warnings[0] and key_place.read(DataDir(node)).left_epoch is None
    with pytest.raises(DvError, match="2 epochs have to pass .*; wanted: a beacon node that counts them"):
        load(node, other)
    # They count from when somebody does.
    assert load(node, other, epoch=50).epochs_left == 2
    assert load(node, other, epoch=51).epochs_left == 1
    assert load(node, other, epoch=52).changed


def test_how_long_they_rest(node, stub, other):
    """Three epochs, where not all is known; or as the operator says."""
    stub.histories.pop(next(iter(stub.histories)))
    done = unload(node, stub, dry_run=False)
    assert done.without_history == 1 and done.place.resting_epochs == 3
    load(node, other, epoch=103)
    assert unload(node, other, resting_epochs=0).place.resting_epochs == 0
    assert load(node, stub).changed


def test_a_history_from_before(node, stub, other):
    """What was told long ago tells nothing of what the key shares have signed since; and a chain that is another one now keeps nobody from
    taking them away."""
    unload(node, stub, epoch=100)
    load(node, other, epoch=102)
    other.histories.clear()
    done = unload(node, other, epoch=5000)
    assert done.without_history == len(read(node).wanted) and done.place.resting_epochs == 3
    load(node, stub, epoch=5003)
    stub.history = lambda keys: KeymanagerStub.history(stub, keys).replace(ROOT, "0x" + "11" * 32)
    assert unload(node, stub, epoch=6000).place.state == "unloaded"
    with pytest.raises(DvError, match="are of different chains"):
        load(node, other, epoch=7000)


@pytest.mark.parametrize("left", (0, 1))
def test_a_client_that_lost_them(node, stub, other, left, tree):
    """Somebody may have taken them out, to load them elsewhere: that a client has none frees no place."""
    stub.keystores = dict([*stub.keystores.items()][:left])
    before, lost, count = tree(node), len(read(node).wanted) - left, len(read(node).wanted)
    for dry_run in (True, False):
        with pytest.raises(DvError, match="has lost %d of %d key shares: .* set dv_keys_nowhere_else" % (lost, count)):
            unload(node, stub, dry_run=dry_run)
    assert {method for method, _path in stub.requests} == {"GET"} and tree(node) == before
    with pytest.raises(DvError, match="holds the key shares of this node"):
        load(node, other, epoch=200)
    # Who has seen to it has them in one place again, whence they can be moved.
    load(node, stub, nowhere_else=True)
    assert unload(node, stub).changed and not stub.keystores


def test_what_was_restored_may_be_anywhere(node, stub, other):
    """Not only where nobody finds them; where all are, they are taken away."""
    (node / key_place.FILE).unlink()
    key_place.note_restored(DataDir(node))
    with pytest.raises(DvError, match="has lost"):
        unload(node, other)
    assert key_place.read(DataDir(node)).state == "restored"
    assert unload(node, stub).changed and not stub.keystores


def test_another_run_took_them_away(node, stub):
    """While this one looked ahead: they rest nevertheless."""
    ran = []

    def answer(served, request):
        if not ran:
            ran.append(request.path)
            unload(node, served)

    stub.answer = answer
    done = load(node, stub, epoch=100)
    assert ran and done.epochs_left == 2 and not done.changed and not stub.keystores


def test_a_copy_that_counted_as_far(node, stub, tmp_path):
    """A copy of the data directory loads the key shares, as its operator confirms; then the first machine takes its own away, and has stated
    as much as the copy."""

    def stated(data_dir):
        mine = shares.of_lock(data_dir)
        texts = loaded.state(node_key.read(data_dir), mine.share_index, len(mine.wanted), key_place.read(data_dir))
        return loaded.newest(texts.values(), mine.peer_id, mine.lock_hash)

    copy = tmp_path / "copy"
    shutil.copytree(node, copy)
    with KeymanagerStub() as third:
        load(copy, third, nowhere_else=True, stated=stated(DataDir(node)))
    newest = stated(DataDir(copy))
    unload(node, stub, resting_epochs=0)
    assert key_place.read(DataDir(node)).number == newest["number"]
    with pytest.raises(DvError, match="this node stated on .* that its key shares are loaded, of which its data directory knows nothing"):
        load(node, stub, stated=newest)
    assert not stub.keystores
    # What its operator confirms is so from then on, whether there is anything to send or not.
    for number in (newest["number"] + 1, newest["number"] + 5):
        assert load(node, stub, nowhere_else=True, stated={**newest, "number": number - 1}).changed
        assert key_place.read(DataDir(node)).number == number
        assert not load(node, stub, stated={**newest, "number": number - 1}).changed
    # Nobody else stated what it states itself.
    assert not load(node, stub, stated=stated(DataDir(node))).changed


def test_a_history_that_cannot_be_read(node, stub, other):
    """It is kept as it came, and told; they rest for longer, and go without."""
    stub.history = lambda keys: "what is this?"
    done = unload(node, stub)
    assert "in a way that cannot be read" in done.warnings[0] and done.place.resting_epochs == 3
    (path,) = kept(node)
    assert path.suffix == ".unread" and path.read_text() == "what is this?"
    assert load(node, other, epoch=103).changed and not other.histories


def test_a_history_from_elsewhere(node, stub, other):
    """An export of the old client's goes along; of another chain it is refused, before anything is sent."""
    stub.histories.clear()
    unload(node, stub)
    key = [*read(node).wanted][0]
    data = [{"pubkey": to_hex(key), **SIGNED}, {"pubkey": "0x" + "ee" * 48, **SIGNED}]
    text = json.dumps({"metadata": {"interchange_format_version": "5", "genesis_validators_root": ROOT}, "data": data})
    given = slashing_protection.parse(text, "it")
    histories.keep(DataDir(node), text.replace(ROOT, "0x" + "11" * 32))
    with pytest.raises(DvError, match="are of different chains"):
        load(node, other, epoch=103, history=[given])
    kept(node)[-1].unlink()
    for path in kept(node):
        if ROOT not in path.read_text():
            path.unlink()
    assert not other.requests
    assert load(node, other, epoch=103, history=[given]).changed
    # What is of other keys is none of its business.
    assert set(other.histories) == {to_hex(key)}


def test_another_operator_confirms(node, stub, other):
    """Who knows that they are nowhere need not wait."""
    unload(node, stub)
    assert load(node, other, nowhere_else=True).changed
    assert ("POST", KEYSTORES) in other.requests


def test_a_copy_of_what_was_unloaded(node, stub, other, monkeypatch):
    """On another machine nobody knows what the first one has done since."""
    unload(node, stub, resting_epochs=0)
    monkeypatch.setattr(key_place, "this_machine", lambda: "another")
    with pytest.raises(DvError, match="were taken from lodestar at %s on another machine than this" % stub.url):
        load(node, other)
    assert not other.requests
    assert load(node, other, nowhere_else=True).changed


def test_numbers_are_never_used_twice(node, stub, other):
    """Whatever is confirmed: others would take the older statement for the newer one."""
    assert key_place.read(DataDir(node)).number == 1
    load(node, other, nowhere_else=True)
    assert key_place.read(DataDir(node)).number == 2
    unload(node, other, resting_epochs=0)
    assert load(node, stub, stated={"number": 7, "made": "", "state": "unloaded"}, nowhere_else=True).place.number == 8


def test_what_counts_from_now_is_no_older_record(node, stub, other, monkeypatch):
    """Another run may have loaded them since this one has looked."""
    done = Unload(DataDir(node), shares.of_lock(DataDir(node)), target_of(stub), None).run()
    assert done.place.left_epoch is None
    waits, exclusive = Load(DataDir(node), read(node), target_of(other), epoch=7), key_place.exclusive
    loaded = replace(done.place, state="loading", url="http://127.0.0.1:1")

    def after_another(data_dir):
        key_place.write(data_dir, loaded)
        return exclusive(data_dir)

    monkeypatch.setattr(key_place, "exclusive", after_another)
    with pytest.raises(DvError, match="holds the key shares of this node, or some of them"):
        waits.run()
    assert key_place.read(DataDir(node)) == loaded and not other.keystores


def test_a_given_history_is_kept(node, other):
    """Once they go there, and for good: the client that has it may be lost."""
    key = [*read(node).wanted][0]
    data = [{"pubkey": to_hex(key), **SIGNED}]
    text = json.dumps({"metadata": {"interchange_format_version": "5", "genesis_validators_root": ROOT}, "data": data})
    load(node, other, history=[slashing_protection.parse(text, "it")])
    (path,) = kept(node)
    assert json.loads(path.read_text())["data"][0]["pubkey"] == to_hex(key)


def test_the_last_copy_stays(node, stub, tree):
    """No client gives a key share out again."""
    (node / layout.KEYS / "keystore-0.json").unlink()
    (node / layout.KEYS / "keystore-0.txt").unlink()
    before = tree(node)
    for dry_run in (True, False):
        with pytest.raises(DvError, match="1 of the key shares that lodestar at .* are not in .*restore them from the backup first"):
            unload(node, stub, dry_run=dry_run)
    assert len(stub.keystores) == len(read(node).wanted) and tree(node) == before


def test_a_history_that_is_told_once(node, stub):
    """It is kept, whatever else the answer is."""

    def answer(served, request):
        if request.method == "DELETE":
            history = served.history(request.body["pubkeys"])
            served.histories.clear()
            served.respond(request.method, request.path, request.body)
            return 200, JSON, json.dumps({"data": [], "slashing_protection": history}).encode()
        return None

    stub.answer = answer
    with pytest.raises(DvError, match="keeps 0 of . key shares: lodestar at .* tells of 0 keys"):
        unload(node, stub)
    assert histories.read(DataDir(node)).keys == set(read(node).wanted)


def test_what_is_confirmed_is_told(node, stub, other):
    done = load(node, other, nowhere_else=True)
    assert any("lodestar at %s is on record as what has the key shares" % stub.url in warning for warning in done.warnings)
    assert not any("on record" in warning for warning in load(node, other, nowhere_else=True).warnings)
