# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of the variables that the roles take, against slips: a misspelled one would be passed over in silence."""

import difflib
import functools
import pathlib
from collections.abc import Iterable

from ansible.module_utils.common.yaml import yaml_load
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError

_ROLES = pathlib.Path(__file__).parents[2] / "roles"

# Operators have variables of their own; only a name this close to a known one is taken for a slip.
_CLOSE = 0.88


@functools.cache
def known() -> list[str]:
    """The variables in the argument specs of all roles of this collection, sorted."""
    specs = [yaml_load(path.read_bytes())["argument_specs"] for path in _ROLES.glob("*/meta/argument_specs.yml")]
    return sorted({name for spec in specs for entry in spec.values() for name in entry.get("options", ())})


def names_in_run(task_vars: dict) -> set[str]:
    """The names of the variables of all nodes of a run that may be of this collection.

    :param task_vars: the variables of a task
    """
    hosts = (task_vars["hostvars"][host] for host in task_vars["ansible_play_hosts_all"])
    return {name for variables in hosts for name in variables if name.startswith("dv_")}


def misspelled(names: Iterable[str]) -> list[DvError]:
    """An error for each of ``names`` that is unknown, and nearly a known one."""
    problems = []
    for name in sorted(set(names).difference(known())):
        near = difflib.get_close_matches(name, known(), 1, _CLOSE)
        if near:
            problems.append(DvError(f"{name} is not a variable of obol.dv", near[0], "correct its name in the inventory"))
    return problems
