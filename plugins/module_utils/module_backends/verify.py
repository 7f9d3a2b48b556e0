# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module ``verify`` does on a node."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..ansible_module.argument_specs import PROCESS_SPEC, TESTNET_SPEC, networks_of
from ..ansible_module.runner import failure, packages

with packages():
    from ..verify.artefacts import verify_path

ARGUMENT_SPEC = dict(path=dict(type="path", required=True), testnet=TESTNET_SPEC, **PROCESS_SPEC)


def run_module(module: AnsibleModule) -> dict[str, Any]:
    path = module.params["path"]
    report = verify_path(path, networks_of(module.params))
    findings = [dict(level=finding.level, check=finding.check, text=finding.text) for finding in report.findings]
    errors, warnings = (
        [f"{finding.check}: {finding.text}" for finding in report.findings if finding.level == level] for level in ("error", "warning")
    )
    result = dict(changed=False, findings=findings, cluster=report.cluster, warnings=warnings)
    return result if report.ok else failure(f"{path} is not as it should be:\n- " + "\n- ".join(errors), **result)
