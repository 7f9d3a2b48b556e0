# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command that goes on, as the user would type it: this run's playbook, inventory and variables."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterable

import yaml
from ansible.parsing.splitter import parse_kv
from ansible_collections.obol.dv.plugins.module_utils.cluster.node_status import ROUNDS, STEPS
from ansible_collections.obol.dv.plugins.module_utils.crypto import age

#: Playbooks that go on with some steps only, and with which; all others are taken to go on with any.
PARTS = {
    **dict.fromkeys(("backup", "demo", "drill", "export", "import", "preflight", "restore", "runtime"), ()),
    "enr": STEPS[:1],
    "definition": STEPS[1:4],
    "dkg": ROUNDS,
    "activate": ("activate",),
    "load_keys": ("load",),
    "move_keys": ("load", "unload"),
    "unload_keys": ("unload",),
    "verify": (),
    "status": (),
    "test_cluster": ("test",),
}
WHOLE = "create_cluster"
#: How variables begin that are for one run alone: what somebody confirmed once, and where a secret lay for that time.
ONCE = ("dv_old_machine_is_dead", "dv_keys_nowhere_else", "dv_keys_without_drill", "dv_restore_", "dv_drill_")
COLLECTION = "obol.dv."


class CommandLine:
    """The command line of this run.

    :param arguments: what the user gave ``ansible-playbook`` (``context.CLIARGS``): ``args``, ``inventory``, ``extra_vars``,
        ``subset``
    :param default_inventory: the inventory sources where none is given
    :param hosts: names of all hosts of the run
    """

    def __init__(self, arguments, default_inventory, hosts):
        self._arguments, self._default, self._hosts = arguments, list(default_inventory or ()), set(hosts)

    def again(self, hosts: Iterable[str], step: str | None = None, **variables: object) -> str:
        """The text of the command that runs again on ``hosts``, with further variables.

        Of the variables that were given before, those of this collection stay: another one may be a password. One with a secret key in
        it, named as a recipient by mistake, does not.

        :param step: the step that is to be gone on with, if it is known
        """
        return shlex.join(
            [
                "ansible-playbook",
                *self._playbooks(step),
                *self._inventory(),
                *self._variables(variables),
                *self._limit(list(hosts)),
            ]
        )

    def _playbooks(self, step):
        # An ad hoc command has a module, and its pattern of hosts in the place of playbooks.
        playbooks = [] if self._arguments.get("module_name") else list(self._arguments.get("args") or ())
        if any(stem not in PARTS or step in PARTS[stem] for stem in map(_stem, playbooks)):
            return playbooks
        last = playbooks[-1] if playbooks else COLLECTION
        if last.startswith(COLLECTION):
            return [COLLECTION + WHOLE]
        return [os.path.join(os.path.dirname(last), WHOLE + os.path.splitext(last)[1])]

    def _inventory(self):
        sources = list(self._arguments.get("inventory") or ())
        if sources == self._default:
            return []
        return [word for source in sources for word in ("-i", source if "," in source else _short(source))]

    def _variables(self, more):
        words = []
        for argument in self._arguments.get("extra_vars") or ():
            if argument.startswith("@"):
                words += ["-e", argument]
                continue
            own = {name: value for name, value in _values(argument).items() if name.startswith("dv_") and not name.startswith(ONCE)}
            assignments = [_assignment(name, value) for name, value in own.items() if name not in more]
            words += [word for text in assignments if not age.SECRET.search(text) for word in ("-e", text)]
        return words + [word for name, value in more.items() for word in ("-e", _assignment(name, value))]

    def _limit(self, hosts):
        subset = self._arguments.get("subset")
        if set(hosts) == self._hosts:
            return ["--limit", subset] if subset else []
        return ["--limit", ",".join(hosts)]


def _stem(playbook):
    if playbook.startswith(COLLECTION):
        return playbook.removeprefix(COLLECTION)
    return os.path.splitext(os.path.basename(playbook))[0]


def _short(path):
    """``path`` from the working directory, where it is below it."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def _values(argument):
    """The variables of an ``argument`` of ``-e``; those that YAML alone does not read, say with a tag of Ansible's, are not repeated."""
    try:
        values = yaml.safe_load(argument) if argument[:1] in ("{", "[") else parse_kv(argument)
    except yaml.YAMLError:
        return {}
    return {name: value for name, value in values.items() if isinstance(name, str)} if isinstance(values, dict) else {}


def _assignment(name, value):
    if isinstance(value, str) and value and shlex.quote(value) == value:
        return f"{name}={value}"
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return f"{name}={value}" if is_number else json.dumps({name: value}, default=str)
