# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a charon's metrics tell, whatever they hold: what is stated of them others can read."""

import json
import time

import pytest
from ansible_collections.obol.dv.plugins.module_utils.clients.charon_monitoring import Metrics
from ansible_collections.obol.dv.plugins.module_utils.clients.http import Endpoint, HttpClient
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.readiness import charon, measurement
from ansible_collections.obol.dv.plugins.module_utils.readiness.links import CHARON
from ansible_collections.obol.dv.tests.support.dealt_cluster import DealtCluster

NOW = 1_800_000_000.0
PEERS = {1: "able-ant", 2: "bad-bee", 3: "cold-cat", 4: "dry-dog"}


class Told:
    """A charon with these metrics."""

    http = HttpClient(Endpoint(False, "127.0.0.1", 3620))

    def __init__(self, text):
        self.text = text

    def metrics(self):
        return Metrics(self.text)

    def unready(self):
        return ""


@pytest.fixture(scope="module")
def cluster():
    return DealtCluster(validators=1)


def metrics(cluster, **changed):
    """Those of operator 1 with good links; each in ``changed`` is the value, or a whole line of operator 2."""
    lines = [f'cluster_operators{{cluster_hash="{cluster.lock.lock_hash.hex()[:7]}",cluster_peer="able-ant"}} 4']
    for index, peer in PEERS.items():
        values = dict(
            app_peerinfo_index=index - 1,
            p2p_ping_latency_secs_count=100,
            p2p_ping_error_total=1,
            p2p_ping_success=1,
            app_peerinfo_clock_offset_seconds=0.001,
            app_peerinfo_version_support=1,
        )
        values |= changed if index == 2 else {}
        lines += [f'{name}{{peer="{peer}"}} {value}' for name, value in values.items()]
        lines += [f'p2p_ping_latency_secs_bucket{{peer="{peer}",le="{le}"}} {count}' for le, count in (("0.1", 99), ("+Inf", 100))]
        lines.append(f'p2p_peer_connection_types{{peer="{peer}",type="direct",protocol="tcp"}} 1')
    return "\n".join(lines) + "\n"


def read(cluster, tmp_path, text):
    """What others read of what operator 1 states of it."""
    facts = charon.look(Told(text), charon.Node(DataDir(str(tmp_path)), cluster.lock.lock_hash, 1, 4))
    made = measurement.Measurement(1, NOW, "00" * 8, facts.findings, facts.links)
    texts = measurement.state(cluster.node_keys[0], cluster.lock, made).values()
    (found,) = measurement.read(cluster.lock, texts, NOW, 3600)[1]
    assert json.dumps(found)
    return {finding.check: finding for finding in found.findings}, {link.to: link for link in found.links}


def test_all_is_well(cluster, tmp_path):
    findings, links = read(cluster, tmp_path, metrics(cluster))
    assert {finding.value for finding in findings.values()} == {1} and links.keys() == {2, 3, 4}
    for link in links.values():
        assert (link.by, link.way, link.reached, link.sent, link.lost, link.clock_offset) == (CHARON, "direct tcp", True, 101, 1, 1000)
        assert 0 < link.median <= link.p99 == 100_000


ODD = ["NaN", "+Inf", "-Inf", "1e308", "-1e308", "-1", "0.5", "9007199254740993", "2e9", "x", ""]


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize(
    "name",
    [
        *("app_peerinfo_index", "p2p_ping_latency_secs_count", "p2p_ping_error_total", "p2p_ping_success"),
        *("app_peerinfo_clock_offset_seconds", "app_peerinfo_version_support"),
    ],
)
def test_odd_values(cluster, tmp_path, name, value):
    _findings, links = read(cluster, tmp_path, metrics(cluster, **{name: value}))
    assert {3, 4} <= links.keys() <= {2, 3, 4}


#: Lines beside those of a charon.
ODDITIES = {
    "the same place twice": 'app_peerinfo_index{peer="else"} 1',
    "places beyond the cluster": "\n".join(f'app_peerinfo_index{{peer="p{place}"}} {place}' for place in range(4, 400)),
    "a place of nobody that does not fit": 'app_peerinfo_index{peer="e"} +Inf\napp_peerinfo_version_support{peer="e"} 0',
    "bounds": "\n".join(f'p2p_ping_latency_secs_bucket{{peer="bad-bee",le="{le}"}} 1e9' for le in ("x", "NaN", "-5", "1e300", "-Inf", "")),
    "no bound": 'p2p_ping_latency_secs_bucket{peer="bad-bee"} 1',
    "a long way": f'p2p_peer_connection_types{{peer="bad-bee",type="{"a" * 1000}",protocol="{"b" * 1000}"}} 1',
    "escapes": 'app_version{version="\\"\\\\\\n\x1b[31m"} 1',
    "counts that fall": "\n".join(f'p2p_ping_latency_secs_bucket{{peer="bad-bee",le="{le}"}} {9 - le}' for le in range(1, 20)),
}


@pytest.mark.parametrize("lines", ODDITIES.values(), ids=ODDITIES)
@pytest.mark.parametrize("first", [True, False])
def test_oddities(cluster, tmp_path, lines, first):
    text = metrics(cluster)
    _findings, links = read(cluster, tmp_path, f"{lines}\n{text}" if first else f"{text}{lines}\n")
    assert links.keys() == {2, 3, 4}


@pytest.mark.parametrize("line", ["a{" + "a" * 10**5 + "} 1", "a{" + 'a="' * 10**5 + "} 1", "a{" + "} " * 10**5 + "!", "a" * 10**5])
def test_long_lines(line):
    began = time.monotonic()
    Metrics(line)
    assert time.monotonic() - began < 5
