# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `charon alpha test` wrote is taken as it is, and whatever else is there is one clear failure."""

import json

import pytest
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.readiness import charon_test, verdicts
from ansible_collections.obol.dv.plugins.module_utils.readiness.checks import CHECKS
from ansible_collections.obol.dv.tests.support.dealt_cluster import DealtCluster


@pytest.fixture(scope="module")
def cluster():
    return DealtCluster(validators=1)


def short(cluster, share_index):
    """An operator as charon v1.10.3 calls it."""
    enr = cluster.lock.definition.operators[share_index - 1].enr
    return "peer sore-plant %s...%s" % (enr[:13], enr[-4:])


def case(name, verdict, **more):
    return {"name": name, "verdict": verdict, "error": "", **more}


def collected(cluster, tmp_path, content, suite="peers"):
    """What is collected by operator 1, where charon wrote that: about what, verdict and text."""
    directory = tmp_path / "readiness"
    directory.mkdir()
    (directory / (suite + ".json.done")).touch()
    if content is not None:
        (directory / (suite + ".json")).write_text(content if isinstance(content, str) else json.dumps(content))
    found = charon_test.collect([suite], DataDir(str(tmp_path)), 1, cluster.lock.definition, 0)
    assert not directory.exists()
    return [(each.about, verdicts.of_finding(CHECKS[each.check], each), each.text) for each in found]


def test_each_verdict(cluster, tmp_path):
    cases = [
        case("Ping", "OK"),
        case("PingMeasure", "Good", measurement="1ms"),
        case("PingLoad", "Avg", measurement="60ms", suggestion="a nearer one"),
        case("DirectConn", "Poor"),
        case("Other", "Fail", error="timeout/interrupted"),
        case("More", "Skip"),
    ]
    targets = {short(cluster, 2): cases, short(cluster, 1): [case("Ping", "Fail")], "relay http://x": [case("PingRelay", "OK")], "self": []}
    assert collected(cluster, tmp_path, {"charon_peers": {"targets": targets, "score": "C"}}) == [
        ("peers, operator 2, Ping", "ok", ""),
        ("peers, operator 2, PingMeasure", "ok", "1ms"),
        ("peers, operator 2, PingLoad", "warn", "60ms; a nearer one"),
        ("peers, operator 2, DirectConn", "fail", ""),
        ("peers, operator 2, Other", "fail", "timeout/interrupted"),
        ("peers, operator 2, More", "not measured", ""),
        ("peers, relay http://x, PingRelay", "ok", ""),
    ]


@pytest.mark.parametrize(
    "content, text",
    [
        (None, "cannot read"),
        ("", "is not JSON"),
        ("[]", "has another form"),
        ({}, "has another form"),
        ({"charon_peers": None}, "has another form"),
        ({"charon_peers": {"targets": [1]}}, "has another form"),
        ({"charon_peers": {"targets": {"x": 7}}}, "has another form"),
        ({"charon_peers": {"targets": {"x": [{"name": "Ping", "verdict": "Fine"}]}}}, "has another form"),
        ({"charon_peers": {"targets": {"x": [{"verdict": "OK"}]}}}, "has another form"),
        ({"charon_peers": {"targets": None}}, "it tells of nothing"),
    ],
)
def test_what_is_no_result(cluster, tmp_path, content, text):
    ((about, verdict, found),) = collected(cluster, tmp_path, content)
    assert (about, verdict) == ("peers", "fail") and text in found


def test_nothing_was_asked_for(cluster, tmp_path):
    (found,) = charon_test.collect([], DataDir(str(tmp_path)), 1, cluster.lock.definition, 0)
    assert (found.state, found.text) == ("not measured", "dv_test_charon is empty")
    (found,) = charon_test.collect(["peers"], DataDir(str(tmp_path)), 1, cluster.lock.definition, 0)
    assert found.state == "not measured" and "was not started" in found.text
