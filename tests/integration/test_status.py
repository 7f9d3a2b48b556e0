# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every run ends on every node in one state, and the status playbook tells the same, whatever step the nodes are in."""

import json
import pathlib
import shlex
import shutil

import pytest
from ansible_collections.obol.dv.plugins.module_utils.crypto import jws
from ansible_collections.obol.dv.plugins.module_utils.data_dir import node_key
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.dkg.protocol import encoding
from ansible_collections.obol.dv.plugins.module_utils.encoding import base64url
from ansible_collections.obol.dv.tests.support import playbook, status_schema
from ansible_collections.obol.dv.tests.support.inventory import OperatorGroup

STATUS = ["playbooks/status.yml"]
DKG = ["playbooks/dkg.yml"]


class Told:
    """What a run told: ``printed``, its ``code``, and the ``nodes`` of its JSON by name."""

    def __init__(self, group, *arguments, playbooks=("create-cluster.yml",)):
        path = group.directory.parent / "status.json"
        path.unlink(missing_ok=True)
        done = group.attempt("-e", "dv_status_file=%s" % path, *arguments, playbooks=playbooks)
        self.printed, self.code = done.stdout, done.returncode
        assert "Traceback" not in done.stdout + done.stderr and "unforeseen" not in done.stdout, done.stdout + done.stderr
        assert path.exists(), done.stdout + done.stderr
        document = json.loads(path.read_text())
        status_schema.check(document)
        self.cluster = document["clusters"]["tested"]
        self.nodes = self.cluster["nodes"]

    def brief(self):
        """For each node: state, step, whom it waits for, whether it is its turn."""
        return {name: (node["state"], node["step"], tuple(node["waiting_for"]), node["ready"]) for name, node in self.nodes.items()}


def status(group, tree, *arguments):
    """The status of a group, that changes nothing."""
    group.write_inventory()
    before = tree(group.directory)
    told = Told(group, *arguments, playbooks=STATUS)
    assert told.code == 0, told.printed
    assert tree(group.directory) == before
    return told


def same(run, told, newer=()):
    """A run and the status after it tell the same of the nodes of the run, but for the name of the playbook.

    :param newer: the keys of what has come to the store since
    """
    for name, node in run.nodes.items():
        commands = [each.nodes[name]["command"] for each in (run, told)]
        assert [command is None for command in commands] in ([True, True], [False, False])
        but = dict.fromkeys(("command", *newer))
        assert {**node, **but} == {**told.nodes[name], **but}


def typed(group, command):
    """Run a command as it was printed."""
    words = shlex.split(command)
    assert words[0] == "ansible-playbook"
    inventory = words.index("-i") + 1
    assert (playbook.ROOT / words[inventory]).samefile(group.directory / "hosts.yml")
    return playbook.attempt([], group.directory, *words[1:], inventory=group.directory / "hosts.yml")


@pytest.fixture(scope="module")
def committed_group(tmp_path_factory):
    """Three operators in the DKG's first round: node1 has not begun. Not to be changed."""
    group = OperatorGroup(tmp_path_factory.mktemp("committed") / "group", 3)
    group.run(playbooks=["playbooks/%s.yml" % name for name in ("preflight", "enr", "definition")])
    group.run("--limit", "node2,node3", playbooks=DKG)
    return group


@pytest.fixture
def committed(committed_group, tmp_path):
    """A copy of it to change."""
    return committed_group.copy(tmp_path / "group")


def test_along_the_way(tmp_path, tree, check_complete):
    """From nothing to a complete cluster, some nodes at a time; in the end by the command that was told."""
    group = OperatorGroup(tmp_path / "group", 3)
    told = status(group, tree)
    assert told.brief() == dict.fromkeys(group.names, ("waiting", "enr", (), True))
    assert not group.store.parent.exists()

    run = Told(group, "--limit", "node1,node2")
    assert run.code == 0
    assert run.brief() == dict.fromkeys(("node1", "node2"), ("waiting", "approval", (3,), False))
    assert "Cluster tested is waiting on node1, node2" in run.printed and "3 (0x" in run.printed
    told = status(group, tree)
    same(run, told)
    assert told.brief()["node3"] == ("waiting", "enr", (), True)

    run = Told(group, "--limit", "node3")
    assert run.brief() == {"node3": ("waiting", "commit", (1, 2), False)}
    told = status(group, tree)
    same(run, told)
    assert {name: told.brief()[name] for name in ("node1", "node2")} == dict.fromkeys(
        ("node1", "node2"), ("waiting", "definition", (), True)
    )
    assert [operator["node"] for operator in told.cluster["operators"]] == group.names

    done = typed(group, told.nodes["node1"]["command"])
    assert "--limit node1" in told.nodes["node1"]["command"] and done.returncode == 0, done.stdout
    shutil.rmtree(group.store)
    told = status(group, tree, "--limit", "node3")
    assert told.brief() == {"node3": ("waiting", "commit", (1, 2), False)}

    run = Told(group)
    assert {state for state, *_rest in run.brief().values()} == {"complete"}
    check_complete(group.data_dirs)
    told = status(group, tree)
    same(run, told)
    assert {node["command"] for node in told.nodes.values()} == {None}
    printed = group.run("-e", "dv_status_format=json", playbooks=STATUS)
    (line,) = [line for line in printed.splitlines() if line.startswith("{")]
    assert json.loads(line)["clusters"]["tested"]["nodes"] == told.nodes


def test_aborted(committed, tree, check_complete):
    """An operator signs something wrong: all others say who, which check, where the evidence is, and how to begin anew."""
    path = next(committed.store.glob("dkg/*/1/commit/3.jws"))
    honest = path.read_text()
    header, payload = (json.loads(base64url.from_base64(part)) for part in honest.split(".")[:2])
    wrong = encoding.to_json(dict(payload, extra=1)).encode()
    path.write_text(jws.sign(node_key.read(DataDir(committed.data_dirs[2])), encoding.to_json(header).encode(), wrong))
    told = status(committed, tree)
    assert told.brief()["node2"][:2] == ("waiting", "commit")

    run = Told(committed, "--limit", "node2,node1", playbooks=DKG)
    assert run.code != 0 and "Cluster tested is aborted on node1, node2" in run.printed
    for name in ("node1", "node2"):
        node = run.nodes[name]
        assert (node["state"], node["step"], node["attempt"], node["next_attempt"]) == ("aborted", "commit", 1, 2)
        assert (node["accused"][0]["operator"], node["accused"][0]["check"]) == (3, "commit.form")
        assert pathlib.Path(node["evidence"]).exists()
    # Each has heard now that the other aborted too.
    # A run of the DKG alone has not looked for backups, and tells no ENR.
    same(run, status(committed, tree), newer=("detail", "accused", "enr", "backup"))
    (command,) = [line.strip() for line in run.printed.splitlines() if line.startswith("    ansible-playbook")]
    assert "playbooks/dkg.yml" in command and "dv_dkg_attempt=2" in command and "--limit node2,node1" in command

    path.write_text(honest)
    committed.run("-e", "dv_dkg_attempt=2", playbooks=DKG)
    check_complete(committed.data_dirs)


@pytest.mark.parametrize("lost", ["seed", "all of the DKG"])
def test_stopped(lost, committed, tree):
    """A node that lost its state, or got an old copy of it back; while another one cannot be reached."""
    data_dir = committed.data_dirs[1]
    (attempt,) = data_dir.glob("ceremony/*/1")
    if lost == "seed":
        (attempt / "seed").unlink()
    else:
        shutil.rmtree(attempt.parent)
    committed.hosts["node1"].update(ansible_connection="ssh", ansible_host="127.0.0.1", ansible_port=1)
    told = status(committed, tree)
    assert told.brief()["node2"] == ("stopped", None, (), False)
    assert told.nodes["node1"]["state"] == "unknown" and "reached" in told.nodes["node1"]["detail"]
    assert told.nodes["node3"]["state"] == "waiting"

    run = Told(committed, playbooks=DKG)
    assert run.code != 0 and "stopped on node2" in run.printed
    assert run.brief()["node2"] == ("stopped", None, (), False) and run.nodes["node1"]["state"] == "unknown"
    assert "its operator puts the newest one back and runs again" in run.printed
    assert run.nodes["node2"]["next_attempt"] == 2 and "dv_dkg_attempt=2" in run.nodes["node2"]["command"]
    told = status(committed, tree)
    assert told.nodes["node2"]["detail"] == run.nodes["node2"]["detail"]


def test_what_the_preflight_refuses(committed, tree):
    """Nothing is done, and the states are told all the same."""
    committed.write_inventory()
    before = tree(committed.directory)
    run = Told(committed, "-e", "dv_num_validators=2")
    assert run.code != 0 and "dv_num_validators: the definition has 1" in run.printed
    # It is nobody's turn before that is put right.
    assert run.brief() == dict.fromkeys(("node1", "node2", "node3"), ("waiting", "commit", (), False))
    assert all("dv_num_validators: the definition has 1" in node["detail"] for node in run.nodes.values())
    assert tree(committed.directory) == before


def test_what_is_in_the_way(tmp_path):
    """Where a step fails, the node waits for its own operator, who is told why."""
    group = OperatorGroup(tmp_path / "group", 3)
    (group.store / "approvals").mkdir(parents=True)
    (group.store / "approvals" / "3.json").write_text("{}")
    run = Told(group, "--limit", "node1,node2")
    assert run.code != 0
    assert run.brief() == dict.fromkeys(("node1", "node2"), ("waiting", "definition", (), False))
    cause = "operator 3, or whoever carried it, approval"
    assert cause in run.nodes["node1"]["detail"] and cause in run.printed
