#!/usr/bin/python
# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: dkg
short_description: Take part in the distributed key generation, as far as it can go now
version_added: 0.1.0
author: The obol.dv authors (@obol-dv)
description:
  - Reads the messages of the other operators, writes this node's next message, and ends. It never waits. Run it on every
    node once for each round (commit, deal, confirm, sign, seal, and once to finish), all together or weeks apart.
  - When the ceremony is complete the data directory holds C(cluster-lock.json), C(deposit-data*.json) and the
    node's C(validator_keys), as charon writes them. No machine ever holds a whole validator key.
  - Whoever carries the messages is not trusted. A message that an operator got wrong stops the ceremony and names them.
extends_documentation_fragment:
  - obol.dv.attributes
  - obol.dv.attributes.action
  - obol.dv.node
  - obol.dv.node.store
  - obol.dv.node.testnet
options:
  attempt:
    description:
      - The number of the attempt. A higher one gives up all earlier ones of this definition, where nothing was signed yet.
    type: int
    default: 1
  accept_definition_hash:
    description:
      - The hash of the definition, confirmed by the node's operator. Needed for a definition that this node did not approve.
    type: str
"""

EXAMPLES = r"""
- name: One round
  obol.dv.dkg:
    data_dir: /opt/charon/.charon
    store: /srv/ceremonies/my-cluster
  register: dkg
"""

RETURN = r"""
state:
  description:
    - V(complete), the artefacts are in the data directory. V(waiting), messages of others are missing.
    - V(planned), in check mode, it would take part.
    - V(aborted) and V(stopped) are failures, an operator sent something wrong, or this node lost its state.
  returned: always
  type: str
round:
  description: The round that is waited for. Null where there is none.
  returned: when there is a definition
  type: str
waiting_for:
  description: Share indices of the operators whose message is missing.
  returned: always
  type: list
  elements: int
detail:
  description: What happened, and what to do next.
  returned: always
  type: str
definition_hash:
  description: The definition's hash.
  returned: when there is a definition
  type: str
attempt:
  description: The number of the attempt.
  returned: when there is a definition
  type: int
stored:
  description: Names of the files that were put into the store.
  returned: outside of check mode
  type: list
  elements: str
"""

import os
import time

from ansible_collections.obol.dv.plugins.module_utils.module import CARRIER_SPEC, TESTNET_SPEC, networks, packages, run

with packages():
    from ansible_collections.obol.dv.plugins.module_utils import acceptance, node_key
    from ansible_collections.obol.dv.plugins.module_utils.data_dir import DEFINITION, LOCK
    from ansible_collections.obol.dv.plugins.module_utils.dkg import ceremony
    from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
    from ansible_collections.obol.dv.plugins.module_utils.gojson import from_hex, to_hex
    from ansible_collections.obol.dv.plugins.module_utils.networks import by_fork_version
    from ansible_collections.obol.dv.plugins.module_utils.secp256k1 import public_key

ARGUMENT_SPEC = dict(
    data_dir=dict(type="str", required=True),
    attempt=dict(type="int", default=1),
    accept_definition_hash=dict(type="str"),
    testnet=TESTNET_SPEC,
    **CARRIER_SPEC,
)


def take_part(module):
    params, custom = module.params, networks(module.params)
    data_dir = params["data_dir"]
    if not os.path.lexists(os.path.join(data_dir, DEFINITION)):
        detail = "there is no %s in %s yet: it needs the approvals of all operators" % (DEFINITION, data_dir)
        state = "planned" if module.check_mode else "waiting"
        return dict(changed=module.check_mode, state=state, round=None, waiting_for=[], detail=detail)
    private_key = node_key.read(data_dir)
    confirmed = from_hex(params["accept_definition_hash"], 32, "accept_definition_hash") or None
    definition = acceptance.accepted_definition(data_dir, public_key(private_key), confirmed, custom)
    definition_hash = to_hex(definition.definition_hash)
    result = dict(definition_hash=definition_hash, attempt=params["attempt"])
    complete = os.path.lexists(os.path.join(data_dir, LOCK))
    used = None if complete else node_key.in_use(data_dir, time.time())
    if used:
        raise DvError(used, "a key that no charon uses", "stop that charon, then run again")
    if module.check_mode:
        detail = "nothing to do" if complete else "would take part in the ceremony"
        return dict(result, changed=not complete, state="complete" if complete else "planned", waiting_for=[], detail=detail)
    prefix = "dkg/%s/" % definition_hash.removeprefix("0x")
    inbox = {name.removeprefix(prefix): text for name, text in params["inbox"].items() if name.startswith(prefix)}
    network = by_fork_version(definition.fork_version, custom)
    outcome = ceremony.step(data_dir, definition, private_key, inbox, params["attempt"], network=network)
    result.update(
        changed=outcome.changed,
        state=outcome.state,
        round=outcome.round,
        waiting_for=list(outcome.waiting_for),
        detail=outcome.detail,
        outbox={prefix + name: text for name, text in outcome.outbox.items()},
    )
    if outcome.state in ("aborted", "stopped"):
        result.update(failed=True, msg=outcome.detail)
    return result


def main():
    run(ARGUMENT_SPEC, take_part)


if __name__ == "__main__":
    main()
