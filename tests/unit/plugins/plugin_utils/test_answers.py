# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What nodes answer that are broken into: each field of the wrong kind is one clear text, and reaches nothing."""

import copy
import json
import pathlib
import re
from types import SimpleNamespace

import pytest
import yaml
from ansible_collections.obol.dv.plugins.module_utils.cluster.node_status import Accused, NodeStatus
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.plugin_utils import answers
from ansible_collections.obol.dv.plugins.plugin_utils.rerun_command import CommandLine
from ansible_collections.obol.dv.plugins.plugin_utils.run_status import document, registered
from ansible_collections.obol.dv.plugins.plugin_utils.summary import summary_lines

from .test_summary import REPORT, TERMS

ROOT = pathlib.Path(__file__).resolve().parents[4]
KINDS = [None, True, 7, -1, 0, 10**30, 1.5, "text", "", [], [None], ["text"], [7], [[]], [{}], {}, {"a": 1}, {"share_index": 1}]
ACCUSED = Accused(2, "deal.share", "/data/evidence/deal-2.json")
CHECK = {"check": "beacon_ping", "about": "http://127.0.0.1:5052", "value": 7, "text": ""}
LINK = {
    **dict.fromkeys(("by", "way", "text", "version"), "x"),
    "to": 2,
    "sent": 20,
    "lost": 0,
    "reached": True,
    "times": [1],
    "clock_offset": -7,
    **dict.fromkeys(("median", "p95", "p99", "jitter")),
}
JUDGEMENT = {
    "cluster": "x",
    "network": "hoodi",
    "lock_hash": "0x",
    "made": "2026-01-02T03:04:05Z",
    "score": "B",
    "passed": True,
    "operators": [{"share_index": 1, "measured": None}],
    "links": [{**LINK, "from": 1, "verdict": "ok"}],
    "checks": [{**CHECK, "verdict": "ok", "share_index": 1, "title": "x", "unit": "us", "hint": ""}],
    "problems": [{"verdict": "warn", "about": "operator 1", "text": "x", "hint": "x"}],
}
GOOD = {
    **NodeStatus(state="waiting", step="deal", waiting_for=(2,), since=0, attempt=1, accused=(ACCUSED,), detail="x").result(),
    "operators": [{"share_index": 1, "address": None, "peer_id": "16Uiu2HAm"}],
    "changed": False,
    "listens": "echo",
    "p2p_address": "alice:3610",
    "passed": True,
    "checks": [{**CHECK, "state": "measured"}],
    "links": [LINK],
    "judgement": JUDGEMENT,
    "share_index": 1,
    "config_hash": "0x",
    "definition_hash": None,
    "proven": [1, 3],
    "keys": {"place": "prysm at http://127.0.0.1:7500", "state": "loaded", "since": None},
    "backup": {"path": "/backups/1.age", "created": None, "holds": ["lock"], "current": True, "copied": True, "drilled": None},
    "drills": [
        {
            **dict.fromkeys(("archive", "archive_sha256", "manifest_sha256", "peer_id"), "x"),
            **dict.fromkeys(("statement", "cluster", "definition_hash", "lock_hash", "share_index"), None),
            "holds": [],
            "key_shares": 1,
        }
    ],
    "place": "prysm at http://127.0.0.1:7500",
    "keys_loaded": None,
    "loaded": 1,
    "epochs_left": 0,
    "taken": ["0x"],
    "without_history": 0,
    "sent": ["0x"],
    "settings": [],
    "parts": ["lock"],
    "restored": [],
    "sha256": None,
    "enr": "enr:-",
    "path": "/data/x.age",
    "copy": None,
    "problems": ["one"],
    "settled": ["dkg/"],
    "handed_on": [],
    "has_definition": True,
    "can_propose": None,
    "accepted": ["x"],
    "terms": TERMS,
    "address": "0x",
    "created": None,
    "key_path": "/data/charon-enr-private-key",
    "peer_id": "16Uiu2HAm",
    "recipients": ["age1"],
    "stored": [],
    "cluster": REPORT,
    "findings": [{"level": "error", "check": "mode", "text": "x"}],
    **dict.fromkeys(("plan", "network", "contract", "payer", "amount", "unpaid"), "0x"),
    "remarks": ["x"],
    "withdrawal": [{"address": "0x", "kind": "a contract"}],
    "lines": [{"line": "validator 0: 32 ETH", "state": "pending", "transaction": None}],
    "guards": [{"guard": "pool", "state": "unchecked", "text": "x"}],
    "validators": [{"position": 0, "pubkey": "0x", "status": "active_ongoing"}],
    "diff": {"before": "", "after": "x"},
    "process": {"socket": "/tmp/x/socket", "python": "/usr/bin/python3"},
}

#: What Ansible obeys in an answer, or may one day.
OBEYED = {
    "ansible_facts": {"dv_store": "/evil"},
    "_ansible_facts_cacheable": True,
    "ansible_stats": {"data": {"x": 1}},
    "add_host": {"host_name": "evil"},
    "add_group": "evil",
    "ansible_job_id": "1",
    "results": [{"ansible_facts": {"dv_store": "/evil"}}],
    "deprecations": [{"msg": "x"}],
    "exception": "x",
    "invocation": {"module_args": {}},
    "dv_store": "/evil",
}


def test_what_our_modules_answer_is_taken():
    assert set(GOOD) == set(answers.FIELDS)
    assert answers.check(GOOD) == GOOD
    assert answers.cluster({"cluster": REPORT}) == REPORT
    for verified in ({}, {"cluster": {}}, {"cluster": REPORT, "failed": True}, {"cluster": {**REPORT, "lock_hash": None}}):
        assert answers.cluster(verified) is None


@pytest.mark.parametrize("module", sorted((ROOT / "plugins" / "modules").glob("*.py")), ids=lambda path: path.stem)
def test_all_that_a_module_documents_is_taken(module):
    if module.stem in ("readiness_report", "store_copy", "summary"):
        return  # no part of them is on a node
    returned = yaml.safe_load(re.search('^RETURN = r"""(.*?)"""', module.read_text(), re.DOTALL | re.MULTILINE)[1])
    assert set(returned) <= set(answers.FIELDS)
    assert (ROOT / "plugins" / "action" / module.name).exists()


@pytest.mark.parametrize("made", ["../../etc/x", "/etc/x", "2026-01-02T03:04:05Z/../x", "2026-01-02", "", None, 7])
def test_a_judgement_made_at_no_time(made):
    """A file on the control node is called by it."""
    with pytest.raises(DvError, match="a wrong judgement"):
        answers.check({**GOOD, "judgement": {**JUDGEMENT, "made": made}})


@pytest.mark.parametrize("number", [2**31, 2**53 - 1])
def test_what_an_operator_may_state_a_judgement_may_hold(number):
    """Nobody's statement makes the answers of all others wrong."""
    link = {
        **JUDGEMENT["links"][0],
        **dict.fromkeys(("sent", "lost", "median", "p95", "p99", "jitter", "clock_offset"), number),
        "times": [number] * 11,
    }
    (check,) = JUDGEMENT["checks"]
    judgement = {**JUDGEMENT, "links": [link], "checks": [{**check, "value": number}]}
    assert answers.check(dict(judgement=judgement)) == dict(judgement=judgement)


@pytest.mark.parametrize("name", OBEYED)
def test_what_ansible_obeys_is_not(name):
    assert answers.check({**GOOD, name: OBEYED[name]}) == GOOD


def test_what_ansible_shows_is():
    shown = dict(failed=True, msg="x", rc=1, module_stdout="", module_stderr="x", unreachable=True, skipped=True, skip_reason="x")
    assert answers.check(shown) == shown


@pytest.mark.parametrize(
    "warnings, shown",
    [(["a\x07"], ["a\\u0007"]), (7, []), ([7], ["7"]), ([SimpleNamespace(event=SimpleNamespace(msg="a\x1b"))], ["a\\u001b"]), ("text", [])],
)
def test_warnings(warnings, shown):
    assert answers.check(dict(warnings=warnings)) == dict(warnings=shown)


@pytest.mark.parametrize("depth", [60, 900, 5000])
@pytest.mark.parametrize("kind", ["list", "dict"])
@pytest.mark.parametrize("field", ["msg", "cluster"])
def test_an_answer_that_nests(kind, depth, field):
    value = "x"
    for _level in range(depth):
        value = [value] if kind == "list" else {"a": value}
    with pytest.raises(
        DvError, match="^the answer of this node nests in more than 50 levels; wanted: an answer of one of our modules; see"
    ):
        answers.check({field: {"a": value}})


@pytest.mark.parametrize("value", KINDS, ids=repr)
@pytest.mark.parametrize("name", answers.FIELDS)
def test_anything_in_any_field(name, value):
    """It is refused, or the summary can tell it."""
    for task in ("dv_status", "dv_dkg", "dv_definition", "dv_enr", "dv_backup", "dv_verified"):
        for more in ({}, {"failed": True, "msg": value}, {"unreachable": True, "msg": value}):
            tell({task: {**GOOD, name: value, **more}})


@pytest.mark.parametrize("value", KINDS, ids=repr)
@pytest.mark.parametrize("name", [*REPORT, "operators[0]", "address", "peer_id", "share_index", ""])
def test_anything_in_a_cluster(name, value):
    told = copy.deepcopy(REPORT)
    if name == "operators[0]":
        told["operators"][0] = value
    elif name in told["operators"][0]:
        told["operators"][0][name] = value
    else:
        told = {**told, name: value} if name else value
    tell({"dv_dkg": GOOD, "dv_verified": {"cluster": told}})


def tell(found):
    nodes = {"alice": dict(cluster="group", data_dir="/data", results=registered(found))}
    command_line = CommandLine({"args": ["obol.dv.status"]}, (), list(nodes))
    made = document(nodes, command_line)
    json.dumps(made)
    report = answers.cluster(nodes["alice"]["results"].get("dv_verified") or {})
    for cluster in made["clusters"].values():
        assert all(isinstance(line, str) for line in summary_lines("group", cluster, {"alice": report} if report else {}, command_line))


@pytest.mark.parametrize(
    "name, value", [("waiting_for", ["x"]), ("operators", {}), ("state", None), ("share_index", -5), ("changed", "no")]
)
def test_the_text_names_what_is_wrong(name, value):
    with pytest.raises(DvError, match="^the answer of this node has a wrong %s; wanted: .*; nothing of it was used: see what runs" % name):
        answers.check({**GOOD, name: value})
    told = registered({"dv_dkg": {**GOOD, name: value}})["dv_dkg"]
    assert told["failed"] and "has a wrong %s" % name in told["msg"]


@pytest.mark.parametrize("more", [{"zz": float("nan")}, {"threshold": float("inf")}, {"deposit_amounts": [float("nan")]}, {"name": None}])
def test_terms_are_these_and_no_others(more):
    with pytest.raises(DvError, match="has a wrong terms; wanted: the terms of a cluster, or nothing"):
        answers.check({"terms": {**TERMS, **more}})


WRONG = [1, "text", ["text"], {"a": None}, {"a": 1}, {"a": ["x"]}, {"a": {}}, {1: "x"}, [["a", "x"]], True]


@pytest.mark.parametrize("sent", WRONG, ids=repr)
def test_an_outbox_of_another_kind(sent):
    answer = {"outbox": sent}
    with pytest.raises(DvError, match="has a wrong outbox; wanted: file names, each with a text"):
        answers.outbox(answer, lambda name: True)
    assert answer == {}


@pytest.mark.parametrize("name", ["", "../x", "/etc/passwd", "b\x1b[2J", "\ud800", "x" * 5000, "a\n"])
def test_a_name_that_is_none_of_this_step(name):
    with pytest.raises(DvError) as caught:
        answers.outbox({"outbox": {"a": "x", name: "x"}}, "a".__eq__)
    assert str(caught.value).startswith("the node sent a file '") and str(caught.value).isprintable() and len(str(caught.value)) < 2000


def test_half_a_surrogate():
    with pytest.raises(DvError, match="the node sent a a that UTF-8 cannot hold; wanted: a text"):
        answers.outbox({"outbox": {"a": "\udcff"}}, "a".__eq__)


def test_what_is_sent_stays_as_it_is():
    sent = {"a": "\x1b[31m\u202eä\n"}
    answer = answers.check({"outbox": sent, "msg": "\x1b[31m\u202eä\n\udcff", "cluster": {"deep": [{"\x9b": "\x07"}]}})
    assert answers.outbox(answer, "a".__eq__) == sent
    assert answer == {"msg": "\\u001b[31m\\u202eä\n\\udcff", "cluster": {"deep": [{"\\u009b": "\\u0007"}]}}
    assert answers.outbox({}, None) == answers.outbox({"outbox": None}, None) == {}
