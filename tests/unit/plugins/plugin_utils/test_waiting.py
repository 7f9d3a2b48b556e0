# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long a task waits for others, and how often it looks: with a clock and a node that are made up, and a store in a directory."""

import contextlib
from types import SimpleNamespace

import pytest
from ansible import context
from ansible.errors import AnsibleError
from ansible.module_utils.common.collections import ImmutableDict
from ansible_collections.obol.dv.plugins.action.dkg import ActionModule
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.plugin_utils import progress, waiting
from ansible_collections.obol.dv.plugins.plugin_utils.stores.directory import DirectoryStore

FOLDER = "dkg/%s/1/" % (64 * "a")


@pytest.mark.parametrize(
    ("value", "wanted"), [(0, 0), ("0", 0), ("1s", 1), ("90s", 90), ("10m", 600), ("1h", 3600), ("999999h", 3599996400)]
)
def test_times(value, wanted):
    assert waiting.seconds(value) == wanted


@pytest.mark.parametrize(
    "value",
    [None, "", False, 600, 1.5, "600", "-1m", "0m", "00", "1.5h", "10 m", "10M", "1h30m", "10min", "m", "1m\n", "٣m", "1234567s", ["10m"]],
)
def test_what_is_no_time(value):
    with pytest.raises(DvError, match="the time to wait is .*wanted: a whole number of seconds, minutes or hours .*; correct dv_dkg_wait"):
        waiting.seconds(value)


@pytest.mark.parametrize(
    ("nodes", "batch", "forks", "throttle", "at_once"),
    [(4, 4, 4, 0, 4), (4, 4, 5, 4, 4), (1, 1, 1, 0, 1), (6, 6, 5, 0, 5), (4, 1, 5, 0, 1), (4, 4, 5, 2, 2), (4, 2, 1, 3, 1)],
)
def test_all_at_once_or_not_at_all(monkeypatch, nodes, batch, forks, throttle, at_once):
    monkeypatch.setattr(context, "CLIARGS", ImmutableDict(forks=forks))
    told = pytest.raises(DvError, match=f"works on {at_once} of its {nodes} nodes at once.*--forks {nodes} ")
    with told if at_once < nodes else contextlib.nullcontext():
        waiting.check_all_at_once({"ansible_play_hosts": list(range(nodes)), "ansible_play_batch": list(range(batch))}, throttle)


class Clock:
    """Time that passes when somebody sleeps, and what happens then: a function of the seconds that have passed."""

    def __init__(self, meanwhile=lambda now: None):
        self.now, self.naps, self.meanwhile = 0.0, [], meanwhile

    def monotonic(self):
        return self.now

    def sleep(self, nap):
        assert nap > 0
        self.now += nap
        self.naps.append(nap)
        self.meanwhile(self.now)


@pytest.fixture
def told(monkeypatch):
    """The lines that are shown, and where."""
    lines = []
    display = SimpleNamespace(display=lambda line, stderr=False: lines.append((line, stderr)))
    monkeypatch.setattr(progress, "Display", lambda: display)
    return lines


@pytest.fixture
def run(tmp_path, monkeypatch, told):
    """A function that runs the task on a made-up node: what it returns, and the ``clock``, the ``steps`` of the node, and when it was asked."""
    monkeypatch.setattr(context, "CLIARGS", ImmutableDict(forks=5))

    def function(node, clock, wait="10m", operators=3, hosts=("node1",), **more):
        monkeypatch.setattr(waiting, "time", clock)
        task = SimpleNamespace(args={"store": str(tmp_path), "wait": wait}, check_mode=False, async_val=0, throttle=0, **more)
        action = ActionModule(task, SimpleNamespace(_shell=SimpleNamespace(tmpdir="/")), None, None, None, None)
        steps, opened = [], []

        def answer(arguments, task_vars):
            assert "wait" not in arguments
            steps.append((clock.now, dict(arguments, process=task_vars["ansible_facts"].get("process"))))
            waits = dict(state="waiting", step="commit", waiting_for=[2, 3], operators=list(range(operators)), ready=False, changed=False)
            return {**waits, **node(sorted(arguments["inbox"]))}

        @contextlib.contextmanager
        def open_store(arguments):
            opened.append(True)
            yield DirectoryStore(arguments["store"])
            opened.pop()

        def awake(now, meanwhile=clock.meanwhile):
            assert not opened
            meanwhile(now)

        clock.meanwhile = awake
        action._answer, action._open_store = answer, open_store  # pylint: disable=protected-access
        hostvars = {host: {"dv_cluster": "tested"} for host in hosts}
        play = dict.fromkeys(("ansible_play_hosts", "ansible_play_hosts_all", "ansible_play_batch"), list(hosts))
        return action.run(task_vars=dict(inventory_hostname="node1", hostvars=hostvars, ansible_facts={}, **play)), steps

    return function


def put(directory, *names):
    for name in names:
        path = directory / FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")


def test_each_file_is_taken_to_the_node_as_it_comes(tmp_path, run, told):
    """And all of the run is in one result."""
    files = {30: ("commit/2.jws", "commit/3.jws"), 300: ("deal/2.jws",)}
    clock = Clock(lambda now: [put(tmp_path, *names) for at, names in files.items() if at <= now])

    def node(inbox):
        if FOLDER + "deal/2.jws" in inbox:
            return dict(state="complete", step=None, waiting_for=[])
        if len(inbox) < 3:
            return dict(outbox={FOLDER + "commit/1.jws": "{}"}, changed=True, ansible_facts=dict(process="old"))
        settled = [FOLDER + "commit/"]
        return dict(step="deal", settled=settled, outbox={FOLDER + "deal/1.jws": "{}"}, ansible_facts=dict(process="new"))

    result, steps = run(node, clock)
    assert result["state"] == "complete" and result["changed"] and result["ansible_facts"] == dict(process="new")
    assert result["stored"] == [FOLDER + "commit/1.jws", FOLDER + "deal/1.jws"]
    assert [sorted(step["inbox"]) for _now, step in steps] == [
        [],
        [FOLDER + "commit/%d.jws" % number for number in (1, 2, 3)],
        [FOLDER + "deal/%d.jws" % number for number in (1, 2)],
    ]
    assert [step["process"] for _now, step in steps] == [None, "old", "new"]
    assert 300 <= clock.now < 330
    waits = [line.partition(", for at most")[0] for line, stderr in told if stderr]
    assert waits == [
        "node1: round 1 of 5 (commit) waits for operators 2, 3",
        "node1: round 2 of 5 (deal) waits for operators 2, 3",
    ]


def test_looks_become_rarer_until_something_happens(tmp_path, run):
    """With three changes of what the node waits for, ten minutes are some forty looks; the last one is when the time is over."""
    clock = Clock(lambda now: put(tmp_path, "commit/2.jws") if now > 200 else None)
    result, steps = run(lambda inbox: dict(waiting_for=[3]) if inbox else {}, clock, wait="10m")
    assert result["state"] == "waiting" and clock.now == pytest.approx(600)
    (_first, (at, _arguments)) = steps
    before = [nap for number, nap in enumerate(clock.naps) if sum(clock.naps[: number + 1]) <= at]
    assert before[0] <= 2.5 and max(before) <= 25 and min(before[6:]) >= 15
    assert clock.naps[len(before)] <= 2.5 and len(clock.naps) < 60


def test_a_store_that_is_filled_without_end(tmp_path, run):
    """What is new without helping makes nobody look sooner, or for longer."""
    clock = Clock(lambda now: put(tmp_path, "commit/%d.jws" % (2 + len(clock.naps)), "seal/9-by-%d.jws" % len(clock.naps)))
    result, steps = run(lambda inbox: dict(changed=True, detail="%d wrong" % len(inbox)), clock)
    assert result["state"] == "waiting" and clock.now == pytest.approx(600)
    assert len(steps) == len(clock.naps) + 1 < 60


@pytest.mark.parametrize(
    "answer",
    [
        dict(state="complete", step=None),
        dict(state="aborted", failed=True),
        dict(state="stopped", failed=True),
        dict(failed=True, msg="no"),
        dict(step="definition", waiting_for=[]),
        dict(step="approval"),
        dict(ready=True),
    ],
)
def test_what_no_other_run_can_help(run, told, answer):
    clock = Clock()
    result, steps = run(lambda inbox: answer, clock)
    assert answer.items() <= result.items()
    assert not clock.naps and len(steps) == 1 and not told


def test_it_ends_with_the_first_failure(tmp_path, run):
    """Nothing of the answer before it is told as if it were true still."""
    clock = Clock(lambda now: put(tmp_path, "commit/2.jws"))
    result, _steps = run(lambda inbox: dict(state="aborted", failed=True, msg="wrong") if inbox else dict(changed=True), clock)
    assert result["failed"] and result["state"] == "aborted" and result["changed"] and len(clock.naps) == 1

    def broken(inbox):
        raise DvError("broken")

    clock = Clock(lambda now: put(tmp_path, "commit/3.jws"))
    result, _steps = run(lambda inbox: broken(inbox) if len(inbox) > 1 else {}, clock)
    assert result["failed"] and result["msg"] == "broken" and "state" not in result and not result["changed"]


def test_a_connection_that_breaks_is_for_ansible_to_tell(tmp_path, run):
    def broken(inbox):
        raise AnsibleError("gone")

    with pytest.raises(AnsibleError, match="gone"):
        run(lambda inbox: broken(inbox) if inbox else {}, Clock(lambda now: put(tmp_path, "commit/2.jws")))


@pytest.mark.parametrize("more", [dict(wait=0), dict(operators=1), dict(operators=2, hosts=("node1", "node2"))])
def test_nodes_of_one_run_have_done_what_they_can(run, told, more):
    clock = Clock()
    result, steps = run(lambda inbox: {}, clock, **more)
    assert result["state"] == "waiting" and len(steps) == 1 and not clock.naps and not told


def test_nobody_waits_when_the_run_is_gone(tmp_path, run, monkeypatch):
    clock = Clock()

    def killed(now):
        put(tmp_path, "commit/2.jws")
        monkeypatch.setattr(waiting.os, "getppid", lambda: 1)

    clock.meanwhile = killed
    _result, steps = run(lambda inbox: {}, clock)
    assert len(steps) == len(clock.naps) == 1


@pytest.mark.parametrize(
    ("step", "operators", "text"),
    [
        ("deal", [2], "round 2 of 5 (deal) waits for operator 2"),
        ("seal", list(range(1, 31)), "round 5 of 5 (seal) waits for operators 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 20 more"),
        ("commit", [], "round 1 of 5 (commit) waits for the others"),
        ("approval", [1, 3], "waits for the approval of operators 1, 3"),
        (None, [], "waits for the proposal"),
    ],
)
def test_whom_a_node_waits_for(step, operators, text):
    assert progress.waits_for(step, operators) == text


def test_long_rounds_are_told_of(run, told, monkeypatch):
    """Without waiting for anything, too."""
    clock = Clock()
    from ansible_collections.obol.dv.plugins.plugin_utils import waiting_carrier

    monkeypatch.setattr(waiting_carrier, "time", clock)

    def slow(inbox):
        clock.now += 41
        return dict(step="sign")

    run(slow, clock, wait="0")
    assert told == [("node1: round 4 of 5 (sign) waits for operators 2, 3, after 41 s", True)]
