# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The runs that are measured. Each gives figures: a mapping of texts to numbers, seconds and MB (10^6 bytes) among them.

========================  =============================================================================================
``wall``                  s, of an ``ansible-playbook`` from the command to its end, or of all nodes of charon at once
``cpu``                   s, of all processes, those of the nodes and of the control node; of charon without the relay
``nodes_cpu``             s, of the processes that stay on the nodes; over ssh, of all that is on them
``control_cpu``           s, of the control node: over ssh, where it can be told apart
``node_mb``               peak of the largest process that stays on a node, or of a node of charon
``control_mb``            peak of the largest process of the control node
``tasks``                 that each node went through
========================  =============================================================================================
"""

import json
import shutil

from ansible_collections.obol.dv.tests.bench.measure import Failed, Stopwatch, apart, cpu_below
from ansible_collections.obol.dv.tests.support import playbook
from ansible_collections.obol.dv.tests.support.netns_hosts import NetnsHosts

DEADLINE = 7200
#: Whom ssh logs in as, and becomes root from.
_USER = "dv"
_DATA_DIR = "/var/lib/charon/.charon"
_BEFORE_DKG = ["playbooks/%s.yml" % step for step in ("preflight", "demo", "enr", "definition")]


class Nodes:
    """A new cluster's nodes, with the operators made up.

    :param directory: for all of it, made
    :param validators: how many
    :param forks: nodes at once, if not as ansible.cfg has it
    """

    def __init__(self, directory, nodes, validators=1, forks=None):
        self._directory, self._nodes = directory, nodes
        self._arguments = ["-e", "dv_num_validators=%d" % validators, *(["--forks", str(forks)] if forks else [])]
        self._inventory = playbook.inventory_of(directory, nodes)
        # Where the processes that stay put their sockets: whoever is ended does not take its own away.
        (directory / "tmp").mkdir()
        self._environment = {"TMPDIR": str(directory / "tmp")}

    @property
    def data_dirs(self):
        """The data directories, in the order of the nodes."""
        return playbook.data_dirs(self._directory, self._nodes)

    def run(self, *playbooks):
        """Run playbooks of the clone, one after the other: their figures, and what they printed."""
        with Stopwatch() as stopwatch:
            printed = self._run(playbooks)
        figures = {"wall": stopwatch.wall, "cpu": stopwatch.cpu, "nodes_cpu": stopwatch.left_cpu, "node_mb": stopwatch.left_rss / 1e6}
        return figures, printed

    def _run(self, playbooks):
        options = {"inventory": self._inventory, "environment": self._environment, "deadline": DEADLINE}
        return playbook.run(playbooks, self._directory, *self._arguments, **options)


class SshNodes(Nodes):
    """The same over ssh, with become, on the test hosts ``hosts``."""

    def __init__(self, directory, hosts, validators=1):
        super().__init__(directory, len(hosts.names), validators)
        self._hosts = hosts
        for name in hosts.names:
            hosts.path(name, "/etc/sudoers.d/%s" % _USER).write_text("%s ALL = (root) NOPASSWD: ALL\n" % _USER)
        # Extra variables outrank those of inventories/local.
        variables = {"ansible_pipelining": True, "ansible_become": True, "dv_data_dir": _DATA_DIR}
        self._arguments += ["-i", hosts.inventory, "-e", json.dumps(variables)]

    @property
    def data_dirs(self):
        return [self._hosts.path(name, _DATA_DIR) for name in self._hosts.names]

    def run(self, *playbooks):
        before = self._cpu_of_hosts()
        with Stopwatch() as stopwatch:
            printed = self._run(playbooks)
        nodes_cpu = self._cpu_of_hosts() - before
        figures = {"wall": stopwatch.wall, "cpu": stopwatch.cpu + nodes_cpu, "nodes_cpu": nodes_cpu}
        return {**figures, "control_cpu": stopwatch.cpu, "control_mb": stopwatch.rss / 1e6}, printed

    def _cpu_of_hosts(self):
        return sum(cpu_below(self._hosts.inside(name, "/proc")) for name in self._hosts.names)


def hosts(directory, nodes):
    """That many test hosts, up in a ``with``."""
    return NetnsHosts(directory / "hosts", ["node%d" % number for number in range(1, nodes + 1)], user=_USER)


def create_cluster(directory):
    """The main job on 4 nodes of this machine, from nothing, and once more with nothing to do: ``{"first": ..., "second": ...}``."""
    nodes = Nodes(directory, 4)
    return {time: apart(nodes.run, "create-cluster.yml")[0] for time in ("first", "second")}


def dkg(nodes):
    """Our DKG play, for ``nodes`` (:class:`Nodes`), after the definition is there."""
    apart(nodes.run, *_BEFORE_DKG)
    figures, _printed = apart(nodes.run, "playbooks/dkg.yml")
    _check_locks(nodes.data_dirs)
    return figures


def fleet(nodes):
    """The main job over ``nodes`` (:class:`SshNodes`), the second time: with nothing to do."""
    apart(nodes.run, "create-cluster.yml")
    figures, printed = apart(nodes.run, "create-cluster.yml")
    return {**figures, "tasks": max(counts["ok"] for counts in playbook.recap(printed).values())}


def charon_dkg(charon, directory, made):
    """``charon dkg`` (of a :class:`.stock_charon.Charon`) in ``directory``, with the definition and the node keys of ``made``."""
    data_dirs = [directory / one.parent.name for one in made]
    for data_dir, ours in zip(data_dirs, made):
        data_dir.mkdir(parents=True)
        shutil.copy(ours / "charon-enr-private-key", data_dir)
    figures = apart(_run_charon, charon, data_dirs, made[0] / "cluster-definition.json")
    _check_locks(data_dirs)
    return figures


def _run_charon(charon, data_dirs, definition):
    with charon.relay() as relay, Stopwatch() as stopwatch:
        charon.dkg(data_dirs, definition, relay, deadline=DEADLINE)
    return {"wall": stopwatch.wall, "cpu": stopwatch.cpu, "node_mb": stopwatch.rss / 1e6}


def _check_locks(data_dirs):
    """Refuse to compare what is not there.

    :raises Failed: the data directories have not all the same lock
    """
    locks = {(data_dir / "cluster-lock.json").read_bytes() for data_dir in data_dirs}
    if len(locks) != 1:
        raise Failed("the nodes have %d different locks: nothing to compare" % len(locks))
