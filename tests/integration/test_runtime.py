# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Python of a node, made on hosts that reach nothing but what is carried to them."""

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time

import pytest
from ansible_collections.obol.dv.tests.support import playbook

RUNTIME = ("playbooks/runtime.yml",)
HERE = "%d.%d" % sys.version_info[:2]
#: The Python that .venv was made from: the hosts see it as well.
PYTHON = os.path.join(sys.base_prefix, "bin", "python" + HERE)

#: Of roles/runtime/files/install.py.
LOCK = ".obol-dv.lock"

#: A Python of another version, as far as one can tell from within.
OLD_PYTHON = (
    """#!/bin/sh
exec %s -c 'import sys; sys.version_info = (3, 10); sys.argv = sys.argv[3:]; exec(sys.argv[0])' "$@"
"""
    % PYTHON
)


@pytest.fixture(scope="module")
def wheelhouse(tmp_path_factory):
    """A directory with all wheels for this machine, as a user makes it."""
    path = tmp_path_factory.mktemp("wheelhouse")
    given = {"WHEELHOUSE": path, "NODE_PYTHON": HERE, "NODE_MACHINE": platform.machine()}
    command = ["make", "wheelhouse", *("%s=%s" % each for each in given.items())]
    subprocess.run(command, cwd=playbook.ROOT, stdin=subprocess.DEVNULL, check=True, timeout=600)
    return path


class Nodes:
    """Hosts as nodes without any Python packages: root on node1, a user without rights on node2."""

    def __init__(self, hosts):
        self.hosts = hosts
        self.own = hosts.directory.with_name(hosts.directory.name + "-inventory.json")
        self.directories = {"node1": "/opt/obol-dv", "node2": "/home/dv/obol-dv"}
        #: More names of node1.
        self.twins = []
        self.write_inventory()

    def write_inventory(self, **variables):
        hosts = {"node1": {"ansible_user": "root"}, "node2": {"dv_runtime_dir": self.directories["node2"]}}
        hosts |= {twin: {**self.hosts.hosts["node1"], "ansible_user": "root"} for twin in self.twins}
        variables = {"dv_runtime_python": PYTHON, "dv_runtime_dir": self.directories["node1"], **variables}
        self.own.write_text(json.dumps({"dv_nodes": {"hosts": hosts, "vars": variables}}))

    def attempt(self, *arguments, playbooks=RUNTIME):
        sources = ["-i", str(self.own)]
        return playbook.attempt(playbooks, self.hosts.directory, *sources, *arguments, inventory=self.hosts.inventory)

    def run(self, *arguments, **options):
        done = self.attempt(*arguments, **options)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout

    def path(self, name):
        return self.hosts.path(name, self.directories[name])


@pytest.fixture
def nodes(netns_hosts):
    with netns_hosts("node1", "node2", user="dv") as hosts:
        yield Nodes(hosts)


def changed(printed):
    return {name: counts["changed"] > 0 for name, counts in playbook.recap(printed).items()}


def refused(done):
    """The text that a run has failed with on node1, as one line; nothing else has failed there."""
    assert done.returncode != 0 and "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    assert done.stdout.count("fatal: [node1]") == 1, done.stdout
    return " ".join(done.stdout.partition("fatal: [node1]")[2].partition("PLAY RECAP")[0].split())


def test_from_a_wheelhouse_without_any_network(nodes, wheelhouse):
    arguments = ("-e", "dv_runtime_wheelhouse=%s" % wheelhouse)
    planned = nodes.run("--check", *arguments)
    assert changed(planned) == {"node1": True, "node2": True}
    assert planned.count("- cryptography==") == 2
    assert not any(nodes.path(name).exists() for name in nodes.directories)

    nodes.run(*arguments)
    for again in ((), ("--check",)):
        assert changed(nodes.run(*arguments, *again)) == {"node1": False, "node2": False}
    assert list(nodes.hosts.path("node1", "/tmp").glob("*.obol-dv")) == []
    assert nodes.hosts.run("node2", ["stat", "-c", "%U", nodes.directories["node2"]]).stdout == "dv\n"

    # A node works with it, and with it alone.
    data_dir = "{{ dv_runtime_dir }}-data/.charon"
    nodes.write_inventory(ansible_python_interpreter="{{ dv_runtime_dir }}/bin/python", dv_cluster="tested", dv_data_dir=data_dir)
    nodes.run(playbooks=["playbooks/enr.yml"])
    assert nodes.hosts.path("node2", "/home/dv/obol-dv-data/.charon/charon-enr-private-key").exists()

    # What broke is repaired, whatever the interpreter of the inventory is by then.
    packages = nodes.path("node1") / "lib" / ("python" + HERE) / "site-packages"
    (packages / next(packages.glob("cryptography-*")) / "RECORD").unlink()
    (nodes.path("node2") / "bin" / "python").unlink()
    repaired = nodes.run(*arguments)
    assert changed(repaired) == {"node1": True, "node2": True}
    assert repaired.count("- cryptography==") == 2 and repaired.count("- jsonschema==") == 1


def unreadable(directory):
    """What others than its owner cannot use below ``directory``; the lock is nobody else's."""
    places = [directory, *(place for place in directory.rglob("*") if not place.is_symlink() and place.name != LOCK)]
    return [place for place in places if place.stat().st_mode & 0o005 < (0o005 if place.is_dir() else 0o004)]


def test_names_of_one_machine_at_once_for_a_user_that_is_not_root(nodes, wheelhouse):
    """As in inventories/example, where a machine serves two clusters; root lets nobody read what it makes."""
    strict = nodes.hosts.path("node1", "/bin/strict-sh")
    strict.write_text('#!/bin/sh\numask 077\nexec /bin/sh "$@"\n')
    strict.chmod(0o755)
    nodes.hosts.run("node1", ["usermod", "--shell", "/bin/strict-sh", "root"])
    nodes.twins = ["south-node1", "east-node1"]
    nodes.write_inventory()
    arguments = ("--limit", "!node2", "-e", "dv_runtime_wheelhouse=%s" % wheelhouse)
    names = ["node1", *nodes.twins]
    usable = ["setpriv", "--reuid=dv", "--regid=dv", "--clear-groups", "/opt/obol-dv/bin/python", "-I", "-c", "import cryptography, yaml"]

    assert sorted(changed(nodes.run(*arguments)).values()) == [False, False, True]
    assert unreadable(nodes.path("node1")) == []
    nodes.hosts.run("node1", usable)
    assert changed(nodes.run(*arguments)) == dict.fromkeys(names, False)

    # One that was made so before.
    nodes.hosts.run("node1", ["chmod", "--recursive", "go=", "/opt/obol-dv"])
    assert sorted(changed(nodes.run(*arguments)).values()) == [False, False, True]
    nodes.hosts.run("node1", usable)


def installing(directory, sources):
    """A process of the role's on this machine, as another control node starts it; it leads its session."""
    role = playbook.ROOT / "roles" / "runtime" / "files"
    wanted = [line.split(" ")[0] for line in (sources / "requirements.txt").read_text().splitlines() if "==" in line]
    command = [PYTHON, "-I", "-c", (role / "install.py").read_text(), directory, sources, (role / "packages.py").read_text(), *wanted]
    return subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)


@pytest.mark.parametrize("kill", [os.kill, os.killpg], ids=["and pip goes on", "and pip with it"])
def test_an_installer_that_was_killed_while_others_wait(wheelhouse, tmp_path, kill):
    sources, directory = tmp_path / "sources", tmp_path / "made"
    sources.mkdir()
    shutil.copy(playbook.ROOT / "requirements-node.txt", sources / "requirements.txt")
    (sources / "wheelhouse").symlink_to(wheelhouse)
    first = installing(directory, sources)
    with first:
        others = [installing(directory, sources) for _number in range(2)]
        deadline = time.monotonic() + 300
        while not list(directory.glob("lib/*/site-packages/pip-*/RECORD")) and time.monotonic() < deadline:
            time.sleep(0.01)
        kill(first.pid, signal.SIGKILL)
    results = [json.loads(other.communicate(timeout=300)[0]) for other in others]
    assert all("error" not in result for result in results), results
    assert sum(result["changed"] for result in results) <= 1
    assert json.loads(installing(directory, sources).communicate(timeout=300)[0]) == {"changed": False}


def test_what_cannot_be_is_said_before_anything_is_made(nodes, wheelhouse, tmp_path):
    poor = shutil.copytree(wheelhouse, tmp_path / "poor")
    for wheel in poor.glob("wallycore-*"):
        wheel.unlink()
    only = ("--limit", "node1", "-e", "dv_runtime_wheelhouse=%s" % poor)

    old = nodes.hosts.path("node1", "/opt/old-python")
    old.write_text(OLD_PYTHON)
    old.chmod(0o755)
    text = refused(nodes.attempt(*only, "-e", "dv_runtime_python=/opt/old-python", "--check"))
    assert "/opt/old-python on this node is Python 3.10; wanted: 3.11 to 3.14" in text
    text = refused(nodes.attempt(*only, "-e", "dv_runtime_python=python4"))
    assert "python4 does not run on this node; wanted: Python 3.11 to 3.14" in text

    nowhere = nodes.hosts.path("node1", "/opt/file")
    nowhere.write_text("")
    text = refused(nodes.attempt(*only, "-e", "dv_runtime_dir=/opt/file/obol-dv"))
    assert "/opt/file/obol-dv cannot be made: " in text and "Not a directory" in text

    foreign = nodes.path("node1")
    (foreign / "data").mkdir(parents=True)
    assert "/opt/obol-dv holds something else" in refused(nodes.attempt(*only))
    # A project of somebody's, with a virtual environment in its own place.
    (foreign / "pyvenv.cfg").touch()
    assert "/opt/obol-dv holds something else" in refused(nodes.attempt(*only))
    shutil.rmtree(foreign)

    text = refused(nodes.attempt(*only))
    assert "wallycore" in text and "wanted: a wheel of each package" in text and "with make wheelhouse" in text
    assert list(nodes.hosts.path("node1", "/tmp").glob("*.obol-dv")) == []

    shutil.rmtree(nodes.path("node1"))
    shutil.rmtree(nodes.hosts.path("node1", os.path.join(sys.base_prefix, "lib", "python" + HERE, "ensurepip")))
    assert "cannot make virtual environments; wanted: its modules venv and ensurepip" in refused(nodes.attempt(*only))
    assert not nodes.path("node1").exists()


def test_from_the_index_that_the_nodes_are_configured_for(nodes, wheelhouse, tmp_path):
    """A small one within reach of the hosts; every file of another content is refused."""
    for wheel in wheelhouse.iterdir():
        folder = tmp_path / "simple" / wheel.name.partition("-")[0].replace("_", "-").lower()
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(wheel, folder)
    gateway = nodes.hosts.hosts["node1"]["ansible_host"].rpartition(".")[0] + ".254"
    for name in nodes.directories:
        nodes.hosts.path(name, "/etc/pip.conf").write_text(
            "[global]\nindex-url = http://%s:8000/simple\ntrusted-host = %s\n" % (gateway, gateway)
        )
    serve = [
        "setpriv",
        "--pdeathsig",
        "KILL",
        *nodes.hosts.network,
        sys.executable,
        "-m",
        "http.server",
        "8000",
        "--directory",
        str(tmp_path),
    ]
    with subprocess.Popen(serve, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            printed = nodes.run()
            assert changed(printed) == {"node1": True, "node2": True}
            (wheel,) = (tmp_path / "simple" / "attrs").iterdir()
            wheel.write_bytes(wheel.read_bytes() + b"\0")
            shutil.rmtree(nodes.path("node1"))
            text = refused(nodes.attempt("--limit", "node1"))
            assert "THESE PACKAGES DO NOT MATCH THE HASHES" in text and "let the node reach a package index" in text
        finally:
            server.kill()
