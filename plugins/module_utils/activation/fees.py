# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is offered for a unit of gas, in wei: as EIP-1559 has it, within what the payer allows."""

from __future__ import annotations

from typing import NamedTuple

from ..clients.execution import ExecutionNode, Refused
from ..errors import DvError
from ..ethereum.transaction import Transaction

_GWEI = 10**9
# What is given to whoever proposes the block where the client does not say what is usual, or says nothing at all: that could not be raised.
_USUAL = _GWEI
# By how much a transaction has to offer more to take the place of one with its nonce: clients want 10 %.
_MORE = 125


class Fees(NamedTuple):
    """As things are.

    :param base: what is burnt in the next block, about
    :param priority: what whoever proposes it is given
    :param most: the most that may be paid
    """

    base: int
    priority: int
    most: int

    @property
    def needed(self) -> int:
        """What it takes to come into a block now."""
        return self.base + self.priority

    @property
    def offered(self) -> int:
        """What is offered: enough for some blocks that are dearer."""
        return min(self.most, 2 * self.base + self.priority)

    def is_stuck(self, transaction: Transaction) -> bool:
        """Whether a transaction cannot come into a block as things are."""
        return transaction.max_fee < self.needed

    def bump(self, transaction: Transaction) -> Transaction | None:
        """One with the same nonce that takes its place; ``None`` where that is more than may be paid."""
        priority = max(self.priority, -(-transaction.max_priority_fee * _MORE // 100))
        offered = max(self.offered, -(-transaction.max_fee * _MORE // 100), priority)
        return transaction._replace(max_priority_fee=priority, max_fee=offered) if offered <= self.most else None

    @staticmethod
    def in_gwei(wei: int) -> str:
        """As people write it."""
        return f"{wei / _GWEI:.3f}".rstrip("0").rstrip(".")


def ask(node: ExecutionNode, base: int, most: float) -> Fees:
    """The fees as things are.

    :param base: of the newest block
    :param most: in Gwei
    :raises DvError: ``most`` is no amount
    """
    if not 0 < most < 10**6:
        raise DvError(f"dv_activate_max_fee is {most}", "Gwei for a unit of gas, more than 0")
    try:
        priority = node.priority_fee() or _USUAL
    except Refused:
        priority = _USUAL
    limit = int(most * _GWEI)
    return Fees(base, min(priority, limit), limit)
