# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module ``proposal`` does on a node."""

from __future__ import annotations

import time
import uuid
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..ansible_module.argument_specs import CARRIER_SPEC, HAZARDS_SPEC, PROCESS_SPEC, WALLET_SPEC
from ..ansible_module.runner import packages

with packages():
    from ..agreement import hazards, proposal
    from ..agreement.config import ClusterConfig, parse_config
    from ..cluster.definition import Definition
    from ..cluster.store_names import PROPOSAL
    from ..data_dir.layout import DataDir
    from ..encoding.hex import to_hex
    from ..encoding.utc import to_utc
    from ..errors import DvError, raise_all
    from ..ethereum.networks import Networks
    from ..signers.key_file_wallet import KeyFileWallet

ARGUMENT_SPEC = dict(
    data_dir=dict(type="path", required=True),
    terms=dict(type="dict", required=True),
    **HAZARDS_SPEC,
    **WALLET_SPEC,
    **CARRIER_SPEC,
    **PROCESS_SPEC,
)


def run_module(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    cluster_config = parse_config(params["terms"], operators_pending=module.check_mode)
    raise_all(hazards.problems(cluster_config, params["demo"], params["accept"]))
    data_dir = DataDir(params["data_dir"])
    found = proposal.read(data_dir, cluster_config)
    stored = params["inbox"].get(PROPOSAL)
    if stored is not None and (not found or not _is_same(stored, found, cluster_config)):
        raise DvError(
            f"the store {params['store']} holds a proposal that is not of this node",
            "the proposal that this node made" if found else "an empty store for a new cluster",
            "if another node created the cluster, set dv_creator_node; if the proposal was made here and lost, use a new store; "
            "otherwise ask where it comes from",
        )
    made, changed = found, False
    if module.check_mode:
        if not made:
            return dict(changed=True, config_hash=None)
    else:
        timestamp = to_utc(time.time())
        signer = KeyFileWallet(params["wallet_file"], params["wallet_password_file"])
        made, changed = proposal.propose(data_dir, cluster_config, signer, str(uuid.uuid4()).upper(), timestamp)
    text = made.dump().decode()
    return dict(
        changed=changed,
        config_hash=to_hex(made.config_hash),
        outbox={PROPOSAL: text} if stored is None else {},
        diff=dict(before="", after=text + "\n") if changed else dict(before="", after=""),
    )


def _is_same(stored: str, found: Definition, cluster_config: ClusterConfig) -> bool:
    """Whether the store's proposal is the one that this node made, in whatever spelling."""
    try:
        return proposal.check_proposal(stored, networks=Networks(cluster_config.network)) == found
    except DvError:
        return False
