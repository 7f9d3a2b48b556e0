# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paying a plan: everything is looked at, then what is missing is sent, each line once. Whatever is interrupted, or run twice, goes on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..clients.beacon_states import BeaconStates
from ..clients.execution import ExecutionNode
from ..cluster.lock import ClusterLock
from ..data_dir.layout import DataDir
from ..encoding.hex import from_hex
from ..errors import DvError
from . import fees, guards, record, sighting
from .claims import Claims
from .guards import Result, Situation
from .line_states import Evaluation, LineState, State
from .payer import AT_REST, Payer, Turn
from .plan import Line, Plan
from .record import Record
from .sighting import Sighting
from .stated import Statements
from .work import Work

#: A guard fails; what is to be confirmed; what is to be said first; something is under way; something has to come first; all is final.
REFUSED, UNCONFIRMED, CLAIMING, SENT, WAITING, FINAL = "refused", "unconfirmed", "claiming", "sent", "waiting", "final"


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
    :param addresses: withdrawal addresses that are written down beside the lock, by where that is
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
    addresses: Mapping[str, Collection[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """Where the plan stands, and what was done, or in check mode would be: a text each.

    :param sent: the hashes (32 bytes each) of what was given to the chain
    :param error: why it is not done, or not all of it: a guard does not let it pass, the payer cannot pay, or it went wrong then
    """

    state: str
    detail: str
    lines: list[LineState]
    guards: list[Result]
    sighting: Sighting
    changed: bool
    done: list[str]
    sent: Sequence[bytes] = ()
    error: DvError | None = None


class Activation:
    """Has what is ``asked`` for paid by the ``payer``."""

    def __init__(self, data_dir: DataDir, asked: Asked, node: ExecutionNode, beacon: BeaconStates, payer: Payer) -> None:
        self._data_dir, self._asked, self._node, self._beacon, self._payer = data_dir, asked, node, beacon, payer
        self._plan, self._contract = asked.plan, from_hex(asked.plan.contract, 20, "contract")
        self._claims = Claims(asked.stated, asked.plan.lock_hash, asked.inbox)

    def run(self, confirmed: str, dry_run: bool) -> Outcome:
        """Do it, as far as it goes now, or see what would be done.

        :param confirmed: the hash of the plan that the payer confirms, or empty
        :raises DvError: somebody does not answer: what is missing is done by the next run
        """
        outcome, _turn, _work = self._look(confirmed)
        if outcome.changed or outcome.state == UNCONFIRMED:
            # Who cannot pay confirms nothing, and states nothing.
            try:
                self._payer.open()
            except DvError as error:
                return replace(outcome, changed=False, done=[], error=error)
        if dry_run or not outcome.changed:
            return outcome
        with record.exclusive(self._data_dir):
            # Another run may have been quicker.
            outcome, turn, work = self._look(confirmed)
            if not outcome.changed:
                return outcome
            record.write(self._data_dir, work.record)
            return outcome if outcome.state == CLAIMING else self._do(outcome, turn, work)

    def claim(self, private_key: bytes) -> dict[str, str]:
        """What is to be said before anything is sent, by the ENR private key (32 bytes)."""
        return self._claims.make(private_key, self._plan, time.time())

    def _do(self, outcome: Outcome, turn: Turn, work: Work) -> Outcome:
        """Do what is to be done. Where something of it fails, what was done before is told, too."""
        done: list[str] = []
        try:
            for deed in turn.deeds:
                done.append(deed.do())
            state, detail = self._state(work, turn)
            outcome = replace(outcome, state=state, detail=detail)
        except DvError as error:
            outcome = replace(outcome, detail="", error=error)
        return replace(outcome, lines=work.lines, done=done, sent=work.sent)

    def _look(self, confirmed: str) -> tuple[Outcome, Turn, Work]:
        """Where it stands, and what is to be done."""
        asked, plan = self._asked, self._plan
        # Those of a lock that was edited since, too: it has another hash, and the same validators.
        records = record.read_all(self._data_dir)
        own = next((each for each in records if each.plan.hash == plan.hash), None)
        pubkeys, fork_version = {each.public_key for each in asked.lock.validators or ()}, asked.lock.definition.fork_version
        seen = sighting.look(self._node, self._beacon, self._contract, pubkeys, asked.since, fork_version)
        evaluation = Evaluation(records, seen, self._node)
        waiting = [line.line for each in records for line in map(evaluation.of, each.plan.lines) if line.made]
        work = Work(
            data_dir=self._data_dir,
            record=own or Record(plan),
            node=self._node,
            payer=self._payer.address,
            fees=fees.ask(self._node, seen.latest.base_fee, asked.max_fee),
            lines=[evaluation.of(line) for line in plan.lines],
            alive=[made for line in waiting for made in evaluation.alive(line)],
            begun=seen.validators,
            looked=seen.taken,
            batch=asked.batch,
            bump=asked.bump,
        )
        results = self._guard(work, records, waiting, seen)
        error = guards.error_of([each for each in results if each.guard in guards.ALARMS])
        turn = AT_REST if error else self._payer.turn(work)
        at_rest = not (work.due and turn != AT_REST) and (own or all(line.state in (State.MINED, State.FINAL) for line in work.lines))
        error = error or guards.error_of([] if at_rest else results)
        if error:
            return Outcome(REFUSED, "", work.lines, results, seen, False, [], error=error), turn, work
        state, detail = self._state(work, turn)
        if state != FINAL:
            self._check_confirmed(confirmed)
            if not own and not confirmed:
                state, detail = UNCONFIRMED, f"nothing is done before the plan is confirmed: dv_activate_confirm={plan.hash}"
        changed = state == CLAIMING or bool(turn.deeds) if own else state not in (UNCONFIRMED, FINAL)
        return Outcome(state, detail, work.lines, results, seen, changed, [deed.text for deed in turn.deeds]), turn, work

    def _guard(self, work: Work, records: Collection[Record], waiting: Collection[Line], seen: Sighting) -> list[Result]:
        asked = self._asked
        return guards.evaluate(
            Situation(
                asked.lock,
                asked.share_index,
                asked.plan,
                asked.stated,
                self._claims,
                seen,
                work.lines,
                [payment.made for each in records for payment in each.payments],
                [each.plan for each in records],
                waiting,
                self._node,
                self._payer,
                work.fees,
                asked.addresses,
            )
        )

    def _check_confirmed(self, confirmed: str) -> None:
        if confirmed and confirmed != self._plan.hash:
            raise DvError(
                f"dv_activate_confirm is {confirmed[:64]}",
                f"{self._plan.hash}, the hash of the plan as it is now",
                "look at the plan again",
            )

    def _state(self, work: Work, turn: Turn) -> tuple[str, str]:
        if all(line.state == State.FINAL and not line.spare for line in work.lines):
            return FINAL, ""
        if work.due and not self._claims.has(self._asked.share_index, self._plan):
            return CLAIMING, "it is confirmed: a run without check mode states in the store that this node pays, then sends it"
        counts = Counter(line.state for line in work.lines)
        told = ", ".join(f"{counts[state]} {state.value}" for state in State if counts[state])
        if turn.others:
            return WAITING, f"{told}; {turn.others}"
        if work.held and not work.due and not counts[State.PENDING] and not counts[State.MINED]:
            return WAITING, f"{told}; the beacon chain has to have the first deposit of each validator, finally, before the next one goes"
        return SENT, "; ".join([told, *self._obstacles(work)])

    @staticmethod
    def _obstacles(work: Work) -> Iterator[str]:
        """What keeps that which was sent from its end."""
        if stuck := len(work.stuck):
            yield f"{stuck} offer too little as things are: more is above dv_activate_max_fee, or up to another account"
        if others := len(work.asked_of_others):
            yield f"{others} were handed out to another account to be signed, and are its: it has to use up their nonces"
        if (gap := work.gap) is not None:
            yield f"what waits has nonces after {gap}, which nothing has: run the plan again that used it, or send anything else with it"
        if spare := sum(line.spare is not None for line in work.lines):
            yield f"of {spare} that somebody else paid a transaction waits, see the guard deposits"
