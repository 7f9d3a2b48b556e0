# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backup and restore killed at, or refused, each of the system calls that change the node's files; then run again.

Every backup that counts can be restored, none is lost; and what is restored is all that there was, the ENR private key last.
"""

import shutil

import pyrage
import pytest
from ansible_collections.obol.dv.plugins.module_utils.data_dir import layout
from ansible_collections.obol.dv.tests.support import strace
from ansible_collections.obol.dv.tests.support.ceremony_group import ROUNDS, STEPS, step_of_round

from .test_injection import FAULTS

NODE = 2
IDENTITY = pyrage.x25519.Identity.generate()
BACKUP = dict(recipients=[str(IDENTITY.to_public())])


@pytest.fixture(scope="module")
def backed_up(before, tmp_path_factory):
    """A complete cluster whose node has two backups: one of before it had its key shares, one of everything."""
    directory = tmp_path_factory.mktemp("backed-up")
    older = before(STEPS.index(("dkg", 1))).copy(directory / "older")
    assert not older.run_here("backup", NODE, **BACKUP, deliver=False).failed
    cluster = before(len(STEPS)).copy(directory / "cluster")
    shutil.copytree(older.nodes[NODE - 1] / "backups", cluster.nodes[NODE - 1] / "backups")
    (cluster.directory / "key.txt").write_text(str(IDENTITY))
    return cluster


def run(cluster, name, *tracer):
    """Run backup or restore on the node."""
    if name == "backup":
        return cluster.run(name, NODE, *tracer, **BACKUP)
    identity = str(cluster.directory / "key.txt")
    return cluster.run(name, NODE, *tracer, identity_file=identity, node="bob", old_machine_is_dead="bob")


def changes(cluster, name, log):
    """The calls by which the run changes something of the node."""
    assert not run(cluster, name, strace.record(log)).failed
    return [call for call in strace.read(log) if call.changes and call.below(cluster.nodes[NODE - 1])]


def interrupt(cluster, name, call, fault):
    """Run it with a ``fault`` at a system call."""
    done = run(cluster, name, strace.inject(cluster.directory / "log", call, fault))
    if FAULTS[fault] is None:
        assert done.killed
    elif done.failed:
        assert done.msg.count(FAULTS[fault]) == 1 and "unforeseen" not in done.msg, done.msg


def check_backups(cluster, archives):
    """So many archives with a record are there, each can be restored, and nothing lies about."""
    directory = cluster.nodes[NODE - 1] / "backups"
    records = sorted(directory.glob("*.json"))
    assert len(records) == archives
    paths = [str(path.with_suffix(".age")) for path in records]
    drilled = cluster.run_here(
        "drill", NODE, archives=paths, identity_file=str(cluster.directory / "key.txt"), statement_dir=str(cluster.directory), deliver=False
    )
    assert not drilled.failed and len(drilled.result["drills"]) == archives, drilled.msg
    assert list(cluster.nodes[NODE - 1].rglob("*.tmp")) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_backup(fault, backed_up, tmp_path, needs_strace, try_points):
    found = changes(backed_up.copy(tmp_path / "recorded"), "backup", tmp_path / "log")

    def try_point(call):
        cluster = backed_up.copy(tmp_path / "cluster")
        interrupt(cluster, "backup", call, fault)
        kept = cluster.artefacts(NODE)
        assert not run(cluster, "backup").failed
        check_backups(cluster, 2)
        cluster.check_kept(NODE, kept)
        assert run(cluster, "backup").result["changed"] is False

    try_points(fault + " in a backup", found, try_point, seed=fault)


@pytest.mark.parametrize("fault", FAULTS)
def test_restore(fault, backed_up, tmp_path, needs_strace, try_points):
    whole = backed_up.copy(tmp_path / "whole")
    assert not run(whole, "backup").failed
    wanted = whole.artefacts(NODE)

    def emptied(name):
        cluster = whole.copy(tmp_path / name)
        shutil.rmtree(cluster.data_dirs[NODE - 1])
        return cluster

    found = changes(emptied("recorded"), "restore", tmp_path / "log")

    def try_point(call):
        cluster = emptied("cluster")
        interrupt(cluster, "restore", call, fault)
        there = cluster.artefacts(NODE)
        assert there.items() <= wanted.items()
        assert ".charon/" + layout.NODE_KEY not in there or there == wanted
        done = run(cluster, "restore")
        assert not done.failed, done.msg
        assert cluster.artefacts(NODE) == wanted
        cluster.check_complete()
        assert run(cluster, "restore").result["changed"] is False

    try_points(fault + " in a restore", found, try_point, seed=fault)


#: When the node's disk is destroyed, and what becomes of the ceremony: before each of its own runs of the DKG, and at the end.
DESTROYED = (STEPS.index(("definition", NODE)), *(step_of_round(round, NODE) for round in ROUNDS), len(STEPS))


@pytest.mark.parametrize("place", DESTROYED)
def test_destroyed(place, before, tmp_path):
    """Restored from a backup of a moment before, the node goes on, or says what its operator must do."""
    cluster = before(place).copy(tmp_path / "cluster")
    (cluster.directory / "key.txt").write_text(str(IDENTITY))
    assert not cluster.run_here("backup", NODE, **BACKUP, deliver=False).failed
    had = {path for path in cluster.artefacts(NODE) if path.startswith(".charon/")}
    shutil.rmtree(cluster.data_dirs[NODE - 1])
    restored = run(cluster, "restore")
    assert not restored.failed, restored.msg
    assert {path for path in cluster.artefacts(NODE) if path.startswith(".charon/")} == had
    sent_nothing = place <= step_of_round("commit", NODE)
    rest = STEPS[place:] if sent_nothing else [("dkg", node) for _round in ROUNDS for node in range(1, 5)]
    ended = None
    for name, node in rest:
        done = cluster.run_here(name, node, deliver=sent_nothing or node != NODE)
        if (name, node) == ("dkg", NODE):
            ended = done
    # Once it has sent all, the key shares of the backup are enough.
    if sent_nothing or place >= step_of_round("finish", NODE):
        cluster.check_complete()
        return
    assert ended.failed and ended.result["state"] == "stopped", ended.result
    assert "its seed for attempt 1 is gone" in ended.msg
    assert ended.result["next_attempt"] in (2, None)
