# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verdicts about a cluster, by what its nodes measured: each fault is named, and nobody else is."""

import re

import pytest
from ansible_collections.obol.dv.plugins.module_utils.crypto import jws, secp256k1
from ansible_collections.obol.dv.plugins.module_utils.data_dir import statements
from ansible_collections.obol.dv.plugins.module_utils.encoding.hex import to_hex
from ansible_collections.obol.dv.plugins.module_utils.readiness import judgement, measurement
from ansible_collections.obol.dv.plugins.module_utils.readiness.checks import CHECKS, NODE_CHECKS
from ansible_collections.obol.dv.plugins.module_utils.readiness.finding import failed, measured, not_measured
from ansible_collections.obol.dv.plugins.module_utils.readiness.links import CHARON, CONNECTION, ECHO, Link
from ansible_collections.obol.dv.plugins.module_utils.readiness.measurement import Measurement
from ansible_collections.obol.dv.tests.support.dealt_cluster import DealtCluster

NOW = 1_800_000_000.0
HOUR = 3600
#: What is good of a check that has a value.
GOOD = {"beacon_peers": 100, "execution_peers": 100, "disk_free": 10**6, "memory": 32_000, "memory_free": 16_000}


@pytest.fixture(scope="module")
def cluster():
    return DealtCluster(validators=1)


def good(name):
    return GOOD.get(name, 0 if CHECKS[name].rising else 1)


def link(to, **fields):
    times = [400, 410, 420, 430, 440, 450, 460, 470, 480, 490, 500]
    values = dict(by=ECHO, way="tcp", reached=True, sent=20, lost=0, median=450, p95=490, p99=500, jitter=20, times=times, clock_offset=10)
    return Link(**{"to": to, "text": "", **values, **fields})


def nodes(operators=4, links=(), findings=(), clocks=()):
    """What each of so many nodes measured, all well but the ``links`` ((from, to) -> fields, or None of one that nobody measured), the
    ``findings`` (share index -> finding), and the ``clocks`` (share index -> microseconds ahead)."""
    links, findings, clocks = dict(links), dict(findings), dict(clocks)
    found = {}
    for index in range(1, operators + 1):
        its = []
        for other in range(1, operators + 1):
            fields = links.get((index, other), {})
            if other != index and fields is not None:
                offset = clocks.get(other, 0) - clocks.get(index, 0)
                its.append(link(other, **{"clock_offset": offset, **fields}))
        checks = [measured(name, good(name)) for name in NODE_CHECKS]
        if index in findings:
            checks = [each for each in checks if each.check != findings[index].check] + [findings[index]]
        found[index] = [Measurement(index, NOW, "00" * 8, checks, its)]
    return found


def judge(cluster, found):
    return judgement.judge(cluster.lock, "hoodi", found, CHECKS, NOW)


def test_all_is_well(cluster):
    judged = judge(cluster, nodes())
    assert judged.passed and judged.json["score"] == "A" and not judged.json["problems"]
    assert len(judged.json["links"]) == 12 and {each["verdict"] for each in judged.json["links"] + judged.json["checks"]} == {"ok"}
    assert judged.json["lock_hash"] == to_hex(cluster.lock.lock_hash) and judged.json["made"] == "2027-01-15T08:00:00Z"


#: One thing that is wrong: what is said of it, in all.
FAULTS = {
    "slow": (dict(links={(1, 2): dict(median=300_000)}), [("fail", "operator 1 to operator 2", "round trip, median 300 ms")]),
    "not so slow": (dict(links={(1, 2): dict(median=60_000)}), [("warn", "operator 1 to operator 2", "round trip, median 60 ms")]),
    "some slow": (dict(links={(3, 2): dict(p99=600_000)}), [("fail", "operator 3 to operator 2", "round trip, 99 of 100 600 ms")]),
    "some lost": (dict(links={(3, 2): dict(lost=2)}), [("fail", "operator 3 to operator 2", "loss 10 %")]),
    "jitter": (dict(links={(3, 2): dict(jitter=80_000)}), [("warn", "operator 3 to operator 2", "jitter 80 ms")]),
    "one way": (
        dict(links={(2, 1): dict(reached=False, text="bob:3610: nothing listens there", median=None)}),
        [("fail", "operator 2 to operator 1", "no connection: bob:3610: nothing listens there")],
    ),
    "relayed": (dict(links={(2, 1): dict(by=CHARON, way="relay tcp")}), [("warn", "operator 2 to operator 1", "by a relay only")]),
    "half": (
        dict(links={(2, 1): dict(by=CONNECTION, text="it hangs up")}),
        [("warn", "operator 2 to operator 1", "something takes connections there, and does not answer: it hangs up")],
    ),
    "half, without a charon": (
        dict(
            links={(2, 1): dict(by=CONNECTION, text="it hangs up")},
            findings={1: not_measured("charon_running", "no word of it")},
        ),
        [("fail", "operator 2 to operator 1", "something takes connections there, and does not answer: it hangs up")],
    ),
    "unknown": (dict(links={(2, 1): None}), [("fail", "operator 2 to operator 1", "not measured: no address of it is known there")]),
    "ahead": (dict(clocks={3: 3_000_000}), [("fail", "operator 3", "its clock is 3000 ms ahead of those of the others")]),
    "behind": (dict(clocks={3: -200_000}), [("warn", "operator 3", "its clock is 200 ms behind those of the others")]),
    "no keys": (
        dict(findings={4: measured("client_keys", 0, text="lodestar lacks 1 of 2")}),
        [("fail", "operator 4", "validator client: all key shares: lodestar lacks 1 of 2")],
    ),
    "beacon node syncs": (
        dict(findings={4: measured("beacon_syncing", 0, text="it is syncing")}),
        [("fail", "operator 4", "beacon node: in sync: it is syncing")],
    ),
    "beacon node lags": (
        dict(findings={4: measured("beacon_head", 14)}),
        [("fail", "operator 4", "beacon node: slots behind the clock: 14 slots")],
    ),
    "charon is down": (dict(findings={1: failed("charon_running", "refused")}), [("warn", "operator 1", "charon runs: refused")]),
    "execution client is down": (
        dict(findings={1: failed("execution_ping", "refused")}),
        [("fail", "operator 1", "execution client: time to answer: refused")],
    ),
}


@pytest.mark.parametrize("fault, problems", FAULTS.values(), ids=FAULTS)
def test_one_is_wrong(cluster, fault, problems):
    judged = judge(cluster, nodes(**fault))
    told = [(each["verdict"], each["about"], each["text"]) for each in judged.json["problems"]]
    assert told == problems and all(each["hint"] for each in judged.json["problems"])
    assert judged.passed == (problems[0][0] == "warn") and judged.json["score"] == ("B" if judged.passed else "C")


def test_what_charon_counts_since_its_start_is_no_loss(cluster):
    assert judge(cluster, nodes(links={(1, 2): dict(by=CHARON, way="direct tcp", lost=10)})).json["score"] == "A"


def test_not_measured_is_said_and_is_no_failure(cluster):
    judged = judge(cluster, nodes(findings={2: not_measured("mev_ping", "dv_mev_relays is empty")}))
    assert judged.passed and [each["verdict"] for each in judged.json["checks"]].count("not measured") == 1


@pytest.mark.parametrize("operators", [1, 3])
def test_nobody_measured(cluster, operators):
    found = {**nodes(), **{index: [] for index in range(1, operators + 1)}}
    judged = judge(cluster, found)
    assert not judged.passed
    named = {each["about"] for each in judged.json["problems"]}
    assert named == {"operator %d" % index for index in range(1, operators + 1)}


def test_two_machines_with_one_key(cluster):
    found = nodes()
    found[2].append(found[2][0]._replace(machine="11" * 8))
    (problem,) = judge(cluster, found).json["problems"]
    assert (problem["verdict"], problem["about"], problem["text"]) == ("fail", "operator 2", "2 machines measured with its ENR private key")


def test_ten_with_one_wrong_clock(cluster):
    """Those who see it are right, and are not named."""
    cluster = DealtCluster(operators=10, threshold=7, validators=1)
    (problem,) = judge(cluster, nodes(10, clocks={7: -5_000_000})).json["problems"]
    assert problem["about"] == "operator 7" and "behind" in problem["text"]


def test_three_with_one_wrong_clock():
    """Each of the others sees one who agrees with it, and one who does not."""
    cluster = DealtCluster(operators=3, threshold=2, validators=1)
    (problem,) = judge(cluster, nodes(3, clocks={2: 10_000_000})).json["problems"]
    assert (problem["about"], problem["text"]) == ("operator 2", "its clock is 10000 ms ahead of those of the others")


def test_of_two_clocks_nobody_knows(cluster):
    links = {(one, other): dict(reached=False, clock_offset=None) for one in (1, 2) for other in (3, 4)}
    found = {**nodes(links=links, clocks={2: 600_000}), 3: [], 4: []}
    clocks = {each["about"]: each for each in judge(cluster, found).json["problems"] if "clock" in each["text"]}
    assert {(about, each["verdict"]) for about, each in clocks.items()} == {("operator 1", "fail"), ("operator 2", "fail")}


@pytest.mark.parametrize("liar", [1, 2, 3, 4])
def test_nobody_blames_the_clock_of_another(cluster, liar):
    """What one states of all others, who have no other word of one another than a link or two, names it at most."""
    links = {(liar, other): dict(clock_offset=7_000_000) for other in range(1, 5) if other != liar}
    links |= {(other, liar): dict(clock_offset=-7_000_000) for other in range(1, 5) if other != liar}
    one, two = (other for other in range(1, 5) if other != liar and other != 5 - liar)
    links |= {(one, two): dict(clock_offset=None), (two, one): dict(clock_offset=None)}
    problems = judge(cluster, nodes(links=links)).json["problems"]
    assert {each["about"] for each in problems if "clock" in each["text"]} == {"operator %d" % liar}


def stated(cluster, index, made=NOW, **fields):
    (found,) = nodes()[index]
    return measurement.state(cluster.node_keys[index - 1], cluster.lock, found._replace(made=made, **fields))


LARGE = [2**53, 2**64, 10**300, -1]


@pytest.mark.parametrize("value", LARGE, ids=lambda value: repr(value)[:20])
def test_what_a_node_measured_others_can_read(cluster, value):
    """Whatever its clients answer, its own statement is taken."""
    checks = [measured("beacon_peers", value, "x" * 5000, "y" * 5000), failed("beacon_head", "z" * 5000)]
    (found,) = read(cluster, stated(cluster, 1, findings=checks).values())[1]
    assert [finding.check for finding in found.findings] == ["beacon_peers", "beacon_head"]


def read(cluster, texts, now=NOW):
    return measurement.read(cluster.lock, texts, now, HOUR)


def test_what_was_stated_is_read(cluster):
    texts = {}
    for index in range(1, 5):
        texts.update(stated(cluster, index))
    assert [re.fullmatch(r"measured/[0-9a-f]{64}/([1-4])-(?:00){8}-1800000000\.jws", name)[1] for name in texts] == ["1", "2", "3", "4"]
    assert read(cluster, texts.values()) == nodes()


def test_the_newest_counts(cluster):
    older, newer = stated(cluster, 1, NOW - 600), stated(cluster, 1, NOW - 60, links=[])
    for texts in ([*older.values(), *newer.values()], [*newer.values(), *older.values()]):
        (found,) = read(cluster, texts)[1]
        assert (found.made, found.links) == (NOW - 60, [])


def test_a_clock_that_was_set_right(cluster):
    """What was measured while it was ahead counts no longer than until the node measures again."""
    ahead, now = stated(cluster, 1, NOW + 2 * HOUR, links=[]), stated(cluster, 1, NOW - 60)
    assert [found.made for found in read(cluster, ahead.values())[1]] == [NOW + 2 * HOUR]
    assert [found.made for found in read(cluster, [*ahead.values(), *now.values()])[1]] == [NOW - 60]


def test_what_is_too_old_is_not_read(cluster):
    assert not read(cluster, stated(cluster, 1).values(), NOW + HOUR + 1)[1]
    assert not read(cluster, stated(cluster, 1).values(), NOW - 25 * HOUR)[1]


def forged(cluster, key, **facts):
    """A statement by that ``key`` with other ``facts`` than a node would state."""
    (text,) = stated(cluster, 1).values()
    true = statements.verify(text, secp256k1.public_key(cluster.node_keys[0]), statements.MEASUREMENT)
    true = {name: value for name, value in true.items() if name not in ("about", "made")}
    return statements.sign(key, statements.MEASUREMENT, {**true, **facts}, NOW)


LINK = link(2).json()
CHECK = measured("beacon_ping", 1).json()
#: What no node of ours states.
STRANGE = [
    dict(lock_hash="0x" + "00" * 32),
    dict(lock_hash=None),
    dict(machine=None),
    dict(machine=7),
    dict(links=None),
    dict(links=7),
    dict(links=[7]),
    dict(links=[{}]),
    dict(links=[LINK] * 4),
    dict(links=[{**LINK, "to": 1}]),
    dict(links=[{**LINK, "to": 0}]),
    dict(links=[{**LINK, "to": 5}]),
    dict(links=[{**LINK, "to": True}]),
    dict(links=[{**LINK, "to": "2"}]),
    dict(links=[{**LINK, "median": -1}]),
    dict(links=[{**LINK, "median": "1"}]),
    dict(links=[{**LINK, "median": 1.5}]),
    dict(links=[{**LINK, "median": 2**53}]),
    dict(links=[{**LINK, "sent": None}]),
    dict(links=[{**LINK, "lost": 21}]),
    dict(links=[{**LINK, "times": [1]}]),
    dict(links=[{**LINK, "times": None}]),
    dict(links=[{**LINK, "clock_offset": 1.5}]),
    dict(links=[{**LINK, "clock_offset": -(2**53)}]),
    dict(links=[{**LINK, "reached": 1}]),
    dict(links=[{**LINK, "text": "x" * 401}]),
    dict(links=[{**LINK, "text": None}]),
    dict(links=[{**LINK, "more": 1}]),
    dict(checks=None),
    dict(checks={}),
    dict(checks=[CHECK] * 501),
    dict(checks=[{**CHECK, "check": "round_trip"}]),
    dict(checks=[{**CHECK, "check": "nothing"}]),
    dict(checks=[{**CHECK, "check": None}]),
    dict(checks=[{**CHECK, "state": "fine"}]),
    dict(checks=[{**CHECK, "value": None}]),
    dict(checks=[{**CHECK, "value": True}]),
    dict(checks=[{**CHECK, "state": "failed"}]),
    dict(checks=[{**CHECK, "about": ["x"]}]),
    dict(checks=[{**CHECK, "text": "x" * 401}]),
]


@pytest.mark.parametrize("facts", STRANGE, ids=lambda facts: repr(facts)[:60])
def test_what_no_node_states_is_not_read(cluster, facts):
    assert read(cluster, [forged(cluster, cluster.node_keys[0])])[1]
    found = read(cluster, [forged(cluster, cluster.node_keys[0], **facts)])[1]
    # An empty mapping is an empty list of checks: nothing more than nothing.
    assert not found or facts == dict(checks={})


def test_nobody_states_for_another(cluster):
    assert not any(read(cluster, [forged(cluster, bytes(31) + b"\x07")]).values())
    # It says that it is of operator 1, and is of operator 2.
    assert not any(read(cluster, [forged(cluster, cluster.node_keys[1])]).values())


def test_rubbish_is_passed_over(cluster):
    (good,) = stated(cluster, 1).values()
    header, payload, signature = good.split(".")
    rubbish = ["", "x", "a.b.c", good[:-4], good + "x", ".".join((header, payload[:-2] + "AA", signature)), "e" * 10**6]
    assert not any(read(cluster, rubbish).values())
    assert jws.split(good) and read(cluster, [*rubbish, good])[1]
