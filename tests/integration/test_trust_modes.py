# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Operators who are never online together: control nodes of their own and a store that they share, or bundles on a stick."""

import os
import subprocess
import sys

import pytest
from ansible_collections.obol.dv.tests.support import playbook
from ansible_collections.obol.dv.tests.support.inventory import OperatorGroup
from ansible_collections.obol.dv.tests.support.playbook import ROOT

SITE = "- name: Go on\n  ansible.builtin.import_playbook: obol.dv.create_cluster\n"


class Party:
    """One operator with a control node of its own, whose inventory knows its own node alone."""

    #: What its runs run within.
    WITHIN = ()

    def __init__(self, group, *names, **variables):
        self.name, self.group = names[0], group
        self.control = group.directory / (self.name + "-control")
        self.control.mkdir()
        self.environment = {"ANSIBLE_HOME": str(self.control / "ansible")}
        self.inventory = group.write_inventory(self.control, names, **variables)
        self.data_dir = group.data_dirs[group.names.index(self.name)]

    @property
    def complete(self):
        """Whether its node has everything."""
        return (self.data_dir / "cluster-lock.json").exists()

    def run(self, path="create-cluster.yml", *arguments):
        """Run a playbook: what it printed."""
        options = {"inventory": self.inventory, "environment": self.environment, "within": self.WITHIN}
        return playbook.run([path], self.group.directory, *arguments, **options)

    go_on = run


class Pulling(Party):
    """One that has no control node: its node pulls its inventory from a repository of the operator's, as a timer would have it."""

    def __init__(self, group, name, **variables):
        super().__init__(group, name, **variables)
        (self.control / "site.yml").write_text(SITE)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("add", "hosts.yml", "site.yml")
        self.git("-c", "user.name=x", "-c", "user.email=x@localhost", "commit", "--quiet", "--message=My node")

    def git(self, *arguments):
        subprocess.run(["git", "-C", str(self.control), *arguments], check=True)

    def go_on(self):
        """What the timer does."""
        command = [os.path.join(os.path.dirname(sys.executable), "ansible-pull"), "--url", "file://%s" % self.control]
        command += ["--checkout", "main", "--directory", str(self.group.directory / (self.name + "-pulled"))]
        command += ["--inventory", "hosts.yml", "--limit", self.name, "site.yml"]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        path = os.pathsep.join([os.path.dirname(sys.executable), clean["PATH"]])
        more = {"ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"), "ANSIBLE_NOCOLOR": "1", "PATH": path}
        environment = {**clean, **self.environment, **more}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


class Fleet(Party):
    """Several with one control node, which keeps the stick in step with its store."""

    def go_on(self):
        """What its operator does whenever the stick is there."""
        self.run("playbooks/import.yml")
        printed = self.run()
        self.run("playbooks/export.yml")
        return printed


class AirGapped(Fleet):
    """One whose machine has no network at all: what it says and hears is on a stick."""

    WITHIN = ("unshare", "--net")


def until_complete(parties):
    """Each party in turn, until all are complete; every run until then says that it waits."""
    for _turn in range(12):
        for party in parties:
            if not party.complete:
                printed = party.go_on()
                assert party.complete or "waiting" in printed, printed
        if all(party.complete for party in parties):
            return
    raise AssertionError("no end in sight")


def test_sovereign(tmp_path, check_complete):
    """Three operators, three control nodes, one of them a timer on the node itself, and a git repository."""
    repository = tmp_path / "ceremonies.git"
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", repository], check=True)
    group = OperatorGroup(tmp_path / "group", 3)
    kinds = dict(zip(group.names, (Party, Party, Pulling)))
    parties = [kind(group, name, dv_store="git+file://%s" % repository) for name, kind in kinds.items()]
    # One is there before the creator: it has nothing to sign yet, and says so.
    assert "waiting" in parties[1].go_on()
    until_complete(parties)
    check_complete(group.data_dirs)
    again = parties[0].run()
    assert playbook.recap(again)["node1"]["changed"] == 0
    assert "Cluster tested on hoodi is complete" in again
    log = subprocess.run(["git", "-C", repository, "log", "--format=%B"], capture_output=True, text=True, check=True).stdout
    for message in ("tested: proposal\n", "tested: approval of operator 2\n", "deal of operator 3, attempt 1"):
        assert message in log


def test_air_gapped(tmp_path, check_complete):
    """Two operators in a fleet, one whose machine has no network, and a stick that goes back and forth."""
    if os.geteuid() != 0:
        pytest.skip("taking the network away needs root")
    group, stick = OperatorGroup(tmp_path / "group", 3), tmp_path / "stick"
    stick.mkdir()
    fleet = Fleet(group, "node1", "node2", dv_bundle_dir=str(stick))
    away = AirGapped(group, "node3", dv_bundle_dir=str(stick), dv_store=str(tmp_path / "store"))
    until_complete([fleet, away])
    check_complete(group.data_dirs)
