# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process that a node's first module leaves, in whole runs: it spares the others their start, and nothing depends on it."""

import contextlib
import os
import random
import re
import signal
import subprocess
import threading
import time
import uuid

import pytest
from ansible_collections.obol.dv.tests.support import playbook, secret_scan
from ansible_collections.obol.dv.tests.support.ceremony_group import CeremonyGroup

MAIN = ["create-cluster.yml"]

#: Its second task leaves a process, which answers the last. The others it would answer in another way than a module that is started.
PLAY = """
- hosts: alice
  gather_facts: false
  module_defaults:
    obol.dv.wallet:
      path: $PLACE/wallet.json
      password_file: $PLACE/password.txt
      create: true
  tasks:
    - obol.dv.enr:
        data_dir: "{{ place }}/{{ item }}"
      loop: [a, b]
    - obol.dv.enr:
        data_dir: "{{ place }}/c"
    - name: In an environment of its own
      obol.dv.wallet:
      environment:
        PLACE: "{{ place }}/w"
    - name: On another node
      obol.dv.enr:
        data_dir: "{{ place }}/d"
      delegate_to: bob
    - name: At another address
      obol.dv.enr:
        data_dir: "{{ place }}/f"
      vars:
        ansible_host: 192.0.2.1
    - name: With an argument that JSON has not
      obol.dv.demo_operator:
        wallet_file: "{{ place }}/wallet.json"
        wallet_password_file: "{{ place }}/password.txt"
        policy_file: "{{ place }}/policy.json"
        terms:
          name: 2026-01-01
      register: dated
      ignore_errors: true
    - obol.dv.enr:
        data_dir: "{{ place }}/e"
    - name: With wrong arguments
      obol.dv.enr:
        data_dir: "{{ place }}/e"
        unknown: true
      register: wrong
      ignore_errors: true
    - assert:
        that:
          - dated.msg is search('dv_num_validators is not set')
          - wrong.msg is search('^Unsupported parameters for .obol.dv.enr. module. unknown')
"""
RELATIVE = """
- hosts: alice
  gather_facts: false
  tasks:
    - obol.dv.enr:
        data_dir: "{{ place }}/a"
    - obol.dv.enr:
        data_dir: here
"""
HOSTS = "[all:vars]\nansible_connection=local\nansible_python_interpreter={{ ansible_playbook_python }}\n[all]\nalice\nbob\n"


class Residents:
    """The processes that stay, of the runs with its :attr:`environment`."""

    def __init__(self, temporary):
        self.temporary, self._mark = temporary, uuid.uuid4().hex
        temporary.mkdir()
        self.environment = {"OBOL_DV_TEST": self._mark, "TMPDIR": str(temporary)}

    def alive(self):
        """Their process ids."""
        found = []
        for process in secret_scan.marked(self._mark.encode()):
            with contextlib.suppress(OSError):
                # Every other process of a run is in a directory.
                if os.readlink(process / "cwd") == "/":
                    found.append(int(process.name))
        return found

    def kill(self):
        for process in self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def wait(self):
        """Whether they all end, soon."""
        deadline = time.monotonic() + 30
        while self.alive() and time.monotonic() < deadline:
            time.sleep(0.1)
        return not self.alive()


@pytest.fixture
def residents(tmp_path):
    residents = Residents(tmp_path / "t")
    yield residents
    residents.kill()


def started(stdout):
    """The names of the modules of ours that a run started."""
    return re.findall(r"Using module file \S+/dv/plugins/modules/(\w+)\.py", stdout)


def test_each_node_starts_one_module_in_a_run(tmp_path, residents):
    for _run in range(2):
        stdout = playbook.run(MAIN, tmp_path, "-vvv", environment=residents.environment)
        assert started(stdout) == ["preflight"] * 4
        assert residents.wait() and not list(residents.temporary.glob("obol-dv-*"))


def test_where_none_can_be_left_every_module_is_started(tmp_path, residents):
    """Here since no path of a socket is as long."""
    long = residents.temporary / ("x" * 100)
    long.mkdir()
    stdout = playbook.run(MAIN, tmp_path, "-vvv", environment={**residents.environment, "TMPDIR": str(long)})
    assert {"preflight", "enr", "approval", "definition", "dkg", "verify"} <= set(started(stdout))
    assert not residents.alive() and not list(long.glob("obol-dv-*"))
    CeremonyGroup(tmp_path, store="store/local").check_complete()


def test_killed_at_any_time(tmp_path, residents):
    """All of them, again and again: the run notices nothing."""
    over, killed, at = threading.Event(), set(), random.Random(12)

    def kill():
        while not over.wait(at.uniform(0.2, 1.5)):
            killed.update(residents.alive())
            residents.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        playbook.run(MAIN, tmp_path, environment=residents.environment)
    finally:
        over.set()
        killer.join()
    assert killed
    CeremonyGroup(tmp_path, store="store/local").check_complete()


@pytest.mark.parametrize("task", ["Round deal", "Round seal"])
def test_a_new_run_does_not_ask_the_processes_of_another(tmp_path, residents, task):
    """The control node is killed, and they are still there."""
    with playbook.start(
        MAIN, tmp_path, environment=residents.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        for line in process.stdout:
            if line.startswith("TASK") and task in line:
                break
        process.kill()
    old = set(residents.alive())
    assert len(old) == 4
    stdout = playbook.run(MAIN, tmp_path, "-vvv", environment=residents.environment)
    assert started(stdout) == ["preflight"] * 4
    CeremonyGroup(tmp_path, store="store/local").check_complete()
    assert set(residents.alive()) <= old


def run_play(play, tmp_path, residents):
    """The modules that a run of the text ``play`` started."""
    (tmp_path / "hosts").write_text(HOSTS)
    (tmp_path / "play.yml").write_text(play)
    place = ["-vvv", "-e", "place=%s" % tmp_path]
    return started(playbook.run([tmp_path / "play.yml"], tmp_path, *place, inventory=tmp_path / "hosts", environment=residents.environment))


def test_what_it_would_answer_otherwise_a_module_is_started_for(tmp_path, residents):
    modules = run_play(PLAY, tmp_path, residents)
    assert modules == ["enr", "enr", "enr", "wallet", "enr", "enr", "demo_operator", "enr"]
    assert (tmp_path / "w" / "wallet.json").exists()
    # One process was left, in the third; it ended with the wrong arguments.
    assert residents.wait() and not list(residents.temporary.glob("obol-dv-*"))


def test_a_relative_path_leads_where_it_always_led(tmp_path, residents):
    assert run_play(RELATIVE, tmp_path, residents) == ["enr", "enr"]
    assert (tmp_path / "here" / "charon-enr-private-key").exists()
