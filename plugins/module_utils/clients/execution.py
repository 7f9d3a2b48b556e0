# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The few things that an execution client is asked, by JSON-RPC. Amounts are whole numbers of wei.

Source: the Ethereum execution APIs; keymanager-and-chain §3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..encoding.hex import to_hex
from ..errors import DvError
from .http import HttpClient, shorten

#: Blocks that are named by how sure they are; the last one is none yet, of what waits in the pool.
LATEST, FINALIZED, PENDING = "latest", "finalized", "pending"

_QUANTITY = re.compile("0x(0|[1-9a-f][0-9a-f]{0,63})")
_DATA = re.compile("0x([0-9a-f]{2})*")
# Seconds for an answer: logs of a year take long.
_PATIENCE = 60


class Refused(DvError):
    """The client answers that it does not do what it was asked."""


class Block(NamedTuple):
    """A block: its number, Unix seconds, the fee that is burnt for a unit of gas."""

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


class ExecutionNode:
    """The execution client behind ``http``. All methods raise :class:`~.errors.DvError` where it does not tell.

    :param path: of its URL, which is a secret: hosted services have a key in it
    """

    def __init__(self, http: HttpClient, path: str = "/") -> None:
        self.http, self._path = http, path

    def __str__(self) -> str:
        return f"the execution client at {self.http.endpoint}"

    def chain_id(self) -> int:
        """The number of its chain."""
        return self._quantity("eth_chainId")

    def block(self, of: int | str) -> Block | None:
        """The block with that number, or name; ``None`` where there is none."""
        found = self.ask("eth_getBlockByNumber", _block(of), False)
        if found is None:
            return None
        fields = (self._field("eth_getBlockByNumber", found, name) for name in ("number", "timestamp", "baseFeePerGas"))
        return Block(*fields)

    def code(self, address: bytes) -> bytes:
        """The code of the account at ``address`` (20 bytes): empty where nobody put any there."""
        return self._data("eth_getCode", to_hex(address), LATEST)

    def balance(self, address: bytes) -> int:
        """What the account at ``address`` (20 bytes) has."""
        return self._quantity("eth_getBalance", to_hex(address), LATEST)

    def nonce(self, address: bytes, of: int | str) -> int:
        """How many transactions of the account at ``address`` (20 bytes) are in the chain up to that block."""
        return self._quantity("eth_getTransactionCount", to_hex(address), _block(of))

    def priority_fee(self) -> int:
        """What is given to whoever proposes a block, for a unit of gas, as things are."""
        return self._quantity("eth_maxPriorityFeePerGas")

    def call(self, to: bytes, data: bytes, of: int | str) -> bytes:
        """What the contract at ``to`` (20 bytes) answers to ``data``, at that block."""
        return self._data("eth_call", {"to": to_hex(to), "data": to_hex(data)}, _block(of))

    def send(self, raw: bytes) -> None:
        """Give it a signed transaction.

        :raises Refused: it does not take it, or has it already
        """
        self.ask("eth_sendRawTransaction", to_hex(raw))

    def knows(self, transaction: bytes) -> bool:
        """Whether it has the transaction with that hash (32 bytes), in a block or in its pool."""
        return self.ask("eth_getTransactionByHash", to_hex(transaction)) is not None

    def receipt(self, transaction: bytes) -> Receipt | None:
        """What became of the transaction with that hash (32 bytes); ``None`` as long as it is in no block."""
        method = "eth_getTransactionReceipt"
        found = self.ask(method, to_hex(transaction))
        if found is None:
            return None
        return Receipt(self._field(method, found, "blockNumber"), self._field(method, found, "status") == 1)

    def logs(self, address: bytes, topic: bytes, first: int, last: int) -> Iterator[Log]:
        """What the contract at ``address`` (20 bytes) told under ``topic`` (32 bytes) in the blocks from ``first`` to ``last``, in order. Where so
        many at once are refused, they are asked for by halves.

        :raises DvError: a single block is refused
        """
        at_once = last - first + 1
        while first <= last:
            end = min(last, first + at_once - 1)
            try:
                yield from self._logs(address, topic, first, end)
                first = end + 1
            except Refused as error:
                if end == first:
                    raise DvError(
                        f"{self} does not tell what the deposit contract told in the blocks from {first} on: {error.found}",
                        f"the events of the blocks {first} to {last}",
                        "use an execution client that has them: hosted ones, and those that prune their history, may not",
                    ) from None
                at_once = (end - first + 1) // 2

    def pool(self) -> list[Call] | None:
        """The calls that wait for a block; ``None`` where it does not show its pool."""
        try:
            content = self.ask("txpool_content")
            by_nonce = [calls for part in ("pending", "queued") for calls in content[part].values()]
            return [self._call(each) for calls in by_nonce for each in calls.values() if each["to"]]
        except (Refused, AttributeError, KeyError, TypeError):
            return None

    def ask(self, method: str, *params: Any) -> Any:
        """The result of a call of ``method``.

        :raises Refused: it answers with an error
        :raises DvError: it does not answer, or with something else
        """
        try:
            answer = self.http.request("POST", self._path, dict(jsonrpc="2.0", id=1, method=method, params=params), _PATIENCE)
            value = answer.json(f"what {self} answers to {method}")
        except DvError as error:
            # Whatever it says, it may have the path in it.
            hidden = error.found.replace(self._path, "/...") if self._path != "/" else error.found
            raise type(error)(hidden, error.wanted, "see whether it runs, and what it is") from None
        if isinstance(value, dict) and isinstance(value.get("error"), dict):
            raise Refused(f"{self} refuses {method}: {shorten(value['error'].get('message'))}", "its result")
        if answer.status != 200 or not isinstance(value, dict) or "result" not in value:
            raise DvError(f"{self} answers {method} with {answer.status}, without a result", "a result", "see what answers there")
        return value["result"]

    def _logs(self, address: bytes, topic: bytes, first: int, last: int) -> list[Log]:
        method, wanted = "eth_getLogs", {"address": to_hex(address), "topics": [to_hex(topic)]}
        found = self.ask(method, dict(wanted, fromBlock=hex(first), toBlock=hex(last)))
        if not isinstance(found, list):
            raise self._strange(method)
        logs = [
            Log(self._field(method, each, "blockNumber"), self._bytes(method, each, "transactionHash"), self._bytes(method, each, "data"))
            for each in found
        ]
        if not all(first <= each.block <= last for each in logs):
            raise self._strange(method)
        return logs

    def _call(self, found: Any) -> Call:
        method = "txpool_content"
        hash_, to, data = (self._bytes(method, found, name) for name in ("hash", "to", "input"))
        return Call(hash_, to, self._field(method, found, "value"), data)

    def _quantity(self, method: str, *params: Any) -> int:
        return self._field(method, {"it": self.ask(method, *params)}, "it")

    def _data(self, method: str, *params: Any) -> bytes:
        return self._bytes(method, {"it": self.ask(method, *params)}, "it")

    def _field(self, method: str, found: Any, name: str) -> int:
        text = found.get(name) if isinstance(found, dict) else None
        if isinstance(text, str) and _QUANTITY.fullmatch(text.lower()):
            return int(text, 16)
        raise self._strange(method)

    def _bytes(self, method: str, found: Any, name: str) -> bytes:
        text = found.get(name) if isinstance(found, dict) else None
        if isinstance(text, str) and _DATA.fullmatch(text.lower()):
            return bytes.fromhex(text[2:])
        raise self._strange(method)

    def _strange(self, method: str) -> DvError:
        return DvError(f"{self} answers {method} with something else", "what the execution APIs say", "see what answers there")


def _block(of: int | str) -> str:
    return of if isinstance(of, str) else hex(of)
