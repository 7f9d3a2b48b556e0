# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One state for each node, from what the tasks registered."""

import dataclasses

import jsonschema
import pytest
from ansible_collections.obol.dv.plugins.module_utils.cluster.node_status import Accused, NodeStatus
from ansible_collections.obol.dv.plugins.plugin_utils.rerun_command import CommandLine
from ansible_collections.obol.dv.plugins.plugin_utils.run_status import UNKNOWN, document, node_status
from ansible_collections.obol.dv.tests.support import status_schema

FAILED = dict(failed=True, msg="what was found;\n wanted: what was wanted")
WAITS = NodeStatus(state="waiting", step="approval", waiting_for=(2,), since=0).result()


def test_a_status_has_all_that_is_told():
    assert set(NodeStatus(state="complete").result()) == set(UNKNOWN)
    assert {field.name for field in dataclasses.fields(NodeStatus)} == set(UNKNOWN)


@pytest.mark.parametrize(
    "results, wanted",
    [
        (dict(dv_enr=FAILED), ("waiting", "enr")),
        (dict(dv_enr=dict(enr="x"), dv_proposal=FAILED), ("waiting", "proposal")),
        (dict(dv_approval=FAILED, dv_definition=dict(skipped=True)), ("waiting", "approval")),
        (dict(dv_approval=dict(state="approved"), dv_definition=WAITS, dv_dkg=dict(state="waiting")), ("waiting", "approval")),
        (dict(dv_definition=dict(state="complete"), dv_dkg=dict(state="waiting", step="deal")), ("waiting", "deal")),
        (dict(dv_dkg=dict(FAILED, state="aborted", step="deal")), ("aborted", "deal")),
        (dict(dv_dkg=dict(FAILED, state="stopped")), ("stopped", None)),
        (dict(dv_dkg=FAILED), ("waiting", None)),
        (dict(dv_dkg=dict(state="complete"), dv_verified=dict(FAILED, cluster={})), ("waiting", "verify")),
        (dict(dv_dkg=dict(state="complete"), dv_verified=dict(cluster={})), ("complete", None)),
        (dict(dv_dkg=dict(state="planned")), ("planned", None)),
        (dict(dv_enr=dict(unreachable=True, msg="no route")), ("unknown", None)),
        (dict(dv_status=WAITS, dv_dkg=dict(state="complete")), ("waiting", "approval")),
        (dict(dv_status=dict(msg="jsonschema is missing")), ("unknown", None)),
    ],
)
def test_one_state(results, wanted):
    told = node_status(results)
    assert (told["state"], told["step"]) == wanted
    if told["state"] in ("waiting", "unknown") and "msg" in str(results):
        assert told["detail"], "why it failed is told"


def test_a_node_that_the_run_has_not_come_to():
    assert node_status({}) is None


def test_document():
    operators = [dict(share_index=index, address="0x" + "1" * 40, peer_id=None) for index in (1, 2)]
    accused = Accused(2, "deal.share", "/data/evidence/deal-2.json")
    results = {
        "alice": dict(dv_definition=dict(WAITS, operators=operators, share_index=1), dv_dkg=dict(state="waiting")),
        "bob": dict(dv_status=dict(NodeStatus(state="aborted", step="deal", accused=(accused,), next_attempt=2).result(), share_index=2)),
        "carol": dict(dv_status=dict(unreachable=True, msg="no route")),
        "dave": {},
    }
    clusters = {"alice": "a", "bob": "a", "carol": "b", "dave": "b"}
    nodes = {name: dict(cluster=clusters[name], data_dir="/data", results=each) for name, each in results.items()}
    given = {"args": ["obol.dv.status"], "inventory": ["hosts.yml"]}
    made = document(nodes, CommandLine(given, (), list(results)))
    status_schema.check(made)
    assert {name: list(cluster["nodes"]) for name, cluster in made["clusters"].items()} == {"a": ["alice", "bob"], "b": ["carol"]}
    assert [operator["node"] for operator in made["clusters"]["a"]["operators"]] == ["alice", "bob"]
    told = made["clusters"]["a"]["nodes"]
    assert told["alice"]["command"] == "ansible-playbook obol.dv.create_cluster -i hosts.yml --limit alice"
    assert told["alice"]["since"] == "1970-01-01T00:00:00Z"
    assert told["bob"]["command"].endswith("--limit bob") and "-e dv_dkg_attempt=2" in told["bob"]["command"]
    assert told["bob"]["evidence"] == accused.evidence
    made["clusters"]["a"]["nodes"]["alice"]["state"] = "lost"
    with pytest.raises(jsonschema.ValidationError):
        status_schema.check(made)
