# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The main job once more on a finished cluster, in earnest and in check mode; and in check mode where there is nothing yet."""

import pytest
from ansible_collections.obol.dv.tests.support import playbook

MAIN = ["create-cluster.yml"]


@pytest.mark.parametrize("arguments", [(), ("--check", "--diff")], ids=["in earnest", "check mode"])
def test_a_second_run_changes_nothing(our_cluster, check_complete, tree, arguments):
    directory = our_cluster[0].parents[1]
    check_complete(our_cluster)
    before = tree(directory)
    printed = playbook.run(MAIN, directory, *arguments)
    assert {host: counts["changed"] for host, counts in playbook.recap(printed).items()} == {"node%d" % number: 0 for number in range(1, 5)}
    assert tree(directory) == before
    assert "Cluster local on hoodi is complete" in printed


def test_check_mode_where_there_is_nothing(tmp_path):
    """It tells the plan, every step of it as a change on every node that takes it, and writes nothing at all."""
    directory = tmp_path / "machine"
    home = tmp_path / "home"
    home.mkdir()
    printed = playbook.run(MAIN, directory, "--check", "--diff", environment={"ANSIBLE_HOME": home / "ansible", "HOME": home})
    assert not directory.exists()
    plan = {
        "obol.dv.demo : Made-up operator": 4,
        "obol.dv.demo : Policy of the made-up operator": 4,
        "obol.dv.enr : ENR private key and ENR": 4,
        "obol.dv.definition : Proposal of the creator": 1,
        "obol.dv.definition : Approval of the operator": 4,
        "obol.dv.definition : Definition with all signatures": 4,
        "obol.dv.dkg : Round commit": 4,
    }
    tasks = {text.partition("]")[0]: text for text in printed.split("TASK [")[1:]}
    assert {name: tasks[name].count("changed: [") for name in plan} == plan
    assert "Cluster local is planned: nothing was written" in printed
