# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paying a plan: everything is looked at, then what is missing is sent, each line once. Whatever is interrupted, or run twice, goes on."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from ..clients.beacon_states import BeaconStates
from ..clients.execution import ExecutionNode, Refused
from ..cluster.lock import ClusterLock
from ..data_dir.layout import DataDir
from ..encoding.hex import from_hex, to_hex
from ..errors import DvError
from ..ethereum import deposit_contract
from ..ethereum.transaction import Signed, Transaction
from ..signers.transaction_signer import TransactionSigner, sign_transaction_as
from . import fees, guards, record, sighting
from .claims import Claims
from .guards import Result, Situation
from .line_states import Evaluation, LineState, State, next_nonce
from .plan import Line, Plan
from .record import Record
from .sighting import Sighting
from .stated import Statements

#: What is to be confirmed; what is to be said first; something is under way; something has to come first; all is final.
STATES = UNCONFIRMED, CLAIMING, SENT, WAITING, FINAL = "unconfirmed", "claiming", "sent", "waiting", "final"

# Seconds after which somebody else may have paid.
_PATIENCE = 300


@dataclass(frozen=True)
class Asked:
    """What is to be paid, by whom, and what is known.

    :param share_index: of the node that pays
    :param since: Unix seconds: no deposit of the validators is older
    :param stated: what the operators have stated
    :param inbox: text by name in the store
    :param max_fee: Gwei
    :param batch: how many transactions may wait at once
    :param bump: whether what waits is to be sent again with more fees, stuck or not
    """

    lock: ClusterLock
    share_index: int
    plan: Plan
    since: int
    stated: Statements
    inbox: Mapping[str, str]
    max_fee: float
    batch: int
    bump: bool = False


@dataclass(frozen=True)
class Outcome:
    """Where the plan stands; what is to be done (``todo``), and what was done, or in check mode would be: a text each."""

    state: str
    detail: str
    lines: list[LineState]
    todo: list[LineState]
    guards: list[Result]
    sighting: Sighting
    changed: bool
    done: list[str]


class Activation:
    """Pays what is ``asked`` for.

    :param signer: of the payer's account
    """

    def __init__(self, data_dir: DataDir, asked: Asked, node: ExecutionNode, beacon: BeaconStates, signer: TransactionSigner) -> None:
        self._data_dir, self._asked, self._node, self._beacon, self._signer = data_dir, asked, node, beacon, signer
        self._plan, self._payer = asked.plan, from_hex(asked.plan.payer, 20, "payer")
        self._contract = from_hex(asked.plan.contract, 20, "contract")
        self._claims = Claims(asked.stated, asked.plan.lock_hash, asked.inbox)

    def run(self, confirmed: str, dry_run: bool) -> Outcome:
        """Do it, as far as it goes now, or see what would be done.

        :param confirmed: the hash of the plan that the payer confirms, or empty
        :raises DvError: a guard does not let it pass, or somebody does not answer: what is missing is sent by the next run
        """
        outcome = self._look(record.read_all(self._data_dir), confirmed)
        if dry_run or outcome.state in (UNCONFIRMED, FINAL):
            return outcome
        with record.exclusive(self._data_dir):
            # Another run may have been quicker.
            records = record.read_all(self._data_dir)
            outcome = self._look(records, confirmed)
            own = _of(records, self._plan)
            if not own:
                own = Record(self._plan)
                record.write(self._data_dir, own)
                outcome = replace(outcome, changed=True)
            return outcome if outcome.state == CLAIMING else self._send(own, outcome)

    def claim(self, private_key: bytes) -> dict[str, str]:
        """What is to be said before anything is sent, by the ENR private key (32 bytes)."""
        return self._claims.make(private_key, self._plan, time.time())

    def _look(self, records: list[Record], confirmed: str) -> Outcome:
        """Where it stands, and what is to be done next."""
        asked, plan = self._asked, self._plan
        pubkeys, fork_version = {line.pubkey for line in plan.lines}, asked.lock.definition.fork_version
        seen = sighting.look(self._node, self._beacon, self._contract, pubkeys, asked.since, fork_version)
        self._looked = seen.taken
        evaluation = Evaluation(records, seen, self._node)
        lines = [evaluation.of(line) for line in plan.lines]
        self._fees = fees.ask(self._node, seen.latest.base_fee, asked.max_fee)
        waiting = [line for each in records for line in map(evaluation.of, each.plan.lines) if line.live]
        self._live = [line.live for line in waiting if line.live]
        results = guards.evaluate(
            Situation(
                asked.lock,
                asked.share_index,
                plan,
                asked.stated,
                self._claims,
                seen,
                lines,
                {signed.hash for each in records for _line, signed in each.payments},
                [each.plan for each in records],
                [line.line for line in waiting],
                self._node,
                self._payer,
                self._fees,
            )
        )
        todo = self._todo(lines, seen)
        at_rest = not todo and (_of(records, plan) or all(line.state in (State.MINED, State.FINAL) for line in lines))
        guards.raise_failed([each for each in results if each.guard in guards.ALARMS] if at_rest else results)
        state, detail = self._state(lines, todo, seen)
        if not _of(records, plan) and state != FINAL:
            self._check_confirmed(confirmed)
            if not confirmed:
                state, detail = UNCONFIRMED, f"nothing is sent before the plan is confirmed: dv_activate_confirm={plan.hash}"
        done = [self._describe(line) for line in todo]
        return Outcome(state, detail, lines, todo, results, seen, bool(todo) and state != UNCONFIRMED, done)

    def _check_confirmed(self, confirmed: str) -> None:
        if confirmed and confirmed != self._plan.hash:
            raise DvError(
                f"dv_activate_confirm is {confirmed[:64]}",
                f"{self._plan.hash}, the hash of the plan as it is now",
                "look at the plan again",
            )

    def _state(self, lines: list[LineState], todo: list[LineState], seen: Sighting) -> tuple[str, str]:
        if all(line.state == State.FINAL for line in lines):
            return FINAL, ""
        if todo and not self._claims.has(self._asked.share_index, self._plan):
            return CLAIMING, ""
        counts = {state: sum(line.state == state for line in lines) for state in State}
        told = ", ".join(f"{count} {state.value}" for state, count in counts.items() if count)
        held = [line for line in lines if line.state == State.FREE and not self._may_go(line.line, seen)]
        if held and not todo and counts[State.FREE] == len(held) and not counts[State.PENDING] and not counts[State.MINED]:
            return WAITING, f"{told}; the beacon chain has to have the first deposit of each validator, finally, before the next one goes"
        stuck = [line for line in lines if line.live and self._fees.is_stuck(line.live.transaction) and not self._bumped(line)]
        return SENT, told + (
            f"; {len(stuck)} offer too little as things are: more is above dv_activate_max_fee, or up to another account" if stuck else ""
        )

    def _may_go(self, line: Line, seen: Sighting) -> bool:
        """Whether all that comes before a line is there: the first deposit has set the withdrawal credentials then, for good."""
        return not line.stage or line.pubkey in seen.validators

    def _todo(self, lines: list[LineState], seen: Sighting) -> list[LineState]:
        """The lines for which something is to be sent. What has a nonce goes first: those after it wait for it."""
        due = [line for line in lines if self._is_due(line, seen)]
        room = max(0, self._asked.batch - sum(line.live is not None for line in lines))
        return [line for line in due if line.live] + [line for line in due if not line.live][:room]

    def _is_due(self, line: LineState, seen: Sighting) -> bool:
        if line.state == State.FREE:
            return self._may_go(line.line, seen)
        return line.state == State.DROPPED or line.state == State.PENDING and bool(self._bumped(line))

    def _bumped(self, line: LineState) -> Transaction | None:
        """What takes the place of the transaction of a line, where that offers too little; ``None`` where it does not, or more is too much."""
        if not line.live or not (self._asked.bump or self._fees.is_stuck(line.live.transaction)):
            return None
        if line.live.sender != self._payer:
            # With the nonce of another account it would be one more.
            return None
        return self._fees.bump(line.live.transaction)

    def _describe(self, line: LineState) -> str:
        """What is to be done for a line."""
        if line.live:
            fees_ = ", with higher fees" if self._bumped(line) else ""
            return f"{line.line}: send the transaction with nonce {line.live.transaction.nonce} again{fees_}"
        return f"{line.line}: to {self._plan.contract}, at most {self._fees.in_gwei(self._fees.offered)} Gwei for each of {deposit_contract.GAS} gas"

    def _send(self, own: Record, outcome: Outcome) -> Outcome:
        nonce = next_nonce(self._node, self._payer, self._live)
        sent = []
        for line in outcome.todo:
            if line.live and not self._bumped(line):
                signed = line.live
            elif bumped := self._bumped(line):
                signed = sign_transaction_as(self._signer, self._payer, bumped)
                own = self._keep(own, line.line, signed)
            else:
                signed = sign_transaction_as(self._signer, self._payer, self._transaction(line.line, nonce))
                own, nonce = self._keep(own, line.line, signed), nonce + 1
            self._give(signed)
            sent.append(f"{line.line}: {to_hex(signed.hash)}")
        return replace(outcome, changed=outcome.changed or bool(sent), done=sent, state=SENT if sent else outcome.state)

    def _transaction(self, line: Line, nonce: int) -> Transaction:
        value, data = line.amount * deposit_contract.WEI_PER_GWEI, deposit_contract.call_data(line.deposit)
        return Transaction(
            self._plan.chain_id, nonce, self._fees.priority, self._fees.offered, deposit_contract.GAS, self._contract, value, data
        )

    def _keep(self, own: Record, line: Line, signed: Signed) -> Record:
        """Keep a transaction before it is sent."""
        own = own.adding(line, signed)
        record.write(self._data_dir, own)
        return own

    def _give(self, signed: Signed) -> None:
        if time.monotonic() - self._looked > _PATIENCE:
            raise DvError(f"it took more than {_PATIENCE} s until this was sent", "a chain that was looked at just now", "run it again")
        try:
            self._node.send(signed.raw)
        except Refused:
            # It may have it already.
            if not self._node.knows(signed.hash):
                raise


def _of(records: Collection[Record], plan: Plan) -> Record | None:
    return next((each for each in records if each.plan.hash == plan.hash), None)
