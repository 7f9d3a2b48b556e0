# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module by its name: once, or in a process that stays and runs the next ones too.

A backend has an argument spec, ``ARGUMENT_SPEC``, and a function, ``run_module``, that compares wanted with found, calls the core once
and returns the result; ``CONSTRAINTS`` has further arguments of AnsibleModule.
"""

from __future__ import annotations

import importlib
import os
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..ansible_module import resident, runner, zip_importer

if TYPE_CHECKING:
    # Ansible sends a node what it finds imported here; a backend is loaded when it is asked for.
    from . import (  # noqa: F401
        activate,
        approval,
        backup,
        definition,
        demo_operator,
        dkg,
        drill,
        enr,
        load_keys,
        preflight,
        proposal,
        restore,
        status,
        test_cluster,
        unload_keys,
        verify,
        wallet,
    )

#: The modules that run on nodes.
MODULES = (
    "activate",
    "approval",
    "backup",
    "definition",
    "demo_operator",
    "dkg",
    "drill",
    "enr",
    "load_keys",
    "preflight",
    "proposal",
    "restore",
    "status",
    "test_cluster",
    "unload_keys",
    "verify",
    "wallet",
)


def run(name: str) -> None:
    """Run the module called ``name``. With the option ``stay`` a process is left on the node, see :mod:`.resident`."""
    zip_importer.install()
    asked = _backend(name)
    module = runner.Module(argument_spec=asked.ARGUMENT_SPEC, supports_check_mode=True, **_constraints(asked))
    os.umask(0o077)
    result = runner.answer(module, asked.run_module)
    # Ansible says of a result with warnings of its own that this is deprecated.
    for warning in result.pop("warnings", ()):
        module.warn(warning)
    if result.get("failed"):
        module.fail_json(**result)
    if module.params["stay"]:
        result["process"] = resident.start(lambda question: answer(module, question))
    module.exit_json(**result)


def answer(module: runner.Module, question: dict[str, Any]) -> dict[str, Any]:
    """The result of another module, in the process that ran ``module``: ``question`` has its name (``module``), its arguments
    (``params``) and ``check_mode``.

    :raises ValueError: only a module that is started says what is wrong with its arguments, or knows where a relative path leads
    """
    asked = _backend(question["module"])
    validated = ArgumentSpecValidator(asked.ARGUMENT_SPEC, **_constraints(asked)).validate(question["params"])
    params = validated.validated_parameters
    paths = [params[name] for name, option in asked.ARGUMENT_SPEC.items() if option["type"] == "path" and name in params]
    if validated.error_messages or not all(map(os.path.isabs, filter(None, paths))):
        raise ValueError
    module.params, module.check_mode = params, question["check_mode"]
    try:
        return runner.answer(module, asked.run_module)
    finally:
        # A whole inbox, that nobody needs while this process waits.
        module.params = {}


def _constraints(asked: ModuleType) -> dict[str, Any]:
    return getattr(asked, "CONSTRAINTS", {})


def _backend(name: str) -> ModuleType:
    """That of the module called ``name``, one of :data:`MODULES`."""
    return importlib.import_module("." + MODULES[MODULES.index(name)], __package__)
