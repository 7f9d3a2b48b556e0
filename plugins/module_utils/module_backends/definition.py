# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module ``definition`` does on a node."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..ansible_module.argument_specs import CARRIER_SPEC, PROCESS_SPEC, TESTNET_SPEC, networks_of
from ..ansible_module.runner import packages

with packages():
    from ..agreement import acceptance, bindings
    from ..agreement.assembly import assemble
    from ..agreement.proposal import check_proposal
    from ..agreement.status import evaluate_agreement
    from ..cluster import definition_checks
    from ..cluster.canonical import canonical_form
    from ..cluster.definition import Definition
    from ..cluster.node_status import NodeStatus
    from ..cluster.store_names import PROPOSAL
    from ..cluster.summary import summarize
    from ..crypto import secp256k1
    from ..data_dir import accepted_definition, node_key
    from ..data_dir.layout import DEFINITION, DataDir
    from ..encoding.hex import from_hex
    from ..ethereum.networks import Networks
    from ..storage import files

ARGUMENT_SPEC = dict(
    data_dir=dict(type="path", required=True),
    creator=dict(type="str"),
    definition_file=dict(type="str"),
    accept_definition_hash=dict(type="str"),
    testnet=TESTNET_SPEC,
    **CARRIER_SPEC,
    **PROCESS_SPEC,
)


def run_module(module: AnsibleModule) -> dict[str, Any]:
    params, networks = module.params, networks_of(module.params)
    data_dir, inbox = DataDir(params["data_dir"]), params["inbox"]
    if module.check_mode and not node_key.exists(data_dir):
        # The run would make it first, and approve.
        return dict(summarize(), **NodeStatus(state="planned", step="approval").result(), changed=True)
    confirmed = from_hex(params["accept_definition_hash"], 32, "accept_definition_hash") or None
    definition, stored, kept = _definition(params, confirmed, networks, module.check_mode)
    definition = acceptance.choose(data_dir, definition, confirmed)
    if definition is None:
        waiting = _waiting(module, networks)
        return dict(waiting, changed=waiting["changed"] or kept)
    own_key = secp256k1.public_key(node_key.read(data_dir))
    before = _read(data_dir.path(DEFINITION))
    new = before is None or canonical_form(Definition.parse(before)) != definition
    try:
        if module.check_mode:
            record = acceptance.check_acceptable(data_dir, definition, own_key, confirmed, networks, inbox)
            changed = new or record != accepted_definition.read(data_dir)
        else:
            changed = acceptance.accept_definition(data_dir, definition, own_key, confirmed, networks, inbox)
    except bindings.Unbound as error:
        node_status = NodeStatus(state="waiting", step="approval", waiting_for=error.operators, detail=str(error))
        return dict(summarize(), **node_status.result(), changed=kept)
    text = definition.dump().decode()
    return dict(
        summarize(definition, own_key),
        **NodeStatus(state="complete", detail=f"{DEFINITION} is in {data_dir}").result(),
        changed=changed or kept,
        # In the store it may have another spelling: that is no matter. Who has begun goes on, whatever lies there: the DKG tells.
        outbox={} if stored and (definition == stored or data_dir.sent_rounds(definition.definition_hash)) else {DEFINITION: text},
        diff=dict(before=before or "", after=text + "\n") if new else dict(before="", after=""),
    )


def _definition(
    params: dict[str, Any], confirmed: bytes | None, networks: Networks, check_mode: bool
) -> tuple[Definition | None, Definition | None, bool]:
    """The definition (or None), put together or as found in the store; the one that the store holds (or None); whether an approval
    was kept."""
    data_dir, inbox, where = DataDir(params["data_dir"]), params["inbox"], f"in {params['store']}"
    stored, kept = None, False
    if DEFINITION in inbox:
        stored = Definition.parse(inbox[DEFINITION], f"the definition {params['definition_file'] or where}")
        definition_checks.check_hashes(stored)
        # The signatures of one that was made elsewhere, and confirmed, stay as they came.
        stored = canonical_form(stored, signatures=stored.definition_hash != confirmed)
    if PROPOSAL in inbox:
        proposal = check_proposal(inbox[PROPOSAL], f"the proposal {where}", networks)
        network = networks.of(proposal)
        approvals = bindings.choose(data_dir, proposal, inbox, network, acceptance.is_accepted(data_dir))
        kept = not check_mode and bindings.keep(data_dir, proposal, approvals, network)
        if len(approvals) == len(proposal.operators or ()):
            return assemble(proposal, approvals, network), stored, kept
    return stored, stored, kept


def _read(path: str) -> str | None:
    """The text of the file ``path``, or None."""
    content = files.read_if_exists(path)
    return None if content is None else content.decode("utf-8", "replace")


def _waiting(module: AnsibleModule, networks: Networks) -> dict[str, Any]:
    params = module.params
    node_status, known = evaluate_agreement(
        DataDir(params["data_dir"]), params["inbox"], params["store"], networks, creator=params["creator"]
    )
    state = "planned" if module.check_mode else node_status.state
    return dict(known, **dict(node_status.result(), state=state), changed=module.check_mode)
