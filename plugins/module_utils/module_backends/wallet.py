# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module ``wallet`` does on a node."""

from __future__ import annotations

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..ansible_module.argument_specs import PROCESS_SPEC
from ..ansible_module.runner import packages

with packages():
    from ..agreement import approval
    from ..data_dir.layout import DataDir
    from ..signers import key_file_wallet

ARGUMENT_SPEC = dict(
    path=dict(type="path", required=True),
    password_file=dict(type="path", required=True, no_log=False),
    create=dict(type="bool", default=False),
    address=dict(type="str"),
    data_dir=dict(type="path"),
    **PROCESS_SPEC,
)


def run_module(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    path, data_dir = params["path"], params["data_dir"]
    if data_dir and not os.path.lexists(path):
        approved = approval.read(DataDir(data_dir))
        # What has signed may be gone.
        if approved:
            return dict(changed=False, address=approved.address)
    address, new = key_file_wallet.find_or_create(path, params["password_file"], params["address"], params["create"], module.check_mode)
    return dict(changed=new, address=address)
