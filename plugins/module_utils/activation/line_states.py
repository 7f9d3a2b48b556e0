# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of each line of a plan, by its transactions and by what the chain has, and what is to be done next.

The rule that keeps a line from being paid twice: a new nonce is used for it only where that of each earlier transaction is used in a block that
is final, and the deposit is not there. Until then there is one nonce for it, and at most one deposit. What somebody was asked to sign elsewhere
is such a transaction: it may be signed, and may come into the chain, without this node.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import Enum
from typing import NamedTuple

from ..clients import execution
from ..clients.execution import ExecutionNode
from ..ethereum.transaction import Signed
from .plan import Line
from .record import Made, Proposal, Record
from .sighting import Sighting


class State(Enum):
    """Of a line, the better the later."""

    #: No transaction for it can come into the chain any more, or there was none.
    FREE = "not sent"
    #: There is one that somebody was asked to sign elsewhere.
    UNSIGNED = "to be signed"
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


#: Those of a line for which nothing more is to be sent, as things are.
UNDER_WAY = (State.PENDING, State.MINED, State.FINAL)


class LineState(NamedTuple):
    """Of a ``line``: its state; of what can come into the chain, and is in no block, the transaction that it depends on (``live``), and what
    somebody was asked to sign after that (``proposal``); the hash (32 bytes) of that which made it; of what another transaction brought into the
    chain, the one that waits and would pay it once more (``spare``)."""

    line: Line
    state: State
    live: Signed | None = None
    proposal: Proposal | None = None
    hash: bytes = b""
    spare: Signed | None = None

    @property
    def made(self) -> Made | None:
        """What was made for it last, of what can come into the chain, and is in no block."""
        return self.proposal or self.live


class Evaluation:
    """What became of lines, by the ``records`` of all plans of a node and by what there is."""

    def __init__(self, records: Collection[Record], sighting: Sighting, node: ExecutionNode) -> None:
        self._records, self._sighting, self._node = records, sighting, node
        self._nonces: dict[tuple[bytes, int], int] = {}
        self._states: dict[Line, LineState] = {}

    def of(self, line: Line) -> LineState:
        """The state of one, which may be a line of several plans."""
        if line not in self._states:
            self._states[line] = self._evaluate(line)
        return self._states[line]

    def _evaluate(self, line: Line) -> LineState:
        log = self._sighting.deposit_of(line)
        if log:
            state = State.FINAL if log.block <= self._sighting.finalized else State.MINED
            return LineState(line, state, hash=log.transaction, spare=next(filter(self._waits, self._signed(line)), None))
        alive = self.alive(line)
        if not alive:
            return LineState(line, State.FREE)
        last, signed = alive[-1], self._signed(line)
        known = [each for each in signed if self._node.knows(each.hash)]
        live = next(reversed(known or signed), None)
        if last.transaction.nonce < self._nonce(last.sender, self._sighting.latest.number):
            state = State.UNDECIDED
        else:
            state = State.PENDING if known else State.DROPPED if signed else State.UNSIGNED
        return LineState(line, state, live, None if isinstance(last, Signed) else last, live.hash if live else b"")

    def alive(self, line: Line) -> list[Made]:
        """What was made for one, and may still come into the chain: by what they offer, the least first."""
        made = [each for record in self._records for each in record.of(line)]
        # What is used by something else, in a final block, never brings the deposit.
        return sorted((each for each in made if each.transaction.nonce >= self._nonce(each.sender, self._sighting.finalized)), key=_offer)

    def _signed(self, line: Line) -> list[Signed]:
        return [each for each in self.alive(line) if isinstance(each, Signed)]

    def _waits(self, signed: Signed) -> bool:
        """Whether the client has it, and the chain neither it nor something else with its nonce."""
        return signed.transaction.nonce >= self._nonce(signed.sender, self._sighting.latest.number) and self._node.knows(signed.hash)

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


def _offer(made: Made) -> tuple[int, bool]:
    return made.transaction.max_fee, isinstance(made, Signed)


def next_nonce(node: ExecutionNode, payer: bytes, alive: Iterable[Made]) -> int:
    """The one that no transaction of the ``payer`` has yet: none that the client knows of, none of those that are ``alive``."""
    ours = [each.transaction.nonce + 1 for each in alive if each.sender == payer]
    return max([node.nonce(payer, execution.PENDING), *ours])
