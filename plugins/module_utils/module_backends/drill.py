# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module ``drill`` does, on whatever machine has the identity."""

from __future__ import annotations

import os
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..ansible_module.argument_specs import OPENER_SPEC, PROCESS_SPEC, TESTNET_SPEC, networks_of
from ..ansible_module.runner import failure, packages

with packages():
    from ..backup import drill
    from ..backup.opened import read_archive, read_opener
    from ..errors import Collector, DvError, Problems

ARGUMENT_SPEC = dict(
    archives=dict(type="list", elements="path", required=True),
    statement_dir=dict(type="path"),
    testnet=TESTNET_SPEC,
    **OPENER_SPEC,
    **PROCESS_SPEC,
)


def run_module(module: AnsibleModule) -> dict[str, Any]:
    params, networks = module.params, networks_of(module.params)
    if not params["archives"]:
        raise DvError("dv_drill_archives is empty", "archives, or directories with them", "name what is to be drilled")
    opener = read_opener(params["identity_file"], params["passphrase_file"])
    problems, passed, warnings = Collector(), [], []
    paths: list[str] = []
    for given in params["archives"]:
        with problems:
            paths += drill.find_archives(given)
    for path in dict.fromkeys(paths):
        with problems:
            found = drill.drill(path, read_archive(path), opener, networks)
            warnings += found.warnings
            directory = params["statement_dir"] or os.path.dirname(os.path.abspath(path))
            statement = None if module.check_mode else drill.state(found, directory, time.time())
            passed.append(dict(found.facts, archive=path, statement=statement))
    result = dict(changed=bool(passed), drills=passed, warnings=warnings)
    # What passed is told too, and stated.
    return failure(str(Problems(problems.errors)), **result) if problems.errors else result
