# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The few things that an execution client is asked, by JSON-RPC. Amounts are whole numbers of wei.

Source: the Ethereum execution APIs; keymanager-and-chain §3.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..errors import DvError
from .http import TooLarge
from .json_rpc import JsonRpc, Refused

#: Blocks that are named by how sure they are; the last one is none yet, of what waits in the pool.
LATEST, FINALIZED, PENDING = "latest", "finalized", "pending"
#: How the code begins of an account with a key that acts by a contract (EIP-7702).
DELEGATION = b"\xef\x01\x00"

# Blocks whose logs are asked for at once: what the usual services take, and a node's memory, however busy they were.
_AT_ONCE = 10_000
# Seconds after which nobody waits any more for the logs of many blocks.
_LONGEST = 3600
# No account can have more (EIP-2681).
_MOST_TRANSACTIONS = 2**64 - 1


# The fields of a block that are used; what one is where there is none.
_OF_BLOCK = ("number",), ("timestamp",), ("baseFeePerGas", "0x0")


class Block(NamedTuple):
    """A block: its number, Unix seconds, the fee that is burnt for a unit of gas, which is none in those before London."""

    number: int
    timestamp: int
    base_fee: int


class Receipt(NamedTuple):
    """That a transaction is in the block with that number, and whether it did what it was to do."""

    block: int
    succeeded: bool


class Log(NamedTuple):
    """What a contract told: in which block, by which transaction (32 bytes)."""

    block: int
    transaction: bytes
    data: bytes


class Call(NamedTuple):
    """A transaction that is in no block yet."""

    hash: bytes
    to: bytes
    value: int
    data: bytes


class ExecutionNode(JsonRpc):
    """An execution client. All methods raise :class:`~.errors.DvError` where it does not tell."""

    WHAT = "the execution client"

    def chain_id(self) -> int:
        """The number of its chain."""
        return self._quantity("eth_chainId")

    def syncing(self) -> bool:
        """Whether it is not in sync, by its own word."""
        method = "eth_syncing"
        found = self.ask(method)
        if found is not False and not isinstance(found, dict):
            raise self.strange(method)
        return found is not False

    def peers(self) -> int:
        """How many peers it has."""
        return self._quantity("net_peerCount")

    def block(self, of: int | str) -> Block | None:
        """The block with that number, or name; ``None`` where there is none."""
        method = "eth_getBlockByNumber"
        try:
            found = self.ask(method, _block(of), False)
        except Refused:
            # So geth says that nothing is final yet.
            if of != FINALIZED:
                raise
            found = None
        if found is None:
            return None
        block = Block(*(self.quantity(method, self._field(method, found, *field)) for field in _OF_BLOCK))
        if isinstance(of, int) and block.number != of:
            raise self.strange(method)
        return block

    def code(self, address: bytes) -> bytes:
        """The code of the account at ``address`` (20 bytes): empty where nobody put any there."""
        return self._data("eth_getCode", _hex(address), LATEST)

    def balance(self, address: bytes) -> int:
        """What the account at ``address`` (20 bytes) has."""
        return self._quantity("eth_getBalance", _hex(address), LATEST)

    def nonce(self, address: bytes, of: int | str) -> int:
        """How many transactions of the account at ``address`` (20 bytes) are in the chain up to that block."""
        method = "eth_getTransactionCount"
        if (count := self._quantity(method, _hex(address), _block(of))) >= _MOST_TRANSACTIONS:
            raise self.strange(method)
        return count

    def priority_fee(self) -> int:
        """What is given to whoever proposes a block, for a unit of gas, as things are."""
        return self._quantity("eth_maxPriorityFeePerGas")

    def call(self, to: bytes, data: bytes, of: int | str) -> bytes:
        """What the contract at ``to`` (20 bytes) answers to ``data``, at that block."""
        return self._data("eth_call", {"to": _hex(to), "data": _hex(data)}, _block(of))

    def send(self, raw: bytes) -> None:
        """Give it a signed transaction.

        :raises Refused: it does not take it, or has it already
        :raises DvError: it may have it, or not
        """
        self.ask("eth_sendRawTransaction", _hex(raw))

    def knows(self, transaction: bytes) -> bool:
        """Whether it has the transaction with that hash (32 bytes), in a block or in its pool."""
        return self._of_transaction("eth_getTransactionByHash", transaction, "hash") is not None

    def receipt(self, transaction: bytes) -> Receipt | None:
        """What became of the transaction with that hash (32 bytes); ``None`` as long as it is in no block."""
        method = "eth_getTransactionReceipt"
        if (found := self._of_transaction(method, transaction, "transactionHash")) is None:
            return None
        block, status = (self.quantity(method, self._field(method, found, name)) for name in ("blockNumber", "status"))
        return Receipt(block, status == 1)

    def logs(self, address: bytes, topic: bytes, first: int, last: int) -> Iterator[Log]:
        """What the contract at ``address`` (20 bytes) told under ``topic`` (32 bytes) in the blocks from ``first`` to ``last``, in order. Where so
        many at once are refused, or fill more than an answer, they are asked for by halves.

        :raises DvError: a single block is refused, or it takes too long
        """
        at_once, until = _AT_ONCE, time.monotonic() + _LONGEST
        while first <= last:
            if time.monotonic() > until:
                raise DvError(
                    f"{self} took more than {_LONGEST} s to tell what the deposit contract told in the blocks before {first}",
                    f"the events of the blocks up to {last}",
                    "use an execution client that takes more blocks at once, or is nearer",
                )
            end = min(last, first + at_once - 1)
            try:
                yield from self._logs(address, topic, first, end)
                first = end + 1
            except (Refused, TooLarge) as error:
                if end == first:
                    raise DvError(
                        f"{self} does not tell what the deposit contract told in the blocks from {first} on: {error.found}",
                        f"the events of the blocks {first} to {last}",
                        "use an execution client that has them: hosted ones, and those that prune their history, may not",
                    ) from None
                at_once = (end - first + 1) // 2

    def pool(self) -> list[Call] | None:
        """The calls that wait for a block; ``None`` where it does not show its pool, or in no form that is known, or more than an answer."""
        method = "txpool_content"
        try:
            content = self.ask(method)
        except (Refused, TooLarge):
            return None
        try:
            of_accounts = [calls for part in ("pending", "queued") for calls in content[part].values()]
            # What creates a contract calls none.
            return [self._call(method, each) for calls in of_accounts for each in calls.values() if each.get("to") is not None]
        except (DvError, AttributeError, KeyError, TypeError):
            return None

    def _logs(self, address: bytes, topic: bytes, first: int, last: int) -> list[Log]:
        method, wanted = "eth_getLogs", {"address": _hex(address), "topics": [_hex(topic)]}
        found = self.ask(method, dict(wanted, fromBlock=hex(first), toBlock=hex(last)))
        if not isinstance(found, list):
            raise self.strange(method)
        logs = []
        for each in found:
            block = self.quantity(method, self._field(method, each, "blockNumber"))
            by, transaction, data = (self.data(method, self._field(method, each, name)) for name in ("address", "transactionHash", "data"))
            topics = self._field(method, each, "topics")
            under = self.data(method, topics[0]) if isinstance(topics, list) and topics else None
            if not first <= block <= last or (by, under) != (address, topic) or each.get("removed"):
                raise self.strange(method)
            logs.append(Log(block, transaction, data))
        return logs

    def _call(self, method: str, found: Any) -> Call:
        hash_, to, data = (self.data(method, self._field(method, found, name)) for name in ("hash", "to", "input"))
        return Call(hash_, to, self.quantity(method, self._field(method, found, "value")), data)

    def _of_transaction(self, method: str, transaction: bytes, name: str) -> Any:
        """What ``method`` answers of a ``transaction`` (its hash, 32 bytes), which has that hash in the field ``name``."""
        found = self.ask(method, _hex(transaction))
        if found is not None and self.data(method, self._field(method, found, name)) != transaction:
            raise self.strange(method)
        return found

    def _quantity(self, method: str, *params: Any) -> int:
        return self.quantity(method, self.ask(method, *params))

    def _data(self, method: str, *params: Any) -> bytes:
        return self.data(method, self.ask(method, *params))

    def _field(self, method: str, found: Any, name: str, default: Any = None) -> Any:
        if not isinstance(found, dict):
            raise self.strange(method)
        return found.get(name, default)


def _block(of: int | str) -> str:
    return of if isinstance(of, str) else hex(of)


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
