# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The summary: what a person reads at the end."""

import pytest
from ansible_collections.obol.dv.plugins.module_utils.cluster.node_status import Accused, NodeStatus
from ansible_collections.obol.dv.plugins.plugin_utils.rerun_command import CommandLine
from ansible_collections.obol.dv.plugins.plugin_utils.run_status import document
from ansible_collections.obol.dv.plugins.plugin_utils.summary import summary_lines

TERMS = dict(
    name="my cluster",
    network="hoodi",
    num_validators=2,
    threshold=3,
    withdrawal_addresses=["0x" + "8" * 40],
    fee_recipient_addresses=["0x" + "9" * 40, "0x" + "7" * 40],
    deposit_amounts=[1, 32],
    compounding=False,
    target_gas_limit=60_000_000,
    consensus_protocol="",
    operators=["0x" + str(i) * 40 for i in (1, 2, 3, 4)],
    creator="0x" + "1" * 40,
)

REPORT = dict(
    name="my cluster",
    network="hoodi",
    threshold=3,
    terms=TERMS,
    config_hash="0x" + "c" * 64,
    definition_hash="0x" + "d" * 64,
    lock_hash="0x" + "e" * 64,
    operators=[dict(share_index=i, address="0x" + str(i) * 40, peer_id="16Uiu2HAm%dsixsix" % i) for i in (1, 2, 3, 4)],
    validators=["0x" + "a" * 96, "0x" + "b" * 96],
)

OPERATORS = [dict(operator) for operator in REPORT["operators"]]


def node(index, verified=True, **found):
    told = dict(NodeStatus(**dict(dict(state="complete"), **found)).result(), share_index=index, operators=OPERATORS)
    return dict(cluster="inventory_group", data_dir="/data/%d" % index, results=dict(dv_dkg=told), report=REPORT if verified else None)


def lines_of(nodes, playbook="obol.dv.create_cluster"):
    command_line = CommandLine({"args": [playbook], "inventory": ["hosts.yml"]}, (), list(nodes))
    cluster = document(nodes, command_line)["clusters"]["inventory_group"]
    reports = {name: each["report"] for name, each in nodes.items() if each["report"]}
    return summary_lines("inventory_group", cluster, reports, command_line)


def text_of(nodes):
    return "\n".join(lines_of(nodes))


def rows_of(nodes):
    return [line.split() for line in lines_of(nodes)]


def test_a_finished_cluster():
    text = text_of({"alice": node(3), "bob": node(1), "carol": node(2), "dave": node(4)})
    assert text.startswith("Cluster my cluster on hoodi is complete")
    assert "3 of 4 operators" in text
    for part in [REPORT["config_hash"], REPORT["definition_hash"], REPORT["lock_hash"], *REPORT["validators"], "/data/2"]:
        assert part in text
    rows = [line.split() for line in text.splitlines()]
    assert ["3", "alice", "0x" + "3" * 40, "16Uiu2*sixsix"] in rows, "a node is told by its share index, not by its place"
    assert "What comes next" in text


def test_nodes_that_are_not_in_the_run_have_no_name():
    assert ["1", "-", "0x" + "1" * 40, "16Uiu2*sixsix"] in rows_of({"alice": node(3)})


def test_an_unsigned_cluster_has_no_addresses():
    report = dict(REPORT, operators=[dict(REPORT["operators"][0], address="")])
    assert ["1", "alice", "-", "16Uiu2*sixsix"] in rows_of({"alice": dict(node(1), report=report)})


def test_the_terms_of_a_finished_cluster():
    rows = rows_of({"alice": node(3)})
    for row in (
        ["validators", "2"],
        ["threshold", "3", "of", "4", "operators"],
        ["withdrawal", "to", TERMS["withdrawal_addresses"][0]],
        ["fees", "to", TERMS["fee_recipient_addresses"][0] + ",", TERMS["fee_recipient_addresses"][1]],
        ["deposit", "data", "for", "1,", "32", "ETH"],
        ["compounding", "no"],
        ["creator", TERMS["creator"]],
    ):
        assert row in rows


@pytest.mark.parametrize("proposed", [True, False])
def test_terms_and_enrs_before_the_approval(proposed):
    """What operators compare, before any wallet signs it."""
    config_hash = REPORT["config_hash"] if proposed else None
    found = dict(
        dv_enr=dict(enr="enr:-abc"), dv_status=dict(state="waiting", step="approval", ready=True, terms=TERMS, config_hash=config_hash)
    )
    lines = lines_of({"alice": dict(cluster="inventory_group", data_dir="/data", results=found, report=None)})
    assert "    alice   enr:-abc" in lines
    rows = [line.split() for line in lines[lines.index("  terms, as proposed" if proposed else "  terms, as in the inventory") :]]
    assert ["name", "my", "cluster"] in rows and ["network", "hoodi"] in rows and ["compounding", "no"] in rows
    assert ["config", "hash", *(config_hash or "not known before there is a proposal").split()] in rows


def test_many_addresses():
    terms = dict(TERMS, withdrawal_addresses=["0x%040x" % number for number in range(13)])
    (line,) = (line for line in lines_of({"alice": dict(node(1), report=dict(REPORT, terms=terms))}) if "withdrawal to" in line)
    assert line.count("0x") == 10 and line.endswith(" and 3 more")


NOT_READY = dict(verified=False, state="waiting", step="approval")


@pytest.mark.parametrize(
    "found, heading, limit",
    [
        ([dict(NOT_READY, ready=True), dict(NOT_READY, waiting_for=(1,))], "To go on", "alice,bob"),
        ([dict(NOT_READY, waiting_for=(4,)), dict(NOT_READY, waiting_for=(4,))], "Once they have done their part", "alice,bob"),
        ([dict(NOT_READY, detail="approvals/2.json waits for the merge"), dict()], "Once that is done", "alice"),
        ([dict(verified=False, state="stopped"), dict()], "Once its operator has looked into it", "alice"),
    ],
)
def test_a_command_is_told_for_when_it_changes_something(found, heading, limit):
    lines = lines_of(
        {"carol": node(4), **{name: node(index, **each) for index, (name, each) in enumerate(zip(("alice", "bob"), found), 1)}}
    )
    headings = [line.strip(" :") for line in lines if line.endswith(":")]
    assert headings == [heading]
    assert lines[lines.index("  %s:" % heading) + 1].endswith("--limit " + limit)


def test_nodes_that_tell_different_terms():
    """A node that is broken into must not decide what the operators of the others compare."""
    told = [dict(state="waiting", step="approval", ready=True, terms=dict(TERMS, threshold=threshold)) for threshold in (3, 2)]
    nodes = {
        name: dict(cluster="inventory_group", data_dir="/", results=dict(dv_status=each), report=None) for name, each in zip("ab", told)
    }
    assert "  The nodes tell different terms: look at each of them alone, with --limit" in lines_of(nodes)
    assert not any("threshold" in line for line in lines_of(nodes))


def test_what_the_preflight_refused_is_nobodys_turn():
    found = dict(
        dv_status=dict(state="waiting", step="enr", ready=True, detail="it is this node's turn"),
        dv_preflight=dict(problems=["no policy", "x"]),
    )
    lines = lines_of({"alice": dict(cluster="inventory_group", data_dir="/", results=found, report=None)})
    assert lines[lines.index("  alice") + 1 :][:2] == ["    no policy", "    x"]
    assert "  Once that is done:" in lines and "  To go on:" not in lines


def test_what_is_wrong_is_a_line_each():
    failed = dict(failed=True, msg="- one; wanted: another\n- two; wanted: three\n")
    nodes = {"alice": dict(cluster="inventory_group", data_dir="/data", results=dict(dv_approval=failed), report=None)}
    lines = lines_of(nodes)
    assert lines[lines.index("  alice") + 1 :][:4] == ["    one", "    wanted: another", "    two", "    wanted: three"]


WAITING = dict(verified=False, state="waiting", step="deal", attempt=2, since=0)


def test_waiting_says_for_whom_which_step_since_when_and_the_command():
    nodes = {
        "alice": node(1),
        "bob": node(2, waiting_for=(1, 4), **WAITING),
        "carol": node(3, ready=True, detail="turn; run again", **WAITING),
    }
    lines = lines_of(nodes)
    assert lines[0] == "Cluster my cluster on hoodi is complete"
    assert "Cluster inventory_group is waiting on bob, carol" in lines
    since = ["1970-01-01", "00:00:00", "UTC"]
    rows = [line.split() for line in lines]
    assert ["bob", "waiting", "deal", "(attempt", "2)", "1", "(alice),", "4", "(0x4444*444444)", *since] in rows
    assert ["carol", "waiting", "deal", "(attempt", "2)", "a", "run", "on", "it", *since] in rows
    assert lines[lines.index("  carol") :][:3] == ["  carol", "    turn", "    run again"] and "  bob" not in lines
    assert "    ansible-playbook obol.dv.create_cluster -i hosts.yml --limit bob,carol" in lines


def test_aborted_and_stopped():
    """A new attempt is for all nodes of the cluster, and nobody is told to begin one where none helps."""
    accused = (Accused(3, "deal.share", "/data/evidence/deal-3.json"),)
    aborted = dict(verified=False, state="aborted", step="deal", attempt=1, accused=accused, next_attempt=2, detail="evidence: /data/x")
    stopped = dict(verified=False, state="stopped", attempt=1, detail="the newest copy")
    nodes = {"alice": node(1, **aborted), "bob": node(2, **aborted), "carol": node(3, **stopped)}
    lines = lines_of(nodes)
    assert lines[0] == "Cluster inventory_group is stopped on carol; aborted on alice, bob"
    assert lines.count("  alice, bob") == 1 and "    evidence: /data/x" in lines
    commands = [line.strip() for line in lines if "ansible-playbook" in line]
    plain = "ansible-playbook obol.dv.create_cluster -i hosts.yml"
    assert commands == [plain + " --limit carol", plain + " -e dv_dkg_attempt=2"]


def test_one_command_goes_on_with_the_earliest_step():
    early = {**WAITING, "step": "approval", "attempt": None}
    lines = lines_of({"alice": node(1, **WAITING), "bob": node(2, **early)}, playbook="obol.dv.dkg")
    assert [line.strip() for line in lines if "ansible-playbook" in line] == ["ansible-playbook obol.dv.create_cluster -i hosts.yml"]


def test_complete_without_a_verification():
    assert lines_of({"alice": node(1, verified=False)})[0] == "Cluster inventory_group is complete on alice"


def test_a_plan_says_that_nothing_was_written():
    text = text_of({"alice": node(1, verified=False, state="planned")})
    assert text == "Cluster inventory_group is planned: nothing was written on alice (check mode)"


def backup(**changes):
    return {
        **dict(path="/data/1.age", created="2026-05-01T12:00:00Z", holds=["key_shares", "lock"], current=True, copied=True, drilled=None),
        **changes,
    }


@pytest.mark.parametrize("proven, told", [([], "0 of 4 operators"), ([3, 1], "2 of 4 operators: 1 (bob), 3 (alice)")])
def test_who_proved_key_shares(proven, told):
    """Each node knows some statements; where no node was asked, nothing is told."""
    nodes = {"alice": node(3), "bob": node(1)}
    assert "Drills proved" not in text_of(nodes)
    for name, known in (("alice", proven[:1]), ("bob", proven[1:])):
        nodes[name]["results"].update(dv_status=dict(state="complete", proven=known))
    assert "  Drills proved all key shares of %s" % told in lines_of(nodes)


def test_where_key_shares_went():
    nodes = {"alice": node(1, verified=False), "bob": node(2, verified=False), "carol": node(3, verified=False)}
    assert "key shares" not in text_of(nodes)
    nodes["alice"]["results"].update(
        dv_status=dict(state="complete", keys=dict(place="teku at https://127.0.0.1:5052", state="loaded", since=None))
    )
    nodes["carol"]["results"].update(
        dv_status=dict(state="complete", keys=dict(place="prysm at http://127.0.0.1:1", state="loading", since=None))
    )
    text = text_of(nodes)
    assert "  key shares\n    alice   teku at https://127.0.0.1:5052\n" in text
    assert "    carol   prysm at http://127.0.0.1:1      perhaps not all: run obol.dv.load_keys again" in text


def test_backups_and_nodes_without_one():
    nodes = {name: node(index, verified=name != "bob") for index, name in enumerate(("alice", "bob", "carol"), 1)}
    nodes["alice"]["results"].update(dv_backup=dict(backup=backup()))
    nodes["bob"]["results"].update(dv_backup=dict(skipped=True))
    nodes["carol"]["results"].update(dv_status=dict(state="complete", backup=backup(path="", created=None)))
    lines = lines_of(nodes)
    assert "    alice   /data/1.age   not proven by a drill" in lines
    assert "  0 of 3 nodes have a copy elsewhere of all they have, which a drill proved" in lines
    assert "  No backup of bob, carol: set dv_backup_recipients" in lines
    assert "No backup" not in text_of({"alice": node(1)})


@pytest.mark.parametrize("holds, proven", [(["enr_private_key"], 1), (["key_shares", "lock"], 1), (["enr_private_key", "lock"], 0)])
def test_who_cannot_serve_a_validator_from_a_backup_is_not_proven(holds, proven):
    """Key shares that were taken elsewhere are in no backup, whatever a drill of the rest found."""
    nodes = {"alice": node(1)}
    nodes["alice"]["results"].update(dv_backup=dict(backup=backup(holds=holds, drilled="2026-05-02T12:00:00Z")))
    assert "  %d of 1 nodes have a copy elsewhere of all they have, which a drill proved" % proven in text_of(nodes)


@pytest.mark.parametrize(
    "found, told",
    [
        ({}, "not proven by a drill"),
        (dict(current=False), "not proven by a drill, of other files than the node has now"),
        (dict(drilled="2026-05-02T12:00:00Z"), "drill passed 2026-05-02 12:00:00 UTC"),
        (
            dict(drilled="2026-05-02T12:00:00Z", holds=["enr_private_key", "lock"]),
            "drill passed 2026-05-02 12:00:00 UTC, WITHOUT KEY SHARES: they were not in the data directory",
        ),
        (dict(drilled="2026-05-02T12:00:00Z", copied=False), "drill passed 2026-05-02 12:00:00 UTC, ON THE NODE ALONE: lost with it"),
        (dict(drilled="2026-05-02T12:00:00Z", current=False), "drill passed 2026-05-02 12:00:00 UTC, of other files than the node has now"),
    ],
)
def test_what_a_backup_is_worth(found, told):
    """A copy is the better place; a status knows best."""
    for results, path in (
        (dict(dv_backup=dict(backup=backup(**found), copy="/control/1.age")), "/control/1.age"),
        (dict(dv_backup=dict(backup=backup(), copy=None), dv_status=dict(state="complete", backup=backup(**found))), "/data/1.age"),
    ):
        nodes = {"alice": node(1)}
        nodes["alice"]["results"].update(results)
        assert "    alice   %s   %s" % (path, told) in lines_of(nodes)
        proven = 1 if told.startswith("drill") and not {"other", "WITHOUT", "ALONE:"} & {*told.split()} else 0
        assert "  %d of 1 nodes have a copy elsewhere of all they have, which a drill proved" % proven in lines_of(nodes)
