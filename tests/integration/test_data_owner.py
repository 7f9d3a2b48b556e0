# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Data directories of another user, as of a charon in a container: that user reads all of it, from the first run to the last."""

import json
import os
import pathlib
import shutil
import stat
import subprocess
import tempfile

import pyrage
import pytest
from ansible_collections.obol.dv.plugins.module_utils.verify.artefacts import verify_path
from ansible_collections.obol.dv.tests.support import playbook
from ansible_collections.obol.dv.tests.support.inventory import OperatorGroup

UID, GID = 54321, 65432
OWNER = "%d:%d" % (UID, GID)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def owners(data_dir):
    return {(each.stat().st_uid, each.stat().st_gid) for each in (data_dir, *data_dir.rglob("*"))}


def as_them(*command):
    """What a process of that user prints."""
    done = subprocess.run(command, user=UID, group=GID, extra_groups=[], cwd="/", env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def changed(printed):
    return {task.partition("]")[0]: task.count("changed: [") for task in printed.split("TASK [")[1:] if "changed: [" in task}


@pytest.fixture(scope="module")
def group():
    """A finished cluster whose data directories are all of that user, in directories that they can pass."""
    place = pathlib.Path(tempfile.mkdtemp())
    place.chmod(0o711)
    group = OperatorGroup(place / "machine", data_owner=OWNER)
    for path in (group.directory, *(data_dir.parent for data_dir in group.data_dirs)):
        path.chmod(0o711)
    group.printed = group.run("-e", "dv_num_validators=1")
    yield group
    shutil.rmtree(place)


def test_their_process_reads_all_of_it(group, check_complete):
    check_complete(group.data_dirs)
    for data_dir in group.data_dirs:
        assert owners(data_dir) == {(UID, GID)}
        names = ["charon-enr-private-key", "cluster-lock.json", "cluster-definition.json"]
        names += ["validator_keys/keystore-0.json", "validator_keys/keystore-0.txt"]
        assert as_them("cat", *(data_dir / name for name in names)) == "".join((data_dir / name).read_text() for name in names)
        assert not [finding for finding in verify_path(data_dir).findings if "mode" in str(finding)]
        for path in (data_dir, *data_dir.rglob("*")):
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_what_lies_beside_it_stays_with_root(group):
    for data_dir in group.data_dirs:
        beside = [path for path in data_dir.parent.iterdir() if path != data_dir]
        assert len(beside) == 3 and {path.stat().st_uid for path in (data_dir.parent, *beside)} == {0}


def test_charon_of_that_user(group, charon_binary, tmp_path):
    copied = group.directory.parent / "charon"
    shutil.copy(charon_binary, copied)
    copied.chmod(0o755)
    enrs = [as_them(copied, "enr", "--data-dir=%s" % data_dir).strip() for data_dir in group.data_dirs]
    assert all(enr.startswith("enr:") for enr in enrs) and len(set(enrs)) == 4


@pytest.mark.parametrize("arguments", [(), ("--check", "--diff")], ids=["in earnest", "check mode"])
def test_a_second_run_changes_nothing(group, tree, arguments):
    before = tree(group.directory)
    assert changed(group.run("-e", "dv_num_validators=1", *arguments)) == {}
    assert tree(group.directory) == before


@pytest.fixture
def copied(group, tmp_path):
    """The same once more, all of it root's."""
    return group.copy(tmp_path / "machine")


def test_named_later_or_given_in_part(copied):
    """What root made before, and what a run left behind that was killed, is given by the next one; check mode tells it."""
    data_dirs = copied.data_dirs
    assert owners(data_dirs[0]) == {(0, 0)}
    for path in (data_dirs[1], *data_dirs[1].rglob("*")):
        os.chown(path, UID, GID)
    task = "obol.dv.enr : ENR private key and ENR"
    assert changed(copied.run("-e", "dv_num_validators=1", "--check")) == {task: 3}
    assert owners(data_dirs[0]) == {(0, 0)}
    assert changed(copied.run("-e", "dv_num_validators=1")) == {task: 3}
    assert [owners(data_dir) for data_dir in data_dirs] == [{(UID, GID)}] * 4


def test_without_the_variable_a_directory_keeps_its_owner(tmp_path):
    """One that was made for a container beforehand: each step keeps it, with nothing said in the inventory."""
    fresh = OperatorGroup(tmp_path / "machine")
    for data_dir in fresh.data_dirs:
        data_dir.mkdir(mode=0o700)
        os.chown(data_dir, UID, GID)
    fresh.run()
    assert [owners(data_dir) for data_dir in fresh.data_dirs] == [{(UID, GID)}] * 4


def test_wrong_owners_and_planted_links(tmp_path, check_refused):
    fresh = OperatorGroup(tmp_path / "machine", data_owner=OWNER)
    fresh.hosts["node1"]["dv_data_owner"] = "nobody-such"
    for data_dir in fresh.data_dirs[1:]:
        data_dir.mkdir(mode=0o700)
        os.chown(data_dir, UID, GID)
    (tmp_path / "elsewhere").mkdir()
    (fresh.data_dirs[1] / "ceremony").symlink_to(tmp_path / "elsewhere")
    (fresh.data_dirs[2] / "charon-enr-private-key").symlink_to("/etc/shadow")
    fresh.write_inventory()
    texts = [
        '- node1: dv_data_owner is "nobody-such", and this machine has no user nobody-such',
        "- node2: %s is a link" % (fresh.data_dirs[1] / "ceremony"),
        "- node3: %s is a link" % (fresh.data_dirs[2] / "charon-enr-private-key"),
    ]
    check_refused(tmp_path, texts, fresh.attempt)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_what_is_restored_is_theirs(group, tmp_path):
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "key.txt").write_text(str(identity))
    recipients = json.dumps({"dv_backup_recipients": [str(identity.to_public())]})
    group.run("--limit", "node2", "-e", recipients, playbooks=["playbooks/backup.yml"])
    lost = group.data_dirs[1]
    shutil.rmtree(lost)
    options = ["--limit", "node2", "-e", "dv_restore_identity_file=%s" % (tmp_path / "key.txt"), "-e", "dv_old_machine_is_dead=node2"]
    for again in (False, True):
        done = group.run(*options, playbooks=["playbooks/restore.yml"])
        assert playbook.recap(done)["node2"]["changed"] == (0 if again else 1)
        assert owners(lost) == {(UID, GID)} and verify_path(lost).ok
    # Or where the directory is theirs already.
    shutil.rmtree(lost)
    lost.mkdir(mode=0o700)
    os.chown(lost, UID, GID)
    group.run(*options, "-e", "dv_data_owner=", playbooks=["playbooks/restore.yml"])
    assert owners(lost) == {(UID, GID)} and verify_path(lost).ok
