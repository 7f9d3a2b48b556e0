# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module ``dkg`` does on a node."""

from __future__ import annotations

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..ansible_module.argument_specs import CARRIER_SPEC, PROCESS_SPEC, TESTNET_SPEC, networks_of
from ..ansible_module.runner import failure, packages

with packages():
    from ..agreement import acceptance
    from ..agreement.bindings import Unbound
    from ..cluster.node_status import NodeStatus
    from ..cluster.store_names import dkg_folder
    from ..cluster.summary import summarize
    from ..crypto.secp256k1 import public_key
    from ..data_dir import node_key
    from ..data_dir.layout import DEFINITION, LOCK, DataDir
    from ..dkg import ceremony
    from ..dkg.inbox import select
    from ..dkg.status import note_other_definitions
    from ..encoding.hex import from_hex
    from ..errors import DvError

ARGUMENT_SPEC = dict(
    data_dir=dict(type="path", required=True),
    attempt=dict(type="int", default=1),
    settled=dict(type="list", elements="str", default=[]),
    accept_definition_hash=dict(type="str"),
    testnet=TESTNET_SPEC,
    **CARRIER_SPEC,
    **PROCESS_SPEC,
)


def run_module(module: AnsibleModule) -> dict[str, Any]:
    params, networks = module.params, networks_of(module.params)
    data_dir = DataDir(params["data_dir"])
    if not data_dir.holds(DEFINITION):
        detail = f"there is no {DEFINITION} in {data_dir} yet: it needs the approvals of all operators"
        state = "planned" if module.check_mode else "waiting"
        return dict(NodeStatus(state=state, step="definition", detail=detail).result(), changed=module.check_mode, settled=[])
    private_key = node_key.read(data_dir)
    own_key = public_key(private_key)
    confirmed = from_hex(params["accept_definition_hash"], 32, "accept_definition_hash") or None
    try:
        definition = acceptance.definition_to_run(data_dir, own_key, confirmed, networks, dry_run=module.check_mode)
    except Unbound as error:
        node_status = NodeStatus(state="waiting", step="approval", waiting_for=error.operators, detail=str(error))
        return dict(node_status.result(), changed=False, settled=[])
    summary = summarize(definition, own_key)
    complete = data_dir.holds(LOCK)
    used = None if complete else node_key.in_use(data_dir, time.time())
    if used:
        raise DvError(used, "a key that no charon uses", "stop that charon, then run again")
    if module.check_mode:
        state, detail = ("complete", "nothing to do") if complete else ("planned", "would take part in the ceremony")
        return dict(summary, **NodeStatus(state=state, detail=detail).result(), changed=not complete, settled=[])
    texts = select(definition.definition_hash, params["inbox"])
    prefix, settled = dkg_folder(definition.definition_hash), tuple(params["settled"])
    outcome = ceremony.step(
        data_dir,
        definition,
        private_key,
        texts,
        params["attempt"],
        network=networks.of(definition),
        completed_rounds=[name.removeprefix(prefix) for name in settled],
    )
    outcome = note_other_definitions(outcome, definition, private_key, params["inbox"])
    stored = set(texts.values())
    outbox = {
        prefix + name: text
        for name, text in outcome.outbox.items()
        if texts.get(name) != text and not (name in outcome.handed_on and text in stored)
    }
    result = dict(
        summary,
        **outcome.result(),
        changed=outcome.changed,
        outbox={name: text for name, text in outbox.items() if not name.startswith(settled)},
        handed_on=[prefix + name for name in outcome.handed_on],
        settled=[prefix + name for name in outcome.completed_rounds],
    )
    return failure(outcome.detail, **result) if outcome.state in ("aborted", "stopped") else result
