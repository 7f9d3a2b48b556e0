# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The recipes of docs/recovery.md: each trouble is brought about, the commands are run as they are written, and print what is
written below them. Those of docs/retiring.md too."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid

import pyrage
import pytest
from ansible_collections.obol.dv.plugins.module_utils.crypto import jws
from ansible_collections.obol.dv.plugins.module_utils.data_dir import layout, node_key
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.dkg.protocol import encoding
from ansible_collections.obol.dv.plugins.module_utils.encoding import base64url
from ansible_collections.obol.dv.tests.support import playbook
from ansible_collections.obol.dv.tests.support.inventory import OperatorGroup

PAGE, RETIRING = ((playbook.ROOT / "docs" / name).read_text() for name in ("recovery.md", "retiring.md"))


def recipes(page=PAGE):
    """Heading -> its blocks, each (where, commands, what they print)."""
    found = {}
    for section in re.split(r"^#+ ", page, flags=re.MULTILINE)[1:]:
        blocks = re.findall(r"```sh *(\w*)\n(.*?)```\n(?:\n```text\n(.*?)```)?", section, re.DOTALL)
        if blocks:
            found[section.partition("\n")[0]] = blocks
    return found


class Recipe:
    """A recipe that is followed, block by block.

    :param heading: its heading
    :param group: the operators
    :param control: the directory of the control node, if it is not the group's
    :param path: one more directory with programs
    :param page: the page that it is on
    """

    def __init__(self, heading, group, control=None, path="", page=PAGE):
        self.blocks, self.group, self.control = iter(recipes(page)[heading]), group, control
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        self.environment = {
            **clean,
            "ANSIBLE_COLLECTIONS_PATH": str(playbook.ROOT / "collections"),
            "ANSIBLE_HOME": str(group.directory / "ansible"),
            "ANSIBLE_NOCOLOR": "1",
            "PATH": os.pathsep.join([os.path.dirname(sys.executable), *filter(None, [str(path)]), clean["PATH"]]),
        }

    def start(self, commands, where="", **options):
        """The process of ``commands``, on the control node or in the directory of the node ``where``."""
        return subprocess.Popen(
            ["bash", "-euc", commands],
            cwd=self.control or self.group.directory / where,
            env={**self.environment, **options.pop("environment", {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )

    def follow(self, fails=False):
        """Run the next block. It prints what is written below it, line by line in this order; ``...`` stands for anything."""
        where, commands, wanted = next(self.blocks)
        if not self.control:
            self.group.write_inventory()
        with self.start(commands, where) as process:
            printed = " ".join(process.communicate(timeout=300)[0].split())
        assert bool(process.returncode) == fails, printed
        assert "Traceback" not in printed and "unforeseen" not in printed, printed
        parts = [" ".join(part.split()) for line in wanted.splitlines() for part in line.split("...")]
        assert re.search(".*?".join(map(re.escape, parts)), printed), "%s\n\nwanted:\n%s" % (printed, wanted)

    def end(self):
        """It was the last block."""
        assert list(self.blocks) == []


ENR, DEFINITION, DKG = ["playbooks/enr.yml", "playbooks/backup.yml"], ["playbooks/definition.yml"], ["playbooks/dkg.yml"]

#: What was run, step by step, and on which nodes, until a group is as far as it is called.
STEPS = {
    "approving": ([*ENR, *DEFINITION], "alice,bob"),
    "defined": ([*ENR, *DEFINITION], "all"),
    "half committed": (DKG, "alice"),
    "committed": (DKG, "carol"),
    "dealing": (DKG, "bob"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Step -> three operators who are as far as that. Not to be changed."""
    directory, identity = tmp_path_factory.mktemp("made"), pyrage.x25519.Identity.generate()
    group = OperatorGroup(
        directory / "begin",
        names=("alice", "bob", "carol"),
        cluster="my_cluster",
        inventory="inventory.yml",
        num_validators=1,
        backup_recipients=[str(identity.to_public())],
    )
    group.variables["ansible_pipelining"] = True
    (group.directory / "dv-backup-key.txt").write_text(str(identity))
    found = {}
    for step, (playbooks, nodes) in STEPS.items():
        group = found[step] = group.copy(directory / step)
        group.run("--limit", nodes, playbooks=playbooks)
    return found


@pytest.fixture
def group(made, tmp_path):
    """A function that gives a copy of the operators at a step, to change."""
    return lambda step: made[step].copy(tmp_path / "group")


def first_message(group, operator):
    """The path of an operator's first message in the store."""
    (path,) = group.store.glob("dkg/*/1/commit/%d.jws" % operator)
    return path


def test_every_recipe_is_followed():
    names = {"test_" + re.sub("[^a-z ]", "", heading.lower()).replace(" ", "_") for heading in recipes()}
    assert names <= globals().keys()


def test_a_run_was_cut_off(group, check_complete):
    cluster, mark = group("defined"), uuid.uuid4().hex
    recipe = Recipe("A run was cut off", cluster)
    cluster.write_inventory()
    command = "ansible-playbook obol.dv.create_cluster -i inventory.yml"
    with recipe.start(command, environment={"OBOL_DV_TEST": mark}) as process:
        while not any(cluster.directory.glob("*/.charon/ceremony/*/1/out/commit.jws")):
            assert process.poll() is None, process.stdout.read()
            time.sleep(0.005)
        playbook.kill_all(mark.encode())
    assert process.returncode == -signal.SIGKILL
    recipe.follow()
    recipe.follow()
    recipe.end()
    check_complete(cluster.data_dirs)


def test_a_node_is_away(group, check_complete):
    cluster = group("defined")
    recipe, here = Recipe("A node is away", cluster), dict(cluster.hosts["bob"])
    cluster.hosts["bob"].update(ansible_connection="ssh", ansible_host="127.0.0.1", ansible_port=1)
    recipe.follow(fails=True)
    recipe.follow()
    cluster.hosts["bob"] = here
    recipe.follow()
    recipe.end()
    check_complete(cluster.data_dirs)


def test_the_store_is_lost(group, check_complete):
    cluster = group("committed")
    recipe = Recipe("The store is lost", cluster)
    shutil.rmtree(cluster.directory / "store")
    recipe.follow()
    recipe.follow()
    recipe.end()
    check_complete(cluster.data_dirs)


def test_a_wrong_file_in_the_store(group, check_complete):
    """Somebody puts a file of carol's there under the name of bob's before bob's node comes to it."""
    cluster = group("committed")
    recipe, carols = Recipe("A wrong file in the store", cluster), first_message(cluster, 3)
    shutil.copy(carols, carols.with_name("2.jws"))
    recipe.follow(fails=True)
    recipe.follow()
    recipe.follow()
    recipe.end()
    check_complete(cluster.data_dirs)


def test_the_control_node_is_lost(group, tmp_path, check_complete):
    """All that is left are the nodes and the inventory."""
    cluster = group("committed")
    shutil.rmtree(cluster.directory / "store")
    shutil.rmtree(cluster.directory / "backups")
    new = tmp_path / "new"
    new.mkdir()
    inventory = cluster.write_inventory(new, dv_store=str(new / "store"))
    recipe = Recipe("The control node is lost", cluster, new)
    recipe.follow()
    recipe.end()
    check_complete(cluster.data_dirs)
    # As the run began, and of everything at its end.
    assert inventory.exists() and [len(list(new.glob("backups/my_cluster/%s/*.age" % name))) for name in cluster.names] == [2, 2, 2]


def test_a_nodes_disk_is_an_old_copy(group, made, check_complete):
    cluster = group("dealing")
    recipe, lost = Recipe("A node's disk is an old copy", cluster), cluster.data_dirs[1]
    shutil.rmtree(lost)
    shutil.copytree(made["defined"].data_dirs[1], lost)
    recipe.follow(fails=True)
    recipe.follow()
    recipe.follow()
    recipe.end()
    check_complete(cluster.data_dirs)


def test_one_key_on_two_hosts(group, made, tmp_path, check_complete):
    """The new host began where the old one was before the key generation, and did not see what that has sent since."""
    cluster = group("dealing")
    recipe, here, old_host = Recipe("One key on two hosts", cluster), cluster.data_dirs[1], tmp_path / "old-host"
    here.rename(old_host)
    shutil.copytree(made["defined"].data_dirs[1], here)
    cluster.run("--limit", "bob", "-e", "dv_store=%s" % (tmp_path / "elsewhere"), playbooks=DKG)
    recipe.follow(fails=True)
    recipe.follow()
    old_host.rename(here)
    recipe.follow()
    recipe.end()
    check_complete(cluster.data_dirs)


def test_restore_it_from_its_backup(group, check_complete):
    cluster = group("defined")
    recipe = Recipe("Restore it from its backup", cluster)
    (cluster.data_dirs[1] / layout.NODE_KEY).unlink()
    recipe.follow()
    # The rest of it too, while we are at it.
    shutil.rmtree(cluster.data_dirs[1])
    identity = pathlib.Path("/dev/shm/dv-backup-key.txt")
    shutil.copy(cluster.directory / "dv-backup-key.txt", identity)
    try:
        recipe.follow()
    finally:
        identity.unlink()
    recipe.follow()
    recipe.end()
    check_complete(cluster.data_dirs)


def test_there_is_no_backup(group):
    cluster = group("approving")
    recipe = Recipe("There is no backup", cluster)
    shutil.rmtree(cluster.data_dirs[1])
    recipe.follow(fails=True)
    recipe.end()


def test_somebody_aborted(group, check_complete):
    """carol's node has sent something that no node of ours would."""
    cluster = group("committed")
    recipe, path, carol = Recipe("Somebody aborted", cluster), first_message(cluster, 3), cluster.data_dirs[2]
    header, payload = (json.loads(base64url.from_base64(part)) for part in path.read_text().split(".")[:2])
    texts = [encoding.to_json(value).encode() for value in (header, dict(payload, extra=1))]
    for place in (path, *carol.glob("ceremony/*/1/out/commit.jws")):
        place.write_text(jws.sign(node_key.read(DataDir(carol)), *texts))
    recipe.follow(fails=True)
    recipe.follow()
    recipe.follow()
    recipe.end()
    check_complete(cluster.data_dirs)


def test_the_terms_were_wrong(group):
    cluster = group("committed")
    recipe = Recipe("The terms were wrong", cluster)
    cluster.variables["dv_num_validators"] = 2
    recipe.follow(fails=True)
    recipe.end()


def test_an_operator_drops_out(group):
    recipe = Recipe("An operator drops out", group("approving"))
    recipe.follow()
    recipe.end()


def test_begin_again(group, check_complete):
    """With other terms, and dave in carol's place."""
    cluster = group("committed")
    recipe = Recipe("Begin again", cluster)
    recipe.follow()
    recipe.follow()
    del cluster.hosts["carol"]
    cluster.names = ["alice", "bob", "dave"]
    cluster.hosts["dave"] = {"dv_operator_address": cluster.make_wallet("dave")}
    cluster.variables["dv_operators"] = [host["dv_operator_address"] for host in cluster.hosts.values()]
    for name in cluster.names:
        cluster.write_policy(name)
    cluster.variables["dv_num_validators"] = 2
    recipe.follow()
    recipe.end()
    check_complete(cluster.data_dirs)


def test_retiring(group):
    cluster = group("dealing")
    cluster.run(playbooks=DKG)
    kept = {path.relative_to(cluster.directory) for path in cluster.directory.glob("*/wallet*")}
    recipe = Recipe("Exit first", cluster, page=RETIRING)
    recipe.follow()
    recipe.end()
    recipe = Recipe("Delete afterwards", cluster, page=RETIRING)
    for _block in range(3):
        recipe.follow()
    recipe.end()
    left = {path.relative_to(cluster.directory) for name in ("alice", "bob", "carol") for path in (cluster.directory / name).iterdir()}
    assert kept and left == {path for path in left if path.name in ("wallet.json", "wallet-password.txt", "policy.yml")} >= kept
    assert not list(cluster.directory.glob("backups/my_cluster")) and not cluster.store.exists()
