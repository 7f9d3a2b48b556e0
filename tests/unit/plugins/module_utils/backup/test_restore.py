# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restoring: all or what is lost, never over anything else, the ENR private key last."""

import os
import pathlib
import shutil

import pytest
from ansible_collections.obol.dv.plugins.module_utils.backup import restore
from ansible_collections.obol.dv.plugins.module_utils.backup.backups import record_name
from ansible_collections.obol.dv.plugins.module_utils.backup.opened import Opened, read_archive
from ansible_collections.obol.dv.plugins.module_utils.data_dir import key_place, layout
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.storage import files

from .conftest import KEPT, NEVER, NOW, OPENER, read_all


@pytest.fixture
def opened(node):
    path = node.back_up()
    return Opened(path, read_archive(path), OPENER)


@pytest.fixture
def empty(tmp_path):
    return DataDir(tmp_path / "new" / ".charon")


def restored(opened, data_dir, parts=None):
    absent = restore.missing(opened, data_dir, parts or opened.manifest.parts)
    restore.put(data_dir, absent)
    return sorted(absent)


def restored_in(data_dir):
    """Content by name of what is there, but for the record that key shares came out of a backup: no backup knows where they are loaded."""
    assert key_place.read(data_dir).state == key_place.STATE_RESTORED
    return {name: content for name, content in read_all(data_dir.root).items() if not name.startswith(layout.LOADING + "/")}


def test_everything_on_an_empty_machine(opened, empty, node):
    names = restored(opened, empty)
    wanted = {name: content for name, content in read_all(node.path).items() if name not in NEVER}
    assert restored_in(empty) == wanted and names == sorted(wanted)
    modes = {os.stat(path).st_mode & 0o777 for path in pathlib.Path(empty.root).rglob("*") if path.is_file()}
    assert modes == {0o600} and os.stat(empty.root).st_mode & 0o777 == 0o700
    assert restored(opened, empty) == []


def test_parts_alone(opened, empty):
    assert restored(opened, empty, ["enr_private_key"]) == [layout.NODE_KEY]
    assert restored(opened, empty, ["transcript"]) == sorted(KEPT)
    assert layout.LOCK in restored(opened, empty)
    with pytest.raises(DvError, match="holds no definition, agreement"):
        restore.missing(opened, empty, ["definition", "agreement"])


@pytest.mark.parametrize("name", [layout.NODE_KEY, layout.LOCK, "validator_keys/keystore-1.txt", "validator_keys/keystore-9.json", *KEPT])
def test_over_nothing_else(opened, empty, name):
    path = pathlib.Path(empty.path(name))
    path.parent.mkdir(parents=True)
    path.write_bytes(b"another")
    before = read_all(empty.root)
    with pytest.raises(DvError, match="%s is there, and is not that of the backup" % path):
        restored(opened, empty)
    assert read_all(empty.root) == before


def test_no_part_beside_those_of_another_node(opened, empty, dealt, craft):
    """Neither key shares beside another key, nor a key beside another cluster's lock."""
    key, lock = pathlib.Path(empty.path(layout.NODE_KEY)), pathlib.Path(empty.path(layout.LOCK))
    key.parent.mkdir(parents=True)
    key.write_text(dealt.node_keys[1].hex())
    with pytest.raises(DvError, match="charon-enr-private-key is there, and is not that of the backup"):
        restored(opened, empty, ["key_shares"])
    key.write_text(dealt.node_keys[0].hex() + "\n")
    assert restored(opened, empty, ["transcript"]) == sorted(KEPT)
    key.unlink()
    assert restored(opened, empty, ["lock"]) == [layout.LOCK]
    path = craft({layout.NODE_KEY: b"11" * 32})
    other = Opened(path, read_archive(path), OPENER)
    with pytest.raises(DvError, match="this node is not in the definition"):
        restored(other, empty)
    lock.write_text("damaged")
    assert restored(other, empty) == [layout.NODE_KEY]


def test_what_a_killed_run_left_among_key_shares_is_no_key(opened, empty):
    restored(opened, empty)
    pathlib.Path(empty.path("validator_keys/.keystore-1.json.0123456789abcdef.tmp")).write_text("x")
    pathlib.Path(empty.path("validator_keys/keystore-1.json")).unlink()
    assert list(restore.missing(opened, empty, opened.manifest.parts)) == ["validator_keys/keystore-1.json"]


def test_the_key_is_last(opened, empty, monkeypatch):
    """A run that is cut off at any write goes on, and no key is there before all else is."""
    wanted, number = opened.archive.files, 0
    while True:
        count = 0
        shutil.rmtree(empty.root, ignore_errors=True)

        def refusing(name, limit=number):
            real = getattr(files, name)

            def write(*arguments, **options):
                nonlocal count
                count += 1
                if count > limit:
                    raise DvError("no space")
                return real(*arguments, **options)

            return write

        with monkeypatch.context() as patch:
            for name in ("write_all_new", "write_directory"):
                patch.setattr(files, name, refusing(name))
            try:
                restored(opened, empty)
                break
            except DvError:
                pass
        assert not empty.holds(layout.NODE_KEY)
        restored(opened, empty)
        assert restored_in(empty) == wanted
        number += 1
    assert number >= 6


def test_confirmed_by_name():
    restore.check_confirmed("alice", "alice")
    for confirmed, text in (
        (None, "nobody confirmed that the old machine of alice is dead"),
        ("bob", "is dead, dv_old_machine_is_dead is .bob"),
    ):
        with pytest.raises(DvError, match=text) as caught:
            restore.check_confirmed("alice", confirmed)
        assert (
            "wanted: dv_old_machine_is_dead: alice, or alice left out (--limit); two machines with one key share get validators slashed"
            in str(caught.value)
        )


def test_of_the_right_operator(opened, dealt):
    addresses = [operator.address for operator in dealt.lock.definition.operators]
    restore.check_operator(opened, addresses[0], None)
    restore.check_operator(opened, None, None)
    with pytest.raises(DvError, match="is the backup of operator 1; wanted: that of operator 2, "):
        restore.check_operator(opened, addresses[1], None)
    with pytest.raises(DvError, match="is none of the operators"):
        restore.check_operator(opened, "0x" + "11" * 20, None)


def test_where_the_definition_is_damaged_nobody_knows_whose_it_is(node, dealt):
    """It is told where it is to be restored."""
    (node.path / layout.LOCK).write_text("{}")
    path = node.back_up()
    restore.check_operator(Opened(path, read_archive(path), OPENER), dealt.lock.definition.operators[1].address, None)


def test_the_newest_lacks_key_shares(node, tmp_path):
    """They were taken elsewhere, and the next run backed up the rest."""
    whole = node.back_up()
    (node.path / layout.KEYS).rename(tmp_path / "elsewhere")
    newest = node.back_up(NOW + 60)
    for parts in (None, ["lock", "key_shares"]):
        with pytest.raises(DvError, match="the newest, holds no key_shares, %s does; .*dv_restore_archive" % os.path.basename(whole)):
            restore.choose_archive(None, {}, node.backups, parts)
    assert restore.choose_archive(None, {}, node.backups, ["enr_private_key"])[0] == newest
    assert [restore.choose_archive(each, {}, node.backups)[0] for each in (whole, newest)] == [whole, newest]


def test_which_archive(opened, node, tmp_path):
    name, text = os.path.basename(opened.path), pathlib.Path(opened.path).read_text()
    inbox = {name: text, record_name(name): pathlib.Path(record_name(opened.path)).read_text()}
    there = str(tmp_path / "there")
    assert restore.choose_archive(None, inbox, there) == (os.path.join(there, name), text.encode())
    assert not os.path.exists(there)
    for _twice in range(2):
        restore.keep_archive(inbox, there)
        assert sorted(os.listdir(there)) == sorted(inbox)
    assert restore.choose_archive(None, {}, there)[0] == os.path.join(there, name)
    assert restore.choose_archive(opened.path, inbox, there)[0] == opened.path
    with pytest.raises(DvError, match="is damaged"):
        restore.choose_archive(None, {**inbox, name: text[:-40]}, there)
    for strange in ({name: text}, {**inbox, "../x": ""}, {"../" + each: value for each, value in inbox.items()}):
        with pytest.raises(DvError, match="were brought; wanted: an archive and its record"):
            restore.choose_archive(None, strange, there)
    with pytest.raises(DvError, match="holds no backup"):
        restore.choose_archive(None, {}, str(tmp_path / "nowhere"))
