# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one node measured, as it states it, signed by its ENR private key: others read it from the store, where anybody may put anything."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ..cluster.lock import ClusterLock
from ..cluster.operators import numbered
from ..cluster.store_names import MEASURED, readiness_name
from ..data_dir import statements
from ..encoding.hex import to_hex
from ..encoding.utc import from_utc
from ..ethereum import enr
from .checks import NODE_CHECKS
from .finding import FAILED, LARGEST, NOT_MEASURED, Finding
from .finding import MEASURED as IS_MEASURED
from .links import Link

#: Most characters of a text in it, and most findings.
_LONGEST, _MOST = 400, 500
#: Seconds by which another operator's clock may be ahead. That it is wrong its links tell.
_AHEAD = 24 * 3600
#: Seconds by which it may be, and what it says is newest counts as that.
_SLIGHTLY = 300


class Measurement(NamedTuple):
    """That of the operator with that share index, ``made`` then (Unix seconds).

    :param machine: what tells two nodes with one ENR private key apart, 16 hex digits
    """

    share_index: int
    made: float
    machine: str
    findings: list[Finding]
    links: list[Link]


def state(private_key: bytes, lock: ClusterLock, measured: Measurement) -> dict[str, str]:
    """The statement of a node, by its ENR private key (32 bytes), of what it ``measured``: its text by its name in the store."""
    facts = dict(
        lock_hash=to_hex(lock.lock_hash),
        share_index=measured.share_index,
        machine=measured.machine,
        checks=[finding._replace(about=finding.about[:_LONGEST], text=finding.text[:_LONGEST]).json() for finding in measured.findings],
        links=[link._replace(text=link.text[:_LONGEST]).json() for link in measured.links],
    )
    name = readiness_name(MEASURED, lock.lock_hash, measured.share_index, measured.machine, measured.made)
    return {name: statements.sign(private_key, statements.MEASUREMENT, facts, measured.made)}


def read(lock: ClusterLock, texts: Iterable[str], now: float, max_age: float) -> dict[int, list[Measurement]]:
    """The measurements among ``texts`` that operators of the ``lock`` made, not more than ``max_age`` seconds before ``now``: of each operator
    the newest of each of its machines, the newest first. Others are passed over.

    What was made in the future, by a clock that was wrong, is older than what was not: a clock may have been set right since."""

    def order(measured: Measurement) -> tuple[bool, float]:
        return measured.made <= now + _SLIGHTLY, measured.made

    found: dict[int, list[Measurement]] = {}
    for share_index, operator in numbered(lock.definition).items():
        public_key = enr.parse(operator.enr).public_key
        newest: dict[str, Measurement] = {}
        for text in texts:
            measured = _parse(lock, share_index, statements.verify(text, public_key, statements.MEASUREMENT))
            if measured and -_AHEAD <= now - measured.made <= max_age:
                newest[measured.machine] = max(measured, newest.get(measured.machine, measured), key=order)
        found[share_index] = sorted(newest.values(), key=order, reverse=True)
    return found


def _parse(lock: ClusterLock, share_index: int, facts: dict[str, Any] | None) -> Measurement | None:
    """What the facts of a statement say; ``None`` where they are of another cluster, or not as a node of ours states them."""
    if not facts or (facts.get("lock_hash"), facts.get("share_index")) != (to_hex(lock.lock_hash), share_index):
        return None
    machine, operators = facts.get("machine"), len(lock.definition.operators or ())
    try:
        checks, links = [*facts["checks"]], [*facts["links"]]
        if not isinstance(machine, str) or len(checks) > _MOST or len(links) >= operators:
            return None
        return Measurement(
            share_index,
            from_utc(facts["made"]),
            machine[:_LONGEST],
            [_finding(each) for each in checks],
            [_link(each, {*range(1, operators + 1)} - {share_index}) for each in links],
        )
    except (KeyError, TypeError, ValueError):
        return None


def _finding(found: Any) -> Finding:
    """The finding of those fields.

    :raises ValueError: they are no node's of ours
    :raises TypeError: they are other fields
    """
    finding = Finding(**found)
    _check(
        all(map(_is_text, (finding.check, finding.about, finding.state, finding.text))),
        finding.check in NODE_CHECKS,
        finding.state in (IS_MEASURED, FAILED, NOT_MEASURED),
        _is_count(finding.value) if finding.state == IS_MEASURED else finding.value is None,
    )
    return finding


def _link(found: Any, others: set[int]) -> Link:
    """The link of those fields to one of the ``others``; errors as of :func:`_finding`."""
    link = Link(**found)
    _check(
        all(map(_is_text, (link.by, link.way, link.text, link.version))),
        isinstance(link.reached, bool),
        _is_count(link.to) and link.to in others,
        all(map(_is_count, (link.sent, link.lost, *link.times))) and link.lost <= link.sent and len(link.times) in (0, 11),
        all(each is None or _is_count(each) for each in (link.median, link.p95, link.p99, link.jitter)),
        link.clock_offset is None or isinstance(link.clock_offset, int) and _is_count(abs(link.clock_offset)),
    )
    return link


def _check(*facts: bool) -> None:
    if not all(facts):
        raise ValueError


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST
