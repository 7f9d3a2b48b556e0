# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module ``backup_enr_key`` does on a node."""

from __future__ import annotations

import os
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..ansible_module.argument_specs import PROCESS_SPEC
from ..ansible_module.runner import packages

with packages():
    from ..agreement import approval
    from ..backup import enr_key
    from ..crypto import age, secp256k1
    from ..data_dir import layout, node_key
    from ..data_dir.layout import DataDir
    from ..errors import DvError
    from ..ethereum import enr
    from ..storage import files

ARGUMENT_SPEC = dict(
    data_dir=dict(type="path", required=True),
    recipients=dict(type="list", elements="str", required=True),
    backup_dir=dict(type="path", required=True),
    dest=dict(type="str"),
    **PROCESS_SPEC,
)


def run_module(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    recipients = age.parse_recipients(params["recipients"], "dv_backup_recipients")
    result: dict[str, Any] = dict(changed=True, path=None, recipients=recipients, created=None, peer_id=None)
    data_dir = DataDir(params["data_dir"])
    if not node_key.exists(data_dir):
        if module.check_mode:
            return result
        raise DvError(f"{data_dir} has no {layout.NODE_KEY}", "a key to back up", "run obol.dv.enr first")
    private_key = node_key.read(data_dir)
    result["peer_id"] = enr.peer_id(secp256k1.public_key(private_key))
    backups = enr_key.find(params["backup_dir"], result["peer_id"])
    result["warnings"] = list(map(str, backups.damaged))
    backup = backups.newest(recipients)
    approved = data_dir.read(approval.FILE, approval.MAX_SIZE)
    copy = enr_key.approval_path(params["backup_dir"], result["peer_id"], approved) if approved else None
    result["changed"] = backup is None or copy is not None and not os.path.lexists(copy)
    if backup is None:
        if module.check_mode:
            return result
        backup = enr_key.make(params["backup_dir"], result["peer_id"], private_key, recipients, time.time())
    outbox = {os.path.basename(path): files.read(path, enr_key.MAX_SIZE).decode() for path in backup.paths}
    if copy and approved:
        if not module.check_mode:
            files.write_same(copy, approved)
        outbox[os.path.basename(copy)] = approved.decode()
    return dict(result, path=backup.path, created=backup.created, outbox=outbox)
