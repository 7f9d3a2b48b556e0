# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The summary at the end of a run, as lines of text."""

from ansible_collections.obol.dv.plugins.module_utils.cluster.node_status import STEPS
from ansible_collections.obol.dv.plugins.module_utils.data_dir import layout
from ansible_collections.obol.dv.plugins.plugin_utils import terms
from ansible_collections.obol.dv.plugins.plugin_utils.rerun_command import CommandLine
from ansible_collections.obol.dv.plugins.plugin_utils.run_status import command

LOAD = "Give its key shares to its validator client (obol.dv.load_keys)."
PROVE = "Prove every node's backup by a drill (obol.dv.drill): a lost ENR private key or key share cannot be made again."
DEPOSIT = "Deposit only after charon runs on all nodes (obol.dv.activate): deposit-data*.json is the same on each of them."
NEXT = (
    PROVE,
    "Give cluster-lock.json and charon-enr-private-key to the node's charon.",
    LOAD,
    DEPOSIT,
)


FILES = (layout.NODE_KEY, layout.DEFINITION, layout.LOCK, layout.DEPOSIT_DATA, layout.KEYS + "/")

#: The states, in the order of the summary.
STATES = ("complete", "planned", "waiting", "stopped", "aborted", "unknown")

#: What is said before a command: for nodes whose run changes something now, or once others, or their own operator, did something.
NOW, THEN = "To go on", "Once they have done their part"
TURNS = (NOW, THEN, "Once that is done", "Once its operator has looked into it", "To begin a new attempt, once all operators agree on it")

#: The columns of the table of nodes: title, and function of (name, node, names of the operators).
COLUMNS = {
    "node": lambda name, node, operators: name,
    "state": lambda name, node, operators: node["state"],
    "step": lambda name, node, operators: _step(node),
    "waits for": lambda name, node, operators: _waits_for(node, operators),
    "since": lambda name, node, operators: _time(node["since"] or "-"),
}


def summary_lines(name: str, cluster: dict, reports: dict[str, dict], command_line: CommandLine) -> list[str]:
    """The summary of one cluster.

    :param name: its name in the inventory
    :param cluster: its ``operators``, ``terms``, ``accepted`` and ``nodes``, see :func:`.run_status.document`
    :param reports: by node, the cluster as the module verify returned it, where it verified it in this run
    """
    nodes = cluster["nodes"]
    rest = {node: status for node, status in nodes.items() if node not in reports}
    lines = _verified(name, nodes, reports) if reports else []
    if rest:
        lines += ([""] if lines else []) + _unverified(name, rest, cluster["operators"], command_line)
        lines += _enrs(rest) + ([] if reports else _agreement(cluster, rest))
    lines += ["", "  Accepted, see dv_accept"] + [f"    - {text}" for text in cluster["accepted"]] if cluster["accepted"] else []
    lines += _backups(cluster) + _keys(cluster) + _deposits(nodes) + _validators(cluster) + _readiness(cluster)
    return lines + _next(nodes) if reports else lines


def short_peer_id(peer_id: str) -> str:
    """A peer id cut for people: its first and last 6 characters."""
    return f"{peer_id[:6]}*{peer_id[-6:]}"


def _verified(name, nodes, reports):
    report = next(iter(reports.values()))
    by_index = {status["share_index"]: node for node, status in nodes.items()}
    operators = [
        (
            str(operator["share_index"]),
            by_index.get(operator["share_index"], "-"),
            operator["address"] or "-",
            short_peer_id(operator["peer_id"] or ""),
        )
        for operator in report["operators"]
    ]
    lines = [f"Cluster {report['name'] or name} on {report['network']} is complete", ""]
    hashes = [(key.replace("_", " "), report[key]) for key in ("config_hash", "definition_hash", "lock_hash")]
    lines += _table(terms.rows(report["terms"]) + hashes)
    lines += [""] + _table([("share index", "node", "operator", "peer id")] + operators)
    lines += ["", "  validators"] + [f"    {public_key}" for public_key in report["validators"]]
    lines += ["", "  data directories, each with " + ", ".join(FILES)]
    return lines + ["  " + line for line in _table([(node, nodes[node]["data_dir"]) for node in reports])]


def _enrs(nodes):
    """The ENRs of nodes that have no definition yet, which holds them."""
    rows = [(name, node["enr"]) for name, node in nodes.items() if node["enr"] and not node["definition_hash"]]
    return ["", "  ENRs"] + ["  " + line for line in _table(rows)] if rows else []


def _agreement(cluster, nodes):
    """The terms of a cluster that is not complete, as far as they are known: what operators compare before they approve."""
    if not cluster["terms"]:
        return []
    if not cluster["agreed"]:
        return ["", "  The nodes tell different terms: look at each of them alone, with --limit"]
    hashes = dict.fromkeys(node["config_hash"] for node in nodes.values() if node["config_hash"])
    title = "terms, as proposed" if hashes else "terms, as in the inventory"
    agreed = [("config hash", each) for each in hashes] or [("config hash", "not known before there is a proposal")]
    names = [(key, cluster["terms"][key] or "-") for key in ("name", "network")]
    operators = [(f"operator {index}", address or "-") for index, address in enumerate(cluster["terms"]["operators"], 1)]
    return ["", "  " + title] + ["  " + line for line in _table(names + terms.rows(cluster["terms"]) + operators + agreed)]


def _backups(cluster):
    """Where the newest backup of each node is, and whether it is worth anything."""
    told = {name: node["backup"] for name, node in cluster["nodes"].items() if node["backup"]}
    made = {name: backup for name, backup in told.items() if backup["path"]}
    lines = []
    if made:
        rows = [(name, backup["path"], _worth(backup)) for name, backup in made.items()]
        proven = [name for name, backup in made.items() if _is_proven(backup)]
        enough = f"; {cluster['terms']['threshold']} nodes serve the validators" if cluster["terms"] else ""
        lines = ["", "  encrypted backups", *("  " + line for line in _table(rows))]
        lines += ["", f"  {len(proven)} of {len(told)} nodes have a copy elsewhere of all they have, which a drill proved{enough}"]
    if cluster["proven"] is not None:
        names = [_name(operator) for operator in cluster["operators"] if operator["share_index"] in cluster["proven"]]
        which = f": {', '.join(names)}" if names else ""
        lines += ["", f"  Drills proved all key shares of {len(names)} of {len(cluster['operators'])} operators{which}"]
    missing = ", ".join(name for name in told if name not in made)
    return lines + (["", f"  No backup of {missing}: set dv_backup_recipients"] if missing else [])


#: What is said of where the key shares of a node are, by the state of its record.
KEYS = {
    "loaded": "",
    "loading": "perhaps not all: run obol.dv.load_keys again",
    "restored": "restored: where else they are, nobody knows",
    "unloading": "perhaps not all are out: run obol.dv.unload_keys again",
    "unloaded": "taken out of there",
    "written": "written: start it again, then run obol.dv.load_keys",
}


def _keys(cluster):
    """Where the key shares of each node went, and who has loaded any."""
    found = {name: node["keys"] for name, node in cluster["nodes"].items() if node["keys"]}
    rows = [
        (name, keys["place"] or "-", "; ".join(filter(None, (KEYS.get(keys["state"], keys["state"]), keys["detail"]))))
        for name, keys in found.items()
    ]
    lines = ["", "  key shares", *("  " + line for line in _table(rows))] if rows else []
    if cluster["keys_loaded"]:
        operators = [operator for operator in cluster["operators"] if operator["share_index"] in cluster["keys_loaded"]]
        few = cluster["terms"] and len(operators) < cluster["terms"]["threshold"]
        idle = f"; with fewer than {cluster['terms']['threshold']} the validators are idle, nothing is lost" if few else ""
        which = ", ".join(map(_name, operators))
        lines += ["", f"  {len(operators)} of {len(cluster['operators'])} operators state that their key shares are loaded: {which}{idle}"]
    return lines


#: So many lines of a plan, or validators, are told one by one.
_ONE_BY_ONE = 20


def _deposits(nodes):
    """The plan of each node that pays deposits."""
    plans = {name: node["deposits"] for name, node in nodes.items() if node["deposits"]}
    return [line for name, plan in plans.items() for line in ["", *deposit_lines(name, plan)]]


def deposit_lines(name, plan):
    """A plan that a node pays, as the module activate returned it: what is confirmed, what became of each line, and which guards did not just
    pass."""
    withdrawal = [("withdrawal to", f"{each['address']}, {each['kind']}") for each in plan["withdrawal"][:_ONE_BY_ONE]]
    total = f"{plan['amount']} ETH, {_count(len(plan['lines']), 'deposit')}; still to be paid: {plan['unpaid']}"
    facts = [("plan", plan["plan"]), ("network", plan["network"]), ("contract", plan["contract"]), ("payer", plan["payer"]), ("sum", total)]
    facts += [*withdrawal, *(("", each) for each in plan["remarks"])]
    facts += [(f"validator {each['position']}", each["pubkey"]) for each in plan["validators"][:_ONE_BY_ONE]]
    rows = [(each["line"], each["state"], each["transaction"] or "-") for each in plan["lines"]]
    lines = [f"  deposits by {name}: {plan['state']}", *("  " + line for line in _table(facts))]
    lines += ["", *("  " + line for line in _table(rows[:_ONE_BY_ONE]))]
    lines += [f"    and {len(rows) - _ONE_BY_ONE} more, see dv_status_file"] if len(rows) > _ONE_BY_ONE else []
    told = [row for each in plan["guards"] if each["text"] for row in _guard(each)]
    return lines + (["", "  guards", *("  " + line for line in _table(told))] if told else [])


def _guard(guard):
    """What a guard says, a line for each error."""
    first, *more = guard["text"].split("\n")
    failed = "FAILED: " if guard["state"] == "failed" else ""
    return [(guard["guard"], failed + first), *(("", each) for each in more)]


def _validators(cluster):
    """What the beacon chain has of the validators, in its own words."""
    found = cluster["validators"]
    if not found:
        return []
    rows = [(str(each["position"]), each["pubkey"], each["status"] or "not there") for each in found]
    counts = {status: sum(row[2] == status for row in rows) for status in dict.fromkeys(row[2] for row in rows)}
    lines = ["", "  on the beacon chain: " + ", ".join(f"{count} {status}" for status, count in counts.items())]
    return lines + ["  " + line for line in _table(rows[:_ONE_BY_ONE])]


#: What is said of a cluster by its score.
READINESS = {True: "ready", False: "NOT READY"}


def _readiness(cluster):
    """What was measured, in one word, and all that is not as it should be, the worst first."""
    found = cluster["readiness"]
    if not found:
        return []
    lines = ["", f"  readiness: {READINESS[found['passed']]}, score {found['score']}, measured {_time(found['made'])}"]
    told = {}
    for each in found["problems"]:
        told.setdefault((each["verdict"], each["text"], each["hint"]), []).append(each["about"])
    for (verdict, text, hint), about in [*told.items()][:_ONE_BY_ONE]:
        lines += ["", f"    {verdict}: {', '.join(about)}", f"      {text}", f"      {hint}"]
    return lines + ([f"    and {len(told) - _ONE_BY_ONE} more, see the report"] if len(told) > _ONE_BY_ONE else [])


def _worth(backup):
    """What a backup is worth, in words."""
    words = [
        f"drill passed {_time(backup['drilled'])}" if backup["drilled"] else "not proven by a drill",
        "" if backup["current"] else "of other files than the node has now",
        "" if backup["copied"] else "ON THE NODE ALONE: lost with it",
        "WITHOUT KEY SHARES: they were not in the data directory" if _lacks_key_shares(backup) else "",
    ]
    return ", ".join(filter(None, words))


def _is_proven(backup):
    """Whether the node can be lost, and restored."""
    return backup["drilled"] and backup["current"] and backup["copied"] and not _lacks_key_shares(backup)


def _lacks_key_shares(backup):
    """Whether it is of a complete cluster, and no validator can be served with what it holds."""
    return "lock" in backup["holds"] and "key_shares" not in backup["holds"]


def _time(text):
    """A time of ours for people."""
    return text.replace("T", " ").replace("Z", " UTC")


def _next(nodes):
    waiting = {}
    for name, node in nodes.items():
        if node["keys"] and node["keys"]["detail"]:
            waiting.setdefault(node["keys"]["detail"], []).append(name)
    first = [f"{', '.join(names)}: {detail}. Then run this again: it loads the key shares." for detail, names in waiting.items()]
    plans = {name: node["deposits"] for name, node in nodes.items() if node["deposits"]}
    failed = [name for name, node in nodes.items() if node["step"] == "activate"]
    first += [f"{name}: {plan['detail']}" for name, plan in plans.items() if plan["detail"] and name not in failed]
    unpaid = {}
    for name in failed:
        unpaid.setdefault(_failed_to_pay(nodes[name]), []).append(name)
    first = [f"{', '.join(names)} {text}" for text, names in unpaid.items()] + first
    done = {LOAD} if waiting or all((node["keys"] or {}).get("state") == "loaded" for node in nodes.values()) else set()
    done |= {DEPOSIT} if plans else set()
    done |= {PROVE} if all(node["backup"] and _is_proven(node["backup"]) for node in nodes.values()) else set()
    return ["", "  What comes next"] + [f"    - {step}" for step in (*first, *NEXT) if step not in done]


def _failed_to_pay(node):
    plan = node["deposits"] or {}
    sent = plan.get("sent")
    if not sent and plan.get("state") == "refused":
        failed = [each["guard"] for each in plan["guards"] if each["state"] == "failed"]
        return f"paid nothing in this run: {', '.join(failed)} of the guards above failed"
    if not sent:
        return f"paid nothing in this run: {node['detail']}"
    hashes = ", ".join(sent[:_ONE_BY_ONE]) + (f" and {len(sent) - _ONE_BY_ONE} more" if len(sent) > _ONE_BY_ONE else "")
    return f"sent {_count(len(sent), 'deposit')} in this run ({hashes}), then failed: {node['detail']}; run again"


def _count(number, what):
    return f"{number} {what}{'s' * (number != 1)}"


def _unverified(name, nodes, operators, command_line):
    """The status of nodes that were not verified: a table, details, and the commands that go on."""
    by_state = {state: [node for node in nodes if nodes[node]["state"] == state] for state in STATES}
    if by_state["planned"] == list(nodes):
        return [f"Cluster {name} is planned: nothing was written on {', '.join(nodes)} (check mode)"]
    states = [f"{state} on {', '.join(names)}" for state, names in by_state.items() if names]
    lines = [f"Cluster {name} is {'; '.join(states)}", ""]
    by_index = {operator["share_index"]: _name(operator) for operator in operators}
    rows = [tuple(cell(node, nodes[node], by_index) for cell in COLUMNS.values()) for node in nodes]
    lines += _table([tuple(COLUMNS), *rows])
    details = {}
    for node in nodes:
        details.setdefault(nodes[node]["detail"], []).append(node)
    for detail, names in details.items():
        if detail:
            lines += ["", f"  {', '.join(names)}"] + [f"    {part}" for part in detail.split("; ")]
    turns = {name: _turn(node) for name, node in nodes.items()}
    # Where it is the turn of one of them, others wait for no more than that.
    turns = {name: NOW if turn == THEN and NOW in turns.values() else turn for name, turn in turns.items()}
    for turn in TURNS:
        texts = _commands(nodes, [name for name in nodes if turns[name] == turn], command_line)
        lines += ["", f"  {turn}:"] + [f"    {text}" for text in texts] if texts else []
    return lines


def _turn(node):
    """What is said before the command that goes on with ``node``; None where there is none."""
    now, then, own, looked, agreed = TURNS
    waiting = now if node["ready"] else then if node["waiting_for"] else own
    return {"waiting": waiting, "unknown": now, "stopped": looked, "aborted": agreed}.get(node["state"])


def _commands(nodes, names, command_line):
    """The commands that go on with the nodes ``names``: one for all of them, but a new attempt is one for every node."""
    texts = []
    for attempt in sorted({nodes[name]["next_attempt"] or 0 for name in names}):
        group = [name for name in names if (nodes[name]["next_attempt"] or 0) == attempt]
        first = min(group, key=lambda name: STEPS.index(nodes[name]["step"]) if nodes[name]["step"] in STEPS else -1)
        texts.append(command(list(nodes) if attempt else group, nodes[first], command_line))
    return [text for text in texts if text]


def _name(operator):
    """An operator for people: its node in this run, or its address or peer id, cut."""
    name = operator["node"] or (short_peer_id(operator["address"] or operator["peer_id"] or ""))
    return f"{operator['share_index']} ({name})" if name != "*" else str(operator["share_index"])


def _step(node):
    attempt = f" (attempt {node['attempt']})" if (node["attempt"] or 1) > 1 and node["step"] else ""
    return (node["step"] or "-") + attempt


def _waits_for(node, operators):
    if node["state"] != "waiting":
        return "-"
    if node["ready"]:
        return "a run on it"
    return ", ".join(operators.get(index, str(index)) for index in node["waiting_for"]) or "see below"


def _table(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  " + "   ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
