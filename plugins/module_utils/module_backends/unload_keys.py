# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module ``unload_keys`` does on a node."""

from __future__ import annotations

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..ansible_module.argument_specs import KEYS_SPEC, PROCESS_SPEC, STORE_SPEC
from ..ansible_module.runner import packages

with packages():
    from ..data_dir import key_place, node_key
    from ..data_dir.key_place import Place
    from ..data_dir.layout import DataDir
    from ..encoding.hex import to_hex
    from ..errors import DvError
    from ..key_loading import beacon_node, chain, choice, histories, loaded
    from ..key_loading import shares as key_shares
    from ..key_loading.shares import Shares
    from ..key_loading.unload import Unload

ARGUMENT_SPEC = dict(
    data_dir=dict(type="path", required=True),
    resting_epochs=dict(type="int"),
    history_file=dict(type="path"),
    moving=dict(type="bool", default=False),
    inbox=dict(type="dict", default={}),
    **KEYS_SPEC,
    **STORE_SPEC,
    **PROCESS_SPEC,
)


def run_module(module: AnsibleModule) -> dict[str, Any]:
    params, data_dir = dict(module.params), DataDir(module.params["data_dir"])
    if (params["resting_epochs"] or 0) < 0:
        raise DvError(f"dv_keys_resting_epochs is {params['resting_epochs']}", "0 or more epochs")
    shares, place = key_shares.of_lock(data_dir), key_place.read(data_dir)
    if params["moving"]:
        if (
            not place
            or place.state == key_place.STATE_UNLOADED
            or (place.client, place.url, place.signer) == choice.named(params, data_dir)
        ):
            # They are where they are to go, or nowhere.
            return _result(data_dir, shares, place, changed=False)
        params = choice.at(place, params)
        if params["target"] != "files" and not params["token_file"]:
            raise DvError("dv_keys_from_token_file is not set", f"the file on the node with the token of {place}, which has the key shares")
    target = choice.choose(params, data_dir)
    beacon, root = beacon_node.choose(params, target), beacon_node.root(params, shares)
    done = Unload(
        data_dir,
        shares,
        target,
        epoch=lambda: chain.latest_epoch(beacon, shares.fork_version, root, time.time()),
        resting_epochs=params["resting_epochs"],
        history=histories.given(params["history_file"]),
    ).run(module.check_mode)
    listed = "".join(f"validator {shares.wanted[key].position}: key share {to_hex(key)}\n" for key in done.taken)
    return dict(
        _result(data_dir, shares, done.place, changed=done.changed),
        taken=[to_hex(key) for key in done.taken],
        without_history=done.without_history,
        warnings=done.warnings,
        diff=dict(before=listed, after=""),
    )


def _result(data_dir: DataDir, shares: Shares, place: Place | None, changed: bool) -> dict[str, Any]:
    is_unloaded = place and place.state == key_place.STATE_UNLOADED and place.number
    return dict(
        changed=changed,
        place=str(place or ""),
        state=place.state if place else "",
        taken=[],
        without_history=0,
        share_index=shares.share_index,
        peer_id=shares.peer_id,
        outbox=loaded.state(node_key.read(data_dir), shares.share_index, len(shares.wanted), place) if place and is_unloaded else {},
    )
