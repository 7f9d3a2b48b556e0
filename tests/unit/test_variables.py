# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every variable that code, playbooks and docs name is one that a role declares, with the default that its docs tell."""

import pathlib
import re

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())
PLACES = ("plugins", "roles", "playbooks", "inventories", "docs", "tests/integration", "README.md", "CONTRIBUTING.md")
TEXTS = {".py", ".yml", ".j2", ".md"}


def load(path):
    """The content of a YAML file, ``{}`` where there is none."""
    return (yaml.safe_load(path.read_text()) if path.exists() else None) or {}


def options(role):
    """The documented variables of a role: name to its specification."""
    specs = load(ROOT / "roles" / role / "meta" / "argument_specs.yml").get("argument_specs", {})
    return {name: option for spec in specs.values() for name, option in spec.get("options", {}).items()}


def nested(value, key):
    """What stands under ``key`` at any depth of a YAML value."""
    if isinstance(value, dict):
        if key in value:
            yield value[key]
        for item in value.values():
            yield from nested(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from nested(item, key)


def declared():
    """The names that roles take, make, register and hand on, that inventories set, and the groups that plays are for."""
    names = {name for role in ROLES for name in options(role)}
    for path in ROOT.glob("roles/*/vars/*.yml"):
        names.update(load(path))
    for path in ROOT.glob("roles/*/tasks/*.yml"):
        names.update(nested(load(path), "register"))
        names.update(name for given in nested(load(path), "vars") for name in given)
        for key in ("ansible.builtin.set_fact", "vars"):
            names.update(name for values in nested(load(path), key) for name in values)
    for path in ROOT.glob("inventories/*/*_vars/*.yml"):
        names.update(load(path))
    for path in ROOT.glob("playbooks/*.yml"):
        names.update(name for hosts in nested(load(path), "hosts") for name in re.findall(r"'(\w+)'", hosts))
    return names


@pytest.mark.parametrize("role", ROLES)
def test_defaults_are_the_documented_ones(role):
    defaults = load(ROOT / "roles" / role / "defaults" / "main.yml")
    documented = options(role)
    assert list(defaults) == [name for name in documented if name in defaults]
    literal = {name: value for name, value in defaults.items() if value is not None and "{{" not in str(value)}
    assert literal == {name: option["default"] for name, option in documented.items() if "default" in option}
    assert not [name for name in defaults if documented[name].get("required")]


def test_named_variables_are_declared():
    names = declared()
    unknown = {}
    for place in PLACES:
        for path in [ROOT / place, *(ROOT / place).rglob("*")]:
            if path.suffix in TEXTS and path.is_file():
                for name in set(re.findall(r"(?<![\w.])dv_[a-z0-9_]+", path.read_text())) - names:
                    # dv_testnet_* stands for all that begin so.
                    if not (name.endswith("_") and any(known.startswith(name) for known in names)):
                        unknown.setdefault(name, []).append(str(path.relative_to(ROOT)))
    assert not unknown
