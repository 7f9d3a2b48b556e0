# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends the deposits of a cluster to the deposit contract of a chain on loopback."""

import eth_abi
import eth_account
from ansible_collections.obol.dv.tests.support.devnet import DevnetError

CONTRACT = "0x00000000219ab540356cBB839Cbe05303d7705Fa"

#: Enough for each: what a deposit costs depends on how many were before it, so that an estimate is too low for some of several.
GAS = 200_000

# deposit(bytes,bytes,bytes,bytes32)
_SELECTOR = bytes.fromhex("22895118")
_WEI_PER_GWEI = 10**9


def hand_in(chain, entries):
    """Pay for the ``entries`` (:class:`~.ethereum.deposit.FileEntry`) out of the chain's funded account: the hash of each transaction.

    :param chain: a :class:`.devnet.Devnet` or an :class:`.anvil.Anvil`, whose error is raised if it refuses one
    """
    account = eth_account.Account.from_key(chain.funded_key)
    first = int(chain.rpc("eth_getTransactionCount", account.address, "pending"), 16)
    sent = []
    for nonce, entry in enumerate(entries, first):
        fields = (entry.pubkey, entry.withdrawal_credentials, entry.signature, entry.deposit_data_root)
        transaction = {
            "chainId": chain.chain_id,
            "nonce": nonce,
            "to": CONTRACT,
            "value": entry.amount * _WEI_PER_GWEI,
            "data": _SELECTOR + eth_abi.encode(["bytes", "bytes", "bytes", "bytes32"], fields),
            "gas": GAS,
            "maxFeePerGas": 10 * _WEI_PER_GWEI,
            "maxPriorityFeePerGas": _WEI_PER_GWEI,
        }
        raw = account.sign_transaction(transaction).raw_transaction
        sent.append(chain.rpc("eth_sendRawTransaction", "0x" + raw.hex()))
    return sent


def send(devnet, entries):
    """Pay for the ``entries`` as :func:`hand_in` does; returns once all are in blocks.

    :raises DevnetError: geth refuses one, or the contract does
    """
    for each in hand_in(devnet, entries):
        receipt = devnet.wait_for(lambda each=each: _receipt(devnet, each), "the deposit is in a block")
        if int(receipt["status"], 16) != 1:
            raise DevnetError("the deposit contract refuses the deposit: %s" % receipt)


def _receipt(devnet, transaction):
    """Its receipt; ``None`` as long as geth has none, or says that it is still looking."""
    try:
        return devnet.rpc("eth_getTransactionReceipt", transaction)
    except DevnetError:
        return None
