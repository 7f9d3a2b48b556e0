#!/usr/bin/python
# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: definition
short_description: Put the cluster definition into a node's data directory, verified in full
version_added: 0.1.0
author: The obol.dv authors (@obol-dv)
description:
  - Puts the creator's proposal and the approvals of all operators together, verifies every hash and signature, checks
    that the result follows from what this node approved, and writes C(cluster-definition.json).
  - A definition that was made elsewhere, and lies in the store as C(cluster-definition.json), is taken as it is, once
    O(accept_definition_hash) confirms its hash.
  - Another definition in the data directory is never replaced.
extends_documentation_fragment:
  - obol.dv.attributes
  - obol.dv.attributes.action
  - obol.dv.attributes.diff
  - obol.dv.node
  - obol.dv.node.store
  - obol.dv.node.testnet
options:
  creator:
    description: Address of the creator, if it is known. It is told as long as the proposal is missing.
    type: str
  definition_file:
    description:
      - Path on the control node of a finished definition, to use instead of proposal and approvals.
      - Needs O(accept_definition_hash).
    type: str
  accept_definition_hash:
    description:
      - The hash of the definition, confirmed by the node's operator. Needed for a definition that this node did not approve.
    type: str
"""

EXAMPLES = r"""
- name: Definition with all signatures
  obol.dv.definition:
    data_dir: /opt/charon/.charon
    store: /srv/ceremonies/my-cluster
"""

RETURN = r"""
state:
  description: V(complete), or V(waiting) for proposal or approvals, in check mode V(planned).
  returned: success
  type: str
step:
  description: V(proposal) or V(approval), the step that is not over. Null where the definition is complete.
  returned: success
  type: str
waiting_for:
  description: Share indices of the operators whose approval is missing.
  returned: success
  type: list
  elements: int
ready:
  description: Whether a run on this node would go on now.
  returned: success
  type: bool
since:
  description: When the node last did something, UTC. Null where it has done nothing.
  returned: success
  type: str
  sample: "2026-07-01T10:00:00Z"
detail:
  description: What is waited for, or where the definition is. Empty where the other values say all.
  returned: success
  type: str
config_hash:
  description: The config hash of the cluster's terms. Null as long as it is not known.
  returned: success
  type: str
definition_hash:
  description: The definition's hash. Null as long as it is not known.
  returned: success
  type: str
share_index:
  description: The node's share index. Null as long as it is not known.
  returned: success
  type: int
terms:
  description: The terms as people compare them, by the names of their variables without C(dv_). Null as long as they are not known.
  returned: always
  type: dict
operators:
  description: The operators in the order of their share index. Empty as long as they are not known.
  returned: success
  type: list
  elements: dict
  contains:
    share_index:
      description: The share index, from 1.
      type: int
      returned: always
    address:
      description: The operator's address. Null in an unsigned definition.
      type: str
      returned: always
    peer_id:
      description: The libp2p peer id of its node. Null before its approval.
      type: str
      returned: always
stored:
  description: Names of the files that were put into the store.
  returned: outside of check mode
  type: list
  elements: str
"""


from ansible_collections.obol.dv.plugins.module_utils.ansible_module.argument_specs import CARRIER_SPEC, TESTNET_SPEC, networks_of
from ansible_collections.obol.dv.plugins.module_utils.ansible_module.runner import packages, run

with packages():
    from ansible_collections.obol.dv.plugins.module_utils.agreement import acceptance, bindings
    from ansible_collections.obol.dv.plugins.module_utils.agreement.assembly import assemble
    from ansible_collections.obol.dv.plugins.module_utils.agreement.proposal import check_proposal
    from ansible_collections.obol.dv.plugins.module_utils.agreement.status import evaluate_agreement
    from ansible_collections.obol.dv.plugins.module_utils.cluster import definition_checks
    from ansible_collections.obol.dv.plugins.module_utils.cluster.canonical import canonical_form
    from ansible_collections.obol.dv.plugins.module_utils.cluster.definition import Definition
    from ansible_collections.obol.dv.plugins.module_utils.cluster.node_status import NodeStatus
    from ansible_collections.obol.dv.plugins.module_utils.cluster.store_names import PROPOSAL
    from ansible_collections.obol.dv.plugins.module_utils.cluster.summary import summarize
    from ansible_collections.obol.dv.plugins.module_utils.crypto import secp256k1
    from ansible_collections.obol.dv.plugins.module_utils.data_dir import accepted_definition, node_key
    from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DEFINITION, DataDir
    from ansible_collections.obol.dv.plugins.module_utils.encoding.hex import from_hex
    from ansible_collections.obol.dv.plugins.module_utils.storage import files

ARGUMENT_SPEC = dict(
    data_dir=dict(type="path", required=True),
    creator=dict(type="str"),
    definition_file=dict(type="str"),
    accept_definition_hash=dict(type="str"),
    testnet=TESTNET_SPEC,
    **CARRIER_SPEC,
)


def run_module(module):
    params, networks = module.params, networks_of(module.params)
    data_dir, inbox = DataDir(params["data_dir"]), params["inbox"]
    if module.check_mode and not node_key.exists(data_dir):
        # The run would make it first, and approve.
        return dict(summarize(), **NodeStatus(state="planned", step="approval").result(), changed=True)
    confirmed = from_hex(params["accept_definition_hash"], 32, "accept_definition_hash") or None
    found, stored, kept = _definition(params, confirmed, networks, module.check_mode)
    found = acceptance.choose(data_dir, found, confirmed)
    if found is None:
        waiting = _waiting(module, networks)
        return dict(waiting, changed=waiting["changed"] or kept)
    own_key = secp256k1.public_key(node_key.read(data_dir))
    before = _read(data_dir.path(DEFINITION))
    new = before is None or canonical_form(Definition.parse(before)) != found
    try:
        if module.check_mode:
            changed = (
                acceptance.check_acceptable(data_dir, found, own_key, confirmed, networks, inbox) != accepted_definition.read(data_dir)
                or new
            )
        else:
            changed = acceptance.accept_definition(data_dir, found, own_key, confirmed, networks, inbox)
    except bindings.Unbound as error:
        node_status = NodeStatus(state="waiting", step="approval", waiting_for=error.operators, detail=str(error))
        return dict(summarize(), **node_status.result(), changed=kept)
    text = found.dump().decode()
    return dict(
        summarize(found, own_key),
        **NodeStatus(state="complete", detail=f"{DEFINITION} is in {data_dir}").result(),
        changed=changed or kept,
        # In the store it may have another spelling: that is no matter. Who has begun goes on, whatever lies there: the DKG tells.
        outbox={} if stored and (found == stored or data_dir.sent_rounds(found.definition_hash)) else {DEFINITION: text},
        diff=dict(before=before or "", after=text + "\n") if new else dict(before="", after=""),
    )


def _definition(params, confirmed, networks, check_mode):
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
        if len(approvals) == len(proposal.operators):
            return assemble(proposal, approvals, network), stored, kept
    return stored, stored, kept


def _read(path):
    """The text of the file ``path``, or None."""
    content = files.read_if_exists(path)
    return None if content is None else content.decode("utf-8", "replace")


def _waiting(module, networks):
    params = module.params
    node_status, known = evaluate_agreement(
        DataDir(params["data_dir"]), params["inbox"], params["store"], networks, creator=params["creator"]
    )
    state = "planned" if module.check_mode else node_status.state
    return dict(known, **dict(node_status.result(), state=state), changed=module.check_mode)


def main():
    run(ARGUMENT_SPEC, run_module)


if __name__ == "__main__":
    main()
