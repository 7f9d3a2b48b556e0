# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far backups go: the newest, whether it holds all, and whether a drill proved it."""

import pathlib
from dataclasses import replace

from ansible_collections.obol.dv.plugins.module_utils.backup import drill, status
from ansible_collections.obol.dv.plugins.module_utils.backup.backups import Backups, record_name, statement_name
from ansible_collections.obol.dv.plugins.module_utils.backup.opened import read_archive
from ansible_collections.obol.dv.plugins.module_utils.data_dir import layout, statements
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.ethereum.networks import KNOWN

from .conftest import NOW, OPENER


def told(node, copies=(), texts=None):
    return status.evaluate_places(node.data_dir, node.backups, copies, texts or {})


def passed(path):
    return drill.drill(path, read_archive(path), OPENER, KNOWN)


def test_none(node, tmp_path):
    assert told(node) == status.NONE


def test_of_a_node_that_lost_its_disk(node, tmp_path):
    path = node.back_up()
    drill.state(passed(path), node.backups, NOW)
    lost = status.evaluate_places(DataDir(tmp_path / "none"), node.backups, [], {})
    assert lost == dict(told(node), current=False) and lost["drilled"]


def test_nowhere(node, tmp_path):
    assert status.evaluate_places(DataDir(tmp_path / "none"), str(tmp_path / "no"), [], {}) == status.NONE
    (tmp_path / "file").write_text("")
    assert status.evaluate_places(node.data_dir, str(tmp_path / "file"), [], {}) == status.NONE


def test_the_newest_and_whether_it_holds_all(node):
    node.back_up()
    path = node.back_up(NOW + 60)
    holds = ["enr_private_key", "key_shares", "deposit_data", "lock", "transcript"]
    assert told(node) == dict(path=path, created="2026-05-01T12:01:00Z", holds=holds, current=True, copied=False, drilled=None)
    (node.path / layout.DEFINITION).write_text("{}")
    assert told(node)["current"] is False


def test_a_copy_is_better_than_what_is_on_the_disk_of_the_node(node):
    path = node.back_up()
    record = pathlib.Path(record_name(path)).read_text()
    copy = dict(path="/copies/1.age", record=record)
    assert (told(node, [copy])["path"], told(node, [copy])["copied"]) == ("/copies/1.age", True)
    newer = node.back_up(NOW + 60)
    assert (told(node, [copy])["path"], told(node, [copy])["copied"]) == (newer, False)
    for other in (
        dict(path="/x", record=record.replace(node.peer_id, node.peer_id[::-1])),
        dict(path="/x", record="x"),
        dict(path="/x"),
        {},
    ):
        assert told(node, [other])["path"] == newer


def test_a_lost_disk_has_copies(node, tmp_path):
    """Whoever has lost a node is not told that there is no backup of it."""
    copy = dict(path="/copies/1.age", record=pathlib.Path(record_name(node.back_up())).read_text())
    found = status.evaluate_places(DataDir(tmp_path / "lost"), str(tmp_path / "gone"), [copy, {}], {})
    assert (found["path"], found["current"], found["drilled"]) == ("/copies/1.age", False, None)


def test_drills(node, dealt, tmp_path):
    path = node.back_up()
    found = passed(path)

    def named(*texts):
        return {statement_name(node.peer_id, text): text for text in texts}

    texts = [statements.sign(found.opened.private_key, statements.DRILL, found.facts, NOW + now) for now in (60, 0, 120)]
    forged = statements.sign(dealt.node_keys[1], statements.DRILL, found.facts, NOW + 500)
    other = statements.sign(found.opened.private_key, "readiness", found.facts, NOW + 500)
    assert told(node)["drilled"] is None
    assert told(node, texts=named(forged, other, "rubbish", ""))["drilled"] is None
    # Under whatever name: what it says counts.
    assert told(node, texts={"drill-%s-00000000.jws" % node.peer_id: texts[0]})["drilled"] == "2026-05-01T12:01:00Z"
    assert told(node, texts=named(*texts, forged))["drilled"] == "2026-05-01T12:02:00Z"
    drill.state(found, node.backups, NOW)
    assert told(node)["drilled"] == "2026-05-01T12:00:00Z"
    node.back_up(NOW + 600)
    assert told(node)["drilled"] is None


def test_operators_who_proved_all_key_shares(node, dealt, tmp_path):
    """Of this lock, by statements of their own; everybody who has the lock can tell."""
    mine = passed(node.back_up())
    facts = mine.facts
    assert status.proven_operators(DataDir(tmp_path / "none"), []) is None and status.proven_operators(node.data_dir, []) == []

    def by(number, **changes):
        return statements.sign(dealt.node_keys[number - 1], statements.DRILL, {**facts, **changes}, NOW)

    false = [by(2, key_shares=1), by(2, key_shares=0), by(2, lock_hash="0x" + "ab" * 32), by(2, lock_hash=None), "rubbish", ""]
    assert status.proven_operators(node.data_dir, false) == []
    assert status.proven_operators(node.data_dir, [by(3), *false, by(1), by(3)]) == [1, 3]
    (node.path / layout.LOCK).write_text("{}")
    assert status.proven_operators(node.data_dir, [by(1)]) is None


def test_rubbish_hides_no_statement_of_the_same_name(node):
    """Wherever the one lies, and wherever the other."""
    found = passed(node.back_up())
    text = statements.sign(found.opened.private_key, statements.DRILL, found.facts, NOW)
    name = statement_name(node.peer_id, text)
    here = pathlib.Path(node.backups, name)
    here.write_text("rubbish")
    assert told(node, texts={name: text})["drilled"]
    here.write_text(text)
    assert told(node, texts={name: "rubbish"})["drilled"]


def test_a_record_that_lies_proves_nothing(node):
    """Whoever can write to the copies may say of an old archive, which passed a drill, that it holds all that there is."""
    path = node.back_up()
    drill.state(passed(path), node.backups, NOW)
    (node.path / layout.DEFINITION).write_text("{}")
    node.back_up(NOW + 60)
    (_path, old), (_newer, record) = Backups(node.backups, node.peer_id).good
    lie = dict(path="/copies/1.age", record=replace(record, sha256=old.sha256, created="2026-05-02T12:00:00Z").dump().decode())
    found = told(node, [lie])
    assert (found["path"], found["current"], found["drilled"]) == ("/copies/1.age", True, None)
