# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a cluster is ready: nodes that measure each other over slow, dead and one-way links, with a wrong clock, with real charons; what is
wrong is found, and named."""

import contextlib
import json
import shutil
import socket
import stat
import sys

import pytest
from ansible_collections.obol.dv.plugins.module_utils.activation.stated import Statements
from ansible_collections.obol.dv.plugins.module_utils.crypto import secp256k1
from ansible_collections.obol.dv.plugins.module_utils.data_dir import statements
from ansible_collections.obol.dv.tests.support import playbook, status_schema
from ansible_collections.obol.dv.tests.support.dealt_cluster import DealtCluster
from ansible_collections.obol.dv.tests.support.inventory import OperatorGroup
from ansible_collections.obol.dv.tests.support.link_proxy import LinkProxy
from ansible_collections.obol.dv.tests.support.require import skip_or_fail
from ansible_collections.obol.dv.tests.support.stock_charon import free_addresses, wait_for

TEST = ["playbooks/test_cluster.yml"]
#: What depends on the machine that the tests run on, and is no matter of theirs.
OF_MACHINE = {name: [None, None] for name in ("disk_sync", "disk_free", "memory", "memory_free", "load", "round_trip_p99", "jitter")}


class MeasuredGroup(OperatorGroup):
    """Nodes of a dealt cluster, each with a port of its own."""

    def __init__(self, directory, operators=4, threshold=3, network="hoodi"):
        super().__init__(directory, nodes=operators)
        self.dealt = DealtCluster(operators=operators, threshold=threshold, validators=1, network=network)
        for index, (data_dir, address) in enumerate(zip(self.data_dirs, free_addresses(2 * operators)[::2])):
            self.dealt.write(data_dir, index)
            self.hosts[self.names[index]].update(dv_p2p_port=int(address.rpartition(":")[2]), dv_charon_monitoring_url=nobody())
        self.variables.update(dv_p2p_host="127.0.0.1", dv_test_thresholds=OF_MACHINE, dv_test_dir=str(self.directory / "reports"))

    def port(self, share_index):
        return self.hosts[self.names[share_index - 1]]["dv_p2p_port"]

    def reach(self, share_index, other, address):
        """Have a node reach another one by that address."""
        self.hosts[self.names[share_index - 1]].setdefault("dv_test_peers", {})[other] = address

    def test(self, *arguments):
        """What became of a run, and of the cluster's readiness in its JSON."""
        path = self.directory / "status.json"
        path.unlink(missing_ok=True)
        done = self.attempt("-e", "dv_status_file=%s" % path, *arguments, playbooks=TEST)
        document = json.loads(path.read_text())
        status_schema.check(document)
        return done, document["clusters"][self.cluster]["readiness"]

    def problems(self, *arguments):
        """What is wrong with a cluster that is not ready: about whom, and the text."""
        done, readiness = self.test(*arguments)
        assert done.returncode == 2 and not readiness["passed"] and readiness["score"] == "C", done.stdout
        assert "readiness: NOT READY" in done.stdout and "not ready: %s" % self.cluster in done.stdout
        return [(each["about"], each["text"]) for each in readiness["problems"] if each["verdict"] == "fail"]

    def ready(self):
        """The share indices of the operators who stated, for all to know, that it is ready."""
        texts = [path.read_text() for path in self.store.glob("readiness/*/*.jws")]
        return Statements(self.dealt.lock, texts, 3600).ready()

    def report(self):
        """The newest report, as JSON."""
        return json.loads(max((self.directory / "reports" / self.cluster).glob("*.json")).read_text())


def nobody():
    """A URL where nobody answers."""
    return "http://%s" % free_addresses(1)[0]


@pytest.fixture
def group(tmp_path):
    return MeasuredGroup(tmp_path)


def test_all_is_well(group):
    """Each pair is measured both ways; the activation's guard hears of it; nothing changes."""
    for _each in range(2):
        assert {each["changed"] for each in playbook.recap(group.run(playbooks=TEST)).values()} == {0}
        done, readiness = group.test()
        assert done.returncode == 0 and readiness["passed"], done.stdout
        # charon does not run, and nothing was backed up.
        assert readiness["score"] == "B" and {each["verdict"] for each in readiness["problems"]} == {"warn"}
        assert "readiness: ready, score B" in done.stdout
    assert group.ready() == [1, 2, 3, 4]
    report = group.report()
    assert {(each["from"], each["to"]) for each in report["links"]} == {
        (one, two) for one in range(1, 5) for two in range(1, 5) if one != two
    }
    for link in report["links"]:
        assert link["verdict"] == "ok" and link["by"] == "echo" and link["sent"] == 20 and link["lost"] == 0
        assert (
            0 < link["times"][0] <= link["median"] <= link["p95"] <= link["p99"] <= link["times"][-1]
            and abs(link["clock_offset"]) < 500_000
        )
    assert not [path for path in group.directory.rglob("*") if path.name.startswith("tmp")]
    # charon finds its port free.
    for index in range(1, 5):
        socket.create_server(("127.0.0.1", group.port(index))).close()


def test_check_mode_writes_nothing(group):
    done = group.attempt("--check", playbooks=TEST)
    assert done.returncode == 0 and not group.store.exists() and not (group.directory / "reports").exists(), done.stdout
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", group.port(1))):
        pass


def test_a_slow_link(group):
    """By way of one proxy it is slow in both directions, whoever asks; the other pairs are not."""
    with LinkProxy(group.port(2), delay=0.15) as proxy:
        group.reach(1, 2, proxy.address)
        ((about, text),) = group.problems()
    assert about == "operator 1 to operator 2" and text.startswith("round trip, median 3")
    assert not group.ready()


def test_a_link_that_loses(group):
    with LinkProxy(group.port(2), loss=0.1, seed=1) as proxy:
        group.reach(3, 2, proxy.address)
        ((about, text),) = group.problems()
    assert about == "operator 3 to operator 2" and text.startswith("loss ")


def test_a_link_one_way(group):
    """It is dead from one side: a firewall, for example."""
    dead = free_addresses(1)[0]
    group.reach(2, 1, dead)
    assert group.problems() == [("operator 2 to operator 1", "no connection: %s: nothing listens there" % dead)]


def test_a_node_at_the_wrong_address(group):
    group.reach(2, 1, "127.0.0.1:%d" % group.port(3))
    assert group.problems() == [("operator 2 to operator 1", "no connection: 127.0.0.1:%d: operator 3 answers there" % group.port(3))]


def test_a_dead_node(group):
    """It is not in the run, or its machine is gone: it has not measured, and who knows its address does not reach it."""
    for name in group.names[:3]:
        group.hosts[name]["dv_test_peers"] = {4: "127.0.0.1:%d" % group.port(4)}
    problems = dict(group.problems("--limit", "node1,node2,node3"))
    assert problems["operator 4"] == "nothing that its node measured is known, or only what is too old"
    assert problems.keys() == {"operator 4", *("operator %d to operator 4" % index for index in (1, 2, 3))}


def test_a_wrong_clock(group, tmp_path):
    """That of one node is three seconds ahead: it is named, and no other one."""
    if not shutil.which("faketime"):
        skip_or_fail("faketime is not installed")
    python = tmp_path / "python"
    fake = "env FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1 faketime -f +3s"
    python.write_text('#!/bin/sh\nexec %s %s "$@"\n' % (fake, sys.executable))
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    group.hosts["node3"]["ansible_python_interpreter"] = str(python)
    ((about, text),) = group.problems()
    assert about == "operator 3" and text.startswith("its clock is 3") and text.endswith(" ms ahead of those of the others")


def test_ten_nodes(tmp_path):
    """Ten with one that is slow to each other one."""
    group = MeasuredGroup(tmp_path, operators=10, threshold=7)
    with contextlib.ExitStack() as stack:
        proxy = stack.enter_context(LinkProxy(group.port(7), delay=0.15))
        for index in set(range(1, 11)) - {7}:
            group.reach(index, 7, proxy.address)
        problems = group.problems()
    assert {about for about, _text in problems} == {"operator %d to operator 7" % index for index in set(range(1, 11)) - {7}}
    assert len(group.report()["links"]) == 90


def test_two_machines_with_one_key(group):
    """A copy of a data directory, as if it were on another machine."""
    group.names.append("copy")
    group.hosts["copy"] = {**group.hosts["node2"], "dv_p2p_port": int(free_addresses(1)[0].rpartition(":")[2])}
    (group.directory / "copy").mkdir()
    shutil.copytree(group.data_dirs[1], group.directory / "copy" / ".charon")
    assert ("operator 2", "2 machines measured with its ENR private key") in group.problems()


def test_sovereign(group):
    """Each operator has an inventory of its own, and knows the others' addresses; the last one has the whole matrix."""
    # A text, as from the command line.
    group.variables["dv_test_listen"] = "10"
    for index, name in enumerate(group.names, 1):
        group.hosts[name]["dv_test_peers"] = {other: "127.0.0.1:%d" % group.port(other) for other in range(1, 5) if other != index}
    for name in group.names:
        group.attempt("--limit", name, playbooks=TEST)
    problems = {about for about, _text in group.problems("--limit", "node4")}
    # The first ones came when nobody answered yet.
    assert problems == {"operator %d to operator %d" % (one, two) for one in (1, 2, 3) for two in range(one + 1, 5)}
    for name in group.names:
        done, readiness = group.test("--limit", name)
    assert done.returncode == 0 and readiness["passed"], done.stdout
    assert 4 in group.ready()


def test_a_carrier_that_writes_what_it_likes(group):
    """Nothing in the store that no operator of the lock signed counts; nor does another cluster's readiness."""
    group.test("--limit", "node1,node2,node3")
    (mine,) = group.store.glob("measured/*/1-*.jws")
    _index, machine, made = mine.stem.split("-")
    for name in ("4-%s-%s.jws" % (machine, made), "4-%s-9999999999.jws" % machine, "200-%s-1.jws" % machine, "4-1.jws"):
        (mine.parent / name).write_text(mine.read_text())
    (mine.parent / ("4-%s-8888888888.jws" % machine)).write_bytes(b"\xff" * 1000)
    (mine.parent / ("4-%s-7777777777.jws" % machine)).write_text("{}")
    other = DealtCluster(validators=2)
    forged = mine.parent / ("4-%s-%d.jws" % (machine, int(made) + 1))
    facts = dict(statements.verify(mine.read_text(), secp256k1.public_key(group.dealt.node_keys[0]), statements.MEASUREMENT), share_index=4)
    forged.write_text(statements.sign(other.node_keys[3][::-1], statements.MEASUREMENT, {**facts, "about": statements.MEASUREMENT}, 1))
    problems = dict(group.problems("--limit", "node1,node2,node3"))
    assert problems["operator 4"] == "nothing that its node measured is known, or only what is too old"


@pytest.mark.parametrize(
    "variables, text",
    [
        ({"dv_test_thresholds": {"round_trips": [1, 2]}}, "dv_test_thresholds names"),
        ({"dv_test_thresholds": {"round_trip": [1]}}, "dv_test_thresholds has other thresholds for round_trip"),
        ({"dv_test_peers": {"bob": "127.0.0.1:1"}}, "dv_test_peers names"),
        ({"dv_test_peers": {2: "127.0.0.1"}}, "dv_test_peers names"),
        ({"dv_test_peers": {0: "127.0.0.1:1"}}, "dv_test_peers names"),
        ({"dv_test_peers": {5: "127.0.0.1:1"}}, "dv_test_peers names"),
        ({"dv_p2p_port": 99999}, "dv_p2p_port"),
        ({"dv_p2p_port": -1}, "dv_p2p_port"),
        ({"dv_beacon_url": "nowhere"}, "dv_beacon_url is no URL"),
        ({"dv_execution_url": "nowhere"}, "dv_execution_url is no URL"),
        ({"dv_mev_relays": ["nowhere"]}, "dv_mev_relays"),
        ({"dv_charon_monitoring_url": "http://127.0.0.1"}, "dv_charon_monitoring_url is no URL"),
    ],
)
def test_variables_that_are_wrong(group, variables, text):
    """One clear error, and no traceback."""
    group.hosts["node1"].update(variables)
    done = group.attempt("--limit", "node1", playbooks=TEST)
    assert done.returncode != 0 and text in done.stdout and "unforeseen" not in done.stdout and "Traceback" not in done.stdout + done.stderr


def test_without_a_lock(group):
    (group.data_dirs[0] / "cluster-lock.json").unlink()
    done = group.attempt("--limit", "node1", playbooks=TEST)
    assert done.returncode != 0 and "has no cluster-lock.json; wanted: a complete cluster" in done.stdout


@pytest.fixture
def charons(charon, tmp_path):
    """A group of four, of which three have a charon that runs, on a mock of a beacon node, which is on holesky; and these charons."""
    group = MeasuredGroup(tmp_path / "group", network="holesky")
    with charon.relay() as relay, charon.run_nodes(group.data_dirs[:3], relay, private_key_file_lock=True) as nodes:
        for name, node in zip(group.names, nodes):
            group.hosts[name]["dv_charon_monitoring_url"] = node.url
        yield group, nodes


def told_by(report, share_index):
    """The links that a node measured, by the other operator; and its checks of charon, by their names."""
    links = {link["to"]: link for link in report["links"] if link["from"] == share_index}
    return links, {
        each["check"]: each for each in report["checks"] if each["share_index"] == share_index and each["check"].startswith("charon")
    }


def test_where_charon_runs(charons):
    """Its own metrics tell of the others: of each, by its place in the lock; and that one is not there."""
    group, nodes = charons

    def measured():
        """What is wrong, once charon has pinged everybody."""
        found = group.problems()
        links = [link for index in (1, 2, 3) for link in told_by(group.report(), index)[0].values()]
        return found if all(link["way"] and link["sent"] > link["lost"] for link in links if link["to"] < 4) else None

    problems = wait_for(measured, "each charon has pinged the others, and tells how")
    assert {("operator %d to operator 4" % index, "no connection: charon's last ping had no answer") for index in (1, 2, 3)} <= {*problems}
    assert not {"operator %d to operator %d" % (one, two) for one in (1, 2, 3) for two in (1, 2, 3)} & dict(problems).keys()
    for index in (1, 2, 3):
        links, checks = told_by(group.report(), index)
        assert links.keys() == {1, 2, 3, 4} - {index} and {link["by"] for link in links.values()} == {"charon"}
        for other in {1, 2, 3} - {index}:
            assert links[other]["way"] in ("direct tcp", "direct quic", "relay tcp", "relay quic")
            assert 0 < links[other]["median"] <= links[other]["p99"]
            # Of these they tell each other once a minute.
            assert abs(links[other]["clock_offset"] or 0) < 500_000 and links[other]["version"][:5] in ("", "v1.10")
        # It tests nothing by itself beside a charon that runs.
        assert checks.pop("charon_test")["verdict"] == "not measured"
        assert {name: check["value"] for name, check in checks.items()} == dict.fromkeys(checks, 1) and len(checks) == 4
    # The fourth has none, and asks the others itself: their charons take its connections, or it does not know where they are.
    assert told_by(group.report(), 4)[1]["charon_running"]["verdict"] == "warn"

    group.hosts["node1"]["dv_charon_monitoring_url"] = nodes[1].url
    assert ("operator 1", "charon runs this cluster, as this operator: it is the charon of another operator than 1") in group.problems()
    # A charon that runs, and is not found, holds its key.
    group.hosts["node2"]["dv_charon_monitoring_url"] = nobody()
    _done, readiness = group.test()
    assert 'but a program started as "charon run" holds its ENR private key' in " ".join(each["text"] for each in readiness["problems"])


def test_a_charon_of_another_cluster(charons, tmp_path):
    other = MeasuredGroup(tmp_path / "other")
    other.hosts["node1"]["dv_charon_monitoring_url"] = charons[1][0].url
    ((about, text), *_more) = [each for each in other.problems() if "charon" in each[1]]
    assert about == "operator 1" and text.startswith("charon runs this cluster, as this operator: its lock hash begins with ")


def test_what_charon_tests_itself(group, charon):
    """All nodes have it at once, so that they meet; one that is not in the run is missed; where it runs nothing is started."""
    group.variables.update(dv_charon_command=[str(charon.path)], dv_test_charon_seconds=25)
    with charon.relay() as relay:
        group.variables["dv_test_charon"] = {
            "peers": ["--p2p-relays=%s" % relay, "--test-cases=Ping,PingMeasure,PingRelay,PingMeasureRelay"],
            "infra": ["--test-cases=TotalMemory"],
        }
        problems = group.problems("--limit", "node1,node2,node3")
    assert {("operator %d" % index, "charon alpha test: timeout/interrupted") for index in (1, 2, 3)} <= {*problems}
    found = {}
    for each in group.report()["checks"]:
        if each["check"] == "charon_test":
            found.setdefault(each["share_index"], {})[each["about"]] = each["verdict"]
    for index in (1, 2, 3):
        others = {"peers, operator %d, Ping" % other: "fail" if other == 4 else "ok" for other in {1, 2, 3, 4} - {index}}
        assert others.items() <= found[index].items() and "peers, operator %d, Ping" % index not in found[index]
        assert found[index]["peers, relay %s, PingRelay" % relay] == "ok" and "infra, local, TotalMemory" in found[index]
    assert not list(group.directory.glob("node*/.charon/readiness"))


@pytest.mark.parametrize(
    "suites, text",
    [
        ({"peer": []}, "dv_test_charon names"),
        ({"peers": "--x"}, "dv_test_charon has flags for peers that are none"),
        ({"peers": ["x"]}, "dv_test_charon has flags for peers that are none"),
        ({"peers": []}, "dv_test_charon names suites, and dv_charon_command is empty"),
    ],
)
def test_suites_that_are_none(group, suites, text):
    group.variables["dv_test_charon"] = suites
    done = group.attempt("--limit", "node1", playbooks=TEST)
    assert done.returncode != 0 and text in done.stdout and "unforeseen" not in done.stdout
