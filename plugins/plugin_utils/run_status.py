# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The status of the nodes of a run: one for each, from what the tasks registered on it. docs/status.md has its form."""

from __future__ import annotations

from ansible_collections.obol.dv.plugins.module_utils.backup import status as backup_status
from ansible_collections.obol.dv.plugins.module_utils.cluster.node_status import NodeStatus
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.plugin_utils import answers
from ansible_collections.obol.dv.plugins.plugin_utils.rerun_command import CommandLine

#: What the roles register, in their order, and the step that it is about. The DKG tells its own.
TASKS = {
    "dv_enr": "enr",
    "dv_wallet": "approval",
    "dv_demo_operator": "approval",
    "dv_proposal": "proposal",
    "dv_approval": "approval",
    "dv_definition": "definition",
    "dv_dkg": None,
    "dv_unloaded_keys": "unload",
    "dv_keys_ready": "load",
    "dv_loaded_keys": "load",
    "dv_restarted_keys": "load",
    "dv_activated": "activate",
    "dv_listening": "test",
    "dv_measured": "test",
    "dv_judged": "test",
    "dv_verified": "verify",
}

#: Whose result tells what else is known of a node and its cluster, the best first.
_SOURCES = ("dv_status", "dv_dkg", "dv_definition", "dv_approval", "dv_enr", "dv_preflight")

#: The status of a node of which nothing is known.
UNKNOWN = NodeStatus(state="unknown").result()

_NOTHING_KNOWN = dict(
    operators=None, terms=None, agreed=True, accepted=None, proven=None, keys_loaded=None, validators=None, readiness=None
)

# What is told of the verdicts about a cluster.
_READINESS = ("passed", "score", "made", "problems")

# What is told of a plan that a node pays.
_DEPOSITS = (
    *("state", "detail", "plan", "network", "contract", "payer", "amount", "unpaid", "remarks", "withdrawal", "lines", "validators"),
    *("guards", "sent"),
)


def registered(variables: dict) -> dict[str, dict]:
    """What the roles registered among a node's ``variables``: name -> result. One that no module of ours returns is a failure."""
    return {name: _checked(variables[name]) for name in (*TASKS, "dv_preflight", "dv_status", "dv_backup") if name in variables}


def _checked(result):
    try:
        result = answers.check(result or {})
        answers.cluster(result)
        return result
    except DvError as error:
        return dict(failed=True, msg=str(error))


def node_status(results: dict[str, dict]) -> dict | None:
    """The status of a node, with the keys of :data:`UNKNOWN`, by its ``results``, see :func:`registered`; None if the run has not come
    to it."""
    steps = [(step, results[name]) for name, step in TASKS.items() if results.get(name)]
    for step, result in steps:
        if result.get("failed") or result.get("unreachable"):
            return _status(result, step)
        if step == "definition" and result.get("state") == "waiting":
            return _status(result)
    if "dv_status" in results:
        return _with_problems(_status(results["dv_status"]), (results.get("dv_preflight") or {}).get("problems"))
    with_state = [result for step, result in steps if result.get("state") and step in (None, "definition")]
    return _status((with_state or [result for _step, result in steps])[-1]) if steps else None


def _with_problems(status, problems):
    """The ``status`` of a node; with problems that the preflight found it is nobody's turn but its own operator's."""
    return dict(status, ready=False, waiting_for=[], detail="; ".join(problems)) if problems and status["state"] == "waiting" else status


def _status(result, step=None):
    status = {name: result.get(name, value) for name, value in UNKNOWN.items()}
    if result.get("unreachable"):
        return dict(status, state="unknown", detail=f"it could not be reached: {_text(result)}")
    if result.get("failed") and result.get("state") not in ("aborted", "stopped"):
        return dict(status, state="waiting", step=result.get("step") or step, detail=_text(result))
    # Its package is missing, for example: nobody could look.
    return status if result.get("state") else dict(status, state="unknown", detail=_text(result))


def _text(result):
    """The message of a result as one line; of several problems, which are a line each, too."""
    lines = (line.strip().removeprefix("- ") for line in str(result.get("msg") or "").splitlines())
    return "; ".join(filter(None, lines))


def document(nodes: dict[str, dict], command_line: CommandLine) -> dict:
    """The status of all nodes, by cluster: what is written as JSON.

    :param nodes: by name, in their order: ``cluster``, ``data_dir``, ``results`` (:func:`registered`)
    """
    clusters: dict[str, dict] = {}
    for name, node in nodes.items():
        results = node["results"]
        status = node_status(results)
        if status is None:
            continue
        cluster = clusters.setdefault(node["cluster"], dict(_NOTHING_KNOWN, nodes={}))
        for key in ("operators", "terms", "accepted"):
            cluster[key] = cluster[key] or _first(results, key)
        for key in ("proven", "keys_loaded"):
            told = (results.get("dv_status") or {}).get(key)
            # Each node knows the statements that the store has, and those of its own.
            cluster[key] = cluster[key] if told is None else sorted({*(cluster[key] or ()), *told})
        cluster["validators"] = cluster["validators"] or (results.get("dv_status") or {}).get("validators")
        cluster["readiness"] = worse(cluster["readiness"], results)
        cluster["agreed"] = cluster["agreed"] and _first(results, "terms") in (None, cluster["terms"])
        more = {key: status.get(key) or _first(results, key) for key in ("config_hash", "definition_hash", "share_index", "enr")}
        more_of = dict(backup=_backup(results), keys=_keys(results), deposits=_deposits(results), data_dir=node["data_dir"])
        cluster["nodes"][name] = dict(status, **more_of, command=command([name], status, command_line)) | more
    for cluster in clusters.values():
        cluster["operators"] = [dict(operator, node=None) for operator in cluster["operators"] or ()]
        cluster["accepted"] = cluster["accepted"] or []
        cluster["readiness"] = cluster["readiness"] and {name: cluster["readiness"][name] for name in _READINESS}
        for name, node in cluster["nodes"].items():
            if node["share_index"] and node["share_index"] <= len(cluster["operators"]):
                cluster["operators"][node["share_index"] - 1]["node"] = name
    return dict(clusters=dict(sorted(clusters.items())))


def _first(results, key):
    """The value of ``key`` in the first of the :data:`_SOURCES` that has one, or None."""
    return next(filter(None, (results[name].get(key) for name in _SOURCES if results.get(name))), None)


def _backup(results):
    """How far the backups of the node go, see :func:`.backup.status.evaluate`, a copy before what is on the node; None if nobody
    looked."""
    if "dv_status" in results:
        return results["dv_status"].get("backup")
    made = results.get("dv_backup") or {}
    if made.get("skipped"):
        return dict(backup_status.NONE)
    return dict(made["backup"], path=made.get("copy") or made["backup"]["path"]) if made.get("backup") else None


def _keys(results):
    """Where the key shares of the node are, and what they wait for; None where they never went anywhere, or nobody looked."""
    keys = (results.get("dv_status") or {}).get("keys")
    for name in ("dv_loaded_keys", "dv_restarted_keys"):
        if "dv_status" not in results and (results.get(name) or {}).get("place"):
            keys = dict(place=results[name]["place"], state=results[name].get("state", ""), since=None)
    waiting = [results[name] for name in ("dv_unloaded_keys", "dv_loaded_keys") if (results.get(name) or {}).get("state") == "waiting"]
    text = waiting[0].get("detail", "") if waiting else ""
    return dict(keys or dict(place="", state="", since=None), detail=text) if keys or text else None


def worse(found: dict | None, results: dict[str, dict]) -> dict | None:
    """The worse of the judgement about a cluster that was ``found`` and that of another node, by its ``results``: each judges for itself, and
    anybody may say that all is well."""
    judgement = (results.get("dv_judged") or {}).get("judgement")
    return found if not judgement or found and (not found["passed"] or judgement["passed"]) else judgement


def _deposits(results):
    """The plan that the node pays, as far as it is; None where it pays none."""
    told = results.get("dv_activated") or {}
    return {name: told[name] for name in _DEPOSITS} if all(name in told for name in _DEPOSITS) else None


def command(names: list[str], status: dict, command_line: CommandLine) -> str | None:
    """The command that goes on from a ``status`` on the nodes ``names``, or None where there is nothing to go on with."""
    if status["next_attempt"]:
        return command_line.again(names, "commit", dv_dkg_attempt=status["next_attempt"])
    return command_line.again(names, status["step"]) if status["state"] in ("waiting", "stopped", "unknown") else None
