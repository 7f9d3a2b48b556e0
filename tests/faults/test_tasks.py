# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The control node's run of the main job killed, with its workers and modules, at each of its tasks; then run again."""

import random
import re
import signal
import subprocess

from ansible_collections.obol.dv.tests.support import playbook
from ansible_collections.obol.dv.tests.support.ceremony_group import CeremonyGroup

MAIN = ["create-cluster.yml"]

#: How many tasks a run on new nodes has.
TASKS = 32

#: When in a task, and what is printed then. Where a first node has done it, others are in the middle of it.
MOMENTS = {"as it begins": r"TASK \[", "as a node has done it": r"(ok|changed): \["}


def pytest_generate_tests(metafunc):
    """A test for each task, and one for what is after the last; or for a sample."""
    if "task" in metafunc.fixturenames:
        every = metafunc.config.getoption("--every-fault", default=False)
        metafunc.parametrize("task", range(TASKS + 1) if every else random.Random(4).sample(range(TASKS), 1))


def follow(lines, task, printed):
    """Read ``lines`` until what a run prints at a moment of ``task`` (from 0), or to their end."""
    begun = -1
    for line in lines:
        begun += line.startswith("TASK [")
        if begun >= task and re.match(printed, line):
            return


def interrupt(directory, task, printed):
    """Kill the main job at a moment; again; nothing of what there was is lost."""
    with playbook.killed_on_exit(MAIN, directory, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        follow(process.stdout, task, printed)
    # The run has all of TASKS, and no other.
    assert process.returncode == (-signal.SIGKILL if task < TASKS else 0)
    cluster = CeremonyGroup(directory, store="store/local")
    kept = [cluster.artefacts(node) for node in range(1, 5)]
    stored = cluster.inbox(("",))
    playbook.run(MAIN, directory)
    cluster.check_complete()
    for node, files in enumerate(kept, 1):
        cluster.check_kept(node, files)
    assert stored.items() <= cluster.inbox(("",)).items()


def test_killed(task, tmp_path, try_points):
    def try_point(moment):
        interrupt(tmp_path / moment.replace(" ", "-"), task, MOMENTS[moment])

    try_points("control node killed at a task", list(MOMENTS), try_point, seed=task)
