# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook that pays: what its operator reads, confirms and finds in the end; and several of them at once."""

import contextlib
import json
import os
import pty
import re
import select
import signal
import sys
import threading
import time

import pytest
from ansible_collections.obol.dv.tests.support import playbook, status_schema
from ansible_collections.obol.dv.tests.support.inventory import OperatorGroup

PAY = ["playbooks/activate.yml"]


@pytest.fixture
def group(paying, anvil, beacon):
    """The inventory of its four nodes, of which the first pays."""
    return inventory(paying, ["0"])


def inventory(paying, payers, names=("0", "1", "2", "3"), file="hosts.yml"):
    store = paying.directory / "store" / "tested"
    for name, text in paying.inbox.items():
        (store / name).parent.mkdir(parents=True, exist_ok=True)
        (store / name).write_text(text)
    group = OperatorGroup.__new__(OperatorGroup)
    group.directory, group.cluster, group.inventory, group.names = paying.directory, "tested", file, [*names]
    group.hosts = {name: {} for name in names}
    for name in payers:
        wallet = {key: str(paying.directory / ("payer." + ending)) for key, ending in (("file", "json"), ("password_file", "txt"))}
        group.hosts[name] = {"dv_activate_wallet_%s" % key: path for key, path in wallet.items()}
    group.variables = {
        "ansible_connection": "local",
        "ansible_pipelining": True,
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "dv_cluster": "tested",
        "dv_execution_url": paying.url,
        "dv_beacon_url": paying.beacon.url,
        "dv_activate_without": {"readiness": "no test measures"},
        "dv_activate_wait": "0",
    }
    return group


def plan_of(text):
    return re.search(r"dv_activate_confirm=([0-9a-f]{64})", text)[1]


def test_the_whole_way(group, paying, beacon, anvil, tree):
    text = group.run("--check", "--diff", playbooks=PAY)
    for validator in paying.validators:
        assert "0x%s" % validator.public_key.hex() in text.partition("deposits by 0")[2], text
    contract = "0x00000000219ab540356cBB839Cbe05303d7705Fa"
    for part in (
        "deposits by 0: unconfirmed",
        "network         hoodi",
        contract,
        "3 deposits; still to be paid: 96 ETH, 3 deposits",
        "96 ETH",
        "an account with a key",
        "guards",
        "passed by name: no test measures",
    ):
        assert part in text, text
    before = tree(paying.data_dir(0))
    assert plan_of(group.run(playbooks=PAY)) == plan_of(text) and tree(paying.data_dir(0)) == before and not paying.paid()

    secrets = [anvil.funded_key.hex(), (paying.directory / "payer.txt").read_text()]
    done = group.attempt("-vvv", "--diff", "-e", "dv_activate_confirm=" + plan_of(text), playbooks=PAY)
    assert done.returncode == 0, done.stdout
    assert not any(secret in done.stdout + done.stderr for secret in secrets)
    assert paying.paid() == paying.wanted() and "on the beacon chain: 3 pending_deposit" in done.stdout
    beacon.process()
    anvil.mine(12)
    again = group.run("-e", "dv_status_file=%s" % (paying.directory / "status.json"), playbooks=PAY)
    assert (
        "deposits by 0: final" in again
        and "96 ETH, 3 deposits; still to be paid: 0 ETH, 0 deposits" in again
        and "on the beacon chain: 3 active_ongoing" in again
    )
    assert [each["changed"] for each in playbook.recap(again).values()][1:] == [0, 0, 0]
    status = json.loads((paying.directory / "status.json").read_text())
    status_schema.check(status)
    assert {each["status"] for each in status["clusters"]["tested"]["validators"]} == {"active_ongoing"}
    assert paying.paid() == paying.wanted()


@pytest.mark.parametrize(("typed", "pays"), [("right", True), ("yes", False)])
def test_it_is_confirmed_by_hand(group, paying, typed, pays):
    group.write_inventory()
    said, until = "", time.monotonic() + 600
    process, terminal = pty.fork()
    if not process:
        os.chdir(playbook.ROOT)
        os.execv(sys.executable, [sys.executable, "-m", "ansible", "playbook", *PAY, "-i", str(group.directory / group.inventory)])
    with contextlib.suppress(OSError), open(terminal, "r+b", buffering=0) as opened:
        while time.monotonic() < until:
            if select.select([opened], [], [], 1)[0]:
                said += opened.read(65536).decode("utf-8", "replace")
            elif found := re.search(r"Type ([0-9a-f]{8}), how the hash ", said):
                # As often as it is silent: what is typed before Ansible reads, it throws away.
                opened.write((found[1] if typed == "right" else typed).encode() + b"\r")
        os.kill(process, signal.SIGKILL)
    assert os.waitpid(process, 0)[1] == 0 and "96 ETH, 3 deposits" in said, said
    assert ("That was not it: nothing is paid." in said) is not pays
    assert paying.paid() == (paying.wanted() if pays else [])


def test_a_run_that_fails_while_it_waits_tells_what_it_sent(group, paying, beacon, anvil):
    plan = plan_of(group.run(playbooks=PAY))
    group.variables["dv_activate_wait"] = "2m"

    def break_it():
        while not paying.paid():
            time.sleep(0.1)
        # What has begun comes to its end.
        time.sleep(1)
        beacon.answers["/eth/v1/beacon/genesis"] = 500, {"code": 500, "message": "broken"}

    breaker = threading.Thread(target=break_it)
    breaker.start()
    done = group.attempt("--diff", "-e", "dv_activate_confirm=" + plan, playbooks=PAY)
    breaker.join()
    hashes = [line["transaction"] for line in ask_again(paying, beacon)["lines"]]
    assert done.returncode != 0 and "paid nothing" not in done.stdout
    assert re.search(r"0 sent 3 deposits in this run \(%s\), then failed: .*500.*; run again" % ", ".join(hashes), done.stdout), done.stdout
    assert re.search("0: 3 pending, for at most (2 minutes|1[01][0-9] seconds)", done.stderr), done.stderr
    for number, each in enumerate(hashes):
        assert "0: +validator %d: 32 ETH: %s" % (number, each) in done.stderr, done.stderr
        assert re.search("validator %d: 32 ETH +pending +%s" % (number, each), done.stdout), done.stdout


def ask_again(paying, beacon):
    beacon.answers.clear()
    return paying.ask(check_mode=True, without={"readiness": "no test measures"})


def test_a_guard_that_fails_shows_the_plan(group, paying):
    group.variables["dv_activate_without"] = {}
    group.variables["dv_withdrawal_addresses"] = ["0x" + "12" * 20]
    file = paying.directory / "status.json"
    done = group.attempt("--check", "-e", "dv_status_file=%s" % file, playbooks=PAY)
    assert done.returncode != 0
    told = done.stdout.partition("deposits by 0: refused")[2]
    for part in (
        "validator 2: 32 ETH   not sent",
        "\n    withdrawal   FAILED: dv_withdrawal_addresses lacks",
        "\n    readiness    FAILED: this node",
    ):
        assert part in told, done.stdout
    assert "- 0 paid nothing in this run: withdrawal, readiness of the guards above failed" in told, done.stdout
    # In check mode nothing is written: the same without.
    group.attempt("-e", "dv_status_file=%s" % file, playbooks=PAY)
    status_schema.check(json.loads(file.read_text()))


@pytest.mark.parametrize("slip, meant", [("activate_frist", "activate_first"), ("activate_walet_file", "activate_wallet_file")])
def test_a_slip_on_any_node_holds_the_payment(group, paying, slip, meant):
    plan = plan_of(group.run(playbooks=PAY))
    group.hosts["2"]["dv_" + slip] = "1"
    done = group.attempt("-e", "dv_activate_confirm=" + plan, playbooks=PAY)
    assert done.returncode != 0 and not paying.paid() and not paying.record()
    text = "0, 1, 2, 3 paid nothing in this run: dv_%s is not a variable of obol.dv; wanted: dv_%s; correct its name in the inventory"
    assert text % (slip, meant) in done.stdout, done.stdout


def test_a_run_in_which_nobody_pays_fails(group):
    group.hosts["0"].clear()
    done = group.attempt("--check", playbooks=PAY)
    assert done.returncode != 0, done.stdout
    wanted = "dv_activate_wallet_file, dv_activate_wallet_url, dv_activate_unsigned_file or dv_activate_safe"
    assert "0, 1, 2, 3 paid nothing in this run: no node of this run pays; wanted: one that has %s; set it" % wanted in done.stdout


def test_a_node_with_another_lock_holds_the_payment(group, paying):
    text = group.run(playbooks=PAY)
    lock = paying.data_dir(2) / "cluster-lock.json"
    lock.write_bytes(lock.read_bytes().replace(b'"threshold": 3', b'"threshold": 4'))
    done = group.attempt("-e", "dv_activate_confirm=" + plan_of(text), playbooks=PAY)
    assert done.returncode != 0 and "guard lock: 2 of this run does not hold, verified, the same lock" in done.stdout
    assert not paying.paid()


def test_operators_who_run_it_at_once_pay_once(paying):
    """Two control nodes, one store."""
    groups = [inventory(paying, [name], [name], "hosts-%s.yml" % name) for name in ("0", "1")]
    plans = [plan_of(group.run(playbooks=PAY)) for group in groups]
    done = {}

    def pay(place):
        done[place] = groups[place].attempt("-e", "dv_activate_confirm=" + plans[place], playbooks=PAY)

    threads = [threading.Thread(target=pay, args=(place,)) for place in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(paying.paid()) == sorted(paying.wanted()), [each.stdout for each in done.values()]
