# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups in a directory: found again by content and recipients, noticed when damaged, never written over."""

import json
import os
import pathlib
import stat

import pytest
from ansible_collections.obol.dv.plugins.module_utils.backup import backups, contents
from ansible_collections.obol.dv.plugins.module_utils.backup.backups import Backups, Record
from ansible_collections.obol.dv.plugins.module_utils.backup.manifest import Manifest
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError

from .conftest import NOW, RECIPIENTS


def test_made_and_found(node):
    path = node.back_up()
    ((found, record),) = Backups(node.backups, node.peer_id).good
    assert found == path and record.created == "2026-05-01T12:00:00Z" and record.recipients == RECIPIENTS
    assert record.holds == ["enr_private_key", "key_shares", "deposit_data", "lock", "transcript"]
    names = sorted(name for name in os.listdir(node.backups) if not name.startswith("."))
    assert names == sorted((record.name, backups.record_name(record.name))) and all(map(backups.max_size, names))
    modes = [stat.S_IMODE(os.stat(each).st_mode) for each in (node.backups, *(os.path.join(node.backups, name) for name in names))]
    assert modes == [0o700, 0o600, 0o600]
    assert pathlib.Path(path).read_bytes().startswith(backups.ARMOR)


def test_by_content_and_recipients(node):
    manifest = Manifest.of(contents.read(node.data_dir), "x")
    older, newer, other = node.back_up(), node.back_up(NOW + 1), node.back_up(NOW + 2, [*RECIPIENTS, "ssh-ed25519 AAAA"][:1] * 2)
    (node.path / "cluster-definition.json").write_text("{}")
    changed = node.back_up(NOW + 3)
    found = Backups(node.backups, node.peer_id)
    assert [path for path, _record in found.good] == [older, newer, other, changed]
    # Who restores takes the newest: as long as that holds something else, what there is now is not backed up.
    assert not found.of(manifest, RECIPIENTS)
    again = Record.of(b"again", manifest, RECIPIENTS, NOW + 4)
    found.add(b"again", again)
    assert [record for _path, record in Backups(node.backups, node.peer_id).of(manifest, RECIPIENTS)] == [again]
    os.unlink(changed)
    os.unlink(os.path.join(node.backups, again.name))
    found = Backups(node.backups, node.peer_id)
    assert [path for path, _record in found.of(manifest, RECIPIENTS)] == [newer, older]
    assert not found.of(manifest, ["age1"]) and not Backups(node.backups, node.peer_id[::-1]).good


def test_the_next_is_the_newest_even_if_the_clock_was_set_back(node):
    assert Backups(node.backups, node.peer_id).time_of_next(NOW) == NOW
    node.back_up()
    found = Backups(node.backups, node.peer_id)
    assert [found.time_of_next(NOW + seconds) for seconds in (-3600, 0, 1, 60)] == [NOW + 1, NOW + 1, NOW + 1, NOW + 60]


def test_nothing_yet(node):
    found = Backups(node.backups, node.peer_id)
    assert (found.good, found.damaged, found.statements) == ([], [], {})


def test_a_place_that_is_no_directory(node):
    pathlib.Path(node.backups).write_text("")
    with pytest.raises(DvError, match="cannot read .*backups: Not a directory"):
        Backups(node.backups, node.peer_id)


def rewritten(**changes):
    def change(archive):
        path = pathlib.Path(backups.record_name(archive))
        record = json.loads(path.read_text())
        path.write_text(json.dumps({name: value for name, value in {**record, **changes}.items() if value is not ...}))

    return change


DAMAGE = {
    "cut": (lambda path: os.truncate(path, 100), "is damaged; wanted: .* as its record says"),
    "gone": (os.unlink, "No such file"),
    "record is no JSON": (lambda path: pathlib.Path(backups.record_name(path)).write_text("x"), "is not JSON"),
    **{
        "no " + name: (rewritten(**{name: ...}), "is damaged; wanted: the record")
        for name in ("peer_id", "created", "recipients", "sha256", "manifest_sha256", "holds")
    },
    "of another": (rewritten(peer_id="16Uiu2HAm" + "a" * 44), "is damaged; wanted: the record of a backup of this node"),
    "another way": (rewritten(peer_id="../../x"), "is damaged; wanted: the record of a backup"),
    "no hash at all": (rewritten(sha256="../../x"), "is damaged; wanted: the record of a backup"),
    "no time": (rewritten(created="newest"), "is damaged; wanted: the record of a backup, with the time of it"),
    "a day that never was": (rewritten(created="2026-02-30T12:00:00Z"), "is damaged; wanted: the record of a backup, with the time of it"),
    "another spelling": (rewritten(created="2026-5-1T12:00:00Z"), "is damaged; wanted: the record of a backup, with the time of it"),
    "another hash": (rewritten(sha256="ab" * 32), "is damaged; wanted: "),
    "recipients are none": (rewritten(recipients="age1"), "is damaged; wanted: the record"),
    "no hash": (rewritten(lock_hash=7), "is damaged; wanted: the record"),
    "not texts": (rewritten(holds=[1]), "is damaged; wanted: the record"),
}


@pytest.mark.parametrize("change, text", DAMAGE.values(), ids=DAMAGE)
def test_damage_is_told(node, change, text):
    path = node.back_up()
    change(path)
    found = Backups(node.backups, node.peer_id)
    assert not found.good
    (error,) = found.damaged
    with pytest.raises(DvError, match=text):
        raise error


def test_an_archive_without_a_record_does_not_count(node):
    os.unlink(backups.record_name(node.back_up()))
    found = Backups(node.backups, node.peer_id)
    assert not found.good and not found.damaged


def test_what_a_killed_run_left_goes_but_not_that_of_others(node):
    node.back_up()
    left = [pathlib.Path(node.backups, ".backup-%s-00000000.age.%s.tmp" % (peer_id, "0" * 16)) for peer_id in (node.peer_id, "16Uiu2HAm")]
    for path in left:
        path.write_text("x")
    with backups.exclusive(node.backups, node.peer_id):
        assert [path.exists() for path in left] == [False, True]


def test_one_run_at_a_time_writes_those_of_a_node(node):
    with backups.exclusive(node.backups, node.peer_id):
        with backups.exclusive(node.backups, node.peer_id[::-1]):
            pass
        with pytest.raises(DvError, match="is held by another run on this node"):
            with backups.exclusive(node.backups, node.peer_id):
                pass


def test_names():
    peer_id = "16Uiu2HAm" + "a" * 40
    good = ["backup-%s-01234567.age", "backup-%s-01234567.json", "drill-%s-01234567.jws"]
    bad = ["backup-%s-01234567.jws", "drill-%s-01234567.age", "backup-%s-0123456.age", "../backup-%s-01234567.age", "%s.age", "%s"]
    assert all(backups.max_size(name % peer_id) for name in good)
    assert not any(backups.max_size(name % peer_id) for name in bad)


def test_for_whom(tmp_path):
    path = tmp_path / "passphrase.txt"
    path.write_text("correct horse battery\nstaple\n")
    assert backups.for_whom([], str(path)) == (["scrypt"], "correct horse battery")
    assert backups.for_whom(RECIPIENTS * 2, None) == (RECIPIENTS, None)
    with pytest.raises(DvError, match="there are recipients, and a passphrase"):
        backups.for_whom(RECIPIENTS, str(path))
    with pytest.raises(DvError, match="dv_backup_recipients is empty"):
        backups.for_whom([], None)
    with pytest.raises(DvError, match="No such file"):
        backups.for_whom([], str(tmp_path / "none"))
    assert Record.of(b"x", Manifest("p", None, None, None, None, {}), ["scrypt"], NOW).recipients == ["scrypt"]
