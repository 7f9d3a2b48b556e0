#!/usr/bin/python
# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: unload_keys
short_description: Take a node's key shares out of its validator client
version_added: 0.1.0
author: The obol.dv authors (@obol-dv)
description:
  - Deletes all key shares of a node from the validator client that has them, through its keymanager API. What they have signed, which the
    client tells (EIP-3076), is in C(loading/) of the data directory before anything else happens, and goes along when they are loaded again.
  - That the client lists none of them in the end is what counts, not what it says. A run that was cut off anywhere takes all of them away
    again, and is told the same history.
  - From then on the key shares rest for some epochs of the chain, see O(resting_epochs). M(obol.dv.load_keys) waits for these.
  - The keystores in the data directory stay.
  - With the argument C(unready), which the module does not get, a list of nodes of the same cluster that cannot take theirs elsewhere, nothing
    is done if there are any.
extends_documentation_fragment:
  - obol.dv.attributes.diff
  - obol.dv.attributes
  - obol.dv.attributes.action
  - obol.dv.node
  - obol.dv.node.keys
  - obol.dv.node.store
  - obol.dv.node.inbox
  - obol.dv.node.process
options:
  store:
    description:
      - Where the public files of the cluster meet, as M(obol.dv.dkg) takes it. The other operators are told there that the key shares are
        loaded no more. One that cannot be reached is a warning.
    type: str
    required: false
  resting_epochs:
    description:
      - How many epochs have to pass before the key shares go to another client. Left out, 2 where the client told what each of them has
        signed, else 3.
    type: int
  history_file:
    description:
      - Path of a file on the node with what the key shares have signed, as a validator client's own command exports it (EIP-3076). It is
        kept beside what the client tells.
    type: path
  moving:
    description:
      - Whether O(client) and O(url) are where the key shares are to go. They are taken from where they are on record then, and O(token_file)
        and O(certificate_file) are of that client. Nothing is done where they are where they are to go, or nowhere.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: No key share is loaded any more
  obol.dv.unload_keys:
    data_dir: /opt/charon/.charon
    target: keymanager
    client: lodestar
    token_file: /opt/lodestar/validator-db/api-token.txt

- name: Out of the old client, whichever that is
  obol.dv.unload_keys:
    data_dir: /opt/charon/.charon
    target: keymanager
    client: prysm
    token_file: /opt/lodestar/validator-db/api-token.txt
    moving: true
"""

RETURN = r"""
place:
  description: The validator client where the key shares are, or were, and where its API is. Empty where they were never loaded.
  returned: success
  type: str
  sample: lodestar at http://127.0.0.1:5062
detail:
  description: What is waited for.
  returned: success
  type: str
state:
  description: V(unloaded), V(waiting), in check mode V(unloading) where there is something to do; or what is on record of where they are.
  returned: success
  type: str
taken:
  description: The public keys of the key shares that were there.
  returned: success
  type: list
  elements: str
without_history:
  description: Of how many key shares nobody told anything that they have signed.
  returned: success
  type: int
share_index:
  description: The node's share index.
  returned: success
  type: int
peer_id:
  description: The peer id of the node's ENR private key.
  returned: success
  type: str
"""

from ansible_collections.obol.dv.plugins.module_utils.module_backends import registry


def main():
    registry.run("unload_keys")


if __name__ == "__main__":
    main()
