# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two runs over the same nodes at once: one goes on and the other says why it does not, or both do the same; nothing is lost
and nothing is said twice."""

import fcntl
import os
import re
import signal
from functools import partial

import pytest
from ansible_collections.obol.dv.tests.support import playbook, strace
from ansible_collections.obol.dv.tests.support.ceremony_group import PLACES, STEPS, CeremonyGroup, name_of_place
from ansible_collections.obol.dv.tests.support.inventory import OperatorGroup

MAIN = ["create-cluster.yml"]
HELD = "ceremony/lock is held by another run on this node"
#: What the slower of two runs may say: the other one is at it, or has done it.
LATE = re.compile(r"%s|exists already|there is a wallet at \S+ already" % HELD)


def is_held(data_dir):
    """Whether a run holds the lock of a node."""
    path = data_dir / "ceremony" / "lock"
    if not path.exists():
        return False
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def overlap(cluster, place, call, log):
    """Run the step at ``place``, and while it stands still after ``call`` once more; then what follows. Whether the second
    run was refused."""
    name, node = STEPS[place]
    first = cluster.start(name, node, strace.inject(log, call, "signal=STOP"))
    process = strace.stopped(log, first)
    try:
        held, kept = is_held(cluster.data_dirs[node - 1]), cluster.artefacts(node)
        second = cluster.run(name, node)
        if second.failed:
            assert held and second.msg.count(HELD) == 1, second.msg
            assert cluster.artefacts(node) == kept
    finally:
        os.kill(process, signal.SIGCONT)
    done = cluster.end(first)
    assert not done.failed or not second.failed and LATE.search(done.msg), done.msg
    kept = cluster.artefacts(node)
    cluster.finish(STEPS[place:])
    cluster.check_complete()
    cluster.check_kept(node, kept)
    return second.failed


@pytest.mark.parametrize("place", PLACES, ids=name_of_place)
def test_one_node(place, before, tmp_path, every_fault, needs_strace, try_points):
    found = before(place).copy(tmp_path / "recorded").changes(place, tmp_path / "log")
    refused = []

    def try_point(call):
        log = tmp_path / "log"
        log.unlink()
        refused.append(overlap(before(place).copy(tmp_path / "cluster"), place, call, log))

    try_points("twice at once", found, try_point, seed=place)
    # Wallets are made without the lock.
    assert any(refused) or not found or not every_fault or STEPS[place][0] in ("wallet", "demo_operator")


#: What two control nodes have in common beside the nodes: the name of the store of each.
STORES = {"nothing": ("store1", "store2"), "a store": ("store", "store")}


def together(group, stores):
    """The main job from two control nodes at once, each with an ``ANSIBLE_HOME`` and one of the ``stores``; how each run ended,
    what it printed, and a function that runs it again."""
    runs = []
    for number, store in enumerate(stores, 1):
        control = group.directory / ("control%d" % number)
        control.mkdir()
        inventory = group.write_inventory(control, dv_store=str(group.directory / store))
        options = dict(inventory=inventory, environment={"ANSIBLE_HOME": str(control / "ansible")})
        printed = control / "printed"
        with printed.open("w") as output:
            process = playbook.start(MAIN, group.directory, stdout=output, stderr=output, **options)
        runs.append((process, printed, partial(playbook.run, MAIN, group.directory, **options)))
    return [(process.wait(timeout=900), printed.read_text(), again) for process, printed, again in runs]


def check_two_control_nodes(directory, stores):
    """Each run ends by itself, and says of each node why it did not go on there; after one more run of each the cluster is
    complete wherever one looks."""
    group = OperatorGroup(directory)
    runs = together(group, stores)
    for code, printed, _again in runs:
        reasons = re.findall(r"^\[ERROR\]: Task failed: (?:Action|Module) failed: (.*)", printed, re.MULTILINE)
        assert code == (2 if reasons else 0), printed
        assert [reason for reason in reasons if HELD not in reason] == [], printed
        assert not re.search("Traceback|MODULE FAILURE|unforeseen", printed), printed
    clusters = [CeremonyGroup(directory, store + "/tested") for store in stores]
    kept = [(cluster, cluster.inbox(("",))) for cluster in clusters]
    files = [clusters[0].artefacts(node) for node in range(1, 5)]
    for _code, _printed, again in runs:
        assert "Cluster tested on hoodi is complete" in again()
    for cluster, texts in kept:
        cluster.check_complete()
        assert texts.items() <= cluster.inbox(("",)).items()
    for node, found in enumerate(files, 1):
        clusters[0].check_kept(node, found)


def test_two_control_nodes(tmp_path, every_fault, record_property):
    common = STORES if every_fault else ["nothing"]
    for number, name in enumerate(common):
        check_two_control_nodes(tmp_path / str(number), STORES[name])
    for name, value in dict(kind="two control nodes at once", tried=len(common), lost=0).items():
        record_property(name, value)
