# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where all nodes of a run stand: one state for each, from what the tasks registered on them. docs/status.md tells its form."""

from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.plugin_utils import answers

#: What the roles register, in their order, and the step that it is about. The DKG tells its own.
TASKS = {
    "dv_enr": "enr",
    "dv_wallet": "approval",
    "dv_demo_operator": "approval",
    "dv_proposal": "proposal",
    "dv_approval": "approval",
    "dv_definition": "definition",
    "dv_dkg": None,
    "dv_verified": "verify",
}

#: Who tells what else is known of a node and its cluster, the best first.
_TELLERS = ("dv_status", "dv_dkg", "dv_definition", "dv_approval", "dv_enr", "dv_preflight")

#: What is known of a node of which nothing is known.
UNKNOWN: dict[str, object] = dict(
    state="unknown",
    step=None,
    attempt=None,
    waiting_for=[],
    ready=False,
    since=None,
    detail="",
    accused=[],
    evidence=None,
    next_attempt=None,
)


def registered(found):
    """What the roles registered among a node's variables, name to answer; of one that no node of ours gives, that it failed."""
    return {name: _checked(found[name]) for name in (*TASKS, "dv_preflight", "dv_status", "dv_backup") if name in found}


def _checked(answer):
    try:
        answer = answers.check(answer or {})
        answers.cluster(answer)
        return answer
    except DvError as error:
        return dict(failed=True, msg=str(error))


def standing(found):
    """Where a node stands, a dict with the keys of :data:`UNKNOWN`; None if the run has not come to it.

    :param found: what was :func:`registered` of it
    """
    results = [(step, found[name]) for name, step in TASKS.items() if found.get(name)]
    for step, result in results:
        if result.get("failed") or result.get("unreachable"):
            return _standing(result, step)
        if step == "definition" and result.get("state") == "waiting":
            return _standing(result)
    if "dv_status" in found:
        return _checked_before(_standing(found["dv_status"]), found.get("dv_preflight") or {})
    told = [result for step, result in results if result.get("state") and step in (None, "definition")]
    return _standing((told or [result for _step, result in results])[-1]) if results else None


def _checked_before(told, preflight):
    """Where a node stands, ``told``; with what the preflight found wrong it is nobody's turn but its own operator's."""
    problems = preflight.get("problems")
    return dict(told, ready=False, waiting_for=[], detail="; ".join(problems)) if problems and told["state"] == "waiting" else told


def _standing(result, step=None):
    known = {name: result.get(name, value) for name, value in UNKNOWN.items()}
    if result.get("unreachable"):
        return dict(known, state="unknown", detail="it could not be reached: %s" % _text(result))
    if result.get("failed") and result.get("state") not in ("aborted", "stopped"):
        return dict(known, state="waiting", step=result.get("step") or step, detail=_text(result))
    # Its package is missing, for example: nobody could look.
    return known if result.get("state") else dict(known, state="unknown", detail=_text(result))


def _text(result):
    """The message of an answer as one line; of several problems, which are a line each, too."""
    lines = (line.strip().removeprefix("- ") for line in str(result.get("msg") or "").splitlines())
    return "; ".join(filter(None, lines))


def document(nodes, command_line):
    """Where all nodes stand, by cluster: what is written as JSON.

    :param nodes: by name, in their order: ``cluster``, ``data_dir``, ``found`` (:func:`registered`)
    :param command_line: the :class:`.rerun_command.CommandLine` of this run
    """
    clusters = {}
    for name, node in nodes.items():
        told, found = standing(node["found"]), node["found"]
        if told is None:
            continue
        cluster = clusters.setdefault(node["cluster"], dict(operators=None, terms=None, agreed=True, accepted=None, nodes={}))
        for key in ("operators", "terms", "accepted"):
            cluster[key] = cluster[key] or _first(found, key)
        cluster["agreed"] = cluster["agreed"] and _first(found, "terms") in (None, cluster["terms"])
        known = {key: told.get(key) or _first(found, key) for key in ("config_hash", "definition_hash", "share_index", "enr")}
        paths = dict(enr_key_backup=_backup(found), data_dir=node["data_dir"])
        cluster["nodes"][name] = dict(told, **paths, command=command([name], told, command_line)) | known
    for cluster in clusters.values():
        cluster["operators"] = [dict(operator, node=None) for operator in cluster["operators"] or ()]
        cluster["accepted"] = cluster["accepted"] or []
        for name, node in cluster["nodes"].items():
            if node["share_index"] and node["share_index"] <= len(cluster["operators"]):
                cluster["operators"][node["share_index"] - 1]["node"] = name
    return dict(clusters=dict(sorted(clusters.items())))


def _first(found, key):
    """The value of ``key`` in the first answer that has one, or None."""
    return next(filter(None, (found[name].get(key) for name in _TELLERS if found.get(name))), None)


def _backup(found):
    """The path of the newest backup of the node's ENR private key, empty if there is none, None if nobody looked."""
    if "dv_status" in found:
        return found["dv_status"].get("enr_key_backup")
    made = found.get("dv_backup") or {}
    earlier = found["dv_enr"].get("enr_key_backup", "") if "dv_enr" in found else None
    return made.get("copy") or made.get("path") or earlier


def command(names, told, command_line):
    """The command that goes on from a state on the nodes ``names``, or None where there is nothing to go on with."""
    if told["next_attempt"]:
        return command_line.again(names, "commit", dv_dkg_attempt=told["next_attempt"])
    return command_line.again(names, told["step"]) if told["state"] in ("waiting", "stopped", "unknown") else None
