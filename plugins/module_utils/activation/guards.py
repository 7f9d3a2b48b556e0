# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be so before anything is paid. Each guard has a name; some can be passed by it, with a reason that the plan holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ..clients.execution import ExecutionNode
from ..cluster.definition import address_bytes
from ..cluster.lock import ClusterLock
from ..crypto.bls.signatures import bls
from ..encoding.hex import from_hex, to_hex
from ..errors import DvError, Problems
from ..ethereum import deposit, deposit_contract
from ..ethereum.address import checksum_address
from .claims import Claims
from .fees import Fees
from .line_states import LineState, State
from .payer import Payer
from .plan import Plan, eth
from .sighting import Sighting
from .stated import Statements


@dataclass(frozen=True)
class Situation:
    """All that guards look at.

    :param own_hashes: of every transaction (32 bytes each) that this node made
    :param other_plans: plans of this node for the same cluster
    """

    lock: ClusterLock
    share_index: int
    plan: Plan
    stated: Statements
    claims: Claims
    sighting: Sighting
    states: Collection[LineState]
    own_hashes: Collection[bytes]
    other_plans: Collection[Plan]
    node: ExecutionNode
    payer: Payer
    fees: Fees


class Guard(NamedTuple):
    """A guard: what is wrong, by ``check``, and whether it can be passed by name."""

    check: Callable[[Situation], Iterator[DvError]]
    passable: bool = False


class Result(NamedTuple):
    """What a guard says: ``passed``, ``failed``, or ``without`` where it failed and is passed by name."""

    guard: str
    state: str
    text: str


def evaluate(situation: Situation) -> list[Result]:
    """What each guard says."""
    return [_result(name, guard, situation) for name, guard in GUARDS.items()]


def raise_failed(results: Collection[Result]) -> None:
    """Refuse what a guard does not let pass.

    :raises Problems: those that fail
    """
    failed = [DvError(f"guard {result.guard}: {result.text}") for result in results if result.state == "failed"]
    if failed:
        raise Problems(failed)


def check_names(without: Mapping[str, str]) -> None:
    """Refuse to pass guards that there are not, that cannot be passed, or for no reason.

    :raises DvError: so it is
    """
    passable = [name for name, guard in GUARDS.items() if guard.passable]
    for name, reason in without.items():
        if name not in passable:
            raise DvError(f"dv_activate_without names {name!r}", "one of " + ", ".join(passable), "no other guard is passed by name")
        if not isinstance(reason, str) or not reason.strip():
            raise DvError(
                f"dv_activate_without has no reason for {name}", "a few words: the plan holds them, and whoever confirms it reads them"
            )


def _result(name: str, guard: Guard, situation: Situation) -> Result:
    errors = [*guard.check(situation)]
    text = "; ".join(str(error) for error in errors[:_SHOWN]) + (f"; and {len(errors) - _SHOWN} more" if len(errors) > _SHOWN else "")
    reason = situation.plan.without.get(name)
    if not errors:
        return Result(name, "passed", "")
    if guard.passable and reason:
        return Result(name, "without", f"{text} (passed by name: {reason})")
    return Result(name, "failed", text)


# So many errors of one guard are told.
_SHOWN = 5
_PAID = (State.MINED, State.FINAL)


def _signature(situation: Situation) -> Iterator[DvError]:
    """The contract takes a wrong one, and the beacon chain lets the money vanish."""
    fork_version = situation.lock.definition.fork_version
    for line in situation.plan.lines:
        root = deposit.signing_root(line.pubkey, line.withdrawal_credentials, line.amount, fork_version)
        if not bls.verify(line.pubkey, root, line.signature):
            yield DvError(
                f"the signature of the deposit for {line} is wrong", "that of the validator's key", "the lock is damaged: pay nothing"
            )


def _credentials(situation: Situation) -> Iterator[DvError]:
    definition = situation.lock.definition
    for line in situation.plan.lines:
        address = address_bytes((definition.validators or ())[line.position].withdrawal_address)
        wanted = deposit.withdrawal_credentials(address, definition.compounding)
        if line.withdrawal_credentials != wanted:
            yield DvError(
                f"the deposit for {line} has the withdrawal credentials {to_hex(line.withdrawal_credentials)}",
                f"{to_hex(wanted)}, those of {checksum_address(address)}, which all operators approved",
                "pay nothing: the lock is not what they signed",
            )


def _backups(situation: Situation) -> Iterator[DvError]:
    yield from _missing(situation.stated.operators, situation.stated.proven(), "proved a backup of its key shares", "obol.dv.drill", "all")


def _keys(situation: Situation) -> Iterator[DvError]:
    loaded, threshold = situation.stated.loaded(), situation.lock.definition.threshold
    if len(loaded) < threshold:
        yield from _missing(
            situation.stated.operators, loaded, "stated that its key shares are loaded", "obol.dv.load_keys", f"at least {threshold}"
        )


def _readiness(situation: Situation) -> Iterator[DvError]:
    if not situation.stated.ready():
        yield DvError("no operator has stated that the cluster is ready", "a measurement that passed, not older than dv_activate_max_age")


def _missing(operators: Collection[int], have: Collection[int], what: str, playbook: str, wanted: str) -> Iterator[DvError]:
    missing = ", ".join(str(index) for index in operators if index not in have)
    if missing:
        yield DvError(
            f"in the store no statement says that operator {missing} {what}, not older than dv_activate_max_age",
            f"that of {wanted}",
            f"{playbook} there makes it; stores that are not shared have to be synchronised",
        )


def _deposits(situation: Situation) -> Iterator[DvError]:
    """Whoever deposits first sets the withdrawal credentials of a validator, if the signature is right."""
    fork_version = situation.lock.definition.fork_version
    wanted = {line.pubkey: line for line in situation.plan.lines}
    for log, made in situation.sighting.made:
        line = wanted[made.pubkey]
        if made.withdrawal_credentials != line.withdrawal_credentials:
            root = deposit.signing_root(made.pubkey, made.withdrawal_credentials, made.amount, fork_version)
            if bls.verify(made.pubkey, root, made.signature):
                yield _other_credentials(f"a deposit in block {log.block}", line.position, made.withdrawal_credentials)


def _beacon(situation: Situation) -> Iterator[DvError]:
    """What the beacon chain has, and what no deposit in the execution chain explains."""
    sighting, made = situation.sighting, Counter(each.pubkey for _log, each in situation.sighting.made)
    for line in {line.pubkey: line for line in situation.plan.lines}.values():
        validator = sighting.at_head.get(line.pubkey)
        pending = [each for each in sighting.pending if each.pubkey == line.pubkey]
        # A validator may have become compounding since.
        if validator and (
            validator.withdrawal_credentials[:1] not in b"\1\2" or validator.withdrawal_credentials[1:] != line.withdrawal_credentials[1:]
        ):
            yield _other_credentials("the beacon chain", line.position, validator.withdrawal_credentials)
        if (validator or pending) and not made[line.pubkey]:
            yield DvError(
                f"the beacon chain has validator {line.position}, or a deposit of it, and the execution client tells of none",
                "one that both have",
                "the two are of different chains, or the execution client lacks events: pay nothing",
            )


def _unknown(situation: Situation) -> Iterator[DvError]:
    """Deposits with the right credentials that neither this plan nor an earlier one has."""
    planned = Counter((line.pubkey, line.amount) for line in situation.plan.lines)
    for plan in situation.other_plans:
        planned |= Counter((line.pubkey, line.amount) for line in plan.lines)
    positions = {line.pubkey: line.position for line in situation.plan.lines}
    for (pubkey, amount), count in Counter((made.pubkey, made.amount) for _log, made in situation.sighting.made).items():
        if count > planned[pubkey, amount]:
            yield DvError(
                f"the chain has {count} deposits of {eth(amount)} ETH for validator {positions[pubkey]}, and the plan {planned[pubkey, amount]}",
                "deposits that the plan has",
                "somebody else paid: put them into dv_activate_amounts, or pass this guard by name (deposits)",
            )


def _pool(situation: Situation) -> Iterator[DvError]:
    sighting = situation.sighting
    if sighting.waiting is None:
        return
    lines = {line.pubkey: line for line in situation.plan.lines}
    for call, waiting in sighting.waiting:
        if call.hash in situation.own_hashes:
            continue
        line = lines[waiting.pubkey]
        if waiting.withdrawal_credentials != line.withdrawal_credentials:
            yield _other_credentials(f"the transaction {to_hex(call.hash)}, which waits", line.position, waiting.withdrawal_credentials)
        else:
            yield DvError(
                f"the transaction {to_hex(call.hash)}, which waits, pays {eth(waiting.amount)} ETH for validator {line.position}",
                "none but those of this node",
                "somebody else pays just now: run again when it is in a block",
            )


def _claims(situation: Situation) -> Iterator[DvError]:
    for claim in situation.claims.of_others(situation.share_index, situation.plan):
        yield DvError(
            f"operator {claim.share_index} stated on {claim.made} that it pays deposits of this plan (its plan {claim.plan[:16]})",
            "one payer for each",
            "let that operator's plan come to its end; or, if nothing of it was or will be sent, pass this guard by name (claims)",
        )
    open_ = {state.line.name for state in situation.states if state.state not in _PAID}
    for plan in situation.other_plans:
        # Of what an account sends itself, and did not, this node knows that.
        same = plan.payer == situation.plan.payer and (situation.payer.sends or plan.hash == situation.plan.hash)
        if not same and open_ & {line.name for line in plan.lines}:
            yield DvError(
                f"by plan {plan.hash[:16]} of this node {checksum_address(from_hex(plan.payer, 20, 'payer'))} pays deposits of this plan, too",
                "one payer for each",
                "let that plan come to its end; or, if nothing of it was or will be signed, pass this guard by name (claims)",
            )


def _fee(situation: Situation) -> Iterator[DvError]:
    fees = situation.fees
    if situation.payer.sends and fees.needed > fees.most:
        yield DvError(
            f"a unit of gas costs {fees.in_gwei(fees.needed)} Gwei now",
            f"at most dv_activate_max_fee, {fees.in_gwei(fees.most)} Gwei",
            "wait, or allow more",
        )


def _balance(situation: Situation) -> Iterator[DvError]:
    payer, to_pay = situation.payer, [state.line for state in situation.states if state.state not in _PAID]
    gas = deposit_contract.GAS * situation.fees.offered * payer.sends
    needed = sum(line.value + gas for line in to_pay)
    has = situation.node.balance(payer.address)
    if has < needed:
        yield DvError(
            f"{checksum_address(payer.address)} has {eth(has // 10**9)} ETH",
            f"{eth(-(-needed // 10**9))} ETH, for {len(to_pay)} deposits{' and their gas' * payer.sends}",
            "send it there first",
        )


def _other_credentials(what: str, position: int, credentials: bytes) -> DvError:
    return DvError(
        f"ALARM: {what} has the withdrawal credentials {to_hex(credentials)} for validator {position}",
        "those of the lock",
        "pay nothing: whatever is paid goes to somebody else. Somebody had the validator's key, or t operators signed it: tell all operators",
    )


#: By their names, in the order in which they are told. Before them lock, network and amounts are checked: without those nothing can be said.
GUARDS = {
    "signature": Guard(_signature),
    "credentials": Guard(_credentials),
    "front_run": Guard(_deposits),
    "beacon": Guard(_beacon),
    "deposits": Guard(_unknown, passable=True),
    "pool": Guard(_pool, passable=True),
    "claims": Guard(_claims, passable=True),
    "backups": Guard(_backups, passable=True),
    "keys": Guard(_keys, passable=True),
    "readiness": Guard(_readiness, passable=True),
    "fee": Guard(_fee),
    "balance": Guard(_balance),
}

#: Those that count when nothing is to be sent, too.
ALARMS = ("front_run", "beacon")
