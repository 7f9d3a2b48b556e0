# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks of a judgement as a table: a row for each check, a column for each operator, and what to do below."""

from __future__ import annotations

from typing import NamedTuple

from . import values
from .figures import amount
from .verdicts import OK, Verdict, rank, verdict

#: The first word of a check's name -> (its group, whether the word stays in the name of the row).
_GROUPS = {
    "charon": ("charon", False),
    "beacon": ("Beacon node", False),
    "execution": ("Execution client", False),
    "client": ("Validator client", False),
    "mev": ("MEV relays", False),
    "disk": ("Machine", True),
    "memory": ("Machine", True),
    "load": ("Machine", True),
    "clock": ("Machine", True),
    "backup": ("Backups", True),
}

#: All others, after them.
_OTHERS = ("Others", True)

#: Most checks of one operator, and most results of one of them: a client's URLs.
_OF_AN_OPERATOR, _OF_A_CELL = 60, 4

#: Most pieces of advice below a group.
_ADVICE = 40


class Result(NamedTuple):
    verdict: Verdict
    amount: str
    about: str


class Advice(NamedTuple):
    """What some operators are told alike."""

    verdict: Verdict
    check: str
    text: str
    hint: str
    operators: tuple[int, ...]


class Group(NamedTuple):
    """``rows``: (name of the check, share index -> its results)."""

    title: str
    rows: list[tuple[str, dict[int, list[Result]]]]
    advice: list[Advice]


def groups(told: object, operators: int) -> list[Group]:
    """The groups, in the order of the page.

    :param told: the ``checks`` of a judgement
    :param operators: how many the cluster has
    """
    found: dict[str, list] = {}
    for each in values.records(told, operators * _OF_AN_OPERATOR):
        index, words = values.share_index(each.get("share_index")), values.text(each.get("check"), 60).split("_")
        if index:
            title, stays = _GROUPS.get(words[0], _OTHERS)
            found.setdefault(title, []).append((" ".join(words if stays else words[1:] or words), index, each))
    order = dict.fromkeys(title for title, _stays in (*_GROUPS.values(), _OTHERS))
    return [Group(title, _rows(found[title]), _advice(found[title])) for title in order if title in found]


def _rows(checks: list[tuple[str, int, dict]]) -> list[tuple[str, dict[int, list[Result]]]]:
    rows: dict[str, dict[int, list[Result]]] = {}
    for name, index, told in checks:
        results = rows.setdefault(name, {}).setdefault(index, [])
        results.append(
            Result(verdict(told.get("verdict")), amount(told.get("value"), told.get("unit")), values.text(told.get("about"), 80))
        )
    for row in rows.values():
        for index, results in row.items():
            row[index] = sorted(results, key=lambda result: rank(result.verdict))[:_OF_A_CELL]
    return list(rows.items())


def _advice(checks: list[tuple[str, int, dict]]) -> list[Advice]:
    """Of all that is not ok, what is the same for several operators once, the worst first."""
    told_to: dict[tuple[Verdict, str, str, str], dict[int, None]] = {}
    for name, index, told in checks:
        found, words = verdict(told.get("verdict")), (values.text(told.get("text")), values.text(told.get("hint")))
        if found != OK and any(words):
            told_to.setdefault((found, name, *words), {})[index] = None
    advice = [Advice(*what, tuple(sorted(indices))) for what, indices in told_to.items()]
    return sorted(advice, key=lambda each: rank(each.verdict))[:_ADVICE]
