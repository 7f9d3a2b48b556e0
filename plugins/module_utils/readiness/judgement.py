# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a cluster is ready, by what its nodes measured: a verdict about each link and each check, and one about all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import mean, median_high, median_low
from typing import Any, NamedTuple

from ..cluster.lock import ClusterLock
from ..encoding.hex import to_hex
from ..encoding.utc import to_utc
from . import verdicts
from .checks import Check
from .finding import Finding
from .links import CHARON, CONNECTION, Link
from .measurement import Measurement
from .verdicts import FAIL, NOT_MEASURED, OK, WARN

#: By how all went, as charon scores.
_SCORES = {OK: "A", WARN: "B", FAIL: "C", NOT_MEASURED: "C"}
_AGAIN = "ansible-playbook obol.dv.test_cluster on that node; where it did, see the clocks: one that is off by an hour makes what is new look old"
_TOGETHER = "ansible-playbook obol.dv.test_cluster on both at once; in sovereign mode, name its address in dv_test_peers"


class Problem(NamedTuple):
    """Something that is not as it should be: how bad, about whom, what, and what to do."""

    verdict: str
    about: str
    text: str
    hint: str


class Judgement(NamedTuple):
    """All verdicts, as they are handed on (JSON), see docs/readiness.md."""

    passed: bool
    json: dict[str, Any]


def judge(lock: ClusterLock, network: str, found: Mapping[int, list[Measurement]], checks: Mapping[str, Check], now: float) -> Judgement:
    """The verdicts about what was ``found``, see :func:`.measurement.read`.

    :param network: its name
    :param checks: with the thresholds that count
    """
    problems: list[Problem] = []
    newest = {share_index: each[0] for share_index, each in found.items() if each}
    for share_index, each in found.items():
        problems += _about_operator(share_index, each)
    charons = {share_index for share_index, each in newest.items() if any(_runs_charon(finding) for finding in each.findings)}
    links = [_judge_link(link, each.share_index, link.to in charons, checks, problems) for each in newest.values() for link in each.links]
    problems += _unmeasured_links(newest)
    problems += _clocks(newest, checks)
    rows = [_judge_check(finding, each.share_index, checks, problems) for each in newest.values() for finding in each.findings]
    worst = verdicts.worst([OK, *(problem.verdict for problem in problems)])
    passed = worst in (OK, WARN)
    order = [FAIL, NOT_MEASURED, WARN]
    problems.sort(key=lambda problem: order.index(problem.verdict))
    return Judgement(
        passed,
        dict(
            cluster=lock.definition.name,
            network=network,
            lock_hash=to_hex(lock.lock_hash),
            made=to_utc(now),
            passed=passed,
            score=_SCORES[worst],
            operators=[
                dict(share_index=share_index, measured=to_utc(newest[share_index].made) if share_index in newest else None)
                for share_index in found
            ],
            links=links,
            checks=rows,
            problems=[problem._asdict() for problem in problems],
        ),
    )


def _about_operator(share_index: int, of_operator: list[Measurement]) -> Iterator[Problem]:
    about = f"operator {share_index}"
    if not of_operator:
        yield Problem(FAIL, about, "nothing that its node measured is known, or only what is too old", _AGAIN)
    elif len(of_operator) > 1:
        yield Problem(
            FAIL,
            about,
            f"{len(of_operator)} machines measured with its ENR private key",
            "one of them must not run: two charons with one key take each other's connections, and may sign twice",
        )


def _runs_charon(finding: Finding) -> bool:
    return finding.check == "charon_running" and finding.value == 1


def _judge_link(link: Link, share_index: int, to_charon: bool, checks: Mapping[str, Check], problems: list[Problem]) -> dict[str, Any]:
    """The row of a ``link``; what is wrong with it joins the ``problems``.

    :param to_charon: whether the other node has a charon, which takes connections, and does not answer a node without one
    """
    found = [*_link_problems(link, to_charon, checks)]
    about = f"operator {share_index} to operator {link.to}"
    problems += [Problem(verdict, about, text, hint) for verdict, text, hint in found]
    verdict = verdicts.worst([OK, *(each for each, _text, _hint in found)])
    text = "; ".join(text for _verdict, text, _hint in found)
    return {"from": share_index, **link.json(), "verdict": verdict, "text": text}


def _link_problems(link: Link, to_charon: bool, checks: Mapping[str, Check]) -> Iterator[tuple[str, str, str]]:
    if not link.reached:
        yield FAIL, f"no connection: {link.text}", "see whether it runs, its address, and the firewalls between the two"
        return
    if link.by == CONNECTION:
        text = f"something takes connections there, and does not answer: {link.text}"
        if to_charon:
            yield WARN, text, "run the test while charon runs on both, or on none of them"
        else:
            yield FAIL, text, "see what has that port there, and the firewalls between the two"
        return
    if link.way.startswith("relay"):
        yield WARN, "by a relay only", "open charon's p2p port, and set its --p2p-external-hostname or --p2p-external-ip"
    values = dict(round_trip=link.median, round_trip_p99=link.p99, jitter=link.jitter)
    if link.by != CHARON and link.sent:
        # charon counts from its start on, when the others may not have been there.
        values["loss"] = link.lost * 1000 // link.sent
    for name, value in values.items():
        if value is not None and (verdict := verdicts.of_value(checks[name], value)) != OK:
            yield verdict, f"{checks[name].title} {show(checks[name], value)}", checks[name].hint


def _unmeasured_links(newest: Mapping[int, Measurement]) -> Iterator[Problem]:
    """What is known of nobody: the address of a node that has not measured either is."""
    for share_index, each in newest.items():
        there = {link.to for link in each.links}
        for other in newest:
            if other != share_index and other not in there:
                yield Problem(
                    FAIL, f"operator {share_index} to operator {other}", "not measured: no address of it is known there", _TOGETHER
                )


def _clocks(newest: Mapping[int, Measurement], checks: Mapping[str, Check]) -> Iterator[Problem]:
    """Whose clock is wrong: that which is off from the middle one. Each pair has one word about it, whichever end measured."""
    check = checks["clock_offset"]
    pairs: dict[int, dict[int, list[int]]] = {share_index: {} for share_index in newest}
    for share_index, each in newest.items():
        for link in each.links:
            if link.clock_offset is not None:
                pairs[share_index].setdefault(link.to, []).append(-link.clock_offset)
                pairs.setdefault(link.to, {}).setdefault(share_index, []).append(link.clock_offset)
    for share_index in newest:
        # Its own clock is one of them.
        told = [0, *(int(mean(words)) for words in pairs[share_index].values())]
        # Of two alone nobody knows which it is: both are named.
        value = max(median_low(told), median_high(told), key=abs)
        if (verdict := verdicts.of_value(check, abs(value))) != OK:
            way = "ahead of" if value > 0 else "behind"
            yield Problem(
                verdict, f"operator {share_index}", f"its clock is {show(check, abs(value))} {way} those of the others", check.hint
            )


def _judge_check(finding: Finding, share_index: int, checks: Mapping[str, Check], problems: list[Problem]) -> dict[str, Any]:
    check = checks[finding.check]
    verdict = verdicts.of_finding(check, finding)
    if verdict in (WARN, FAIL):
        value = show(check, finding.value) if check.unit and finding.value is not None else ""
        text = " ".join(filter(None, (f"{check.title}:", value, f"({finding.text})" if value and finding.text else finding.text))).rstrip(
            ": "
        )
        problems.append(Problem(verdict, f"operator {share_index}", text, check.hint))
    return dict(
        share_index=share_index,
        check=finding.check,
        title=check.title,
        about=finding.about,
        verdict=verdict,
        value=finding.value,
        unit=check.unit,
        text=finding.text,
        hint=check.hint if verdict in (WARN, FAIL) else "",
    )


#: Units that are shown in another one: by what a value is divided.
_SHOWN = {"us": ("ms", 1000), "permille": ("%", 10), "percent": ("%", 1)}


def show(check: Check, value: int) -> str:
    """A ``value`` of a ``check`` for people."""
    unit, divisor = _SHOWN.get(check.unit, (check.unit, 1))
    return f"{round(value / divisor, 1):.15g} {unit}".rstrip()
