# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module ``restore`` does on a node."""

from __future__ import annotations

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..ansible_module.argument_specs import COPIES_SPEC, OPENER_SPEC, PROCESS_SPEC, TESTNET_SPEC, networks_of
from ..ansible_module.runner import packages
from ..backup.contents import PARTS

with packages():
    from ..backup import drill, restore
    from ..backup.opened import read_opener
    from ..data_dir.layout import DataDir
    from ..ethereum import enr
    from ..storage import files, ownership

ARGUMENT_SPEC = dict(
    data_dir=dict(type="path", required=True),
    archive=dict(type="path"),
    backup_dir=dict(type="path", required=True),
    inbox=dict(type="dict", default={}),
    parts=dict(type="list", elements="str", choices=list(PARTS)),
    owner=dict(type="str"),
    node=dict(type="str", required=True),
    old_machine_is_dead=dict(type="str"),
    operator_address=dict(type="str"),
    share_index=dict(type="int"),
    testnet=TESTNET_SPEC,
    **COPIES_SPEC,
    **OPENER_SPEC,
    **PROCESS_SPEC,
)


def run_module(module: AnsibleModule) -> dict[str, Any]:
    params, data_dir = module.params, DataDir(module.params["data_dir"])
    restore.check_confirmed(params["node"], params["old_machine_is_dead"])
    owner = ownership.parse(params["owner"], "dv_data_owner") if params["owner"] else None
    if owner:
        ownership.check(owner, "dv_data_owner")
    opener = read_opener(params["identity_file"], params["passphrase_file"])
    path, encrypted = restore.choose_archive(params["archive"], params["inbox"], params["backup_dir"], params["parts"])
    opened, _facts, warnings = drill.drill(path, encrypted, opener, networks_of(params), params["parts"])
    restore.check_operator(opened, params["operator_address"], params["share_index"])
    parts = params["parts"] or opened.manifest.parts
    absent, given = restore.missing(opened, data_dir, parts), False
    if not module.check_mode:
        restore.keep_archive(params["inbox"], params["backup_dir"])
        if owner:
            # Its user must be able to get there.
            files.make_directory(os.path.dirname(os.path.abspath(data_dir.root)), 0o711)
        with data_dir.exclusive():
            restore.recover(data_dir, opened)
            restore.put(data_dir, restore.missing(opened, data_dir, parts))
        given = ownership.give_to(owner, data_dir.root) if owner else False
    return dict(
        changed=bool(absent) or given,
        path=path,
        parts=[part for part in opened.manifest.parts if part in parts],
        restored=sorted(absent),
        enr=enr.encode(opened.private_key),
        peer_id=opened.manifest.peer_id,
        warnings=[*warnings, restore.WARNING % params["node"]] if absent else warnings,
    )
