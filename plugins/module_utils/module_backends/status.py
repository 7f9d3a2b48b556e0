# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module ``status`` does on a node."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..ansible_module.argument_specs import CARRIER_SPEC, COPIES_SPEC, PROCESS_SPEC, TESTNET_SPEC, networks_of
from ..ansible_module.runner import packages
from ..errors import DvError

with packages():
    from ..activation import followed
    from ..backup import status as backup_status
    from ..cluster.store_names import DRILLS
    from ..cluster.store_names import KEYS as ABOUT_KEYS
    from ..data_dir import key_place
    from ..data_dir.layout import DataDir
    from ..encoding.utc import to_utc
    from ..key_loading import loaded
    from ..node.status import evaluate_node
    from ..signers import key_file_wallet

ARGUMENT_SPEC = dict(
    data_dir=dict(type="path", required=True),
    attempt=dict(type="int", default=1),
    operator_address=dict(type="str"),
    share_index=dict(type="int"),
    creator=dict(type="str"),
    wallet_file=dict(type="path"),
    beacon_url=dict(type="str"),
    backup_dir=dict(type="path"),
    copies=dict(type="list", elements="dict", default=[]),
    statements=dict(type="dict", default={}),
    testnet=TESTNET_SPEC,
    **CARRIER_SPEC,
    **COPIES_SPEC,
    **PROCESS_SPEC,
)

RESTORE = "there is a backup with a charon-enr-private-key, %s: restore it (obol.dv.restore), or move that away"


def run_module(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    data_dir = DataDir(params["data_dir"])
    node_status, known = evaluate_node(
        data_dir,
        params["inbox"],
        params["store"],
        params["attempt"],
        networks_of(params),
        params["operator_address"] or _address_of_wallet(params["wallet_file"]),
        params["share_index"],
        params["creator"],
    )
    texts = {**params["statements"], **{name: text for name, text in params["inbox"].items() if name.startswith(DRILLS)}}
    backup = None
    if params["backup_dir"]:
        backup = backup_status.evaluate_places(data_dir, params["backup_dir"], params["copies"], texts)
    if backup and backup["path"] and not known["enr"]:
        detail = "; ".join(filter(None, (node_status.detail, RESTORE % backup["path"])))
        node_status = replace(node_status, ready=False, waiting_for=(), detail=detail)
    keys = None
    # What is wrong with the record is said where key shares are loaded.
    with contextlib.suppress(DvError):
        place = key_place.read(data_dir)
        keys = place and dict(place=str(place), state=place.state, since=to_utc(place.since) if place.since else None)
    told = [text for name, text in params["inbox"].items() if name.startswith(ABOUT_KEYS)]
    return dict(
        known,
        **node_status.result(),
        backup=backup,
        keys=keys,
        proven=backup_status.proven_operators(data_dir, texts.values()),
        keys_loaded=loaded.loaded_operators(data_dir, told),
        validators=followed.statuses(data_dir, params["beacon_url"]) if params["beacon_url"] else None,
        changed=False,
    )


def _address_of_wallet(path: str | None) -> str | None:
    # What is wrong with a wallet, is said where it has to sign.
    with contextlib.suppress(DvError):
        if path and os.path.lexists(path):
            return key_file_wallet.address(path)
    return None
