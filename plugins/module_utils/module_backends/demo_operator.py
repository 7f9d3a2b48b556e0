# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module ``demo_operator`` does on a node."""

from __future__ import annotations

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..ansible_module.argument_specs import PROCESS_SPEC, WALLET_SPEC
from ..ansible_module.runner import packages

with packages():
    from ..agreement import policy
    from ..agreement.config import parse_config
    from ..signers import key_file_wallet
    from ..storage import files

ARGUMENT_SPEC = dict(
    policy_file=dict(type="path", required=True),
    terms=dict(type="dict", required=True),
    **WALLET_SPEC,
    **PROCESS_SPEC,
)


def run_module(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    terms = parse_config(params["terms"], operators_pending=True)
    new_wallet, new_policy = (not os.path.lexists(params[name]) for name in ("wallet_file", "policy_file"))
    # It names the operators, so it waits until each has a wallet.
    new_policy = new_policy and "" not in terms.operators
    changed = new_wallet or new_policy
    if module.check_mode:
        return dict(changed=changed, address=None if new_wallet else key_file_wallet.address(params["wallet_file"]))
    if new_wallet:
        key_file_wallet.create(params["wallet_file"], params["wallet_password_file"])
    if new_policy:
        files.make_directory(os.path.dirname(params["policy_file"]))
        files.write_new(params["policy_file"], policy.allowing(terms).encode())
    key_file_wallet.finish_interrupted_write(*(params[name] for name in ("wallet_file", "wallet_password_file", "policy_file")))
    return dict(changed=changed, address=key_file_wallet.address(params["wallet_file"]))
