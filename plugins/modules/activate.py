#!/usr/bin/python
# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: activate
short_description: Pay the deposits of a cluster's validators, each once
version_added: 0.1.0
author: The obol.dv authors (@obol-dv)
description:
  - Makes a plan of the deposits that are chosen, and sends them to the deposit contract from one account. What is paid leaves for good, so
    that everything is looked at before, by guards that have names; and nothing is sent before the hash of the plan is confirmed.
  - What pays is one of four - a key file on the node (O(wallet_file)), an account that a signer with a JSON-RPC has (O(wallet_url)), one that
    signs elsewhere (O(unsigned_file)), or a Safe (O(safe)). For the last two, a file has what is to be signed, as long as there is
    something; nothing is written before the plan is confirmed.
  - A line of the plan is a validator, an amount, and which deposit of that amount it is. Each is sent once, however often this is run, cut off,
    or run by several operators at once - a transaction is kept in C(activation/) of the data directory before it is sent, and a new nonce is used
    for a line only where that of the one before is used by something else in a final block; and before anything is sent, the plan is stated in
    the store, where the first one counts.
  - Where several deposits are made for a validator, the next one goes once the beacon chain has the validator, with the right withdrawal
    credentials, in a final state.
  - Ends with what is there. A run that is repeated goes on.
extends_documentation_fragment:
  - obol.dv.attributes.diff
  - obol.dv.attributes
  - obol.dv.attributes.action
  - obol.dv.node
  - obol.dv.node.testnet
  - obol.dv.node.store
  - obol.dv.node.inbox
  - obol.dv.node.process
options:
  validators:
    description: Validators, by position in the lock, from 0, or by public key. All of them where there are none.
    type: list
    elements: str
    default: []
  first:
    description: So many of these, the first ones.
    type: int
  amounts:
    description:
      - Which of the amounts that the lock has are deposited for each validator, in ETH, in this order. By default V(32), or where the lock has
        none of these, those of the definition.
    type: list
    elements: str
    default: []
  withdrawal_addresses:
    description: Withdrawal addresses as they are known beside the lock, which pays to no others. None is held against it where there are none.
    type: list
    elements: str
    default: []
  policy_file:
    description: Path of the node's policy, whose withdrawal addresses are held against the lock, too, where there is one.
    type: path
  execution_url:
    description: URL of the JSON-RPC API of an execution client of the cluster's network, as the node reaches it.
    type: str
  execution_url_file:
    description: Path of a file on the node with that URL, for hosted ones, which have a key in it.
    type: path
  beacon_url:
    description: URL of the API of a beacon node of the same network, as the node reaches it. That of charon is none.
    type: str
    required: true
  genesis_validators_root:
    description: The genesis validators root of the chain, C(0x) and 64 hex digits, where it is not that of a known network.
    type: str
  max_fee:
    description: The most that is paid for a unit of gas, in Gwei.
    type: float
    default: 50
  batch:
    description: How many transactions may wait for a block at once.
    type: int
    default: 10
  bump:
    description: Whether what waits is sent again with higher fees even where it offers enough.
    type: bool
    default: false
  max_age:
    description: How old, in hours, the statements of operators about their backups and about the readiness of the cluster may be.
    type: int
    default: 168
  without:
    description:
      - Guards that are passed by name, each with the reason, which the plan holds.
      - C(withdrawal), C(deposits), C(left), C(pool), C(claims), C(backups), C(keys), C(readiness). No other one can be passed.
    type: dict
    default: {}
  confirm:
    description: The hash of the plan, as the module returned it before. Without it nothing is sent; a plan that is under way needs none.
    type: str
    default: ''
  wallet_file:
    description: Path of a key file (V3) on the node, of the account that pays. Needs O(wallet_password_file).
    type: path
  wallet_password_file:
    description: Path of the file on the node that holds the key file's password in its first line.
    type: path
  wallet_url:
    description:
      - URL of the JSON-RPC of a signer that has the account O(payer), as the node reaches it - Clef, Web3Signer, or an execution client that has one.
        On the node itself, or C(https://).
    type: str
  payer:
    description: Address of the account that pays, in the spelling with a checksum. Of O(wallet_url) and O(unsigned_file), which need it.
    type: str
  unsigned_file:
    description:
      - Path of the file on the node that gets the transactions that O(payer) has to sign elsewhere, a JSON list. Each has the fields of the
        transaction in hex, and the bytes that are to be signed (C(unsigned), EIP-1559). It is gone while there is nothing to sign.
      - A line of the plan keeps the nonce that it has there until that is used in a final block.
    type: path
  signed_file:
    description:
      - Path of the file on the node with what was signed, which need not be there yet - transactions in hex, one a line, or the JSON of
        the tool that signed. Each has to be one that was to be signed, but for its fees and a larger gas limit; what is there already is passed over.
    type: path
  safe:
    description: Address of a Safe that pays, in the spelling with a checksum. Needs O(safe_file).
    type: str
  safe_file:
    description:
      - Path of the file on the node that gets the deposits of O(safe), which its Transaction Builder imports. It has those that are due and in no
        block, and is gone while there are none. Nothing is proposed - whoever imports it has to do so once.
    type: path
"""

EXAMPLES = r"""
- name: What would be paid
  obol.dv.activate:
    data_dir: /opt/charon/.charon
    store: /srv/obol/my-cluster
    execution_url: http://127.0.0.1:8545
    beacon_url: http://127.0.0.1:5052
    wallet_file: /root/payer.json
    wallet_password_file: /root/payer.txt
  check_mode: true
  register: plan

- name: It is paid
  obol.dv.activate:
    data_dir: /opt/charon/.charon
    store: /srv/obol/my-cluster
    execution_url: http://127.0.0.1:8545
    beacon_url: http://127.0.0.1:5052
    wallet_file: /root/payer.json
    wallet_password_file: /root/payer.txt
    confirm: 1f0c0e5b8d6a0c7f4e7d3b2a190817263544536271809f8e7d6c5b4a39281706

- name: The transactions for an account that signs elsewhere, and what it signed, once that is there
  obol.dv.activate:
    data_dir: /opt/charon/.charon
    store: /srv/obol/my-cluster
    execution_url: http://127.0.0.1:8545
    beacon_url: http://127.0.0.1:5052
    payer: "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    unsigned_file: /root/unsigned.json
    signed_file: /root/signed.txt
    confirm: 1f0c0e5b8d6a0c7f4e7d3b2a190817263544536271809f8e7d6c5b4a39281706
"""

RETURN = r"""
state:
  description:
    - V(refused) where a guard fails.
    - V(unconfirmed), V(claiming) (in check mode alone - it is stated in the store first), V(sent), V(waiting) where something has to come first,
      or others have to sign, V(final).
  returned: success
  type: str
detail:
  description: What is waited for.
  returned: success
  type: str
plan:
  description: The hash of the plan, which is what is confirmed.
  returned: success
  type: str
payer:
  description: The address of the account that pays.
  returned: success
  type: str
network:
  description: The network of the cluster.
  returned: success
  type: str
contract:
  description: The address of the deposit contract.
  returned: success
  type: str
amount:
  description: The sum of the plan, in ETH.
  returned: success
  type: str
unpaid:
  description: What of it is still to be paid, without what waits for a block - the sum, and the number of deposits.
  returned: success
  type: str
remarks:
  description: What is unusual about the sums.
  returned: success
  type: list
  elements: str
withdrawal:
  description: The withdrawal addresses, each with the kind of its account.
  returned: success
  type: list
  elements: dict
lines:
  description:
    - Each line of the plan, with its state (V(not sent), V(to be signed), V(dropped), V(undecided), V(pending), V(mined), V(final)) and its
      transaction.
  returned: success
  type: list
  elements: dict
guards:
  description: Each guard, with its state (V(passed), V(without), V(unchecked), V(failed)) and what it says.
  returned: success
  type: list
  elements: dict
validators:
  description: The validators, each with its status in the words of the beacon API, or V(pending_deposit) where it is not there yet.
  returned: success
  type: list
  elements: dict
sent:
  description: The hashes of the transactions that were given to the execution client, those of a run that failed then, too.
  returned: success
  type: list
  elements: str
share_index:
  description: The node's share index.
  returned: success
  type: int
"""

from ansible_collections.obol.dv.plugins.module_utils.module_backends import registry


def main():
    registry.run("activate")


if __name__ == "__main__":
    main()
