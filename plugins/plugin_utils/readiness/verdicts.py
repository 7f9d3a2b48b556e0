# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verdicts as a page shows them: by a colour, a sign and a word, so that none of them carries the meaning alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Verdict(NamedTuple):
    """``key``: the class in the style sheet."""

    key: str
    sign: str
    word: str


OK, WARN, FAIL, NOT_MEASURED = (
    Verdict("ok", "\u2713", "ok"),
    Verdict("warn", "!", "warning"),
    Verdict("fail", "\u2715", "failed"),
    Verdict("none", "\u2013", "not measured"),
)

#: By what a judgement calls them, the worst first.
VERDICTS = {"fail": FAIL, "warn": WARN, "not measured": NOT_MEASURED, "ok": OK}

_ORDER = tuple(VERDICTS.values())


def verdict(value: object) -> Verdict:
    """The verdict of that name. Another name says as much as no measurement."""
    return VERDICTS.get(value, NOT_MEASURED) if isinstance(value, str) else NOT_MEASURED


def rank(verdict: Verdict) -> int:
    """For sorting: the worst first."""
    return _ORDER.index(verdict)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of them; of none, that nobody measured."""
    return min(verdicts, key=rank, default=NOT_MEASURED)


def counts(verdicts: Iterable[Verdict]) -> list[tuple[Verdict, int]]:
    """How many there are of each, the worst first."""
    all_of_them = list(verdicts)
    return [(each, all_of_them.count(each)) for each in _ORDER]
