# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The deposit contract of a chain on loopback, without any of ours: deposits that somebody else sends there, and what it took."""

from typing import NamedTuple

import eth_abi
import eth_account

CONTRACT = "0x00000000219ab540356cBB839Cbe05303d7705Fa"

#: Enough for each: what a deposit costs depends on how many were before it, so that an estimate is too low for some of several.
GAS = 200_000

#: keccak256("DepositEvent(bytes,bytes,bytes,bytes,bytes)")
TOPIC = "0x649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5"

# deposit(bytes,bytes,bytes,bytes32)
_SELECTOR = bytes.fromhex("22895118")
_WEI_PER_GWEI = 10**9


class DepositEvent(NamedTuple):
    """What the contract tells of a deposit: 48 bytes, 32 bytes, Gwei, 96 bytes, and how many were before it."""

    pubkey: bytes
    withdrawal_credentials: bytes
    amount: int
    signature: bytes
    index: int


def events(chain):
    """The :class:`DepositEvent` of each deposit on a ``chain``, as of :func:`hand_in`."""
    logs = chain.rpc("eth_getLogs", {"address": CONTRACT, "topics": [TOPIC], "fromBlock": "0x0", "toBlock": "latest"})
    return [_event(bytes.fromhex(log["data"][2:])) for log in logs]


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


def _event(data):
    pubkey, credentials, amount, signature, index = eth_abi.decode(["bytes"] * 5, data)
    return DepositEvent(pubkey, credentials, int.from_bytes(amount, "little"), signature, int.from_bytes(index, "little"))
