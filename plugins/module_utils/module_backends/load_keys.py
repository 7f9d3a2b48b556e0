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
    from ..data_dir import key_place, layout, node_key
    from ..data_dir.layout import DataDir
    from ..encoding.hex import to_hex
    from ..errors import Collector, DvError
    from ..key_loading import beacon_node, charon_files, choice, compose_setups, histories, loaded
    from ..key_loading import shares as key_shares
    from ..key_loading.load import Load
    from ..key_loading.shares import Shares
    from ..key_loading.target import Target
    from ..storage import files

ARGUMENT_SPEC = dict(
    data_dir=dict(type="path", required=True),
    restarts=dict(type="bool", default=False),
    restarted=dict(type="bool", default=False),
    charon_dir=dict(type="path"),
    charon_only=dict(type="bool", default=False),
    backup_dir=dict(type="path", required=True),
    node=dict(type="str", required=True),
    without_drill=dict(type="str"),
    drill=dict(type="str", choices=["required", "awaited"], default="required"),
    keep=dict(type="bool", default=True),
    nowhere_else=dict(type="str"),
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


#: Further arguments of AnsibleModule.
CONSTRAINTS = dict(required_if=[("charon_only", True, ("charon_dir",))])


def run_module(module: AnsibleModule) -> dict[str, Any]:
    params, data_dir = module.params, DataDir(module.params["data_dir"])
    if params["charon_only"]:
        return _charon_only(params, data_dir, module.check_mode)
    problems = Collector()
    with problems:
        target = choice.choose(params, data_dir)
    with problems:
        history = histories.given(params["history_file"])
    with problems:
        shares, warnings = key_shares.read(data_dir, networks_of(params))
        proven = _is_proven(params, shares)
        if not proven and params["drill"] == "required":
            raise _unproven(params)
    problems.raise_any()
    if not proven:
        return _waits(shares, _unproven(params).found)
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
    if done.epochs_left:
        return dict(_waits(shares, _rest(done.epochs_left)), epochs_left=done.epochs_left)
    removed = not params["keep"] and _remove(params, data_dir, target, done.place, module.check_mode)
    gone = f"keystores in {data_dir.path(layout.KEYS)}\n" if removed else ""
    was = [key for key in shares.wanted if key not in done.sent]
    is_loaded = done.place.state == key_place.STATE_LOADED
    return dict(
        changed=done.changed or removed,
        state=done.place.state,
        detail="",
        epochs_left=0,
        place=str(done.place),
        loaded=len(was if module.check_mode else shares.wanted),
        sent=[to_hex(key) for key in done.sent],
        settings=done.set,
        share_index=shares.share_index,
        peer_id=shares.peer_id,
        warnings=warnings + compose_setups.warnings(data_dir, target) + doubts + done.warnings,
        diff=dict(before=_lines(shares, was) + gone, after=_lines(shares, shares.wanted) + "".join(f"{each}\n" for each in done.set)),
        outbox=loaded.state(node_key.read(data_dir), shares.share_index, len(shares.wanted), done.place) if is_loaded else {},
    )


def _charon_only(params: dict[str, Any], data_dir: DataDir, dry_run: bool) -> dict[str, Any]:
    """Put there what charon reads, which the validator client waits for."""
    shares, warnings = key_shares.read(data_dir, networks_of(params))
    changed = charon_files.put(data_dir, params["charon_dir"], choice.owner_of(params), dry_run)
    return dict(_waits(shares, ""), changed=changed, warnings=warnings)


def _rest(epochs: int) -> str:
    return f"{epochs} epoch{'s' * (epochs > 1)} have to pass before the key shares go anywhere, since they were taken out of a validator client"


def _waits(shares: Shares, text: str) -> dict[str, Any]:
    """The result where nothing is done yet."""
    about = dict(changed=False, state="waiting", detail=text, epochs_left=0, place="", loaded=0, sent=[], settings=[])
    return dict(about, share_index=shares.share_index, peer_id=shares.peer_id)


def _is_proven(params: dict[str, Any], shares: Shares) -> bool:
    """Whether it is known that the key shares could be restored, or their operator can lose them."""
    texts = [*Backups(params["backup_dir"], shares.peer_id).statements.values(), *params["statements"].values()]
    proven = proves_key_shares(texts, shares.peer_id, shares.lock_hash, len(shares.wanted))
    if not params["keep"] and not proven:
        raise DvError(
            "dv_keys_keep is false, and no drill has proved a backup of the key shares",
            f"the statement of one, in {params['backup_dir']} or beside the copies of the backups",
            "a validator client gives no key share out again: obol.dv.drill proves a backup",
        )
    return proven or params["without_drill"] == params["node"]


def _unproven(params: dict[str, Any]) -> DvError:
    return DvError(
        f"no drill has proved a backup of the key shares of {params['node']}",
        f"the statement of one, in {params['backup_dir']} or beside the copies of the backups",
        f"obol.dv.drill makes it; or, for those who can lose the key shares, dv_keys_without_drill: {params['node']}",
    )


def _remove(params: dict[str, Any], data_dir: DataDir, target: Target, place: key_place.Place, dry_run: bool) -> bool:
    """Remove the keystores from the data directory, of which the target holds all and a backup holds all. True if they were there."""
    if target.in_place:
        raise DvError(
            "dv_keys_keep is false, and the validator client reads the key shares in the data directory",
            "another dv_keys_target or dv_keys_directory, or dv_keys_keep: true",
        )
    if place.state != key_place.STATE_LOADED and not dry_run:
        return False
    return data_dir.holds(layout.KEYS) and (dry_run or files.erase_directory(data_dir.path(layout.KEYS)))


def _lines(shares: Shares, keys: Iterable[bytes]) -> str:
    return "".join(f"validator {shares.wanted[key].position}: key share {to_hex(key)}\n" for key in keys)
