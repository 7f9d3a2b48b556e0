# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be so before anything is paid. Each guard has a name; some can be passed by it, with a reason that the plan holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ..clients import execution
from ..clients.execution import ExecutionNode
from ..cluster.definition import address_bytes
from ..cluster.lock import ClusterLock
from ..encoding.hex import from_hex, to_hex
from ..errors import DvError, Problems
from ..ethereum import deposit, deposit_contract
from ..ethereum.address import checksum_address
from ..ethereum.transaction import Signed
from .claims import Claims
from .fees import Fees
from .line_states import LineState, State
from .payer import Payer
from .plan import ACTIVE, Line, Plan, eth, validators
from .record import Made
from .sighting import Sighting, is_signed
from .stated import Statements


@dataclass(frozen=True)
class Situation:
    """All that guards look at.

    :param made: every transaction that this node made
    :param plans: those of which this node has a record
    :param waiting: their lines of which a transaction may come into the chain
    :param addresses: withdrawal addresses that are written down beside the lock, by where that is
    """

    lock: ClusterLock
    share_index: int
    plan: Plan
    stated: Statements
    claims: Claims
    sighting: Sighting
    states: Collection[LineState]
    made: Collection[Made]
    plans: Collection[Plan]
    waiting: Collection[Line]
    node: ExecutionNode
    payer: Payer
    fees: Fees
    addresses: Mapping[str, Collection[str]]


#: How the status of a validator begins that has left, or is about to (beacon APIs).
_LEAVING = ("active_exiting", "active_slashed", "exited_", "withdrawal_")


class Guard(NamedTuple):
    """A guard: what is wrong, by ``check``, and whether it can be passed by name."""

    check: Callable[[Situation], Iterator[DvError]]
    passable: bool = False


class Result(NamedTuple):
    """What a guard says: ``passed``, ``failed``, ``without`` where it failed and is passed by name, ``unchecked`` where nobody can look."""

    guard: str
    state: str
    text: str


class Unchecked(DvError):
    """Why a guard cannot look. It lets pass, and that is told."""


def evaluate(situation: Situation) -> list[Result]:
    """What each guard says."""
    return [_result(name, guard, situation) for name, guard in GUARDS.items()]


def error_of(results: Collection[Result]) -> DvError | None:
    """What those say that fail."""
    failed = [
        DvError(f"guard {result.guard}: {text}") for result in results if result.state == "failed" for text in result.text.splitlines()
    ]
    return Problems(failed) if failed else None


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
    more = [f"and {len(errors) - _SHOWN} more"] if len(errors) > _SHOWN else []
    text = "\n".join([*map(str, errors[:_SHOWN]), *more])
    reason = situation.plan.without.get(name)
    if all(isinstance(error, Unchecked) for error in errors):
        return Result(name, "unchecked" if errors else "passed", text)
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
        if not is_signed(line.deposit, fork_version):
            yield DvError(
                f"the signature of the deposit for {line} is wrong", "that of the validator's key", "the lock is damaged: pay nothing"
            )


def _credentials(situation: Situation) -> Iterator[DvError]:
    approved = _approved(situation.lock)
    for line in situation.plan.lines:
        _position, wanted = approved[line.pubkey]
        if line.withdrawal_credentials != wanted:
            yield DvError(
                f"the deposit for {line} has the withdrawal credentials {to_hex(line.withdrawal_credentials)}",
                f"{to_hex(wanted)}, those of {checksum_address(wanted[-20:])}, which all operators approved",
                "pay nothing: the lock is not what they signed",
            )


def _approved(lock: ClusterLock) -> dict[bytes, tuple[int, bytes]]:
    """The position of each validator, by its public key, and the withdrawal credentials that all operators approved."""
    definition, approved = lock.definition, {}
    for position, (validator, addresses) in enumerate(zip(lock.validators or (), definition.validators or ())):
        address = address_bytes(addresses.withdrawal_address)
        approved[validator.public_key] = position, deposit.withdrawal_credentials(address, definition.compounding)
    return approved


def _withdrawal(situation: Situation) -> Iterator[DvError]:
    """What the payer's operator has written down by itself: the lock may be of another ceremony than it believes."""
    validators = situation.lock.definition.validators or ()
    paid_to = dict.fromkeys(validators[line.position].withdrawal_address for line in situation.plan.lines)
    for where, addresses in situation.addresses.items():
        known = {address.lower() for address in addresses}
        missing = [address for address in paid_to if address.lower() not in known]
        if missing:
            shown = [*missing[:_SHOWN], *[f"{len(missing) - _SHOWN} more"] * (len(missing) > _SHOWN)]
            yield DvError(
                f"{where} lacks {', '.join(shown)}, where what is paid goes back to",
                "the withdrawal addresses of the lock",
                "pay nothing before you know which is right; then correct the other one, or pass this guard by name (withdrawal)",
            )


def _backups(situation: Situation) -> Iterator[DvError]:
    how = "obol.dv.drill makes it, and obol.dv.backup there puts it into the store"
    yield from _missing(
        situation.stated.operators,
        situation.stated.proven(),
        "proved a backup of its key shares, not older than dv_activate_max_age",
        how,
        "all",
    )


def _keys(situation: Situation) -> Iterator[DvError]:
    loaded, threshold = situation.stated.loaded(), situation.lock.definition.threshold
    if len(loaded) < threshold:
        yield from _missing(
            situation.stated.operators,
            loaded,
            "stated that its key shares are loaded",
            "obol.dv.load_keys there makes it",
            f"at least {threshold}",
        )


def _readiness(situation: Situation) -> Iterator[DvError]:
    # Any other one may say so of a cluster that is not.
    if situation.share_index not in situation.stated.ready():
        yield DvError(
            "this node has not stated that the cluster is ready",
            "that it judged so last, not longer ago than dv_activate_max_age",
            "ansible-playbook obol.dv.test_cluster measures it; what else was done is a reason to pass this guard by name: dv_activate_without",
        )


def _missing(operators: Collection[int], have: Collection[int], what: str, how: str, wanted: str) -> Iterator[DvError]:
    missing = ", ".join(str(index) for index in operators if index not in have)
    if missing:
        yield DvError(
            f"in the store no statement says that operator {missing} {what}",
            f"that of {wanted}",
            f"{how}; stores that are not shared have to be synchronised",
        )


def _deposits(situation: Situation) -> Iterator[DvError]:
    """Whoever deposits first sets the withdrawal credentials of a validator, if the signature is right; of a later one it tells who has the key.
    Who has that of one validator may have those of all: the plan need not have it."""
    fork_version, approved = situation.lock.definition.fork_version, _approved(situation.lock)
    sighting = situation.sighting
    told = [(f"a deposit in block {log.block}", made) for log, made in sighting.made]
    told += [(f"the transaction {to_hex(call.hash)}, which waits,", waiting) for call, waiting in sighting.waiting or ()]
    for what, each in told:
        position, wanted = approved[each.pubkey]
        if each.withdrawal_credentials != wanted and is_signed(each, fork_version):
            yield _other_credentials(what, position, each.withdrawal_credentials)


def _beacon(situation: Situation) -> Iterator[DvError]:
    """What the beacon chain has, and what no deposit in the execution chain explains."""
    sighting, made = situation.sighting, {each.pubkey for _log, each in situation.sighting.made}
    told = {(each.pubkey, each.withdrawal_credentials, each.amount) for _log, each in (*sighting.made, *sighting.void)}
    for pubkey, (position, wanted) in _approved(situation.lock).items():
        validator = sighting.at_head.get(pubkey)
        # One may have become compounding since.
        if validator and validator.withdrawal_credentials not in (wanted, b"\2" + wanted[1:]):
            yield _other_credentials("the beacon chain", position, validator.withdrawal_credentials)
        # Of a validator something may wait that nobody deposited: what it had too much when it became compounding.
        untold = not validator and any(each.pubkey == pubkey and tuple(each) not in told for each in sighting.pending)
        if untold or validator and pubkey not in made:
            yield DvError(
                f"the beacon chain has validator {position}, or a deposit of it, of which the execution client does not tell",
                "one that both have",
                "run again in a minute; where it stays so, they are of different chains, or the execution client lacks events: pay nothing",
            )


def _unknown(situation: Situation) -> Iterator[DvError]:
    """Deposits of these validators that the plan has not, whoever made them: another plan of this node has its own sum."""
    planned = Counter((line.pubkey, line.amount) for line in situation.plan.lines)
    positions, names = {line.pubkey: line.position for line in situation.plan.lines}, {line.name for line in situation.plan.lines}
    hint = "whoever paid: put them into dv_activate_amounts, where they count as paid, or pass this guard by name (deposits)"
    there: Counter[bytes] = Counter()
    for _log, made in situation.sighting.made:
        there[made.pubkey] += made.amount
    found: dict[tuple[int, int, int, bool], list[int]] = {}
    for (pubkey, amount), count in Counter((made.pubkey, made.amount) for _log, made in situation.sighting.made).items():
        if pubkey in positions and count > planned[pubkey, amount]:
            found.setdefault((amount, count, planned[pubkey, amount], there[pubkey] >= ACTIVE), []).append(positions[pubkey])
    enough = "they are active by what is there: leave them out of dv_activate_validators; to pay more, pass this guard by name (deposits)"
    for (amount, count, in_plan, is_active), of in found.items():
        yield DvError(
            f"the chain has {count} x {eth(amount)} ETH for {validators(of)}, and the plan {in_plan}",
            "deposits that the plan has",
            enough if is_active else hint,
        )
    for line in situation.waiting:
        if line.pubkey in positions and line.name not in names:
            yield DvError(f"another plan of this node has a transaction that may still come, {line}", "deposits that the plan has", hint)
    for state in situation.states:
        if state.spare:
            yield DvError(
                f"{state.line} is paid, and the transaction {to_hex(state.spare.hash)} of this node, which waits, pays it once more",
                "one transaction for each",
                f"have {checksum_address(state.spare.sender)} send anything else with nonce {state.spare.transaction.nonce} and higher fees",
            )


def _left(situation: Situation) -> Iterator[DvError]:
    """Validators that have left, or are about to: what is added does nothing there, and comes back with the rest, weeks later."""
    found: dict[str, list[int]] = {}
    for pubkey, position in {line.pubkey: line.position for line in situation.plan.lines}.items():
        validator = situation.sighting.at_head.get(pubkey)
        if validator and validator.status.startswith(_LEAVING):
            found.setdefault(validator.status, []).append(position)
    for status, positions in found.items():
        yield DvError(
            f"{validators(positions)} on the beacon chain: {status}", "one that stays", "leave them out of dv_activate_validators"
        )


def _pool(situation: Situation) -> Iterator[DvError]:
    """What somebody else pays just now. What the key has not signed is none of it: anybody can have that wait, for nothing."""
    sighting, fork_version = situation.sighting, situation.lock.definition.fork_version
    if sighting.waiting is None:
        yield Unchecked(f"not checked: {situation.node} does not show what waits in its pool")
        yield from _unseen(situation)
    own_hashes = {made.hash for made in situation.made if isinstance(made, Signed)}
    lines = {line.pubkey: line for line in situation.plan.lines}
    for call, waiting in sighting.waiting or ():
        line = lines.get(waiting.pubkey)
        if not line or call.hash in own_hashes or not is_signed(waiting, fork_version):
            continue
        if waiting.withdrawal_credentials == line.withdrawal_credentials:
            yield DvError(
                f"the transaction {to_hex(call.hash)}, which waits, pays {eth(waiting.amount)} ETH for validator {line.position}",
                "none but those of this node",
                "somebody else pays just now: run again when it is in a block",
            )


def _unseen(situation: Situation) -> Iterator[DvError]:
    """What waits of the account that pays, by its nonces: an older copy of the data directory does not know what was sent."""
    payer, own = situation.payer.address, {made.transaction.nonce for made in situation.made if made.sender == situation.payer.address}
    used, taken = (situation.node.nonce(payer, block) for block in (execution.LATEST, execution.PENDING))
    strange = next((nonce for nonce in range(used, taken) if nonce not in own), None)
    if strange is not None and situation.payer.sends:
        yield DvError(
            f"a transaction of {checksum_address(payer)} with nonce {strange} waits, of which this data directory has no record",
            "none, or an execution client that shows its pool",
            "run again when it is in a block: it may pay the same",
        )


def _claims(situation: Situation) -> Iterator[DvError]:
    recorded = [plan.hash for plan in situation.plans]
    # What is final nobody pays again, whoever has claimed it.
    for claim in situation.claims.overlapping([state.line for state in situation.states if state.state != State.FINAL]):
        if claim.share_index == situation.share_index:
            if claim.plan not in recorded:
                yield DvError(
                    f"this node stated on {claim.made[:20]} that it pays the plan {claim.plan[:16]}, of which its data directory has no record",
                    "the data directory with what was sent",
                    "it is an older copy, or another machine pays; if nothing of that plan waits anywhere, pass this guard by name (claims)",
                )
            continue
        yield DvError(
            f"operator {claim.share_index} stated on {claim.made[:20]} that it pays deposits of this plan (its plan {claim.plan[:16]})",
            "one payer for each",
            "let that operator's plan come to its end; or, if nothing of it was or will be sent, pass this guard by name (claims)",
        )
    unpaid = {state.line.name for state in situation.states if state.state not in _PAID}
    for plan in situation.plans:
        # What an account was to send by another plan this node knows; not so what a Safe is going to.
        same = plan.payer == situation.plan.payer and (situation.payer.sends or plan.hash == situation.plan.hash)
        if not same and unpaid & {line.name for line in plan.lines}:
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
    payer = situation.payer
    unpaid = [state for state in situation.states if state.state not in _PAID]
    to_pay = [state.line for state in unpaid if not state.made or state.made.sender == payer.address]
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
    "withdrawal": Guard(_withdrawal, passable=True),
    "front_run": Guard(_deposits),
    "beacon": Guard(_beacon),
    "deposits": Guard(_unknown, passable=True),
    "left": Guard(_left, passable=True),
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
