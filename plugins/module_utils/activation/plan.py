# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be paid: the deposits of the lock that are chosen, in their order. The plan has a hash, which is what the payer confirms."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from ..cluster.lock import ClusterLock, DepositData
from ..encoding import go_json
from ..encoding.hex import from_hex, to_hex
from ..encoding.json_fields import lookup
from ..errors import DvError, show
from ..ethereum import deposit_contract
from ..ethereum.deposit_contract import Deposit
from ..ethereum.units import GWEI_PER_ETH

#: What makes a validator active (Gwei).
ACTIVE = 32 * GWEI_PER_ETH
#: The most that counts for a validator, by whether it is compounding (Gwei).
_MOST = {False: 32 * GWEI_PER_ETH, True: 2048 * GWEI_PER_ETH}


@dataclass(frozen=True)
class Line:
    """A deposit that is to be made once.

    :param position: of the validator in the lock
    :param amount: Gwei
    :param nth: which deposit of that amount for that validator it is, from 1
    :param stage: how many of its deposits come before it, each of which the beacon chain has to have first
    """

    position: int
    pubkey: bytes
    withdrawal_credentials: bytes
    amount: int
    signature: bytes
    nth: int
    stage: int

    def __str__(self) -> str:
        nth = f", number {self.nth} of that amount" if self.nth > 1 else ""
        return f"validator {self.position}: {eth(self.amount)} ETH{nth}"

    @property
    def deposit(self) -> Deposit:
        """It, as the contract takes it."""
        return Deposit(self.pubkey, self.withdrawal_credentials, self.amount, self.signature)

    @property
    def value(self) -> int:
        """What its transaction brings to the contract (wei)."""
        return self.amount * deposit_contract.WEI_PER_GWEI

    @property
    def call_data(self) -> bytes:
        """What its transaction calls the contract with."""
        return deposit_contract.call_data(self.deposit)

    @property
    def name(self) -> tuple[str, int, int]:
        """What tells it from all other lines, of whatever plan."""
        return to_hex(self.pubkey), self.amount, self.nth


@dataclass(frozen=True)
class Plan:
    """Who pays what, on which chain.

    :param lock_hash: of the cluster, hex
    :param contract: address of the deposit contract, hex
    :param payer: address of the account that pays, hex
    :param without: the guards that are passed by name, each with the reason
    """

    lock_hash: str
    chain_id: int
    contract: str
    payer: str
    without: Mapping[str, str]
    lines: tuple[Line, ...]

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of all of it."""
        return sha256(go_json.dumps(self.to_json(), None).encode()).hexdigest()

    @property
    def amount(self) -> int:
        """The sum (Gwei)."""
        return sum(line.amount for line in self.lines)

    def to_json(self) -> dict[str, Any]:
        """It as a dict for JSON."""
        lines = [
            {name: to_hex(value) if isinstance(value, bytes) else value for name, value in asdict(line).items()} for line in self.lines
        ]
        return dict(asdict(self), without=dict(sorted(self.without.items())), lines=lines)

    @staticmethod
    def from_json(value: Any, what: str) -> Plan:
        """The plan that :meth:`to_json` made a dict of.

        :raises DvError: it is none
        """
        fields = {name: lookup(value, name, what) for name in Plan.__dataclass_fields__}
        try:
            fields["lines"] = tuple(
                Line(**{**each, **{name: from_hex(each[name], None, what) for name in _BYTES}}) for each in fields["lines"]
            )
            return Plan(**{**fields, "without": dict(fields["without"])})
        except (KeyError, TypeError, ValueError):
            raise DvError(f"{what} holds no plan", "the plan as it was written", DAMAGED) from None


#: What to do where a record is damaged.
DAMAGED = "do not pay before it is known what was: look at each transaction of the payer, those that wait too, and move the file away"
_BYTES = ("pubkey", "withdrawal_credentials", "signature")


def lines(lock: ClusterLock, chosen: Sequence[str], first: int | None, amounts: Sequence[str]) -> tuple[Line, ...]:
    """The deposits of a lock that are chosen: of all validators the first one, then of all the second one.

    :param chosen: validators, by position or by public key (hex); all where there are none
    :param first: so many of these, the first ones, if it is not None
    :param amounts: in ETH, in the order in which they are deposited; by default 32, or where the lock has none of these those of the definition
    :raises DvError: the lock has none of them
    """
    positions, order = _positions(lock, chosen, first), _amounts(lock, amounts)
    return tuple(
        _line(lock, position, amount, order[:stage].count(amount) + 1, stage)
        for stage, amount in enumerate(order)
        for position in positions
    )


def _positions(lock: ClusterLock, chosen: Sequence[str], first: int | None) -> list[int]:
    keys = [to_hex(validator.public_key) for validator in lock.validators or ()]
    positions = []
    for each in chosen or map(str, range(len(keys))):
        if each.lower() in keys:
            position = keys.index(each.lower())
        elif re.fullmatch("[0-9]{1,9}", each) and int(each) < len(keys):
            position = int(each)
        else:
            raise DvError(f"dv_activate_validators names {show(each)}", f"positions from 0 to {len(keys) - 1}, or public keys of the lock")
        if position in positions:
            raise DvError(f"dv_activate_validators names validator {position} twice", "each once")
        positions.append(position)
    if first is not None and not 0 < first <= len(positions):
        raise DvError(f"dv_activate_first is {first}", f"a number from 1 to {len(positions)}")
    return positions[:first]


def _amounts(lock: ClusterLock, amounts: Sequence[str]) -> list[int]:
    in_lock = sorted({deposit.amount for validator in lock.validators or () for deposit in validator.deposits})
    if not amounts:
        if ACTIVE in in_lock:
            return [ACTIVE]
        if lock.definition.deposit_amounts:
            return [*lock.definition.deposit_amounts]
    named = []
    for each in amounts:
        eths = re.fullmatch(r"([0-9]{1,9})(?:\.([0-9]{1,9}))?", each)
        amount = int(eths[1]) * GWEI_PER_ETH + int((eths[2] or "").ljust(9, "0")) if eths else 0
        if amount not in in_lock:
            wanted = ", ".join(map(eth, in_lock)) or "none: it has no deposits"
            raise DvError(f"dv_activate_amounts has {show(each)} ETH", f"amounts that the lock has: {wanted}")
        named.append(amount)
    if not named:
        raise DvError("the lock has no deposit of 32 ETH", "dv_activate_amounts", f"it has {', '.join(map(eth, in_lock)) or 'none'}")
    return named


def _line(lock: ClusterLock, position: int, amount: int, nth: int, stage: int) -> Line:
    validator = (lock.validators or ())[position]
    found = [deposit for deposit in validator.deposits if deposit.amount == amount]
    if not found:
        raise DvError(f"validator {position} has no deposit of {eth(amount)} ETH", "one in the lock, for each that is chosen")
    deposit: DepositData = found[0]
    return Line(position, validator.public_key, deposit.withdrawal_credentials, amount, deposit.signature, nth, stage)


def remarks(plan: Plan, compounding: bool) -> Iterator[str]:
    """What the payer should know of the sums before they are confirmed."""
    sums: dict[int, int] = {}
    for line in plan.lines:
        sums[line.position] = sums.get(line.position, 0) + line.amount
    for text, positions in (
        ("less than 32 ETH, so not active by this alone", [position for position, amount in sums.items() if amount < ACTIVE]),
        (
            f"more than {eth(_MOST[compounding])} ETH, which is the most that counts",
            [p for p, amount in sums.items() if amount > _MOST[compounding]],
        ),
    ):
        if positions:
            yield f"{text}: {validators(positions)}"


def eth(gwei: int) -> str:
    """An amount as people write it, in ETH."""
    whole, rest = divmod(gwei, GWEI_PER_ETH)
    return f"{whole}.{rest:09}".rstrip("0") if rest else str(whole)


def validators(positions: Sequence[int]) -> str:
    """Those at these positions, shortly: ``validators 0-3,7``."""
    return f"{'validator' if len(positions) == 1 else 'validators'} {ranges(positions)}"


def ranges(positions: Sequence[int]) -> str:
    """Positions, shortly: ``0-3,7``."""
    parts: list[list[int]] = []
    for position in sorted(positions):
        if parts and parts[-1][1] == position - 1:
            parts[-1][1] = position
        else:
            parts.append([position, position])
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in parts)
