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
waiting_for:
  description: Share indices of the operators whose approval is missing.
  returned: success
  type: list
  elements: int
detail:
  description: What is waited for, or where the definition is.
  returned: success
  type: str
definition_hash:
  description: The definition's hash. Null as long as approvals are missing.
  returned: success
  type: str
stored:
  description: Names of the files that were put into the store.
  returned: outside of check mode
  type: list
  elements: str
"""

import os

from ansible_collections.obol.dv.plugins.module_utils.module import CARRIER_SPEC, TESTNET_SPEC, networks, packages, run

with packages():
    from ansible_collections.obol.dv.plugins.module_utils import acceptance, approval, definition, node_key, secp256k1
    from ansible_collections.obol.dv.plugins.module_utils.data_dir import DEFINITION
    from ansible_collections.obol.dv.plugins.module_utils.gojson import from_hex, to_hex
    from ansible_collections.obol.dv.plugins.module_utils.proposal import check_proposal

ARGUMENT_SPEC = dict(
    data_dir=dict(type="str", required=True),
    definition_file=dict(type="str"),
    accept_definition_hash=dict(type="str"),
    testnet=TESTNET_SPEC,
    **CARRIER_SPEC,
)

NO_PROPOSAL = "there is no proposal in %s yet: the creator's node has to make it (dv_creator_node, dv_creator_wallet_file)"


def place(module):
    params, custom = module.params, networks(module.params)
    found, missing = _definition(params, custom)
    if found is None:
        detail = "no approval yet from operators %s" % ", ".join(map(str, missing)) if missing else NO_PROPOSAL % params["store"]
        state = "planned" if module.check_mode else "waiting"
        return dict(changed=module.check_mode, state=state, waiting_for=missing, detail=detail, definition_hash=None)
    text = definition.dump(found).decode()
    new = not os.path.lexists(os.path.join(params["data_dir"], DEFINITION))
    result = dict(
        changed=new,
        state="complete",
        waiting_for=[],
        detail="%s is in %s" % (DEFINITION, params["data_dir"]),
        definition_hash=to_hex(found.definition_hash),
        outbox={DEFINITION: text},
        diff=dict(before="", after=text + "\n" if new else ""),
    )
    accept = acceptance.review if module.check_mode else acceptance.accept_definition
    key = secp256k1.public_key(node_key.read(params["data_dir"]))
    confirmed = from_hex(params["accept_definition_hash"], 32, "accept_definition_hash") or None
    accept(params["data_dir"], found, key, confirmed, custom)
    return result


def _definition(params, custom):
    """The definition, put together or as found in the store, or None; and the share indices of missing approvals."""
    inbox, where = params["inbox"], "in %s" % params["store"]
    proposal = check_proposal(inbox["proposal.json"], "the proposal %s" % where, custom) if "proposal.json" in inbox else None
    indices = range(1, len(proposal.operators) + 1) if proposal else ()
    approvals = {index: inbox[name] for index in indices if (name := "approvals/%d.json" % index) in inbox}
    missing = [index for index in indices if index not in approvals]
    if proposal and not missing:
        return approval.assemble(proposal, approvals, custom), []
    if DEFINITION in inbox:
        return definition.parse(inbox[DEFINITION], "the definition %s" % (params["definition_file"] or where)), []
    return None, missing


def main():
    run(ARGUMENT_SPEC, place)


if __name__ == "__main__":
    main()
