# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deposits that are paid while anything fails: what a node asks, the node itself, its disk, another one at the same time. Then it is run again,
and each is on the chain once.
"""

import os
import signal
import threading
import time

import pytest
from ansible_collections.obol.dv.plugins.module_utils.clients.http import HttpClient
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.module_backends import activate
from ansible_collections.obol.dv.plugins.plugin_utils.stores.registry import open_store
from ansible_collections.obol.dv.tests.support import strace
from ansible_collections.obol.dv.tests.support.anvil import Anvil
from ansible_collections.obol.dv.tests.support.ceremony_group import end_module, start_module
from ansible_collections.obol.dv.tests.support.chain_beacon import ChainBeacon
from ansible_collections.obol.dv.tests.support.fault_proxy import FAULTS, FaultProxy, Schedule
from ansible_collections.obol.dv.tests.support.paying import Paying, Refused, in_time
from ansible_collections.obol.dv.tests.support.rpc_proxy import RPC_FAULTS, RpcProxy

from .test_injection import FAULTS as OF_CALLS

#: In the URL of the execution client, as hosted services have it.
KEY = "0123456789abcdef0123456789abcdef"
#: The steps of a run that change something: it is confirmed and recorded; then, once it is stated, sent.
STEPS = ("confirm", "send")
HELD = "activation/lock is held by another run on this node"


class Stage:
    """A chain that is the same again each time, proxies in front of it and of its beacon node, and a cluster that pays two deposits.

    No block comes by itself.
    """

    def __init__(self, directory, chain, node, beacon, front):
        self.chain, self.node, self.beacon, self.front = chain, node, beacon, front
        chain.automine(False)
        self.paying = Paying(directory, chain, front, validators=2)
        self.paying.url = "%s/v3/%s" % (node.url, KEY)
        self._snapshot = chain.rpc("evm_snapshot")

    def renew(self):
        """Forget all that was done."""
        for proxy in (self.node, self.front):
            proxy.schedule.late.clear()
            proxy.schedule.begin()
            proxy.before = proxy.after = lambda *_: None
        self.chain.rpc("anvil_dropAllTransactions")
        self.chain.rpc("evm_revert", self._snapshot)
        self._snapshot = self.chain.rpc("evm_snapshot")
        # Its newest block is of now.
        self.chain.rpc("anvil_setTime", int(time.time()))
        self.chain.mine()
        self.paying.forget()
        in_time(self.beacon)
        return self

    def begin(self, step):
        """Forget, and go as far as before a step: the arguments of the module."""
        self.renew()
        plan = self.paying.ask(check_mode=True)["plan"]
        if step == "send":
            self.deliver(self.paying.ask(confirm=plan))
        return self.paying.params(confirm=plan)

    def deliver(self, answer):
        """Put what a node states into the store."""
        for name, text in answer["outbox"].items():
            self.paying.inbox.setdefault(name, text)

    def pay(self):
        """The whole way: what is going to be paid, its confirmation, the claim, the deposits; looked at while they wait, and to their end, whose
        state it returns."""
        self.paying.pay()
        self.paying.ask()
        self.chain.mine()
        self.chain.mine(12)
        return self.paying.ask()["state"]

    def check(self):
        """Run it again without a fault: each is paid once, and nothing waits."""
        assert self.pay() == "final"
        self.check_paid()

    def check_paid(self):
        assert sorted(self.paying.paid()) == sorted(self.paying.wanted())
        assert self.chain.rpc("txpool_status") == {"pending": "0x0", "queued": "0x0"}

    def check_text(self, text):
        """What a failure says is one of ours, and tells no secret."""
        assert "unforeseen" not in text and "Traceback" not in text, text
        secrets = [KEY, KEY[:12], self.chain.funded_key.hex(), *(key.hex() for key in self.paying.cluster.node_keys)]
        assert not any(secret in text for secret in secrets), text


@pytest.fixture(scope="module")
def stage(anvil_program, tmp_path_factory):
    directory = tmp_path_factory.mktemp("stage")
    with Anvil(anvil_program, directory / "anvil") as chain, RpcProxy(chain.url) as node, ChainBeacon(chain) as beacon:
        with FaultProxy(beacon.url, Schedule()) as front:
            yield Stage(directory / "nodes", chain, node, in_time(beacon), front)


@pytest.fixture
def patient(stage, monkeypatch):
    """Whoever asks waits no longer than a proxy takes for what comes too late. What lies on the disk is not verified each time: it asks nobody."""
    monkeypatch.setattr(activate, "check_data_dir", lambda *_: None)
    request = HttpClient.request

    def shorter(self, method, path, body=None, timeout=10):
        asked = stage.node if method == "POST" else stage.front
        return request(self, method, path, body, min(timeout, asked.schedule.patience))

    monkeypatch.setattr(HttpClient, "request", shorter)


#: Whom it strikes, and what comes there.
ASKED = [*(("node", fault) for fault in RPC_FAULTS), *(("front", fault) for fault in FAULTS)]


@pytest.mark.parametrize("whom, fault", ASKED, ids=["%s-%s" % each for each in ASKED])
def test_what_is_asked(stage, patient, whom, fault, try_points):
    """At each of its questions."""
    stage.renew().check()
    schedule = getattr(stage, whom).schedule
    stage.renew().pay()
    came = len(schedule.requests)

    def try_point(number):
        stage.renew()
        schedule.begin(number, fault)
        try:
            stage.pay()
        except Refused as error:
            stage.check_text(str(error))
        schedule.begin()
        # What comes late comes before the next run, or after it.
        if number % 2:
            schedule.hand_on_late()
        assert stage.pay() == "final"
        schedule.hand_on_late()
        stage.chain.mine()
        stage.check_paid()

    try_points("a question of a paying run: %s" % fault, range(1, came + 1), try_point, seed="%s %s" % (whom, fault))


def killed(stage, step, number, moment):
    """Run a step in a process that is killed at its question with that ``number``, which is handed on or not: whether it came so far."""
    arguments = stage.begin(step)
    stage.node.schedule.begin()
    met = threading.Event()

    def strike(*_):
        if stage.node.schedule.count() == number:
            process.kill()
            process.wait()
            met.set()
            raise ConnectionError("its asker is dead")

    setattr(stage.node, moment, strike)
    process = start_module("activate", arguments)
    run = end_module(process)
    assert run.killed or not run.failed, run.msg
    setattr(stage.node, moment, lambda *_: None)
    return met.is_set()


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_question(stage, step, moment, try_points):
    """Before the execution client has it, or after."""
    arguments = stage.begin(step)
    stage.node.schedule.begin()
    assert not end_module(start_module("activate", arguments)).failed
    came = stage.node.schedule.count()

    def try_point(number):
        assert killed(stage, step, number, moment)
        stage.check()

    try_points("killed at a question of a paying run", range(1, came + 1), try_point, seed=step + moment)


def changes(stage, step, log):
    """The calls by which a step changes something of the node."""
    done = end_module(start_module("activate", stage.begin(step), strace.record(log)))
    assert not done.failed, done.msg
    return [call for call in strace.read(log) if call.changes and call.below(stage.paying.data_dir(0))]


@pytest.mark.parametrize("fault", OF_CALLS)
@pytest.mark.parametrize("step", STEPS)
def test_interrupted(stage, step, fault, tmp_path, needs_strace, try_points):
    """Killed at each system call that changes the node's files, or refused it."""
    found, log = changes(stage, step, tmp_path / "recorded"), tmp_path / "log"
    assert len(found) >= 5

    def try_point(call):
        arguments = stage.begin(step)
        done = end_module(start_module("activate", arguments, strace.inject(log, call, fault)))
        if OF_CALLS[fault] is None:
            assert done.killed
        elif done.failed:
            assert done.msg.count(OF_CALLS[fault]) == 1, done.msg
            stage.check_text(done.msg)
        else:
            stage.deliver(done.result)
        stage.check()

    try_points("%s of a paying run" % fault, found, try_point, seed=step + fault)


@pytest.mark.parametrize("step", STEPS)
def test_a_run_that_stands_still(stage, step, tmp_path, needs_strace, try_points):
    """Meanwhile blocks come, and the same node is run once more: it is refused, or has nothing more to do."""
    found, log = changes(stage, step, tmp_path / "recorded"), tmp_path / "log"

    def try_point(call):
        arguments = stage.begin(step)
        first = start_module("activate", arguments, strace.inject(log, call, "signal=STOP"))
        process = strace.stopped(log, first)
        try:
            stage.chain.mine(3)
            second = end_module(start_module("activate", arguments))
            if second.failed:
                assert second.msg.count(HELD) == 1, second.msg
            else:
                stage.deliver(second.result)
            stage.chain.mine(3)
        finally:
            os.kill(process, signal.SIGCONT)
            done = end_module(first)
            log.unlink()
        if done.failed:
            stage.check_text(done.msg)
        else:
            stage.deliver(done.result)
        stage.check()

    try_points("stands still in a paying run", found, try_point, seed=step)


def pays(stage, store, node, done):
    """A node's part of two that pay at once, as the control node does it: what is stated comes from the store, and goes there first."""
    told = None
    for _attempt in range(5):
        plan = stage.paying.ask(node, check_mode=True)["plan"]
        run = end_module(start_module("activate", stage.paying.params(node, confirm=plan, inbox=store.get_all(("",)))))
        told = run.msg if run.failed else run.result["state"]
        if run.failed or not run.result["outbox"]:
            break
        try:
            store.put(run.result["outbox"])
        except DvError:
            pass
    done[node] = told


def test_two_nodes_at_once(stage, tmp_path, every_fault, record_property):
    """One has said it first, and pays; the other one is told."""
    rounds = 20 if every_fault else 2
    for number in range(rounds):
        stage.renew()
        stage.chain.automine(number % 2 == 0)
        directory = str(tmp_path / str(number))
        with open_store(directory) as store:
            store.put(stage.paying.inbox)
        done = {}
        threads = [threading.Thread(target=pays, args=(stage, open_store(directory), node, done)) for node in range(2)]
        for thread in threads:
            thread.start()
            time.sleep(0.05 * (number % 3))
        for thread in threads:
            thread.join()
        stage.chain.automine(False)
        stage.chain.mine()
        assert sorted(stage.paying.paid()) == sorted(stage.paying.wanted()), done
        assert "sent" in done.values() or "final" in done.values(), done
        for text in done.values():
            stage.check_text(text)
    for name, value in dict(kind="two nodes that pay at once", tried=rounds, lost=0).items():
        record_property(name, value)
