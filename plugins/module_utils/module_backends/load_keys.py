# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module ``load_keys`` does on a node."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..ansible_module.argument_specs import COPIES_SPEC, PROCESS_SPEC, TESTNET_SPEC, networks_of
from ..ansible_module.runner import packages
from ..clients.table import CLIENTS, SIGNERS

with packages():
    from ..backup.backups import Backups
    from ..backup.status import proves_key_shares
    from ..data_dir.layout import DataDir
    from ..encoding.hex import to_hex
    from ..errors import Collector, DvError
    from ..key_loading import charon_files, choice, compose_setups
    from ..key_loading import shares as key_shares
    from ..key_loading.load import Load
    from ..key_loading.shares import Shares

#: What says where key shares are, for whoever loads them or takes them away.
TARGET_SPEC: dict[str, Any] = dict(
    target=dict(type="str", required=True, choices=["keymanager", "files", "remote_signer"]),
    client=dict(type="str", required=True, choices=list(CLIENTS)),
    url=dict(type="str"),
    token_file=dict(type="path", no_log=False),
    certificate_file=dict(type="path"),
    directory=dict(type="path"),
    layout=dict(type="str", choices=["charon", "eth_docker", "lighthouse", "lodestar", "nimbus"]),
    owner=dict(type="str"),
    signer_url=dict(type="str", default=SIGNERS["web3signer"].url),
    signer_url_for_client=dict(type="str"),
)

ARGUMENT_SPEC = dict(
    data_dir=dict(type="path", required=True),
    **TARGET_SPEC,
    restarts=dict(type="bool", default=False),
    restarted=dict(type="bool", default=False),
    charon_dir=dict(type="path"),
    backup_dir=dict(type="path", required=True),
    node=dict(type="str", required=True),
    without_drill=dict(type="str"),
    nowhere_else=dict(type="str"),
    statements=dict(type="dict", default={}),
    testnet=TESTNET_SPEC,
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
        shares, warnings = key_shares.read(data_dir, networks_of(params))
        _check_proven(params, shares)
    problems.raise_any()
    if target.settings:
        target.settings.withhold(share.password for share in shares.here)
    restart = dict(restarts=params["restarts"], restarted=params["restarted"])
    loaded = Load(data_dir, shares, target, params["nowhere_else"] == params["node"], **restart).run(module.check_mode)
    given = bool(params["charon_dir"]) and charon_files.put(data_dir, params["charon_dir"], owner, module.check_mode)
    was = [key for key in shares.wanted if key not in loaded.sent]
    return dict(
        changed=loaded.changed or given,
        state=loaded.place.state,
        place=str(loaded.place),
        loaded=len(was if module.check_mode else shares.wanted),
        sent=[to_hex(key) for key in loaded.sent],
        settings=loaded.set,
        share_index=shares.share_index,
        peer_id=shares.peer_id,
        warnings=warnings + compose_setups.warnings(data_dir, target) + loaded.warnings,
        diff=dict(before=_lines(shares, was), after=_lines(shares, shares.wanted) + "".join(f"{each}\n" for each in loaded.set)),
    )


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
