# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes that are broken into, and answer what they like: in the place of their Python is a program that says it."""

import json
import re
import sys

import pytest
import yaml
from ansible_collections.obol.dv.tests.support import playbook

APPROVAL = "approvals/1.json"
STEPS = (
    *("proposal", "approval", "definition", "dkg", "status", "preflight", "backup"),
    *("enr", "wallet", "verify", "demo_operator"),
)
ESCAPES = "\x1b]8;;http://evil.example\x07click\x1b[2J\x9b31m\u202eevil\r"


def nested(depth):
    return json.loads("[" * depth + "]" * depth)


#: What each node answers to every module, and what is told of it.
ANSWERS = {
    "number": (dict(outbox=7), "has a wrong outbox"),
    "list": (dict(outbox=[APPROVAL]), "has a wrong outbox"),
    "nothing": (dict(outbox={APPROVAL: None}), "has a wrong outbox"),
    "nested": (dict(outbox={APPROVAL: {"a": "b"}}), "has a wrong outbox"),
    "outside": (dict(outbox={"../../escaped.json": "{}"}), "../../escaped.json"),
    "strange": (dict(outbox={"notes\x1b[2J.txt": "{}"}), "notes"),
    "surrogate": (dict(outbox={"proposal.json": "\udcff"}), "UTF"),
    "changed": (dict(changed="maybe", outbox={}), "has a wrong changed"),
    "settled": (dict(settled=[7]), "has a wrong settled"),
    "problems": (dict(problems={"a": 1}), "has a wrong problems"),
    "operators": (dict(operators=[7]), "has a wrong operators"),
    "state": (dict(state=["x"]), "has a wrong state"),
    "escapes": (
        dict(state="waiting", step="deal", detail=ESCAPES, failed=True, msg=ESCAPES, problems=[ESCAPES], **{ESCAPES: ESCAPES}),
        "\\u001b]8;;",
    ),
    # Ansible makes another value of these, and shows what they were.
    "change-with-escapes": (dict(changed=ESCAPES, outbox={}), "has a wrong changed"),
    **{"%s-with-escapes" % name: ({name: ESCAPES}, "cannot be read") for name in ("failed", "skipped", "unreachable", "rc")},
    "share": (dict(state="waiting", share_index=-7), "has a wrong share_index"),
}

#: Variables of the inventory that lead the control node to files of its own; a fact of the same name outranks them.
VARIABLES = dict(
    dv_store="the inventory's", dv_store_options={}, dv_definition_file="", dv_status_file="", dv_backup_dest="the inventory's"
)
TAKEN_OVER = dict.fromkeys(VARIABLES, "/evil")
#: What would become variables of a node, or hosts and statistics of the run. Nothing is told of it where it is passed over.
OBEYED = {
    "facts": dict(ansible_facts=TAKEN_OVER),
    "facts-of-a-failure": dict(ansible_facts=TAKEN_OVER, failed=True, msg="x"),
    "lasting-facts": dict(ansible_facts=TAKEN_OVER, _ansible_facts_cacheable=True),
    "results": dict(results=[dict(ansible_facts=TAKEN_OVER)], **TAKEN_OVER),
    "statistics": dict(ansible_stats=dict(data=TAKEN_OVER)),
    "hosts": dict(changed=True, add_host=dict(host_name="evil", groups=["dv_nodes"]), add_group="evil"),
    "outbox": dict(ansible_facts=TAKEN_OVER, outbox={}),
}

#: What Ansible cannot take apart.
ANSWERS.update(
    {
        "no-facts": (dict(ansible_facts=7), "cannot be read"),
        "deep": (dict(problems=nested(900), msg=nested(900), cluster={"a": nested(900)}), "has a wrong problems"),
        "deep-text": (dict(msg=nested(900), failed=True), "nests in more than 50 levels"),
    }
)

PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - block:
%s
      ignore_errors: true
- hosts: all
  gather_facts: false
  tasks:
    - assert:
        that: [wanted == found, groups | length == 2, "'evil' not in groups.all", "'dv_store' not in ansible_facts"]
      vars:
        found:
%s
- hosts: all
  gather_facts: false
  tasks:
    - obol.dv.summary:
    - obol.dv.summary:
        format: json
"""
TASK = """
        - name: {name}
          obol.dv.{name}: "{{{{ arguments }}}}"
          register: dv_{registered}
"""
FOUND = """
- hosts: all
  gather_facts: false
  tasks:
    - obol.dv.enr:
        data_dir: %s
    - assert:
        that: ansible_facts | sort == ['discovered_interpreter_python', 'obol_dv_process']
"""
REGISTERED = dict(verify="verified")


#: What stands for the node's Python: it answers to whatever it is asked, or leaves a process that does.
PROGRAMS = {
    "started": """#!/bin/sh
cat <<'END'
{answer}
END
""",
    "asked": """#!/bin/sh
case "$*" in
*" /the/socket") cat <<'END'
{answer}
END
;;
*) echo '{{"changed": false, "process": {{"socket": "/the/socket", "python": "'"$0"'"}}}}' ;;
esac
""",
}


@pytest.fixture(scope="module", params=PROGRAMS)
def printed(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp("hostile")
    hosts = {}
    answers = {**{name: answer for name, (answer, _text) in ANSWERS.items()}, **OBEYED}
    for name, answer in answers.items():
        program = directory / ("python-of-%s" % name)
        program.write_text(PROGRAMS[request.param].format(answer="%s\n%s" % (json.dumps(answer), ESCAPES)))
        program.chmod(0o755)
        hosts[name] = dict(ansible_python_interpreter=str(program))
    inventory = directory / "hosts.yml"
    variables = dict(
        ansible_connection="local",
        dv_cluster="tested",
        dv_data_dir=str(directory / "data"),
        wanted=VARIABLES,
        **VARIABLES,
        arguments=dict(store=str(directory / "a" / "b" / "store"), dest=str(directory / "copies")),
    )
    inventory.write_text(yaml.safe_dump({"all": {"hosts": hosts, "vars": variables}}))
    path = directory / "play.yml"
    tasks = "".join(TASK.format(name=name, registered=REGISTERED.get(name, name)) for name in STEPS)
    found = "\n".join('          %s: "{{ %s }}"' % (name, name) for name in VARIABLES)
    path.write_text(PLAY % (tasks, found))
    # As where nobody has set inject_facts_as_vars.
    environment = {"ANSIBLE_INJECT_FACT_VARS": "true", "ANSIBLE_SHOW_CUSTOM_STATS": "true"}
    done = playbook.attempt([str(path)], directory, "-vvv", inventory=inventory, environment=environment)
    return done, directory


def test_every_node_is_told_and_no_traceback_is(printed):
    done, _directory = printed
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    said = done.stdout + done.stderr
    assert "Traceback" not in said and "unforeseen" not in said and "Unexpected failure" not in said
    for name, (_answer, text) in ANSWERS.items():
        told = re.findall(r"^fatal: \[%s\]: FAILED! => *\n((?:    .*\n)+)" % name, done.stdout, re.MULTILINE)
        assert told and any(text in each for each in told), (name, told)


def test_no_node_sets_a_variable(printed):
    """The second play asserts it, on each node; here is that it did."""
    done, _directory = printed
    assert done.stdout.count("All assertions passed") == len(ANSWERS) + len(OBEYED)
    assert "CUSTOM STATS" not in done.stdout and "evil" not in playbook.recap(done.stdout)


def test_the_python_that_ansible_found_is_kept(tmp_path):
    """That is a fact too, but of the control node's own."""
    inventory = tmp_path / "hosts.yml"
    variables = dict(
        ansible_connection="local", ansible_python_interpreter="auto_silent", ansible_interpreter_python_fallback=[sys.executable]
    )
    inventory.write_text(yaml.safe_dump({"all": {"hosts": {"alice": variables}}}))
    path = tmp_path / "play.yml"
    path.write_text(FOUND % (tmp_path / "data"))
    done = playbook.attempt([str(path)], tmp_path, inventory=inventory)
    assert done.returncode == 0 and "All assertions passed" in done.stdout, done.stdout + done.stderr


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
