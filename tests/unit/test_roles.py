# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``ansible-doc -t role`` tells of every role what it does, takes and registers, as it does; the README has the same."""

import json
import os
import re
import subprocess
import sys

import pytest
import yaml
from ansible_collections.obol.dv.tests.role_readmes import CLUSTER, REGISTERS, ROOT, TAKES, named, options, readme, roles, specs

ENTRIES = [(role, entry) for role in roles() for entry in specs(role)]
#: The steps of a ceremony, which take the cluster's variables.
STEPS = [
    (role, entry)
    for role, entry in ENTRIES
    if CLUSTER in (ROOT / "roles" / role / "meta" / "main.yml").read_text().partition("dependencies:")[2]
]


@pytest.fixture(scope="module")
def docs(collections_path):
    """What ansible-doc tells of all roles."""
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "doc", "--json", "--type", "role", *("obol.dv." + role for role in roles())],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": collections_path},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def load(path):
    """What Ansible works out of a file: of YAML all but the comments, of a template what is in braces."""
    if path.suffix == ".j2":
        return " ".join(re.findall(r"{[{%].*?[%}]}", path.read_text()))
    return json.dumps(yaml.safe_load(path.read_text()))


def names(text):
    return set(re.findall(r"\bdv_[a-z0-9_]+", text))


def sources(role, entry):
    """The texts of what runs at a role's entry point."""
    other = {name + ".yml" for name in specs(role)} - {entry + ".yml"}
    paths = [*(ROOT / "roles" / role).glob("tasks/*.yml"), *(ROOT / "roles" / role).glob("templates/*.j2")]
    return [load(path) for path in paths if path.name not in other]


def taken(role, entry):
    """The cluster's variables that the role reads there, by way of those that roles/cluster/vars puts together, too."""
    made = yaml.safe_load((ROOT / "roles" / CLUSTER / "vars" / "main.yml").read_text())
    found, new = set(), names(" ".join(sources(role, entry)))
    while new:
        found |= new
        new = {name for one in new & made.keys() for name in names(json.dumps(made[one]))} - found
    return found & options(CLUSTER).keys()


def registered(role, entry):
    return set(re.findall(r'"register": "(dv_\w+)"', " ".join(sources(role, entry))))


@pytest.mark.parametrize("role", roles())
def test_ansible_doc_tells_of_it(docs, role):
    told = docs["obol.dv." + role]["entry_points"]
    assert told.keys() == specs(role).keys()
    for entry in told.values():
        assert entry["short_description"] and all(entry["description"]) and entry["author"]
        assert all(option["description"] and option["type"] for option in entry.get("options", {}).values())


@pytest.mark.parametrize("role, entry", STEPS)
def test_what_it_takes_and_registers(role, entry):
    spec = specs(role)[entry]
    assert sorted(named(spec, TAKES)) == sorted(taken(role, entry))
    assert sorted(named(spec, REGISTERS)) == sorted(registered(role, entry))


def test_every_role_is_a_step_or_has_variables_of_its_own():
    assert {role for role in roles() if not options(role)} <= {role for role, _entry in STEPS}


@pytest.mark.parametrize("role", roles())
def test_readme(role):
    assert (ROOT / "roles" / role / "README.md").read_text() == readme(role), "make readmes"


def test_a_whole_run_validates_the_variables_once_in_a_play():
    """A role without options of its own has nothing to validate: its task would take every node's time, for nothing."""
    whole = yaml.safe_load((ROOT / "playbooks" / "create_cluster.yml").read_text())
    others = [play["ansible.builtin.import_playbook"] for play in whole if "ansible.builtin.import_playbook" in play]
    text = json.dumps([whole, *(yaml.safe_load((ROOT / "playbooks" / name).read_text()) for name in others)])
    imported = re.findall(r'"ansible.builtin.import_role": ({.*?})', text)
    assert len(imported) == text.count('"obol.dv.')
    assert all(json.loads(role)["rolespec_validate"] is False for role in imported)
