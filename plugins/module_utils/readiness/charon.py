# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node's own charon tells of the way to the others, and of itself: nothing else is started that has its ENR private key, for charon would
lose its connections to it."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from ..clients.charon_monitoring import CharonMonitoring, Metrics, number
from ..data_dir.layout import NODE_KEY, DataDir
from ..encoding import go_json
from ..errors import DvError, show
from . import histogram
from .finding import LARGEST, Finding, failed, measured, not_measured
from .links import CHARON, Link

#: Digits of the hash of a lock that charon's label has.
_DIGITS = 7
#: Seconds after which charon takes the lock of its ENR private key for one that nobody holds.
_STALE = 5
_PING = "p2p_ping_latency_secs"
#: Longest word of charon that is taken.
_LONGEST = 40


class Node(NamedTuple):
    """The node whose charon it is."""

    data_dir: DataDir
    lock_hash: bytes
    share_index: int
    operators: int


class CharonFacts(NamedTuple):
    """What it tells: of itself, and of its links; of these nothing, where it does not run."""

    findings: list[Finding]
    links: list[Link] | None


def runs(charon: CharonMonitoring, data_dir: DataDir) -> bool:
    """Whether ``charon`` answers, or something else holds the node's ENR private key."""
    try:
        charon.metrics()
    except DvError:
        return bool(_held(data_dir))
    return True


def look(charon: CharonMonitoring, node: Node) -> CharonFacts:
    """What ``charon`` tells, if it runs."""
    try:
        metrics = charon.metrics()
    except DvError as error:
        if since := _held(node.data_dir):
            text = f"{error.found}; but {since} holds its ENR private key"
            return CharonFacts([failed("charon_running", text, charon.http.endpoint)], None)
        nothing = "charon does not run here"
        others = [not_measured(check, nothing) for check in ("charon_ready", "charon_cluster", "charon_peers")]
        return CharonFacts([failed("charon_running", error, charon.http.endpoint), *others], None)
    cluster = _cluster(metrics, node)
    findings = [measured("charon_running", 1, charon.http.endpoint, _version(metrics)), _ready(charon), cluster, _peers(metrics, node)]
    # What another cluster's charon tells is not about these nodes.
    return CharonFacts(findings, [*_links(metrics, node)] if cluster.value else None)


def _held(data_dir: DataDir) -> str:
    """What holds the lock of the ENR private key, in charon's own form, if anything does now."""
    try:
        content = data_dir.read(NODE_KEY + ".lock")
        lock = go_json.loads(content, "charon's lock") if content else None
        if isinstance(lock, dict) and abs(time.time() - datetime.fromisoformat(str(lock.get("timestamp"))).timestamp()) <= _STALE:
            return f"a program started as {show(str(lock.get('command')))}"
    except (DvError, ValueError):
        pass
    return ""


def _version(metrics: Metrics) -> str:
    return next((sample.labels.get("version", "")[:_LONGEST] for sample in metrics.of("app_version")), "")


def _ready(charon: CharonMonitoring) -> Finding:
    try:
        words = charon.unready()
    except DvError as error:
        return failed("charon_ready", error)
    return measured("charon_ready", not words, text=words)


def _cluster(metrics: Metrics, node: Node) -> Finding:
    """Whether it runs with the lock of the node, as its operator."""
    labels: Any = next(metrics.of("cluster_operators")).labels
    expected = node.lock_hash.hex()[:_DIGITS]
    if labels.get("cluster_hash") != expected:
        return measured(
            "charon_cluster",
            0,
            text=f"its lock hash begins with {labels.get('cluster_hash', '')[:_DIGITS]}, that of the node with {expected}",
        )
    place = metrics.value("app_peerinfo_index", peer=labels.get("cluster_peer", ""))
    if place != node.share_index - 1:
        return measured("charon_cluster", 0, text=f"it is the charon of another operator than {node.share_index}")
    return measured("charon_cluster", 1)


def _peers(metrics: Metrics, node: Node) -> Finding:
    unfit = {sample.labels.get("peer", "") for sample in metrics.of("app_peerinfo_version_support") if not sample.value}
    places = [share_index for share_index, name in sorted(_names(metrics, node).items()) if name in unfit]
    return measured("charon_peers", not unfit, text=f"not that of operator {', '.join(map(str, places))}" if unfit else "")


def _names(metrics: Metrics, node: Node) -> dict[int, str]:
    """What charon calls each operator, by its share index."""
    found: dict[int, str] = {}
    for sample in metrics.of("app_peerinfo_index"):
        if sample.value.is_integer() and 0 <= sample.value < node.operators:
            found.setdefault(int(sample.value) + 1, sample.labels.get("peer", ""))
    return found


def _links(metrics: Metrics, node: Node) -> Iterator[Link]:
    """To each other operator."""
    for share_index, name in _names(metrics, node).items():
        if share_index != node.share_index:
            yield _link(metrics, name, share_index)


def _link(metrics: Metrics, name: str, share_index: int) -> Link:
    pings, errors = (_count(metrics.value(total, peer=name) or 0) for total in (_PING + "_count", "p2p_ping_error_total"))
    bounds = ((number(sample.labels.get("le", "")), sample.value) for sample in metrics.of(_PING + "_bucket", peer=name))
    buckets = [(bound, count) for bound, count in bounds if bound is not None and bound >= 0]
    median, p95, p99 = (_microseconds(histogram.quantile(share, buckets)) for share in (0.5, 0.95, 0.99))
    answers = metrics.value("p2p_ping_success", peer=name) == 1
    ways = {
        " ".join(sample.labels.get(label, "")[:_LONGEST] for label in ("type", "protocol"))
        for sample in metrics.of("p2p_peer_connection_types", peer=name)
        if sample.value > 0
    }
    version = next((sample.labels.get("version", "")[:_LONGEST] for sample in metrics.of("app_peerinfo_version", peer=name)), "")
    return Link(
        to=share_index,
        by=CHARON,
        way=min(ways, default=""),
        reached=answers,
        sent=_count(pings + errors),
        lost=errors,
        median=median,
        p95=p95,
        p99=p99,
        jitter=None,
        times=[],
        clock_offset=_microseconds(metrics.value("app_peerinfo_clock_offset_seconds", peer=name)),
        text="" if answers else "charon's last ping had no answer",
        version=version,
    )


def _microseconds(seconds: float | None) -> int | None:
    return None if seconds is None or not math.isfinite(seconds) else round(max(-LARGEST, min(seconds * 1e6, LARGEST)))


def _count(value: float) -> int:
    return int(max(0, min(value, LARGEST)))
