# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""However a user has Ansible run plays, ours hold; and a program can read what they tell."""

import json

import pytest
import yaml
from ansible_collections.obol.dv.tests.support import playbook, status_schema
from ansible_collections.obol.dv.tests.support.inventory import DEAD, OperatorGroup

ROLES = ("preflight", "enr", "wallet", "definition")


def definitions(group):
    return {(data_dir / "cluster-definition.json").read_bytes() for data_dir in group.data_dirs}


def test_free_and_told_to_a_program(tmp_path):
    """Under another strategy than the one that nodes wait for each other with; standard output is one JSON for each playbook."""
    group = OperatorGroup(tmp_path / "group", 3)
    environment = {"ANSIBLE_STRATEGY": "free", "ANSIBLE_STDOUT_CALLBACK": "obol.dv.summary_only"}
    names = ("preflight", "enr", "definition")
    done = playbook.attempt(
        ["playbooks/%s.yml" % name for name in names],
        group.directory,
        "-e",
        "dv_status_format=json",
        inventory=group.write_inventory(),
        environment=environment,
    )
    assert done.returncode == 0 and "PLAY RECAP" in done.stderr, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == len(names) and len(definitions(group)) == 1
    for document in told:
        status_schema.check(document)
    clusters = [document["clusters"]["tested"] for document in told]
    nodes = [cluster["nodes"]["node1"] for cluster in clusters]
    assert [node["step"] for node in nodes] == ["enr", "proposal", "commit"]
    assert [cluster["terms"]["withdrawal_addresses"] for cluster in clusters] == [[DEAD]] * 3
    assert [bool(node["enr"]) for node in nodes] == [False, True, True]
    assert nodes[0]["config_hash"] is None and nodes[2]["config_hash"]


def test_one_node_after_the_other(tmp_path):
    """In a play of one's own: each does what it can; the second time, all is there."""
    group = OperatorGroup(tmp_path / "group", 3)
    own = tmp_path / "own.yml"
    plays = [{"hosts": "dv_nodes", "gather_facts": False, "serial": 1, "roles": ["obol.dv." + name for name in ROLES]}]
    own.write_text(yaml.safe_dump(plays * 2))
    playbook.run([own], group.directory, inventory=group.write_inventory())
    assert len(definitions(group)) == 1


@pytest.mark.parametrize("arguments", [("--tags", "none"), ("--skip-tags", "always", "--limit", "node1")])
def test_tags(tmp_path, arguments):
    done = playbook.attempt(["create-cluster.yml"], tmp_path, "--check", *arguments)
    assert done.returncode == 0 and "undefined" not in done.stdout + done.stderr, done.stdout
