# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies of inventories/local: where the keys land, one beside the other, and deleted again."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest
import yaml
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible.vars.manager import VariableManager
from ansible_collections.obol.dv.tests.support import playbook

KEYS = playbook.ROOT / "playbooks" / "enr.yml"

#: Where the inventory is, below a directory, and where its nodes are; the name of its cluster for people.
PLACES = {
    "clone/inventories/local": ("clone/local", "local"),
    "clone/inventories/second": ("clone/inventories/second-nodes", "second"),
    "local": ("local-nodes", "local"),
    "a/b/c/inventories/localnet": ("a/b/c/inventories/localnet-nodes", "localnet"),
    "with a blank/mine": ("with a blank/mine-nodes", "mine"),
}


def variables(inventory, *names):
    """What Ansible makes of variables of node1."""
    loader = DataLoader()
    sources = InventoryManager(loader=loader, sources=[str(inventory)])
    found = VariableManager(loader=loader, inventory=sources).get_vars(host=sources.get_host("node1"))
    templar = Templar(loader=loader, variables=found)
    return [templar.template(trust_as_template("{{ %s }}" % name)) for name in names]


@pytest.fixture
def top():
    """A directory directly below one of the root's, two levels below the root of the file system as /srv/mine."""
    with tempfile.TemporaryDirectory(prefix="obol-dv-", dir="/tmp") as directory:
        yield pathlib.Path(directory)


@pytest.mark.parametrize("place", PLACES)
def test_where_the_keys_land(place, tmp_path):
    inventory = shutil.copytree(playbook.LOCAL, tmp_path / place)
    nodes, name = PLACES[place]
    below = ["%s/%s" % (tmp_path / nodes, each) for each in ("node1/.charon", "store", "backups")]
    for source in (inventory, inventory / "hosts.yml"):
        assert variables(source, "dv_data_dir", "dv_store", "dv_backup_dest", "dv_name") == [*below, name]


def test_two_levels_below_the_root_of_the_file_system(top):
    shutil.copytree(playbook.LOCAL, top, dirs_exist_ok=True)
    assert variables(top, "dv_data_dir", "dv_store") == ["%s-nodes/node1/.charon" % top, "%s-nodes/store" % top]


def run(*command):
    """Run a command of a user in the clone: the process that has ended, and what it said in one line."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "MAKE"))}
    options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 600}
    command, environment = list(map(str, command)), {**clean, "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(command, cwd=playbook.ROOT, env=environment, check=False, **options)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def clean(inventory, *more):
    return run("make", "-o", ".venv/.made-control", "clean-cluster", "ARGS=-i %s" % inventory, *more)


def test_two_beside_each_other_and_one_deleted(top, tree):
    """As far as the keys. Nothing is deleted unless it is meant, and nothing else then."""
    inventories = [shutil.copytree(playbook.LOCAL, top / name) for name in ("first", "second")]
    for inventory in inventories:
        hosts = inventory / "hosts.yml"
        hosts.write_text(hosts.read_text().replace("node[1:4]", "node[1:3]"))
        status, told = run(sys.executable, "-m", "ansible", "playbook", "-i", inventory, KEYS)
        assert status == 0, told
    first, second = (top / ("%s-nodes" % name) for name in ("first", "second"))
    assert {path.name for path in top.iterdir()} == {"first", "second", "first-nodes", "second-nodes"}
    keys = [
        (nodes / name / ".charon" / "charon-enr-private-key").read_bytes()
        for nodes in (first, second)
        for name in ("node1", "node2", "node3")
    ]
    assert len(set(keys)) == 6

    (second / "store" / "local").mkdir(parents=True, exist_ok=True)
    foreign = [second / "notes.txt", second / "store" / "other" / "file", second / "node4" / ".charon" / "file"]
    for path in foreign:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    before = tree(top)
    for given in ((), ("CONFIRM=no",)):
        status, told = clean(inventories[1], *given)
        assert status != 0 and "%s holds the keys of the local nodes. To delete them: make clean-cluster CONFIRM=yes" % second in told
    assert tree(top) == before

    status, told = clean(inventories[1], "CONFIRM=yes")
    assert status == 0 and "%s stays: it holds more than these nodes" % second in told
    assert all(path.exists() for path in foreign)
    assert {path.name for path in second.iterdir()} == {"notes.txt", "store", "node4"}
    assert not (second / "store" / "local").exists()
    assert {name: entry for name, entry in tree(top).items() if name.startswith("first")} == {
        name: entry for name, entry in before.items() if name.startswith("first")
    }

    assert clean(inventories[0], "CONFIRM=yes")[0] == 0
    assert not first.exists()
    assert clean(inventories[0])[0] == 0


REFUSED = {
    "a real cluster beside": ("prod1", "real", {"dv_demo": False}),
    "a node elsewhere": ("../precious", "local", {}),
    "a node called as the store": ("store", "local", {}),
    "no name of a cluster": ("node9", "real", {"dv_cluster": ""}),
    "another connection": ("node9", "real", {"ansible_connection": "ssh"}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_nothing_but_local_nodes_is_ever_deleted(top, tree, case):
    """One node that is none is enough, wherever it stands in the inventory."""
    name, group, variables = REFUSED[case]
    inventory = shutil.copytree(playbook.LOCAL, top / "inventory")
    common = yaml.safe_load((inventory / "group_vars" / "local.yml").read_text())
    hosts = yaml.safe_load((inventory / "hosts.yml").read_text())["dv_nodes"]["children"]
    hosts.setdefault(group, {"hosts": {}})["hosts"][name] = {**common, "dv_cluster": group, **variables}
    (inventory / "hosts.yml").write_text(yaml.safe_dump({"dv_nodes": {"children": hosts}}))
    for kept in ("precious", "inventory-nodes/store/local", "inventory-nodes/node1/.charon", "inventory-nodes/%s/.charon" % name):
        (top / kept).mkdir(parents=True, exist_ok=True)
    before = tree(top)
    status, told = clean(inventory, "CONFIRM=yes")
    assert status != 0 and "this is no local node; wanted: " in told
    assert tree(top) == before


def test_what_is_no_nodes_stays(top):
    """Only what a run makes is deleted, not a directory that happens to have a node's name."""
    inventory = shutil.copytree(playbook.LOCAL, top / "etc")
    mine = top / "etc-nodes" / "node1" / "mine"
    mine.mkdir(parents=True)
    (mine.parent / ".charon").mkdir()
    assert clean(inventory, "CONFIRM=yes")[0] == 0
    assert [path.name for path in mine.parent.iterdir()] == ["mine"]
