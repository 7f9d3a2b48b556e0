# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a cluster's readiness: one HTML file, whatever the nodes told."""

from __future__ import annotations

import functools
import pathlib
from typing import Any, NamedTuple

import jinja2

from . import charts, figures, values
from .checks import groups
from .facts import Operator, facts, operators
from .links import Link, Links, by_pair, cell, measured, median
from .verdicts import FAIL, NOT_MEASURED, OK, WARN, Verdict, counts, rank, verdict

#: In the same directory as this file.
_TEMPLATE = "report.html.j2"

#: Most problems that are listed, and most judgements before this one.
_PROBLEMS, _JUDGEMENTS = 100, 30

#: How large a cluster may be that every link of is listed with its numbers. Of a larger one those are that are not as they should be.
_ALL_LISTED = 40


class Headline(NamedTuple):
    verdict: Verdict
    words: str
    sentence: str


#: What each score means where the cluster passed.
_SCORES = {
    "A": Headline(OK, "Ready", "All that was measured is as it should be."),
    "B": Headline(WARN, "Ready, with warnings", "Nothing failed; some of it is worth a look."),
    "C": Headline(FAIL, "Not ready", "Something failed: it is listed below, with what to do."),
}
_NOT_PASSED = Headline(FAIL, "Not ready", "It did not pass: see below what to do.")
_UNKNOWN = Headline(NOT_MEASURED, "Not known", "The judgement has no score.")


class Problem(NamedTuple):
    verdict: Verdict
    about: str
    text: str
    hint: str


class Judged(NamedTuple):
    """What is kept of a judgement. ``median``: of all links, in microseconds, or None"""

    made: str
    score: str
    passed: bool
    median: int | float | None


def render(judgement: dict, cluster: dict, history: list[dict]) -> str:
    """The report: a page of HTML that needs neither a script nor a network. It escapes and bounds all that it is given; what is of
    another type than it should be is left out.

    :param judgement: as a node's judgement has it: ``cluster``, ``network``, ``lock_hash``, ``made``, ``passed``, ``score``, ``operators``,
        ``links``, ``checks``, ``problems``
    :param cluster: what is known of the ceremony: ``name``, ``network``, ``config_hash``, ``definition_hash``, ``lock_hash``,
        ``threshold``, ``operators`` (``share_index``, ``address``, ``peer_id``, ``node``), ``withdrawal`` (``address``, ``kind``),
        ``fee_recipients``, ``creator``, ``validators`` (``position``, ``pubkey``, ``status``), ``deposits`` (the address that pays),
        ``versions`` (name -> version); each may be None
    :param history: earlier judgements, the oldest first: ``made``, ``score``, ``passed``, ``median``, of all links in microseconds
    """
    return _environment().get_template(_TEMPLATE).render(_page(values.record(judgement), values.record(cluster), history))


def missing() -> str:
    """What the report lacks for want of a package, for the run to tell; nothing where it lacks none."""
    return charts.missing()


@functools.cache
def _environment():
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(ms=figures.milliseconds, signed=figures.signed, plain=figures.plain)
    return environment


def _page(judgement: dict, cluster: dict, history: object) -> dict[str, Any]:
    """What the template shows."""
    members = operators(judgement, cluster)
    pairs = by_pair(judgement.get("links"), len(members))
    found, checks = measured(pairs), groups(judgement.get("checks"), len(members))
    earlier = [_judged(each) for each in values.records(history, values.length(history))[-_JUDGEMENTS:]]
    judged = _judged({**judgement, "median": median(found)})
    problems = values.records(judgement.get("problems"), _PROBLEMS)
    return dict(
        name=values.text(cluster.get("name")) or values.text(judgement.get("cluster")) or "Cluster",
        network=values.text(cluster.get("network")) or values.text(judgement.get("network")),
        judged=judged,
        headline=_headline(judged),
        operators=members,
        slowest=found[-1] if found else None,
        not_measured=NOT_MEASURED,
        verdicts=counts(
            [
                *(link.verdict for links in pairs.values() for link in links),
                *(result.verdict for group in checks for _name, row in group.rows for results in row.values() for result in results),
            ]
        ),
        problems=sorted(map(_problem, problems), key=lambda problem: rank(problem.verdict)),
        more_problems=max(values.length(judgement.get("problems")) - _PROBLEMS, 0),
        matrix=[
            (member, [None if member is other else cell(pairs.get((member.share_index, other.share_index), [])) for other in members])
            for member in members
        ],
        distributions=_distributions(members, pairs),
        all_listed=len(members) <= _ALL_LISTED,
        checks=checks,
        facts=facts(judgement, cluster),
        history=[*earlier, judged],
        history_chart=charts.history([(each.made, each.median) for each in (*earlier, judged)]),
        missing=missing(),
    )


def _judged(told: dict) -> Judged:
    score = values.text(told.get("score"), 20)
    return Judged(
        figures.moment(told.get("made")), score if score in _SCORES else "", told.get("passed") is True, values.duration(told.get("median"))
    )


def _headline(judged: Judged) -> Headline:
    """The verdict in a few words. What does not say that it passed did not."""
    headline = _SCORES.get(judged.score, _UNKNOWN)
    return _NOT_PASSED if headline.verdict in (OK, WARN) and not judged.passed else headline


def _problem(told: dict) -> Problem:
    return Problem(verdict(told.get("verdict")), *(values.text(told.get(name)) for name in ("about", "text", "hint")))


def _distributions(members: list[Operator], pairs: Links) -> list[tuple[Operator, Any, list[Link]]]:
    """(Operator, its chart or None, the links that are listed) of all that measured any."""
    links = {
        member.share_index: [link for pair, some in sorted(pairs.items()) if pair[0] == member.share_index for link in some]
        for member in members
    }
    drawn: dict[int, list[Link]] = {}
    for index, some in links.items():
        # Of several measurements of a pair the first with times, which is the worst.
        by_target = {link.target: link for link in reversed(some) if link.times}
        drawn[index] = [by_target[target] for target in sorted(by_target)]
    images = (charts.distributions(drawn) if len(members) <= _ALL_LISTED else None) or {}
    listed = {index: [link for link in some if len(members) <= _ALL_LISTED or link.verdict != OK] for index, some in links.items()}
    return [(member, images.get(member.share_index), listed[member.share_index]) for member in members if listed[member.share_index]]
