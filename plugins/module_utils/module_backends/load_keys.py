# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module ``load_keys`` does on a node."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..ansible_module.argument_specs import COPIES_SPEC, KEYS_SPEC, PROCESS_SPEC, STORE_SPEC, TESTNET_SPEC, networks_of
from ..ansible_module.runner import packages

with packages():
    from ..backup.backups import Backups
    from ..backup.status import proves_key_shares
    from ..data_dir import key_place, node_key
    from ..data_dir.layout import DataDir
    from ..encoding.hex import to_hex
    from ..errors import Collector, DvError
    from ..key_loading import beacon_node, charon_files, choice, compose_setups, histories, loaded
    from ..key_loading import shares as key_shares
    from ..key_loading.load import Load
    from ..key_loading.shares import Shares

ARGUMENT_SPEC = dict(
    data_dir=dict(type="path", required=True),
    restarts=dict(type="bool", default=False),
    restarted=dict(type="bool", default=False),
    charon_dir=dict(type="path"),
    backup_dir=dict(type="path", required=True),
    node=dict(type="str", required=True),
    without_drill=dict(type="str"),
    nowhere_else=dict(type="str"),
    genesis_validators_root=dict(type="str"),
    history_file=dict(type="path"),
    moving=dict(type="bool", default=False),
    statements=dict(type="dict", default={}),
    inbox=dict(type="dict", default={}),
    testnet=TESTNET_SPEC,
    **KEYS_SPEC,
    **STORE_SPEC,
    **COPIES_SPEC,
    **PROCESS_SPEC,
)


def run_module(module: AnsibleModule) -> dict[str, Any]:
    params, data_dir = module.params, DataDir(module.params["data_dir"])
    problems = Collector()
    with problems:
        target = choice.choose(params, data_dir)
    with problems:
        owner = choice.owner_of(params)
    with problems:
        history = histories.given(params["history_file"])
    with problems:
        shares, warnings = key_shares.read(data_dir, networks_of(params))
        _check_proven(params, shares)
    problems.raise_any()
    epoch, doubts = beacon_node.check(params, target, shares)
    if target.settings:
        target.settings.withhold(share.password for share in shares.here)
    done = Load(
        data_dir,
        shares,
        target,
        nowhere_else=params["nowhere_else"] == params["node"],
        moving=params["moving"] and module.check_mode,
        epoch=epoch,
        history=history,
        root=beacon_node.root(params, shares),
        stated=loaded.newest(params["inbox"].values(), shares.peer_id, shares.lock_hash),
        restarts=params["restarts"],
        restarted=params["restarted"],
    ).run(module.check_mode)
    given = bool(params["charon_dir"]) and charon_files.put(data_dir, params["charon_dir"], owner, module.check_mode)
    was = [key for key in shares.wanted if key not in done.sent]
    is_loaded = done.place.state == key_place.STATE_LOADED
    return dict(
        changed=done.changed or given,
        state="waiting" if done.epochs_left else done.place.state,
        detail=_rest(done.epochs_left) if done.epochs_left else "",
        epochs_left=done.epochs_left,
        place=str(done.place),
        loaded=0 if done.epochs_left else len(was if module.check_mode else shares.wanted),
        sent=[to_hex(key) for key in done.sent],
        settings=done.set,
        share_index=shares.share_index,
        peer_id=shares.peer_id,
        warnings=warnings + compose_setups.warnings(data_dir, target) + doubts + done.warnings,
        diff=dict(before=_lines(shares, was), after=_lines(shares, shares.wanted) + "".join(f"{each}\n" for each in done.set)),
        outbox=loaded.state(node_key.read(data_dir), shares.share_index, len(shares.wanted), done.place) if is_loaded else {},
    )


def _rest(epochs: int) -> str:
    return f"{epochs} epoch{'s' * (epochs > 1)} have to pass before the key shares go anywhere, since they were in another validator client"


def _check_proven(params: dict[str, Any], shares: Shares) -> None:
    """Refuse key shares of which nobody knows whether they could be restored."""
    if params["without_drill"] == params["node"]:
        return
    texts = [*Backups(params["backup_dir"], shares.peer_id).statements.values(), *params["statements"].values()]
    if not proves_key_shares(texts, shares.peer_id, shares.lock_hash, len(shares.wanted)):
        raise DvError(
            f"no drill has proved a backup of the key shares of {params['node']}",
            f"the statement of one, in {params['backup_dir']} or beside the copies of the backups",
            f"obol.dv.drill makes it; or, for those who can lose the key shares, dv_keys_without_drill: {params['node']}",
        )


def _lines(shares: Shares, keys: Iterable[bytes]) -> str:
    return "".join(f"validator {shares.wanted[key].position}: key share {to_hex(key)}\n" for key in keys)
