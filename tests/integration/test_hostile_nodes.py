# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes that are broken into, and answer what they like: in the place of their Python is a program that says it."""

import json
import re

import pytest
import yaml
from ansible_collections.obol.dv.tests import play

APPROVAL, STEPS = "approvals/1.json", ("proposal", "approval", "definition", "dkg", "status", "preflight", "backup_enr_key")
ESCAPES = "\x1b]8;;http://evil.example\x07click\x1b[2J\x9b31m\u202eevil\r"

#: What each node answers to every module, and what is told of it.
ANSWERS = {
    "number": (dict(outbox=7), "has a wrong outbox"),
    "list": (dict(outbox=[APPROVAL]), "has a wrong outbox"),
    "nothing": (dict(outbox={APPROVAL: None}), "has a wrong outbox"),
    "nested": (dict(outbox={APPROVAL: {"a": "b"}}), "has a wrong outbox"),
    "outside": (dict(outbox={"../../escaped.json": "{}"}), "../../escaped.json"),
    "strange": (dict(outbox={"notes\x1b[2J.txt": "{}"}), "notes"),
    "surrogate": (dict(outbox={name: "\udcff" for name in ("proposal.json",)}), "UTF"),
    "changed": (dict(changed="maybe", outbox={}), "has a wrong changed"),
    "settled": (dict(settled=[7]), "has a wrong settled"),
    "problems": (dict(problems={"a": 1}), "has a wrong problems"),
    "operators": (dict(operators=[7]), "has a wrong operators"),
    "state": (dict(state=["x"]), "has a wrong state"),
    "escapes": (dict(state="waiting", step="deal", detail=ESCAPES, failed=True, msg=ESCAPES, problems=[ESCAPES], **{ESCAPES: ESCAPES}), "\\u001b]8;;"),
    "share": (dict(state="waiting", share_index=-7), "has a wrong share_index"),
}

PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - block:
%s
      ignore_errors: true
    - obol.dv.summary:
    - obol.dv.summary:
        format: json
"""
TASK = """
        - name: {name}
          obol.dv.{name}: "{{{{ arguments }}}}"
          register: dv_{registered}
"""
REGISTERED = dict(backup_enr_key="backup")


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    directory = tmp_path_factory.mktemp("hostile")
    hosts = {}
    for name, (answer, _text) in ANSWERS.items():
        program = directory / ("python-of-%s" % name)
        program.write_text("#!/bin/sh\ncat <<'END'\n%s\nEND\n" % json.dumps(answer))
        program.chmod(0o755)
        hosts[name] = dict(ansible_python_interpreter=str(program))
    inventory = directory / "hosts.yml"
    variables = dict(
        ansible_connection="local",
        dv_cluster="tested",
        dv_data_dir=str(directory / "data"),
        arguments=dict(store=str(directory / "a" / "b" / "store"), dest=str(directory / "copies")),
    )
    inventory.write_text(yaml.safe_dump({"all": {"hosts": hosts, "vars": variables}}))
    playbook = directory / "play.yml"
    playbook.write_text(PLAY % "".join(TASK.format(name=name, registered=REGISTERED.get(name, name)) for name in STEPS))
    done = play.attempt([str(playbook)], directory, "-vvv", inventory=inventory)
    return done, directory


def test_every_node_is_told_and_no_traceback_is(printed):
    done, _directory = printed
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    said = done.stdout + done.stderr
    assert "Traceback" not in said and "unforeseen" not in said and "Unexpected failure" not in said
    for name, (_answer, text) in ANSWERS.items():
        told = re.findall(r"^fatal: \[%s\]: FAILED! => *\n((?:    .*\n)+)" % name, done.stdout, re.MULTILINE)
        assert told and any(text in each for each in told), (name, told)


def test_nothing_is_put_anywhere(printed):
    _done, directory = printed
    assert [path for path in directory.rglob("*") if path.suffix in (".json", ".txt", ".age", ".jws")] == []


def test_no_terminal_obeys_a_node(printed):
    done, _directory = printed
    for character in "\x07\x9b\u202e\r":
        assert character not in done.stdout and character not in done.stderr
    assert "\x1b]8" not in done.stdout and "\x1b[2J" not in done.stdout + done.stderr
    summary = done.stdout[done.stdout.index("Cluster tested is") :]
    assert "\\u001b]8;;http://evil.example\\u0007click\\u001b[2J\\u009b31m\\u202eevil" in summary
