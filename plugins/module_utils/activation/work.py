# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What there is to do for a plan at one time, for whoever pays it: the lines that are due, their transactions, and where these are kept."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..clients import execution
from ..clients.execution import ExecutionNode, Refused
from ..data_dir.layout import DataDir
from ..encoding.hex import from_hex
from ..errors import DvError
from ..ethereum import deposit_contract
from ..ethereum.transaction import Signed, Transaction
from . import record
from .fees import Fees
from .line_states import LineState, State, next_nonce
from .plan import Line, Plan
from .record import Made, Record

# Seconds after which somebody else may have paid.
_PATIENCE = 300


class Step(NamedTuple):
    """What is to be done for a line that is due: a ``transaction`` is sent, which is ``signed``, and kept, or is to be."""

    line: LineState
    transaction: Transaction
    signed: Signed | None = None


@dataclass
class Work:
    """One look at a plan.

    :param record: of the plan, as it is kept
    :param payer: address (20 bytes) of the account that pays
    :param lines: all of the plan, as they were looked at, and as they are by what was done since
    :param alive: what can come into the chain, and is in no block, of all plans of this node
    :param begun: public keys of the validators that the beacon chain has, finally
    :param looked: monotonic seconds, since when somebody else may have paid
    :param batch: how many transactions may wait at once
    :param bump: whether what waits is to be sent again with more fees, stuck or not
    :param sent: the hashes (32 bytes each) of what was given to the chain since
    """

    data_dir: DataDir
    record: Record
    node: ExecutionNode
    payer: bytes
    fees: Fees
    lines: list[LineState]
    alive: Collection[Made]
    begun: Collection[bytes]
    looked: float
    batch: int
    bump: bool
    sent: list[bytes] = field(default_factory=list)

    @property
    def plan(self) -> Plan:
        return self.record.plan

    @property
    def due(self) -> list[LineState]:
        """The lines for which there is something to do."""
        return [line for line in self.lines if self._is_due(line)]

    @property
    def held(self) -> list[LineState]:
        """The lines that wait for the beacon chain to have the deposit before them."""
        return [line for line in self.lines if line.state == State.FREE and not self._may_go(line.line)]

    @property
    def stuck(self) -> list[LineState]:
        """The lines whose transactions offer too little as things are, and would offer more than they may."""
        return [line for line in self.lines if line.live and self.fees.is_stuck(line.live.transaction) and not self._asked(line)]

    @property
    def asked_of_others(self) -> list[LineState]:
        """The lines that another account was asked to sign."""
        return [line for line in self.lines if line.state == State.UNSIGNED and not self._asked(line)]

    @property
    def gap(self) -> int | None:
        """The nonce that no transaction of the payer has, where some wait for it."""
        made = {line.made.transaction.nonce: line.state for line in self.lines if line.made and line.made.sender == self.payer}
        if State.PENDING not in made.values():
            return None
        nonce = self.node.nonce(self.payer, execution.PENDING)
        while nonce in made:
            nonce += 1
        return nonce if any(nonce < each and state == State.PENDING for each, state in made.items()) else None

    def steps(self) -> list[Step]:
        """What is to be done, by nonce: each waits for those before it."""
        nonce, steps = next_nonce(self.node, self.payer, self.alive), []
        for line in self.due:
            if line.state == State.FREE:
                steps.append(Step(line, self._first(line.line, nonce)))
                nonce += 1
            elif asked := self._asked(line):
                steps.append(Step(line, asked))
            elif line.live:
                steps.append(Step(line, line.live.transaction, line.live))
        return sorted(steps, key=lambda step: step.transaction.nonce)

    def in_batch(self, steps: Sequence[Step]) -> list[Step]:
        """Those of the ``steps`` that do not have more transactions wait for a block than may."""
        room = self.batch - sum(line.state == State.PENDING for line in self.lines)
        others = [step for step in steps if step.line.state != State.PENDING]
        return [step for step in steps if step not in others[max(0, room) :]]

    def keep(self, line: Line, made: Made) -> None:
        """Keep what is made for a ``line``, before it is sent or handed out."""
        self.record = self.record.adding(line, made)
        record.write(self.data_dir, self.record)
        if isinstance(made, Signed):
            self._became(line, State.DROPPED, live=made, proposal=None, hash=made.hash)
        else:
            self._became(line, State.UNSIGNED, proposal=made)

    def send(self, line: Line, signed: Signed) -> None:
        """Give the transaction of a ``line``, which is kept, to the chain."""
        if time.monotonic() - self.looked > _PATIENCE:
            raise DvError(f"it took more than {_PATIENCE} s until this was sent", "a chain that was looked at just now", "run it again")
        before = self.lines
        # Whatever else is answered, the client may have taken it.
        self.sent.append(signed.hash)
        self._became(line, State.PENDING)
        try:
            self.node.send(signed.raw)
        except Refused:
            # It may have it already.
            if not self.node.knows(signed.hash):
                self.lines = before
                self.sent.remove(signed.hash)
                raise

    def _became(self, line: Line, state: State, **made: Any) -> None:
        """Note what became of a ``line``: one that waits goes on to wait."""
        self.lines = [
            each._replace(**made, state=each.state if each.state == State.PENDING else state) if each.line == line else each
            for each in self.lines
        ]

    def _may_go(self, line: Line) -> bool:
        """Whether all that comes before a line is there: the first deposit has set the withdrawal credentials then, for good."""
        return not line.stage or line.pubkey in self.begun

    def _is_due(self, line: LineState) -> bool:
        if line.state == State.FREE:
            return self._may_go(line.line)
        return line.state == State.DROPPED or line.state in (State.UNSIGNED, State.PENDING) and bool(self._asked(line))

    def _asked(self, line: LineState) -> Transaction | None:
        """What is to be signed for a line that has a nonce; ``None`` where there is nothing, or more is too much. None but the account that
        nonce is of may go on with it."""
        if not line.made or line.made.sender != self.payer or line.live and not self.bump and not self.fees.is_stuck(line.live.transaction):
            return None
        if not line.proposal:
            return self.fees.bump(line.made.transaction)
        # As it was asked for before, if that is enough.
        asked = line.proposal.transaction
        return self.fees.is_stuck(asked) and self.fees.bump(asked) or asked

    def _first(self, line: Line, nonce: int) -> Transaction:
        chain_id, contract = self.plan.chain_id, from_hex(self.plan.contract, 20, "contract")
        fees = self.fees.priority, self.fees.offered
        return Transaction(chain_id, nonce, *fees, deposit_contract.GAS, contract, line.value, line.call_data)
