# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a backup to a node again: drilled where the identity is, restored on an empty machine, of clusters of ours and of charon's; and
everything that is in the way is one clear error, with nothing written."""

import json
import os
import shutil

import pyrage
import pytest
from ansible_collections.obol.dv.plugins.module_utils.data_dir import layout, node_key
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.verify.artefacts import verify_path
from ansible_collections.obol.dv.tests.support import playbook
from ansible_collections.obol.dv.tests.support.inventory import OperatorGroup
from ansible_collections.obol.dv.tests.support.store_media import SftpMedium

from .test_charon_create_cluster import TERMS

BY_CHARON = {**TERMS, "num_validators": 2}
BACKUP, DRILL, RESTORE, STATUS = (["playbooks/%s.yml" % name] for name in ("backup", "drill", "restore", "status"))


def drill(directory, archives, identity, *more, attempt=playbook.run):
    variables = dict(dv_drill_archives=list(map(str, archives)), dv_drill_identity_file=str(identity))
    return attempt(DRILL, directory, "-e", json.dumps(variables), *more)


def with_identity(directory):
    """A new identity in a file of ``directory``, and its recipient."""
    identity = pyrage.x25519.Identity.generate()
    path = directory / "dv-backup-key.txt"
    path.write_text("%s\n" % identity)
    return path, str(identity.to_public())


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three operators with a complete cluster and backups of it, and the identity. Not to be changed."""
    directory = tmp_path_factory.mktemp("made")
    identity, recipient = with_identity(directory)
    group = OperatorGroup(
        directory / "group", names=("alice", "bob", "carol"), inventory="inventory.yml", num_validators=2, backup_recipients=[recipient]
    )
    group.variables["ansible_pipelining"] = True
    group.run()
    group.identity = identity
    return group


@pytest.fixture
def group(made, tmp_path):
    """A copy of them, to change."""
    return made.copy(tmp_path / "group")


def restored_in(data_dir, tree):
    """Hash by path of what is there, but for the record that key shares came out of a backup."""
    return {path: found[2] for path, found in tree(data_dir).items() if not path.startswith("loading")}


def restore(group, *more, attempt=None, dead="bob"):
    arguments = ["--limit", "bob", "-e", "dv_restore_identity_file=%s" % group.identity]
    arguments += ["-e", "dv_old_machine_is_dead=%s" % dead] if dead else []
    return (attempt or group.run)(*arguments, *more, playbooks=RESTORE)


def told(group, *playbooks):
    """What the status tells of each node's backup."""
    path = group.directory / "status.json"
    group.run("-e", "dv_status_file=%s" % path, playbooks=[*playbooks, *STATUS])
    (cluster,) = json.loads(path.read_text())["clusters"].values()
    return {name: node["backup"] for name, node in cluster["nodes"].items()}


def copies(group, name="bob"):
    return group.directory / "backups" / group.cluster / name


def test_drilled_and_told(group):
    """The drill needs no inventory; its statement travels as a file, and is kept by the node."""
    offline = group.directory / "offline"
    shutil.copytree(copies(group), offline)
    printed = drill(group.directory, [offline], group.identity)
    assert "key_shares: 2\n" in printed
    (statement,) = offline.glob("drill-*.jws")
    before = told(group)
    assert all(backup["current"] and not backup["drilled"] for backup in before.values())
    shutil.copy(statement, copies(group))
    after = told(group, *BACKUP)
    assert after["bob"]["drilled"] and not after["alice"]["drilled"]
    assert (group.directory / "bob" / "backups" / statement.name).read_bytes() == statement.read_bytes()
    assert (group.store / "drills" / statement.name).read_bytes() == statement.read_bytes()
    printed = group.run(playbooks=STATUS)
    assert "  1 of 3 nodes have a copy elsewhere of all they have, which a drill proved; 2 nodes serve the validators" in printed
    # Whoever has no other node than alice knows of bob by the store.
    alone = group.run("--limit", "alice", playbooks=STATUS)
    assert "  Drills proved all key shares of 1 of 3 operators: 2 (" in alone
    # All archives of the group at once, where they lie; a second time is another drill.
    for _twice in range(2):
        drill(group.directory, [group.directory / "backups"], group.identity)
    assert all(backup["drilled"] for backup in told(group).values())
    assert "  Drills proved all key shares of 3 of 3 operators: 1 (alice), 2 (bob), 3 (carol)\n" in group.run(playbooks=STATUS)


def test_a_statement_comes_through_the_store(group):
    """To its node, which keeps it; a store that is not there is no reason to make no backup."""
    offline = group.directory / "offline"
    shutil.copytree(copies(group), offline)
    drill(group.directory, [offline], group.identity)
    (statement,) = offline.glob("drill-*.jws")
    (group.store / "drills").mkdir()
    shutil.copy(statement, group.store / "drills")
    assert told(group)["bob"]["drilled"]
    kept = group.directory / "bob" / "backups" / statement.name
    assert not kept.exists()
    for changed in (1, 0):
        assert playbook.recap(group.run("--limit", "bob", playbooks=BACKUP))["bob"]["changed"] == changed
        assert kept.read_bytes() == (copies(group) / statement.name).read_bytes() == statement.read_bytes()
    group.variables["dv_store"] = "git+file:///nowhere/ceremonies.git"
    os.unlink(kept)
    assert playbook.recap(group.run("--limit", "bob", playbooks=BACKUP))["bob"]["changed"] == 1 and kept.exists()


def test_rubbish_in_the_store_hides_no_statement(group):
    """Whoever may write there may take any name."""
    drill(group.directory, [copies(group)], group.identity)
    (statement,) = copies(group).glob("drill-*.jws")
    (group.store / "drills").mkdir()
    (group.store / "drills" / statement.name).write_text("ey.rubbish.rubbish")
    group.run("--limit", "bob", playbooks=BACKUP)
    assert (group.directory / "bob" / "backups" / statement.name).read_bytes() == statement.read_bytes()
    assert playbook.recap(group.run("--limit", "bob", playbooks=BACKUP))["bob"]["changed"] == 0


def test_a_drill_in_check_mode_states_nothing(group, tree):
    before = tree(group.directory)
    printed = drill(group.directory, [group.directory / "backups"], group.identity, "--check")
    assert printed.count("statement: null\n") == 3 and tree(group.directory) == before


def test_restored_on_an_empty_machine(group, charon, check_complete, tree):
    """With no more than the copies on the control node; twice; stock charon takes the result."""
    wanted = {path: found[2] for path, found in tree(group.data_dirs[1]).items()}
    shutil.rmtree(group.directory / "bob")
    group.make_wallet("bob")
    check = restore(group, "--check")
    assert not group.data_dirs[1].exists() and playbook.recap(check)["bob"]["changed"] == 1
    done = restore(group, attempt=group.attempt)
    assert done.returncode == 0 and "the old machine of bob must never start again" in " ".join(done.stderr.split())
    assert restored_in(group.data_dirs[1], tree) == wanted
    assert playbook.recap(restore(group))["bob"]["changed"] == 0
    assert group.identity.read_text().strip() not in done.stdout + done.stderr
    check_complete(group.data_dirs)
    assert len(list((group.directory / "bob" / "backups").glob("*.age"))) == 1
    with charon.relay() as relay, charon.run_nodes(group.data_dirs, relay) as nodes:
        assert len(nodes) == 3


def test_over_an_sftp_server(group, tmp_path, tree):
    """Where nothing of a node is on the control node."""
    server = SftpMedium(tmp_path)
    try:
        shutil.rmtree(group.directory / "backups")
        group.variables.update(dv_backup_dest=server.name, dv_backup_dest_options=server.options)
        for changed in (1, 0):
            counts = playbook.recap(group.run(playbooks=BACKUP))
            assert [each["changed"] for each in counts.values()] == [changed] * 3
        (archive,) = (server.place / group.cluster / "bob").glob("*.age")
        drill(tmp_path, [archive], group.identity)
        bob = told(group)["bob"]
        assert bob["path"] == "%s/%s/bob/%s" % (server.name, group.cluster, archive.name)
        assert bob["current"] and bob["copied"] and bob["drilled"]
        wanted = {path: found[2] for path, found in tree(group.data_dirs[1]).items()}
        shutil.rmtree(group.directory / "bob")
        group.make_wallet("bob")
        restore(group)
        assert restored_in(group.data_dirs[1], tree) == wanted
        assert not (group.directory / "backups").exists()
    finally:
        server.close()


def test_a_key_that_was_lost_is_not_made_anew(group, check_refused):
    shutil.rmtree(group.data_dirs[1])
    text = "%s has no charon-enr-private-key that can be read, and %s holds backups with that of" % (group.data_dirs[1], copies(group))
    check_refused(group.directory, [text, "obol.dv.restore brings it back"], group.attempt)
    assert "    there is a backup with a charon-enr-private-key, " in group.run("--limit", "bob", playbooks=STATUS)


def test_a_key_share_that_was_lost_is_in_the_backup_still(group, check_refused):
    """None without it takes the place of that."""
    lost = group.data_dirs[1] / "validator_keys" / "keystore-1.json"
    wanted = lost.read_bytes()
    lost.unlink()
    text = "holds 1 of 2 key shares; wanted: all, or none where they are elsewhere"
    check_refused(group.directory, [], lambda: group.attempt("--limit", "bob", playbooks=BACKUP))
    assert text in " ".join(group.attempt("--limit", "bob", playbooks=BACKUP).stdout.split())
    restore(group, "-e", json.dumps(dict(dv_restore_parts=["key_shares"])))
    assert lost.read_bytes() == wanted


def test_the_key_alone(group):
    lost = DataDir(group.data_dirs[1])
    wanted = node_key.read(lost)
    os.unlink(lost.path(layout.NODE_KEY))
    restore(group, "-e", json.dumps(dict(dv_restore_parts=["enr_private_key"])))
    assert node_key.read(lost) == wanted


def broken(group):
    path = max(copies(group).glob("*.age"), key=lambda each: each.stat().st_size)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def of_alice(group):
    shutil.rmtree(copies(group))
    shutil.copytree(copies(group, "alice"), copies(group))


def of_both(group):
    for path in copies(group, "alice").iterdir():
        shutil.copy(path, copies(group))


def another_key(group):
    group.data_dirs[1].mkdir()
    shutil.copy(group.data_dirs[0] / layout.NODE_KEY, group.data_dirs[1])


#: What is in the way, and what is said of it.
REFUSED = {
    "not confirmed": (lambda group: None, dict(dead=None), "nobody confirmed that the old machine of bob is dead"),
    "another confirmed": (lambda group: None, dict(dead="alice"), "the old machine of bob is dead, dv_old_machine_is_dead is"),
    "damaged": (broken, {}, "is damaged; wanted: "),
    "of another node": (of_alice, {}, "is the backup of operator 1; wanted: that of operator 2"),
    "of two nodes": (of_both, {}, "holds backups of 2 nodes"),
    "another key is there": (another_key, {}, "charon-enr-private-key is there, and is not that of the backup"),
    "another identity": (lambda group: group.identity.write_text(str(pyrage.x25519.Identity.generate())), {}, "it is for others"),
    "no identity": (lambda group: group.identity.write_text("age1xyz"), {}, "holds no identity of age"),
    "no file": (lambda group: group.identity.unlink(), {}, "No such file or directory"),
}


@pytest.mark.parametrize("change, options, text", REFUSED.values(), ids=REFUSED)
def test_refused(group, check_refused, change, options, text):
    group.identity = shutil.copy(group.identity, group.directory / "key.txt")
    shutil.rmtree(group.data_dirs[1])
    shutil.rmtree(group.directory / "bob" / "backups")
    change(group)
    group.write_inventory()
    check_refused(group.directory, [], lambda: restore(group, attempt=group.attempt, **options))
    assert text in " ".join(restore(group, attempt=group.attempt, **options).stdout.split())


def created(charon, directory):
    return charon.create_cluster(directory / "cluster", **BY_CHARON)


def generated(charon, directory):
    data_dirs = [directory / ("node%d" % number) for number in range(4)]
    for data_dir in data_dirs:
        charon.create_enr(data_dir)
    terms = {name: value for name, value in BY_CHARON.items() if name != "nodes"}
    definition = charon.create_dkg(directory, operator_enrs=[charon.enr(data_dir) for data_dir in data_dirs], **terms)
    with charon.relay() as relay:
        charon.dkg(data_dirs, definition, relay)
    return data_dirs


@pytest.mark.parametrize("make", [created, generated])
def test_a_cluster_that_charon_made(make, charon, tmp_path, tree):
    """Nothing of ours is in its data directories, before and after."""
    identity, recipient = with_identity(tmp_path)
    made = make(charon, tmp_path)
    group = OperatorGroup(tmp_path / "group", nodes=4, inventory="inventory.yml", backup_recipients=[recipient])
    group.identity = identity
    for path, data_dir in zip(made, group.data_dirs):
        shutil.copytree(path, data_dir)
    for host in group.hosts.values():
        del host["dv_operator_address"]
    before = {data_dir: tree(data_dir) for data_dir in group.data_dirs}
    for changed in (1, 0):
        counts = playbook.recap(group.run(playbooks=BACKUP))
        assert [each["changed"] for each in counts.values()] == [changed] * 4
    assert {data_dir: tree(data_dir) for data_dir in group.data_dirs} == before
    drill(tmp_path, [group.directory / "backups"], identity)
    backups = told(group)
    assert all(backup["drilled"] and backup["current"] for backup in backups.values())
    assert backups["node1"]["holds"] == ["enr_private_key", "key_shares", "deposit_data", "lock"]
    lost = group.data_dirs[1]
    shutil.rmtree(lost)
    arguments = ["--limit", "node2", "-e", "dv_restore_identity_file=%s" % identity, "-e", "dv_old_machine_is_dead=node2"]
    group.run(*arguments, playbooks=RESTORE)
    assert verify_path(str(lost)).ok
    # That of a charon that ran says when.
    wanted = {path: found[2] for path, found in before[lost].items() if path != node_key.LOCK_FILE}
    found = {path: each for path, each in restored_in(lost, tree).items() if not path.startswith("ceremony")}
    assert found == wanted
