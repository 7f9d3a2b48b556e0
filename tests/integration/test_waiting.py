# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Operators who are online together: with ``dv_dkg_wait`` one run each is enough, and nobody waits for longer, or in vain."""

import json
import pathlib
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.obol.dv.tests.support import playbook
from ansible_collections.obol.dv.tests.support.inventory import OperatorGroup

MAIN = "create-cluster.yml"
DKG = "playbooks/dkg.yml"


class Party:
    """An operator with a control node of its own, whose inventory has these nodes of a group."""

    def __init__(self, group, *names, store=None, environment=()):
        self.directory, control = group.directory, group.directory / ("control-" + names[0])
        control.mkdir()
        self.options = {
            "inventory": group.write_inventory(control, names, dv_store=store or str(group.directory / "store")),
            "environment": {"ANSIBLE_HOME": str(control / "ansible"), **dict(environment)},
        }

    def run(self, path, wait, *arguments):
        """One run of a playbook, which does not fail."""
        done = playbook.attempt([path], self.directory, "-e", "dv_dkg_wait=" + wait, *arguments, **self.options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done


def repository(directory):
    """A new store in git."""
    path = directory / "ceremonies.git"
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", path], check=True)
    return "git+file://%s" % path


def all_at_once(parties, *arguments):
    """One run each."""
    with ThreadPoolExecutor(len(parties)) as pool:
        return list(pool.map(lambda party: party.run(MAIN, "10m", *arguments), parties))


def test_one_run_each(tmp_path, check_complete):
    """From nothing to four complete nodes; each tells whom it waits for, and a program that reads standard output finds what it wants."""
    group = OperatorGroup(tmp_path / "group")
    quiet = {"ANSIBLE_STDOUT_CALLBACK": "obol.dv.summary_only"}
    parties = [Party(group, name, environment=quiet) for name in group.names]
    runs = all_at_once(parties, "-e", "dv_status_format=json")
    check_complete(group.data_dirs)
    for name, done in zip(group.names, runs):
        assert json.loads(done.stdout)["clusters"]["tested"]["nodes"][name]["state"] == "complete"
    told = "".join(done.stderr for done in runs)
    assert "waits for the approval of operator" in told and "of 5 (" in told


def test_one_run_each_by_way_of_git(tmp_path, check_complete):
    """One of three runs is of two nodes."""
    group = OperatorGroup(tmp_path / "group")
    store = repository(tmp_path)
    parties = [Party(group, *names, store=store) for names in (("node1", "node2"), ("node3",), ("node4",))]
    runs = all_at_once(parties)
    check_complete(group.data_dirs)
    assert all("Cluster tested on hoodi is complete" in done.stdout for done in runs)


@pytest.fixture
def agreed(tmp_path):
    """A group that has its definition."""
    group = OperatorGroup(tmp_path / "group", 3)
    group.run(playbooks=("playbooks/enr.yml", "playbooks/definition.yml"))
    return group


def test_who_comes_too_early(tmp_path):
    """There is no proposal when the time is over: what the run tells is what it tells without waiting."""
    party = Party(OperatorGroup(tmp_path / "group", 3), "node2")
    waited, not_waited = party.run(MAIN, "3s"), party.run(MAIN, "0")
    assert "node2: waits for the proposal, for at most 3 seconds" in waited.stderr and not not_waited.stderr
    assert summary(waited.stdout) == summary(not_waited.stdout) and "waiting" in summary(waited.stdout)


def summary(stdout):
    return (
        stdout.partition("Cluster tested")[2].partition("PLAY RECAP")[0].replace(" -e dv_dkg_wait=3s", "").replace(" -e dv_dkg_wait=0", "")
    )


def test_few_forks(tmp_path, check_refused):
    """Before anything is done."""
    group = OperatorGroup(tmp_path / "group", 3)
    group.write_inventory()
    text = "- dv_dkg_wait is set, and this run works on 2 of its 3 nodes at once; wanted: on all of them"
    check_refused(group.directory, [text], lambda: group.attempt("-e", "dv_dkg_wait=10m", "--forks", "2"))
    text = '- the time to wait is "10"; wanted: a whole number of seconds, minutes or hours such as 90s, 10m or 1h'
    check_refused(group.directory, [text], lambda: group.attempt("-e", "dv_dkg_wait=10"))


def test_check_mode_and_nodes_of_one_run_do_not_wait(agreed):
    """Nor do the nodes of a run that has them all, where one of them fails."""
    checked = Party(agreed, "node1").run(DKG, "10m", "--check")
    (agreed.data_dirs[2] / "charon-enr-private-key").rename(agreed.directory / "kept")
    done = agreed.attempt("-e", "dv_dkg_wait=10m", playbooks=[DKG])
    assert done.returncode and "waiting on node1, node2" in done.stdout, done.stdout
    assert "for at most" not in checked.stderr + done.stderr


def is_running(process):
    """Whether a directory of /proc is of a process that has not ended."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_killed_while_it_waits(agreed, check_complete):
    """As between two tasks: nothing goes on by itself, and the next run does."""
    party = Party(agreed, "node1")
    workers = [worker for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL) for worker in killed_by(number, party, agreed)]
    for name in ("node2", "node3"):
        Party(agreed, name).run(DKG, "0")
    # One whose run was killed outright wakes once more.
    ended_by = time.monotonic() + 60
    while any(map(is_running, workers)):
        assert time.monotonic() < ended_by
        time.sleep(0.1)
    # What the others put there meanwhile, nobody has brought it.
    assert not list(agreed.data_dirs[0].glob("ceremony/*/1/in/*/*.jws"))
    agreed.run()
    check_complete(agreed.data_dirs)


def killed_by(number, party, group):
    """The workers of a run that was sent a signal while it waited."""
    log = group.directory / signal.Signals(number).name
    with log.open("w") as stderr:
        arguments = ([DKG], group.directory, "-e", "dv_dkg_wait=10m")
        with playbook.start(*arguments, stdout=subprocess.DEVNULL, stderr=stderr, **party.options) as process:
            while "round 1 of 5 (commit) waits for operators 2, 3" not in log.read_text():
                assert process.poll() is None
                time.sleep(0.1)
            children = pathlib.Path("/proc/%d/task/%d/children" % (process.pid, process.pid)).read_text().split()
            process.send_signal(number)
    assert process.returncode != 0 and children
    return [pathlib.Path("/proc", child) for child in children]
