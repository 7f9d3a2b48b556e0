# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node cannot make again survives: backups by the main job and by their own playbook, opened by the real age and tar, read by
charon."""

import json
import shutil
import stat
import subprocess

import pyrage
import pytest
from ansible_collections.obol.dv.plugins.module_utils import errors
from ansible_collections.obol.dv.plugins.module_utils.data_dir import node_key
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.ethereum import enr
from ansible_collections.obol.dv.plugins.plugin_utils import copies
from ansible_collections.obol.dv.tests.support import playbook, secret_scan
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

ENR, BACKUP = ["playbooks/enr.yml"], ["playbooks/backup.yml"]


class Nodes:
    """Four nodes with ENR private keys, and two recipients, one of age and one of SSH, with their identities as files."""

    def __init__(self, directory):
        self.directory, self.nodes = directory, directory / "nodes"
        self.data_dirs = playbook.data_dirs(self.nodes)
        identity = pyrage.x25519.Identity.generate()
        (directory / "age.txt").write_text(str(identity))
        ssh = ed25519.Ed25519PrivateKey.generate()
        (directory / "ssh").write_bytes(ssh.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
        (directory / "ssh").chmod(0o600)
        ssh_public = ssh.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        self.recipients = [str(identity.to_public()), ssh_public + " bob@laptop"]

    def run(self, playbooks, *arguments, recipients=None, attempt=playbook.run, **options):
        variables = {"dv_backup_recipients": self.recipients if recipients is None else recipients}
        return attempt(playbooks, self.nodes, *arguments, "-e", json.dumps(variables), **options)

    def files(self, number, pattern="[!.]*"):
        """The files of node's backups: on the node, and on the control node."""
        places = (self.nodes / ("node%d" % number) / "backups", self.nodes / "backups" / "local" / ("node%d" % number))
        return [sorted(place.glob(pattern)) for place in places]

    def changed(self, printed):
        return [counts["changed"] for _host, counts in sorted(playbook.recap(printed).items())]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Nodes whose keys are backed up; not to be changed."""
    nodes = Nodes(tmp_path_factory.mktemp("backups"))
    nodes.printed = nodes.run([*ENR, *BACKUP], "-vvv", "--diff")
    return nodes


@pytest.fixture
def nodes(made, tmp_path):
    """A copy of them."""
    copied = Nodes(tmp_path)
    copied.recipients = made.recipients
    shutil.copytree(made.nodes, copied.nodes)
    return copied


def test_files_and_modes(made):
    for number in range(1, 5):
        on_node, on_control_node = made.files(number)
        assert [path.suffix for path in on_node] == [".age", ".json"]
        assert [path.read_bytes() for path in on_node] == [path.read_bytes() for path in on_control_node]
        for path in on_node + on_control_node:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_key_stays_on_its_node(made):
    secrets = {data_dir.parent.name: node_key.read(DataDir(data_dir)) for data_dir in made.data_dirs}
    places = [made.nodes / "backups", *(data_dir.parent / "backups" for data_dir in made.data_dirs)]
    contents = {name: content for place in places for name, content in secret_scan.files_below(place).items()}
    assert len(contents) == 16 + len(made.data_dirs), "archive and record in two places, and what keeps two runs apart"
    assert secret_scan.search(secrets, {**contents, "stdout": made.printed.encode()}) == []


@pytest.mark.parametrize("identity", ["age.txt", "ssh"])
def test_what_age_restores_is_the_key_of_the_same_enr(made, age_binary, charon, tmp_path, identity):
    """As docs/backup.md says it, from the copy on the control node."""
    (encrypted,) = made.files(1, "*.age")[1]
    data_dir = tmp_path / ".charon"
    script = 'umask 077; mkdir "$1"; "$2" --decrypt --identity "$3" "$4" | tar --extract --gzip --directory "$1"'
    subprocess.run(["sh", "-ec", script, "sh", data_dir, age_binary, made.directory / identity, encrypted], check=True)
    assert [*json.loads((data_dir / "manifest.json").read_text())["files"]] == ["charon-enr-private-key"]
    assert stat.S_IMODE((data_dir / "charon-enr-private-key").stat().st_mode) == 0o600
    wanted = enr.encode(node_key.read(DataDir(made.data_dirs[0])))
    assert enr.encode(node_key.read(DataDir(data_dir))) == charon.enr(data_dir) == wanted


def test_the_wrong_identity_opens_nothing(made, age_binary, tmp_path):
    (tmp_path / "other.txt").write_text(str(pyrage.x25519.Identity.generate()))
    (encrypted,) = made.files(1, "*.age")[1]
    done = subprocess.run([age_binary, "-d", "-i", tmp_path / "other.txt", encrypted], capture_output=True, check=False)
    assert done.returncode != 0 and done.stdout == b""


@pytest.mark.parametrize("arguments", [(), ("--check", "--diff")], ids=["in earnest", "check mode"])
def test_a_second_run_changes_nothing(made, tree, arguments):
    before = tree(made.nodes)
    assert made.changed(made.run(BACKUP, *arguments)) == [0, 0, 0, 0]
    assert tree(made.nodes) == before


def test_check_mode_where_there_is_nothing(made, tmp_path, tree):
    fresh = Nodes(tmp_path)
    assert fresh.changed(fresh.run([*ENR, *BACKUP], "--check")) == [2, 2, 2, 2]
    assert not fresh.nodes.exists()


def test_other_recipients_are_another_backup(nodes):
    before = nodes.files(1)
    assert nodes.changed(nodes.run(BACKUP, recipients=nodes.recipients[:1])) == [1, 1, 1, 1]
    assert [len(paths) for paths in nodes.files(1, "*.age")] == [2, 2]
    assert [set(old) < set(new) for old, new in zip(before, nodes.files(1))] == [True, True]
    # Back again, without the comment of the SSH key: the first one is still good.
    recipients = [nodes.recipients[1].rsplit(" ", 1)[0], nodes.recipients[0]]
    assert nodes.changed(nodes.run(BACKUP, recipients=recipients)) == [0, 0, 0, 0]


def test_damage_and_loss(nodes, age_binary):
    damaged, whole = nodes.files(1, "*.age")
    damaged[0].write_text(whole[0].read_text()[:-100])
    shutil.rmtree(nodes.files(2)[1][0].parent)
    nodes.files(3, "*.age")[1][0].write_text("")
    (nodes.data_dirs[3] / "charon-enr-private-key").write_text("not a key")
    before = damaged[0].read_bytes()
    done = nodes.run(BACKUP, attempt=playbook.attempt)
    counts = playbook.recap(done.stdout)
    assert {host: (each["changed"], each["failed"]) for host, each in counts.items()} == {
        "node1": (1, 0),
        "node2": (1, 0),
        "node3": (0, 1),
        "node4": (0, 1),
    }
    told = " ".join((done.stdout + done.stderr).split())
    assert "%s, with SHA-256 " % damaged[0] in told and "is damaged; wanted: " in told
    assert "%s is damaged, or another: its SHA-256 is not that of the node's backup" % nodes.files(3, "*.age")[1][0] in told
    assert "charon-enr-private-key does not hold a key" in told
    assert "Traceback" not in told and "unforeseen" not in told
    assert damaged[0].read_bytes() == before and len(nodes.files(1, "*.age")[0]) == 2
    assert len(nodes.files(2)[1]) == 2 and len(nodes.files(4, "*.age")[0]) == 1


def test_one_of_an_earlier_run_is_told_with_its_place(nodes):
    """For recipients that are not in the inventory any more: where the copies are, else on the node, or nowhere."""
    (_on_node, (here,)), (there, lost), (stolen, kept), gone = (nodes.files(number, "*.age") for number in range(1, 5))
    for path in (*lost, *stolen, *gone[0]):
        path.unlink()
    # A good one, but of another key.
    copies = gone[1][0].parent
    shutil.rmtree(copies)
    shutil.copytree(kept[0].parent, copies)
    told = nodes.directory / "status.json"
    printed = nodes.run(["playbooks/status.yml"], "-e", "dv_status_file=%s" % told, recipients=[])
    (cluster,) = json.loads(told.read_text())["clusters"].values()
    wanted = [str(here), str(there[0]), str(kept[0]), ""]
    backups = [cluster["nodes"]["node%d" % number]["backup"] for number in range(1, 5)]
    assert [backup["path"] for backup in backups] == wanted
    assert [(backup["current"], backup["drilled"]) for backup in backups] == [(True, None)] * 3 + [(False, None)]
    assert "  No backup of node4: set dv_backup_recipients" in printed
    assert "  0 of 4 nodes have a copy elsewhere of all they have, which a drill proved" in printed
    for path in wanted[:3]:
        assert "node%d   %s" % (wanted.index(path) + 1, path) in printed


def test_without_a_key_or_recipients(tmp_path, check_refused):
    fresh = Nodes(tmp_path)
    for recipients, text in ((None, "run obol.dv.enr first"), ([], "dv_backup_recipients is empty")):
        check_refused(tmp_path, [], lambda given=recipients: fresh.run(BACKUP, recipients=given, attempt=playbook.attempt))
        assert text in fresh.run(BACKUP, recipients=recipients, attempt=playbook.attempt).stdout


def test_bad_recipients_are_told_before_anything_is_written(tmp_path, check_refused):
    fresh = Nodes(tmp_path)
    secret = (tmp_path / "age.txt").read_text()
    texts = [
        "- dv_backup_recipients[1] is no recipient; wanted: an age public key",
        "- dv_backup_recipients[2] is a secret key; wanted: its public key",
    ]
    recipients = [fresh.recipients[0], "age1xyz", secret]
    done = check_refused(
        tmp_path, texts, lambda: fresh.run(["create-cluster.yml"], "-vvv", recipients=recipients, attempt=playbook.attempt)
    )
    assert not fresh.nodes.exists()
    assert secret not in done.stdout + done.stderr


def test_the_main_job_makes_them(tmp_path):
    """At each stage: of the key, of what was agreed, of everything."""
    fresh = Nodes(tmp_path)
    printed = fresh.run(["create-cluster.yml"], "-e", "dv_num_validators=1")
    assert "Cluster local on hoodi is complete" in printed and "No backup" not in printed
    for number in range(1, 5):
        records = [json.loads(path.read_text()) for path in fresh.files(number, "*.json")[1]]
        stages = sorted([record["holds"] for record in records], key=len)
        everything = ["enr_private_key", "agreement", "definition", "key_shares", "deposit_data", "lock", "transcript"]
        assert stages == [["enr_private_key"], everything[:3], everything]
        newest = max(records, key=lambda record: len(record["holds"]))
        (copy,) = fresh.files(number, "*-%s.age" % newest["sha256"][:8])[1]
        assert "node%d   %s   not proven by a drill" % (number, copy) in printed
    assert fresh.changed(fresh.run(["create-cluster.yml"], "-e", "dv_num_validators=1")) == [0, 0, 0, 0]


def test_with_a_passphrase(tmp_path, age_binary):
    """In a file on each node: it opens them, and another one is another backup."""
    fresh = Nodes(tmp_path)
    fresh.run(ENR)
    variables = json.dumps(dict(dv_backup_passphrase_file="{{ dv_data_dir | dirname }}/passphrase.txt"))
    for data_dir in fresh.data_dirs:
        (data_dir.parent / "passphrase.txt").write_text("correct horse battery\n")
    assert fresh.changed(fresh.run(BACKUP, "-e", variables, recipients=[])) == [1, 1, 1, 1]
    assert fresh.changed(fresh.run(BACKUP, "-e", variables, recipients=[])) == [0, 0, 0, 0]
    (fresh.data_dirs[1].parent / "passphrase.txt").write_text("another one, longer\n")
    (fresh.data_dirs[2].parent / "passphrase.txt").write_text("short\n")
    (fresh.data_dirs[3].parent / "passphrase.txt").unlink()
    done = fresh.run(BACKUP, "-e", variables, recipients=[], attempt=playbook.attempt)
    counts = playbook.recap(done.stdout)
    assert [(each["changed"], each["failed"]) for _host, each in sorted(counts.items())] == [(0, 0), (1, 0), (0, 1), (0, 1)]
    told = " ".join(done.stdout.split())
    assert "holds a passphrase of 5 characters" in told and "short" not in told.replace("shorter", "")
    encrypted = [path.read_bytes() for path in fresh.files(2, "*.age")[1]]
    opened = 0
    for passphrase in ("correct horse battery", "another one, longer"):
        for content in encrypted:
            try:
                opened += bool(pyrage.passphrase.decrypt(content, passphrase))
            except pyrage.DecryptError:
                continue
    assert opened == len(encrypted) == 2
    both = fresh.run(BACKUP, "-e", variables, attempt=playbook.attempt)
    assert "there are recipients, and a passphrase" in both.stdout


def test_a_node_cannot_write_elsewhere_on_the_control_node(made):
    """A node that answers as it likes: the key in clear, another path, another file."""
    (encrypted,) = made.files(1, "*.age")[0]
    for name, text in ((encrypted.name, "ab" * 32), ("../" + encrypted.name, encrypted.read_text()), ("authorized_keys", "{}")):
        with pytest.raises(errors.DvError, match="is no file of a backup"):
            copies.encrypted(name, text)
