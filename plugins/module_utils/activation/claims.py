# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is going to pay what: a statement in the store, before anything is sent. Whoever takes a number first has said it first, for no store takes
two texts under one name; so two operators who begin at once, and both take the first number that is free, do not both pay.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from ..cluster.store_names import activation_name, activation_number
from ..data_dir import statements
from ..encoding.hex import from_hex
from .plan import Line, Plan, ranges
from .stated import Statements

_Lines = list[list[Any]]
# No position in a lock has more digits, and nothing may take long to read.
_RANGE = re.compile("([0-9]{1,9})(?:-([0-9]{1,9}))?")


class Claim(NamedTuple):
    """That the operator with that share index is going to pay the plan with that hash; when it was said."""

    share_index: int
    plan: str
    lines: _Lines
    made: str


class Claims:
    """Those about one lock, among the files of a store.

    :param stated: the statements about the lock
    :param inbox: text by name in the store
    """

    def __init__(self, stated: Statements, lock_hash: str, inbox: Mapping[str, str]) -> None:
        self._lock_hash = from_hex(lock_hash, 32, "lock_hash")
        self._taken = {activation_number(name, self._lock_hash) for name in inbox}
        self.all = [
            Claim(index, facts["plan"], facts["lines"], facts["made"])
            for index in stated.operators
            for facts in stated.about(statements.ACTIVATION, index)
            if isinstance(facts.get("plan"), str) and isinstance(facts.get("lines"), list)
        ]

    def has(self, share_index: int, plan: Plan) -> bool:
        """Whether an operator has claimed a ``plan``."""
        return any((claim.share_index, claim.plan) == (share_index, plan.hash) for claim in self.all)

    def overlapping(self, lines: Collection[Line]) -> list[Claim]:
        """What operators have claimed of these ``lines``."""
        return [claim for claim in self.all if any(_has(claim.lines, line) for line in lines)]

    def make(self, private_key: bytes, plan: Plan, now: float) -> dict[str, str]:
        """The claim of a ``plan`` by the ENR private key (32 bytes), under the next name that is free."""
        facts = dict(lock_hash=plan.lock_hash, plan=plan.hash, lines=_lines(plan))
        # Not the one after the last: anybody may put a file under the last number that there can be.
        number = next(number for number in itertools.count(1) if number not in self._taken)
        return {activation_name(self._lock_hash, number): statements.sign(private_key, statements.ACTIVATION, facts, now)}


def _lines(plan: Plan) -> _Lines:
    """The lines of a plan, shortly: amount, number of that amount, positions."""
    groups: dict[tuple[int, int], list[int]] = {}
    for line in plan.lines:
        groups.setdefault((line.amount, line.nth), []).append(line.position)
    return [[amount, nth, ranges(positions)] for (amount, nth), positions in groups.items()]


def _has(lines: _Lines, wanted: Line) -> bool:
    """Whether a line is among those of a claim, which may be anything."""
    return any(
        [wanted.amount, wanted.nth] == line[:2] and isinstance(text, str) and _is_in(text, wanted.position)
        for line in lines
        if isinstance(line, list)
        for text in line[2:3]
    )


def _is_in(text: str, position: int) -> bool:
    """Whether a position is among those that :func:`.plan.ranges` wrote."""
    parts = (_RANGE.fullmatch(part) for part in text.split(","))
    return any(part and int(part[1]) <= position <= int(part[2] or part[1]) for part in parts)
