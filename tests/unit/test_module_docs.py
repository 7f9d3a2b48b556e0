# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every module tells its options as it takes them, an example that parses, and what it returns."""

import importlib
import json
import os
import pathlib
import subprocess
import sys

import pytest
import yaml
from ansible_collections.obol.dv.plugins.module_utils.module_backends import registry

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
#: What the documentation and the argument spec both say of an option.
SAID = ("type", "elements", "required", "default", "choices", "aliases")


@pytest.fixture(scope="module")
def docs(collections_path):
    """What ansible-doc tells of all modules, fragments merged in."""
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "doc", "--json", "--type", "module", *("obol.dv." + name for name in MODULES)],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": collections_path},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def said(options, below):
    """The options of a specification or a documentation, in one form."""
    return {
        name: {
            **{key: option[key] for key in SAID if option.get(key) not in (None, False, [])},
            "options": said(option.get(below) or {}, below),
        }
        for name, option in options.items()
    }


@pytest.mark.parametrize("name", MODULES)
def test_options_are_the_documented_ones(docs, name):
    place = "module_utils.module_backends" if name in registry.MODULES else "modules"
    taken = importlib.import_module(f"ansible_collections.obol.dv.plugins.{place}.{name}").ARGUMENT_SPEC
    assert said(docs["obol.dv." + name]["doc"]["options"], "suboptions") == said(taken, "options")


@pytest.mark.parametrize("name", MODULES)
def test_example_and_result_are_documented(docs, name):
    entry = docs["obol.dv." + name]
    tasks = yaml.safe_load(entry["examples"])
    assert all("obol.dv." + name in task for task in tasks)
    assert all({"description", "returned", "type"} <= set(value) for value in entry["return"].values())


def test_what_has_a_diff_says_so(docs):
    """Of two fragments that say it, the first one counts."""
    made = {name for name in MODULES if "obol.dv.attributes.diff" in (ROOT / "plugins" / "modules" / ("%s.py" % name)).read_text()}
    assert "activate" in made
    assert made == {name for name in MODULES if docs["obol.dv." + name]["doc"]["attributes"]["diff_mode"]["support"] == "full"}
