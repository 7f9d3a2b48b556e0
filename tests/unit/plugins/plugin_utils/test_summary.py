# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The summary: what a person reads at the end."""

from ansible_collections.obol.dv.plugins.plugin_utils.summary import summary_lines

REPORT = dict(
    name="my cluster",
    network="hoodi",
    threshold=3,
    config_hash="0x" + "c" * 64,
    definition_hash="0x" + "d" * 64,
    lock_hash="0x" + "e" * 64,
    operators=[dict(share_index=i, address="0x" + str(i) * 40, peer_id="16Uiu2HAm%dsixsix" % i) for i in (1, 2, 3, 4)],
    validators=["0x" + "a" * 96, "0x" + "b" * 96],
)


def node(index, **found):
    peer_id, backup = "16Uiu2HAm%dsixsix" % index, "/backups/%d.age" % index
    return dict(data_dir="/data/%d" % index, peer_id=peer_id, state="complete", detail="", backup=backup, report=REPORT) | found


def text_of(nodes):
    return "\n".join(summary_lines("inventory_group", nodes))


def test_a_finished_cluster():
    text = text_of({"alice": node(3), "bob": node(1), "carol": node(2), "dave": node(4)})
    assert text.startswith("Cluster my cluster on hoodi is complete")
    assert "3 of 4 operators" in text
    for part in [REPORT["config_hash"], REPORT["definition_hash"], REPORT["lock_hash"], *REPORT["validators"], "/data/2"]:
        assert part in text
    rows = [line.split() for line in text.splitlines()]
    assert ["3", "alice", "0x" + "3" * 40, "16Uiu2*sixsix"] in rows, "a node is told by its peer id, not by its place"
    assert "What comes next" in text


def test_nodes_that_are_not_in_the_run_have_no_name():
    rows = [line.split() for line in text_of({"alice": node(3)}).splitlines()]
    assert ["1", "-", "0x" + "1" * 40, "16Uiu2*sixsix"] in rows


def test_an_unsigned_cluster_has_no_addresses():
    report = dict(REPORT, operators=[dict(REPORT["operators"][0], address="")])
    assert ["1", "alice", "-", "16Uiu2*sixsix"] in [line.split() for line in text_of({"alice": node(1, report=report)}).splitlines()]


def test_a_node_that_waits_is_named_with_the_reason():
    text = text_of({"alice": node(1), "bob": node(2, state="waiting", detail="for operator 4", report=None)})
    assert "Cluster inventory_group is not complete on bob" in text
    assert ["bob", "waiting", "for", "operator", "4"] in [line.split() for line in text.splitlines()]


def test_backups_and_nodes_without_one():
    nodes = {"alice": node(1), "bob": node(2, backup=None), "carol": node(3, backup=None)}
    told = "No backup of the ENR private key on bob, carol: set dv_backup_recipients."
    assert "    alice   /backups/1.age" in text_of(nodes) and told in text_of(nodes)
    waiting = {name: dict(found, report=None, state="waiting") for name, found in nodes.items()}
    assert told in text_of(waiting)
    assert "No backup" not in text_of({"alice": node(1)})


def test_a_plan_says_that_nothing_was_written():
    assert text_of({"alice": node(1, state="planned", report=None)}) == "Cluster inventory_group is planned: nothing was written on alice (check mode)"
