# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What operators write into their inventories: other spellings, things left out, and what no node of theirs can do."""

import json

from ansible_collections.obol.dv.tests.support import playbook
from ansible_collections.obol.dv.tests.support.inventory import DEAD, OperatorGroup

UP_TO_DEFINITION = ["playbooks/%s.yml" % name for name in ("preflight", "enr", "definition")]


def definitions(group):
    return {(data_dir / "cluster-definition.json").read_bytes() for data_dir in group.data_dirs}


def test_an_address_in_lower_case_or_left_out(tmp_path):
    """The creator is known by the address, and where the inventory does not tell it by the wallet; so is everybody's place."""
    group = OperatorGroup(tmp_path / "lower", 3)
    for host in group.hosts.values():
        host["dv_operator_address"] = host["dv_operator_address"].lower()
    group.run(playbooks=UP_TO_DEFINITION)
    assert len(definitions(group)) == 1
    group = OperatorGroup(tmp_path / "left-out", 3)
    for host in group.hosts.values():
        del host["dv_operator_address"]
    group.run(playbooks=UP_TO_DEFINITION)
    assert len(definitions(group)) == 1


def test_a_creator_whom_no_node_has(tmp_path, check_refused):
    group = OperatorGroup(tmp_path / "group", 3, creator=DEAD)
    group.write_inventory()
    check_refused(group.directory, ["tested: none of its nodes is the creator's, %s; wanted" % DEAD], group.attempt)


def test_a_slip_is_refused_by_the_step_that_would_sign_it(tmp_path, tree):
    """Where the preflight did not run either."""
    group = OperatorGroup(tmp_path / "group", 3, network="mainnet")
    for name in group.names:
        group.write_policy(name, networks=["mainnet"])
    done = group.attempt(playbooks=["playbooks/enr.yml", "playbooks/definition.yml"])
    assert done.returncode != 0 and "dv_withdrawal_addresses[0] is %s, which is nobody's own" % DEAD in " ".join(done.stdout.split())
    assert not group.store.exists() and not any(list(data_dir.glob("ceremony/*.json")) for data_dir in group.data_dirs)


def test_the_creator_is_named_while_awaited(tmp_path):
    group = OperatorGroup(tmp_path / "group", 3)
    printed = " ".join(group.run("--limit", "node2").split())
    assert "the creator %s has to make the proposal" % group.variables["dv_operators"][0] in printed


def test_check_mode_on_a_new_node_that_finds_a_proposal(tmp_path, tree):
    group = OperatorGroup(tmp_path / "group", 3)
    group.run("--limit", "node1")
    before = tree(group.directory / "node2")
    printed = group.run("--limit", "node2,node3", "--check", "--diff")
    assert "Cluster tested is planned: nothing was written on node2, node3" in printed
    assert tree(group.directory / "node2") == before


def test_a_host_in_two_clusters_and_a_cluster_of_another_name(tmp_path, check_refused):
    group = OperatorGroup(tmp_path / "group", 3)
    inventory = group.write_inventory()
    clusters = json.loads(inventory.read_text())["dv_nodes"]["children"]
    clusters["other"] = {"vars": {"dv_cluster": "other", "dv_threshold": 2}, "hosts": dict.fromkeys(group.names[:2])}
    clusters["tested"]["hosts"]["node3"]["dv_cluster"] = "tset"
    inventory.write_text(json.dumps({"dv_nodes": {"children": clusters}}))
    texts = [
        "- node1: node1 is in several groups directly below dv_nodes: other, tested; wanted: one of them",
        "- node2: node2 is in several groups",
        "- node3: dv_cluster of node3 is tset; wanted: tested",
    ]
    check_refused(group.directory, texts, lambda: playbook.attempt(["create-cluster.yml"], group.directory, inventory=inventory))
