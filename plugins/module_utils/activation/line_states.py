# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of each line of a plan, by its transactions and by what the chain has, and what is to be done next.

The rule that keeps a line from being paid twice: a new nonce is used for it only where that of each earlier transaction is used in a block that
is final, and the deposit is not there. Until then there is one nonce for it, and at most one deposit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import Enum
from typing import NamedTuple

from ..clients import execution
from ..clients.execution import ExecutionNode
from ..ethereum.transaction import Signed
from .plan import Line
from .record import Record
from .sighting import Sighting


class State(Enum):
    """Of a line, the better the later."""

    #: No transaction for it can come into the chain any more, or there was none.
    FREE = "not sent"
    #: There is one, and the client does not have it.
    DROPPED = "dropped"
    #: Something else has its nonce, or it failed, in a block that may go away again.
    UNDECIDED = "undecided"
    #: It is in the client's pool.
    PENDING = "pending"
    #: It is in a block that may go away again.
    MINED = "mined"
    #: It is there for good.
    FINAL = "final"


class LineState(NamedTuple):
    """Of a ``line``: its state, the transaction that it depends on as long as that is in no block, the hash (32 bytes) of that which made it."""

    line: Line
    state: State
    live: Signed | None = None
    hash: bytes = b""


class Evaluation:
    """What became of lines, by the ``records`` of all plans of a node and by what there is."""

    def __init__(self, records: Collection[Record], sighting: Sighting, node: ExecutionNode) -> None:
        self._records, self._sighting, self._node = records, sighting, node
        self._nonces: dict[tuple[bytes, int], int] = {}

    def of(self, line: Line) -> LineState:
        """The state of one."""
        log = self._sighting.deposit_of(line)
        if log:
            state = State.FINAL if log.block <= self._sighting.finalized else State.MINED
            return LineState(line, state, hash=log.transaction)
        made = [signed for record in self._records for signed in record.of(line)]
        # What is used by something else, in a final block, never brings the deposit.
        live = [signed for signed in made if signed.transaction.nonce >= self._nonce(signed.sender, self._sighting.finalized)]
        if not live:
            return LineState(line, State.FREE)
        # Of those with one nonce the last one offers most.
        signed = live[-1]
        if signed.transaction.nonce < self._nonce(signed.sender, self._sighting.latest.number):
            return LineState(line, State.UNDECIDED, signed, signed.hash)
        known = [each for each in live if self._node.knows(each.hash)]
        signed = (known or live)[-1]
        return LineState(line, State.PENDING if known else State.DROPPED, signed, signed.hash)

    def _nonce(self, payer: bytes, block: int) -> int:
        """How many transactions of a ``payer`` are in the chain up to a block. It is one of those whose deposits were seen: what is there, and
        made none, made none. Where a client has not what was then, none is known to be."""
        asked = payer, block
        if asked not in self._nonces:
            try:
                self._nonces[asked] = self._node.nonce(payer, block) if block else 0
            except execution.Refused:
                self._nonces[asked] = 0
        return self._nonces[asked]


def next_nonce(node: ExecutionNode, payer: bytes, live: Iterable[Signed]) -> int:
    """The one that no transaction of the ``payer`` has yet: none that the client knows of, none of those that are ``live``."""
    ours = [signed.transaction.nonce + 1 for signed in live if signed.sender == payer]
    return max([node.nonce(payer, execution.PENDING), *ours])
