# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of Ansible's own is private, and we touch all the same: held against the Ansible that is there, by a run of it.

tests/integration/test_ansible_core.py runs this with each ansible-core that is supported.
"""

import json
import os
import subprocess
import sys

import pytest
import yaml
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from ansible_collections.obol.dv.plugins.module_utils.ansible_module import runner

#: In the Python of a node, from its beginning: how often each file is compiled, and at the end who brought our core.
SITE = """
import atexit, json, os, sys
compiled = []
sys.addaudithook(lambda event, args: compiled.append(str(args[1])) if event == "compile" else None)
def tell():
    core = "ansible_collections.obol.dv.plugins.module_utils."
    found = {
        name.removeprefix(core): [type(each.__spec__.loader).__name__, each.__file__, compiled.count(each.__file__)]
        for name, each in sys.modules.items() if name.startswith(core)
    }
    if found:
        with open(os.path.join(os.path.dirname(__file__), "found.json"), "w") as file:
            json.dump(found, file)
atexit.register(tell)
"""

PLAY = """
- hosts: dv_nodes
  gather_facts: false
  ignore_errors: true
  tasks:
    - obol.dv.preflight:
        data_dir: "{{ dir }}/{{ inventory_hostname }}/data"
        store: "{{ dir }}/store"
        terms: {}
        wallet_file: "{{ dir }}/wallet.json"
        wallet_password_file: "{{ dir }}/password.txt"
        policy_file: "{{ dir }}/policy.yml"
      register: preflight
    - ansible.builtin.copy:
        content: "{{ dict(problems=preflight.problems | default([]), facts=preflight.ansible_facts | default({})) | to_json }}"
        dest: "{{ dir }}/{{ inventory_hostname }}.json"
"""


@pytest.fixture(scope="module")
def ran(collections_path, tmp_path_factory):
    """The directory in which nodes have run the preflight: each in its own place in the inventory."""
    directory = tmp_path_factory.mktemp("run")
    (directory / "sitecustomize.py").write_text(SITE)
    watched = directory / "python"
    watched.write_text('#!/bin/sh\nPYTHONPATH=%s exec %s "$@"\n' % (directory, sys.executable))
    watched.chmod(0o755)
    # The only one that is to be found: what pyenv puts on the PATH says that it is none.
    (directory / "bin").mkdir()
    (directory / "bin" / ("python%d.%d" % sys.version_info[:2])).symlink_to(sys.executable)
    plain = dict(ansible_python_interpreter=sys.executable)
    hosts = {
        "one": {
            "hosts": {"right": dict(ansible_python_interpreter=str(watched)), "twice": plain, "undiscovered": {}},
            "vars": {"dv_cluster": "one"},
        },
        "two": {"hosts": {"twice": {}, "misnamed": dict(dv_cluster="tow", **plain)}},
    }
    # A group of another kind, and a cluster's own subgroup, are no clusters.
    hosts["one"]["children"] = {"below": {"hosts": {"right": {}}}}
    inventory = {
        "dv_nodes": {"children": hosts},
        "all": {"vars": dict(ansible_connection="local", dir=str(directory))},
        "site": {"hosts": {"right": {}}},
    }
    (directory / "hosts.yml").write_text(yaml.safe_dump(inventory))
    (directory / "play.yml").write_text(PLAY)
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    environment = {
        "ANSIBLE_COLLECTIONS_PATH": collections_path,
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_INJECT_FACT_VARS": "false",
        "PATH": "%s/bin:/usr/bin:/bin" % directory,
    }
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-i", "hosts.yml", "play.yml"],
        cwd=directory,
        env={**clean, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return directory


def read(directory, name):
    return json.loads((directory / (name + ".json")).read_text())


@pytest.mark.parametrize(
    "name, wanted",
    [
        ("right", []),
        ("twice", ["twice is in several groups directly below dv_nodes: one, two"]),
        ("misnamed", ["dv_cluster of misnamed is tow"]),
    ],
)
def test_which_group_is_below_which(ran, name, wanted):
    """``hostvars._inventory``, which plugin_utils.clusters asks."""
    found = [problem for problem in read(ran, name)["problems"] if "dv_nodes" in problem or "dv_cluster" in problem]
    assert len(found) == len(wanted) and all(text in problem for text, problem in zip(wanted, found)), found


def test_a_found_python_is_kept_and_nothing_else_is(ran):
    """``_discovered_interpreter`` and ``_discovered_interpreter_key``, which plugin_utils.node_module takes over."""
    assert list(read(ran, "undiscovered")["facts"]) == ["discovered_interpreter_python"]
    assert read(ran, "right")["facts"] == {}


def test_the_core_comes_by_our_importer_and_is_compiled_once(ran):
    """AnsiballZ, the zip in which Ansible brings a module, and module_utils.ansible_module.zip_importer, which reads it."""
    found = read(ran, "found")
    files = {
        "ansible_module": ("resident", "runner", "zip_importer"),
        "module_backends": ("registry",),
        "storage": ("as_owner", "files"),
    }
    before = {"errors", *files, *(f"{room}.{name}" for room, names in files.items() for name in names)}
    assert before < found.keys() and {"node.preflight", "crypto.secp256k1", "cluster.lock"} <= found.keys()
    assert {name: each for name, each in found.items() if name not in before and (each[0], each[2]) != ("Importer", 1)} == {}
    assert all(".zip/ansible_collections/obol/dv/" in each[1] for each in found.values())


def test_the_nodes_log_is_told_nothing(monkeypatch):
    """``_log_invocation``, which module_utils.ansible_module.runner leaves out."""
    logged = []
    monkeypatch.setattr(AnsibleModule, "log", lambda self, message, log_args=None: logged.append(message))
    for kind, wanted in ((AnsibleModule, 1), (runner.Module, 0)):
        logged.clear()
        with patch_module_args({}):
            kind(argument_spec={})
        assert len(logged) == wanted
