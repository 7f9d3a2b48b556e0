# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that would do nothing on nobody is no success: every playbook says so, in every way to come to it."""

import itertools
import os
import subprocess
import sys

import pytest
from ansible_collections.obol.dv.tests.support import playbook

INVENTORIES = {
    "slip.ini": "[dvnodes]\nalice\nbob\n",
    "empty.ini": "[dv_nodes]\n[others]\ncarol\n",
    "empty-cluster.ini": "[dv_nodes:children]\nnorth\n[north]\n[others]\ncarol\n",
    "nodes.ini": "[dv_nodes]\nalice\n[others]\ncarol\n",
}

#: Arguments, and how what was found and what there is are told.
WAYS = {
    "a slip of the pen": (["-i", "slip.ini"], "no hosts in the group dv_nodes", "slip.ini has the groups dvnodes and the hosts alice, bob"),
    "an empty group": (["-i", "empty.ini"], "no hosts in the group dv_nodes", "has the groups dv_nodes, others and the hosts carol"),
    "an empty cluster": (["-i", "empty-cluster.ini"], "no hosts in the group dv_nodes", "has the groups dv_nodes, north, others and"),
    "a list of hosts": (
        ["-i", "alice,bob,"],
        "no hosts in the group dv_nodes",
        "alice,bob, has the groups (none) and the hosts alice, bob",
    ),
    "no inventory": ([], "no hosts in the group dv_nodes", "has the groups (none) and the hosts (none)"),
    "a limit": (["-i", "nodes.ini", "--limit", "carol"], "--limit carol leaves no host of the group dv_nodes", "wanted: some of alice"),
}
#: All but the drill, which is for no node.
OF_NODES = {path.name for path in (playbook.ROOT / "playbooks").glob("*.yml")} - {"drill.yml"}
PLAYBOOKS = ["create-cluster.yml", *sorted("playbooks/" + name for name in OF_NODES)]


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A directory without an ansible.cfg, with inventories."""
    directory = tmp_path_factory.mktemp("elsewhere")
    for name, text in INVENTORIES.items():
        (directory / name).write_text(text)
    return directory


def attempt(path, directory, *arguments):
    """Run a playbook from another directory, where the collection is installed: what came of it, in one line."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", playbook.ROOT / path, *arguments],
        cwd=directory,
        env={**clean, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_COLLECTIONS_PATH": str(playbook.ROOT / "collections")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize("path, way", list(zip(PLAYBOOKS, itertools.cycle(WAYS))))
def test_nobody(path, way, elsewhere):
    arguments, found, there_is = WAYS[way]
    status, told = attempt(path, elsewhere, *arguments)
    assert status != 0
    assert told.count("[ERROR]") == 1 and told.count(found) == 1 and there_is in told, told
    assert "Traceback" not in told and "PLAY [" not in told


@pytest.mark.parametrize("given", [["--syntax-check"], ["-i", "nodes.ini", "--list-hosts"]], ids=["syntax", "hosts"])
def test_what_does_nothing_on_purpose(given, elsewhere):
    assert attempt("create-cluster.yml", elsewhere, *given)[0] == 0
