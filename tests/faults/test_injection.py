# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node's module killed at, or refused, each of the system calls that change the node's files; then run again.

The cluster has to become complete, with nothing lost and nothing said twice, whatever the interrupted run had written.
"""

import pytest
from ansible_collections.obol.dv.tests.support import strace
from ansible_collections.obol.dv.tests.support.ceremony_group import PLACES, STEPS, name_of_place

#: Fault -> the text that tells it, None where the process has no time to tell anything.
FAULTS = {"signal=KILL": None, "error=ENOSPC": "No space left on device", "error=EIO": "Input/output error"}


def interrupt(cluster, place, call, fault):
    """Run the step at ``place`` with a ``fault`` at a system call; again; and what follows it."""
    name, node = STEPS[place]
    log = cluster.directory / "log"
    done = cluster.run(name, node, strace.inject(log, call, fault))
    (met,) = [found for found in strace.read(log) if found.number == call.number]
    assert met.below(cluster.nodes[node - 1]) and not met.done, "another call was met: %s" % (met,)
    if FAULTS[fault] is None:
        assert done.killed
    elif done.failed:
        assert done.msg.count(FAULTS[fault]) == 1 and "unforeseen" not in done.msg, done.msg
    kept = [cluster.artefacts(each) for each in range(1, 5)]
    again = cluster.run(name, node)
    assert not again.failed, again.msg
    cluster.finish(STEPS[place + 1 :])
    cluster.check_complete()
    for number, files in enumerate(kept, 1):
        cluster.check_kept(number, files)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("place", PLACES, ids=name_of_place)
def test_interrupted(place, fault, before, tmp_path, needs_strace, try_points):
    found = before(place).copy(tmp_path / "recorded").changes(place, tmp_path / "log")
    assert found or STEPS[place][0] == "dkg"

    def try_point(call):
        interrupt(before(place).copy(tmp_path / "cluster"), place, call, fault)

    try_points(fault, found, try_point, seed="%d %s" % (place, fault))
