# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key shares in a directory that a validator client reads: ours to the byte or an error, whole or written to the end by the next run, the
owner's alone, and the client started again once for all that was written."""

import os

import pytest
from ansible_collections.obol.dv.plugins.module_utils.data_dir import key_place, layout
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.encoding.hex import to_hex
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.key_loading import choice, compose_setups, shares
from ansible_collections.obol.dv.plugins.module_utils.key_loading.file_layouts import LAYOUTS, OF_CLIENT
from ansible_collections.obol.dv.plugins.module_utils.key_loading.load import Load
from ansible_collections.obol.dv.plugins.module_utils.key_loading.unload import Unload
from ansible_collections.obol.dv.plugins.module_utils.storage import files

from .test_load import read

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
ASKED = dict.fromkeys(
    ("url", "token_file", "certificate_file", "directory", "layout", "owner", "signer_url", "signer_url_for_client"), None
)


def target_of(node, directory, client="lodestar", **asked):
    return choice.choose({**ASKED, "target": "files", "client": client, "directory": str(directory), **asked}, DataDir(node))


def load(node, directory, dry_run=False, nowhere_else=False, restarts=False, restarted=False, **asked):
    target = target_of(node, directory, **asked)
    return Load(DataDir(node), read(node), target, nowhere_else, restarts=restarts, restarted=restarted).run(dry_run)


def unload(node, directory, **asked):
    return Unload(DataDir(node), shares.of_lock(DataDir(node)), target_of(node, directory, **asked), lambda: 100).run()


def state(node):
    return key_place.read(DataDir(node)).state


def names(directory):
    return {os.path.relpath(path, directory) for path in directory.rglob("*") if path.is_file()}


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "client"


@pytest.mark.parametrize("name", [name for name in LAYOUTS if name != "web3signer"])
def test_each_layout(node, directory, name, tree):
    before, mine = tree(node), read(node)
    plan = load(node, directory, dry_run=True, layout=name)
    assert plan.changed and plan.sent == [*mine.wanted] and tree(node) == before and not directory.exists()
    done = load(node, directory, layout=name)
    assert done.changed and done.sent == plan.sent and len(done.warnings) == 1
    # Another layout than the client's own is another place.
    place = "lodestar at file://%s%s" % (directory, "" if name == "lodestar" else "#" + name)
    assert "%s has the key shares once it is started again" % place in done.warnings[0] and str(done.place) == place
    expected = {}
    for share in mine.here:
        position = mine.wanted[share.public_key].position
        keystore, password = (each.format(key=to_hex(share.public_key), n=position) for each in LAYOUTS[name][1:3])
        expected.update({keystore: share.keystore, password: share.password})
    assert {each: (directory / each).read_text() for each in names(directory)} == expected
    assert {path.stat().st_mode & 0o777 for path in directory.rglob("*")} <= {0o600, 0o700}
    assert directory.stat().st_mode & 0o777 == 0o700
    assert state(node) == "loaded"
    before = tree(node), tree(directory)
    again = load(node, directory, layout=name)
    assert not again.changed and not again.sent and not again.warnings and (tree(node), tree(directory)) == before


def test_a_layout_for_each_client_that_takes_key_shares():
    assert set(OF_CLIENT) == {name for name, row in choice.CLIENTS.items() if row.keystores} and set(OF_CLIENT.values()) <= set(LAYOUTS)


def test_killed_anywhere(node, directory, monkeypatch):
    """After each file: what is there stays, the rest is written, and nothing is sent twice; never a keystore without its password."""
    link, count = files._link, len(read(node).wanted)
    for point in range(2 * count):
        left = iter(range(point))

        def dies(temporary, path, left=left):
            if next(left, None) is None:
                raise KeyboardInterrupt
            return link(temporary, path)

        place = directory / str(point)
        monkeypatch.setattr(files, "_link", dies)
        with pytest.raises(KeyboardInterrupt):
            load(node, place, nowhere_else=True)
        monkeypatch.setattr(files, "_link", link)
        assert len(names(place)) == point and state(node) == "loading"
        for path in (place / "keystores").glob("*/*"):
            assert (place / "secrets" / path.parent.name).exists()
        was = {name: (place / name).stat().st_ino for name in names(place)}
        done = load(node, place)
        assert len(done.sent) == min(count, 2 * count - point) and len(names(place)) == 2 * count
        assert was.items() <= {name: (place / name).stat().st_ino for name in names(place)}.items()
        assert state(node) == "loaded" and not load(node, place).changed


def test_what_a_killed_run_left_beside_them(node, directory):
    """A temporary file may hold a password; what Lodestar locked is its own."""
    load(node, directory)
    secret, keystore = directory / "secrets", next((directory / "keystores").iterdir())
    for place, name in ((secret, ".0xab.0123456789abcdef.tmp"), (keystore, ".voting-keystore.json.0123456789abcdef.tmp")):
        (place / name).write_text("p")
    (keystore / "voting-keystore.json.lock").mkdir()
    assert not load(node, directory).changed
    assert not any(directory.rglob("*.tmp")) and (keystore / "voting-keystore.json.lock").exists()


def test_never_overwritten(node, directory):
    """Ours with other content, under another name, a password of something else: refused, with the path; nothing is written."""
    mine = read(node)
    share = mine.here[0]
    key = to_hex(share.public_key)
    for name, content, text in (
        ("keystores/%s/voting-keystore.json" % key, share.keystore + " ", "has other content than the data directory"),
        ("secrets/%s" % key, "another", "has other content than the data directory"),
        ("keystores/other/voting-keystore.json", share.keystore, "is no copy of what the data directory has"),
    ):
        path = directory / name
        path.parent.mkdir(parents=True)
        path.write_text(content)
        for dry_run in (True, False):
            with pytest.raises(DvError, match="has the key share %s in another way, one of 1: %s %s" % (key, path, text)):
                load(node, directory, dry_run=dry_run)
        assert names(directory) == {name} and not key_place.read(DataDir(node))
        path.unlink()
        path.parent.rmdir()


def test_whose_directory_it_is(node, cluster, original, directory):
    """Key shares of another operator in it are seen; what is of nobody here stays as it is."""
    if original.name == "node0":
        pytest.skip("the key shares of another operator are those of the dealt cluster")
    other = DataDir(directory.parent / "node2")
    cluster.write(directory.parent / "node2", 2)
    share = shares.in_directory(other)[0]
    path = directory / "keystores" / to_hex(share.public_key) / "voting-keystore.json"
    path.parent.mkdir(parents=True)
    path.write_text(share.keystore)
    with pytest.raises(DvError, match="%s holds 1 key shares of operator 2 of this cluster" % directory):
        load(node, directory)
    path.write_text('{"crypto": {}, "pubkey": "%s"}' % ("ab" * 48))
    (directory / "keystores" / "0xno" / "voting-keystore.json").parent.mkdir()
    (directory / "keystores" / "0xno" / "voting-keystore.json").write_text("no keystore")
    load(node, directory)
    assert "ab" * 48 in path.read_text()


def test_one_place(node, directory):
    load(node, directory)
    for more in ({"client": "prysm", "layout": "lodestar"}, {"layout": "nimbus"}, {"directory": str(directory) + "2"}):
        with pytest.raises(DvError, match="lodestar at file://%s holds the key shares of this node" % directory):
            load(node, **{"directory": directory, **more})


def test_lost(node, directory):
    load(node, directory)
    next((directory / "secrets").iterdir()).unlink()
    with pytest.raises(DvError, match="has lost 1 of . key shares"):
        load(node, directory)
    assert load(node, directory, nowhere_else=True).changed and len(names(directory)) == 2 * len(read(node).wanted)


def test_the_data_directory_has_them_no_more(node, directory):
    """What opens there is what it was; what does not is an error, and nothing is taken away that could not be compared."""
    load(node, directory)
    for path in [*(node / layout.KEYS).iterdir()]:
        path.unlink()
    (node / layout.KEYS).rmdir()
    assert not load(node, directory).changed
    path = next((directory / "secrets").iterdir())
    password = path.read_text()
    path.write_text("wrong")
    with pytest.raises(DvError, match="in another way, one of 1: .* is no copy of what the data directory has"):
        load(node, directory)
    path.write_text(password)
    with pytest.raises(DvError, match="of the key shares that lodestar at .* are not in .*restore them"):
        unload(node, directory)
    assert state(node) == "loaded"
    assert len(names(directory)) == 2 * len(shares.of_lock(DataDir(node)).wanted)


def test_started_again(node, directory):
    """Due until it was done: a run that was killed before it, or in it, says so once more."""
    first = load(node, directory, restarts=True)
    assert first.changed and first.place.state == state(node) == "written" and not first.warnings
    for dry_run in (True, False):
        due = load(node, directory, restarts=True, dry_run=dry_run)
        assert due.changed and not due.sent and state(node) == "written"
    done = load(node, directory, restarts=True, restarted=True)
    assert done.changed and done.place.state == state(node) == "loaded"
    for restarted in (False, True):
        assert not load(node, directory, restarts=True, restarted=restarted).changed
    # It is elsewhere nowhere in the meantime.
    key_place.write(DataDir(node), target_of(node, directory).place(read(node).lock_hash, "written"))
    with pytest.raises(DvError, match="holds the key shares of this node"):
        load(node, str(directory) + "2")
    # Who has no command any more is told.
    done = load(node, directory)
    assert done.changed and state(node) == "loaded" and "once it is started again" in done.warnings[0]


def test_killed_before_it_is_due(node, directory, monkeypatch):
    """All files are there, the record still says that they are on their way."""
    write = key_place.write

    def dies(data_dir, place):
        if place.state == "written":
            raise KeyboardInterrupt
        return write(data_dir, place)

    monkeypatch.setattr(key_place, "write", dies)
    with pytest.raises(KeyboardInterrupt):
        load(node, directory, restarts=True)
    monkeypatch.setattr(key_place, "write", write)
    assert state(node) == "loading"
    # That it was started again before is of no use.
    assert load(node, directory, restarts=True, restarted=True).place.state == "written"


def test_in_place(node, tree):
    """Where the client reads the data directory: nothing is copied, the record is the loading, and taking away is not for us."""
    before = {name: entry for name, entry in tree(node).items() if not name.startswith(layout.LOADING)}
    for client, own, warnings in (("prysm", None, 0), ("lodestar", str(node / layout.KEYS), 1)):
        target = choice.choose({**ASKED, "target": "files", "client": client, "directory": own}, DataDir(node))
        done = Load(DataDir(node), read(node), target, nowhere_else=True, restarts=True).run()
        assert done.changed and not done.sent and len(done.warnings) == warnings and state(node) == "written"
        assert Load(DataDir(node), read(node), target, restarts=True, restarted=True).run().changed
        again = Load(DataDir(node), read(node), target, restarts=True).run()
        assert not again.changed and not again.warnings
        assert str(again.place) == "%s at file://%s" % (client, node / layout.KEYS)
        with pytest.raises(DvError, match="reads the key shares where they are, in %s" % node):
            Unload(DataDir(node), shares.of_lock(DataDir(node)), target).run()
        assert state(node) == "loaded"
    assert {name: entry for name, entry in tree(node).items() if not name.startswith(layout.LOADING)} == before


@pytest.mark.parametrize(
    "asked, text",
    [
        ({"client": "vero"}, "vero takes no key shares itself; wanted: dv_keys_target: remote_signer"),
        ({"directory": "keys"}, "dv_keys_directory is the relative path keys"),
        ({"directory": "{node}/keys"}, "dv_keys_directory is .*, in the data directory or around it"),
        ({"directory": "{node}/.."}, "dv_keys_directory is .*, in the data directory or around it"),
        ({"directory": "/"}, "dv_keys_directory is /, in the data directory or around it"),
        ({"directory": None, "layout": "nimbus"}, 'dv_keys_layout is "nimbus", for .*/validator_keys'),
        ({"layout": "web3signer"}, 'dv_keys_layout is "web3signer", for .*; wanted: charon in the data directory itself, else one of'),
        ({"target": None, "client": "geth"}, 'dv_keys_target is empty; .*\n.*dv_keys_client is "geth"'),
        ({"owner": "nobody-of-that-name"}, "dv_keys_owner is .*, and this machine has no user"),
    ],
)
def test_refused_before_anything(node, tmp_path, asked, text):
    asked = {name: value and value.format(node=node) for name, value in asked.items()}
    with pytest.raises(DvError, match=text):
        choice.choose({**ASKED, "target": "files", "client": "lodestar", "directory": str(tmp_path / "there"), **asked}, DataDir(node))


def owners(directory):
    return {(path.lstat().st_uid, path.lstat().st_gid) for path in [directory, *directory.rglob("*")]}


@ROOT_ONLY
def test_the_owner(node, directory):
    """From the beginning, and again where somebody changed it: then the client, which could not read them, has to be started again."""
    load(node, directory, owner="12345:12346", restarts=True)
    assert owners(directory) == {(12345, 12346)}
    load(node, directory, owner="12345:12346", restarts=True, restarted=True)
    path = next((directory / "secrets").iterdir())
    os.chown(path, 0, 0)
    path.chmod(0o644)
    plan = load(node, directory, owner="12345:12346", restarts=True, dry_run=True)
    assert plan.changed and plan.set == ["owner and mode of %s" % path] and not plan.sent and path.stat().st_uid == 0
    done = load(node, directory, owner="12345:12346", restarts=True)
    assert done.changed and done.set == plan.set and state(node) == "written"
    assert owners(directory) == {(12345, 12346)} and path.stat().st_mode & 0o777 == 0o600
    # What is not ours stays whose it is.
    (directory / "validator-db").mkdir()
    load(node, directory, owner="12345:12346", restarts=True, restarted=True)
    assert not load(node, directory, owner="12345:12346", restarts=True).changed
    assert (directory / "validator-db").stat().st_uid == 0


@ROOT_ONLY
@pytest.mark.parametrize("name", ["", "keystores", "secrets", "secrets/{key}", "keystores/{key}", "keystores/{key}/voting-keystore.json"])
def test_links_that_its_owner_planted(node, directory, tmp_path, name):
    """Root follows none of them."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    directory.mkdir()
    os.chown(directory, 12345, 12345)
    path = directory / name.format(key=to_hex([*read(node).wanted][0]))
    if name:
        path.parent.mkdir(parents=True, exist_ok=True)
    else:
        directory.rmdir()
    path.symlink_to(elsewhere)
    os.lchown(path, 12345, 12345)
    for owner in (None, "12345:12345"):
        with pytest.raises(DvError, match="%s is a link" % path):
            load(node, directory, owner=owner)
    assert not [*elsewhere.iterdir()] and elsewhere.stat().st_uid == 0


@ROOT_ONLY
def test_a_second_name(node, directory, tmp_path):
    """It may be anywhere, and is given to nobody."""
    load(node, directory)
    path = next((directory / "secrets").iterdir())
    os.link(path, tmp_path / "second")
    with pytest.raises(DvError, match="%s has a second name" % path):
        load(node, directory, owner="12345:12345")
    assert path.stat().st_uid == 0


def test_taken_away(node, directory):
    """Only what is the same to the byte, and no directory that has something else in it; nobody tells what was signed."""
    load(node, directory)
    (directory / "secrets" / "0xanother").write_text("kept")
    lock = directory / "keystores" / to_hex([*read(node).wanted][0]) / "voting-keystore.json.lock"
    lock.mkdir()
    with pytest.raises(DvError, match="keeps 1 of . key shares: %s is there: the client runs with it, or was killed" % lock):
        unload(node, directory)
    assert state(node) == "unloading"
    lock.rmdir()
    done = unload(node, directory)
    assert done.changed and state(node) == "unloaded" and done.without_history == len(read(node).wanted)
    assert names(directory) == {"secrets/0xanother"} and not any((directory / "keystores").iterdir())
    assert key_place.read(DataDir(node)).resting_epochs == 3
    assert not unload(node, directory).changed


def test_taken_away_is_nothing_else(node, directory):
    load(node, directory)
    path = next((directory / "secrets").iterdir())
    path.write_text("another")
    with pytest.raises(DvError, match="in another way, one of 1: %s has other content" % path):
        unload(node, directory)
    assert len(names(directory)) == 2 * len(read(node).wanted) and state(node) == "loaded"


def test_found_again_by_its_record(node, directory, tmp_path):
    """Who moves them from there names where they go."""
    for options in ({"layout": "nimbus"}, {}, {"directory": None}):
        target = target_of(node, **{"directory": directory, **options}) if "directory" not in options else None
        target = target or choice.choose({**ASKED, "target": "files", "client": "lodestar"}, DataDir(node))
        place = target.place(read(node).lock_hash, "loaded")
        asked = choice.at(place, {**ASKED, "target": "keymanager", "client": "prysm", "url": "http://127.0.0.1:7500"})
        assert choice.choose(asked, DataDir(node)).place(place.lock_hash, "loaded") == place
        assert choice.named(asked, DataDir(node)) == (place.client, place.url, "")


def test_a_compose_setup_beside_the_data_directory(node, directory, tmp_path):
    elsewhere, here = target_of(node, directory), choice.choose({**ASKED, "target": "files", "client": "teku"}, DataDir(node))
    assert not compose_setups.warnings(DataDir(node), elsewhere)
    path = tmp_path / "docker-compose.yml"
    path.write_text("services: {}")
    assert "%s lies beside the data directory" % path in compose_setups.warnings(DataDir(node), elsewhere)[0]
    assert not compose_setups.warnings(DataDir(node), here)
