# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that is killed goes on when it is run again; nodes that come one at a time, in any order, get there too."""

import random
import shutil
import signal
import time

from ansible_collections.obol.dv.tests.support import playbook
from ansible_collections.obol.dv.tests.support.inventory import OperatorGroup

MAIN = ["create-cluster.yml"]
ATTEMPT = "node*/.charon/ceremony/*/1/"

#: The run is killed as soon as there is the first of these, in turn. The fault tests kill the modules everywhere else.
MARKS = (
    "node*/.charon/charon-enr-private-key",
    "node*/.charon/ceremony/approval.json",
    ATTEMPT + "out/deal.jws",
    ATTEMPT + "keys",
    "node*/.charon/cluster-lock.json",
)


def killed(directory, pattern):
    """Run the main job until there is something that matches ``pattern``, then kill all of it."""
    printed = directory.parent / "printed"
    with printed.open("w") as output, playbook.killed_on_exit(MAIN, directory, stdout=output, stderr=output) as process:
        while not any(directory.glob(pattern)):
            assert process.poll() is None, printed.read_text()
            time.sleep(0.005)
    assert process.returncode == -signal.SIGKILL


def test_killed_again_and_again(tmp_path, check_complete):
    """Killed at five steps, and the store lost in the middle: each run goes on from what the nodes hold."""
    directory = tmp_path / "nodes"
    for pattern in MARKS:
        killed(directory, pattern)
        if pattern.endswith("keys"):
            shutil.rmtree(directory / "store")
    playbook.run(MAIN, directory)
    check_complete(playbook.data_dirs(directory))
    again = playbook.recap(playbook.run(MAIN, directory))
    assert {counts["changed"] for counts in again.values()} == {0}


def test_one_node_at_a_time_in_any_order(tmp_path, check_complete):
    """As where each operator runs it at home: ``--limit`` of one node, over and over, the order left to chance. What has signed
    the approval is taken off the node."""
    group = OperatorGroup(tmp_path / "group", 3)
    chance, runs = random.Random(5), 0
    while not all((data_dir / "cluster-lock.json").exists() for data_dir in group.data_dirs):
        nodes = list(zip(group.names, group.data_dirs))
        chance.shuffle(nodes)
        for name, data_dir in nodes:
            # With its definition, a node needs the rest of the main job no more.
            path = "playbooks/dkg.yml" if (data_dir / "cluster-definition.json").exists() else MAIN[0]
            group.run("--limit", name, "--forks", "1", playbooks=[path])
            runs += 1
            if (data_dir / "ceremony" / "approval.json").exists():
                (data_dir.parent / "wallet.json").unlink(missing_ok=True)
        assert runs < 40, "no end in sight"
    check_complete(group.data_dirs)
    assert not list(group.directory.rglob("wallet.json"))
    again = group.run()
    assert {counts["changed"] for counts in playbook.recap(again).values()} == {0}
    assert "Cluster tested on hoodi is complete" in again
