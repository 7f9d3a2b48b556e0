# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The links of a judgement: what each operator measured of each other one."""

from __future__ import annotations

import bisect
import statistics
from collections.abc import Iterable
from typing import NamedTuple

from . import values
from .verdicts import NOT_MEASURED, Verdict, rank, verdict

#: Most measurements of one pair that are shown: one for each way.
_OF_A_PAIR = 4

#: Where the shades of the matrix begin, in microseconds.
_SHADES = (2_000, 10_000, 50_000, 240_000)

#: Which quantiles ``times`` has, by their place: the least, each tenth, the most.
QUANTILES = 11

_DURATIONS = ("median", "mean", "p95", "p99", "jitter", "sent", "lost")


class Link(NamedTuple):
    """One measurement. Times are microseconds; what is not known is None.

    ``way``: how the packets go, and what measured it, e.g. ``tcp, echo``; ``times``: as many as :data:`QUANTILES`, ascending, or none
    """

    source: int
    target: int
    verdict: Verdict
    way: str
    text: str
    times: tuple[float, ...]
    clock_offset: int | float | None
    median: int | float | None
    mean: int | float | None
    p95: int | float | None
    p99: int | float | None
    jitter: int | float | None
    sent: int | float | None
    lost: int | float | None

    @property
    def typical(self) -> int | float | None:
        """The median, or where only a mean is known, that."""
        return self.mean if self.median is None else self.median


class Cell(NamedTuple):
    """A pair in the matrix: its worst verdict, what is typical of it, and how dark it is.

    ``about``: True if only a mean is known; ``relayed``: True if a relay is between the two; ``lost``: how many packets did not come back
    """

    verdict: Verdict
    typical: int | float | None
    shade: int
    about: bool
    relayed: bool
    lost: int | float


_NOBODY_MEASURED = Cell(NOT_MEASURED, None, 0, False, False, 0)

Links = dict[tuple[int, int], list[Link]]


def by_pair(told: object, operators: int) -> Links:
    """The links of a judgement: (from, to) -> its measurements, the worst first.

    :param told: the ``links`` of the judgement
    :param operators: how many the cluster has: there are no more pairs than these make
    """
    pairs: Links = {}
    for each in values.records(told, operators * operators * _OF_A_PAIR):
        source, target = values.share_index(each.get("from")), values.share_index(each.get("to"))
        if source and target and source != target:
            pairs.setdefault((source, target), []).append(_link(source, target, each))
    return {pair: sorted(links, key=lambda link: rank(link.verdict))[:_OF_A_PAIR] for pair, links in pairs.items()}


def _link(source, target, told):
    times = [values.duration(each) for each in values.items(told.get("times"), QUANTILES)]
    whole = len(times) == QUANTILES and None not in times
    return Link(
        source,
        target,
        verdict(told.get("verdict")),
        ", ".join(filter(None, (values.text(told.get(name), 20) for name in ("way", "by")))),
        values.text(told.get("text")),
        tuple(sorted(times)) if whole else (),
        values.number(told.get("clock_offset")),
        **{name: values.duration(told.get(name)) for name in _DURATIONS},
    )


def cell(links: list[Link]) -> Cell:
    """The cell of the measurements of one pair, the worst first."""
    if not links:
        return _NOBODY_MEASURED
    shown = next((link for link in links if link.median is not None), next((link for link in links if link.mean is not None), links[0]))
    return Cell(
        links[0].verdict,
        shown.typical,
        bisect.bisect_right(_SHADES, shown.typical or 0),
        shown.median is None and shown.mean is not None,
        any(link.way.startswith("relay") for link in links),
        max(link.lost or 0 for link in links),
    )


def measured(pairs: Links) -> list[tuple[int | float, tuple[int, int]]]:
    """(What is typical, pair) of all pairs where something is, the fastest first."""
    typical = {pair: cell(links).typical for pair, links in pairs.items()}
    return sorted((value, pair) for pair, value in typical.items() if value is not None)


def median(found: Iterable[tuple[int | float, tuple[int, int]]]) -> int | float | None:
    """The median of what :func:`measured` found, or None."""
    typical = [value for value, _pair in found]
    return statistics.median(typical) if typical else None
