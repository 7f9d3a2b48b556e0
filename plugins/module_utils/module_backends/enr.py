# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module ``enr`` does on a node."""

from __future__ import annotations

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..ansible_module.argument_specs import PROCESS_SPEC
from ..ansible_module.runner import packages

with packages():
    from ..crypto import secp256k1
    from ..data_dir import layout, node_key
    from ..data_dir.layout import DataDir
    from ..ethereum import enr
    from ..storage import files, ownership

ARGUMENT_SPEC = dict(
    data_dir=dict(type="path", required=True),
    owner=dict(type="str"),
    **PROCESS_SPEC,
)


def run_module(module: AnsibleModule) -> dict[str, Any]:
    data_dir = DataDir(module.params["data_dir"])
    wanted = ownership.parse(module.params["owner"], "dv_data_owner") if module.params["owner"] else None
    if wanted:
        ownership.check(wanted, "dv_data_owner")
    result = dict(key_path=data_dir.path(layout.NODE_KEY), enr=None, peer_id=None)
    new = not node_key.exists(data_dir)
    if new and module.check_mode:
        return dict(result, changed=True)
    if wanted:
        # Its user must be able to get there.
        files.make_directory(os.path.dirname(os.path.abspath(data_dir.root)), 0o711)
    files.make_directory(data_dir.root)
    given = ownership.give_to(wanted, data_dir.root, dry_run=module.check_mode) if wanted else False
    with data_dir.as_owner():
        if new:
            with data_dir.exclusive():
                if not node_key.exists(data_dir):
                    node_key.create(data_dir)
        else:
            # A killed run may have made it: it has to last before anybody hears of its ENR.
            files.sync_directory(data_dir.root)
        private_key = node_key.read(data_dir)
    return dict(result, changed=new or given, enr=enr.encode(private_key), peer_id=enr.peer_id(secp256k1.public_key(private_key)))
