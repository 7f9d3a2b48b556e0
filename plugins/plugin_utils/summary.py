# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The summary at the end of a run, as lines of text."""

from ansible_collections.obol.dv.plugins.module_utils import data_dir
from ansible_collections.obol.dv.plugins.module_utils.standing import STEPS
from ansible_collections.obol.dv.plugins.plugin_utils.standings import command

NEXT = (
    "Back up every node's data directory, encrypted: a lost ENR private key or key share cannot be made again.",
    "Load cluster-lock.json, charon-enr-private-key and validator_keys/ into the node's charon and validator client.",
    "Deposit only after charon runs on all nodes: deposit-data*.json is the same on each of them.",
)


FILES = (data_dir.NODE_KEY, data_dir.DEFINITION, data_dir.LOCK, data_dir.DEPOSIT_DATA, data_dir.KEYS + "/")

#: The states in the order in which they are told.
STATES = ("complete", "planned", "waiting", "stopped", "aborted", "unknown")

#: What is said before a command, and the nodes that it is for: those whose run would change something now, or once others did.
TURNS = {
    "To go on": lambda node: node["state"] == "unknown" or node["state"] == "waiting" and node["ready"],
    "Once they have done their part": lambda node: node["state"] == "waiting" and not node["ready"] and node["waiting_for"],
    "Once that is done": lambda node: node["state"] == "waiting" and not node["ready"] and not node["waiting_for"],
    "Once its operator has looked into it": lambda node: node["state"] == "stopped",
    "To begin a new attempt, once all operators agree on it": lambda node: node["state"] == "aborted",
}

#: The columns of the table of nodes: title, and function of (name, node, names of the operators).
COLUMNS = {
    "node": lambda name, node, operators: name,
    "state": lambda name, node, operators: node["state"],
    "step": lambda name, node, operators: _step(node),
    "waits for": lambda name, node, operators: _waits_for(node, operators),
    "since": lambda name, node, operators: (node["since"] or "-").replace("T", " ").replace("Z", " UTC"),
}


#: The terms as they are told: title, and function of the terms (:func:`.terms.told`) and the number of operators.
TERMS = {
    "network": lambda terms, operators: terms["network"],
    "validators": lambda terms, operators: str(terms["num_validators"]),
    "threshold": lambda terms, operators: "%d%s" % (terms["threshold"], " of %d operators" % operators if operators else ""),
    "withdrawal to": lambda terms, operators: _some(terms["withdrawal_addresses"]),
    "fees to": lambda terms, operators: _some(terms["fee_recipient_addresses"]),
    "deposit data": lambda terms, operators: "for %s ETH" % ", ".join("%.12g" % amount for amount in terms["deposit_amounts"]),
    "compounding": lambda terms, operators: "yes" if terms["compounding"] else "no",
    "gas limit": lambda terms, operators: "%d" % terms["target_gas_limit"],
    "creator": lambda terms, operators: terms["creator"] or "-",
}
#: So many different addresses are told in full.
ADDRESSES = 10


def summary_lines(name, cluster, reports, command_line):
    """The summary of one cluster.

    :param name: its name in the inventory
    :param cluster: its ``operators``, ``terms``, ``accepted`` and ``nodes``, see :func:`.standings.document`
    :param reports: by node, the cluster as the verify module tells it, where it verified it in this run
    :param command_line: the :class:`.command.CommandLine` of this run
    """
    nodes = cluster["nodes"]
    rest = {node: told for node, told in nodes.items() if node not in reports}
    lines = _verified(name, nodes, reports) if reports else []
    if rest:
        lines += ([""] if lines else []) + _standings(name, rest, cluster["operators"], command_line)
        lines += _enrs(rest) + ([] if reports else _agreement(cluster, rest))
    lines += ["", "  Accepted, see dv_accept"] + ["    - %s" % text for text in cluster["accepted"]] if cluster["accepted"] else []
    lines += _backups(nodes)
    return lines + _next() if reports else lines


def short_peer_id(peer_id):
    """A peer id cut for people: its first and last 6 characters."""
    return "%s*%s" % (peer_id[:6], peer_id[-6:])


def _verified(name, nodes, reports):
    report = next(iter(reports.values()))
    by_index = {told["share_index"]: node for node, told in nodes.items()}
    operators = [
        (
            str(operator["share_index"]),
            by_index.get(operator["share_index"], "-"),
            operator["address"] or "-",
            short_peer_id(operator["peer_id"] or ""),
        )
        for operator in report["operators"]
    ]
    lines = ["Cluster %s on %s is complete" % (report["name"] or name, report["network"]), ""]
    hashes = [(key.replace("_", " "), report[key]) for key in ("config_hash", "definition_hash", "lock_hash")]
    lines += _table(_terms(report["terms"], operators) + hashes)
    lines += [""] + _table([("share index", "node", "operator", "peer id")] + operators)
    lines += ["", "  validators"] + ["    %s" % public_key for public_key in report["validators"]]
    lines += ["", "  data directories, each with " + ", ".join(FILES)]
    return lines + ["  " + line for line in _table([(node, nodes[node]["data_dir"]) for node in reports])]


def _enrs(nodes):
    """The ENRs of nodes that have no definition yet, which holds them."""
    found = [(name, node["enr"]) for name, node in nodes.items() if node["enr"] and not node["definition_hash"]]
    return ["", "  ENRs"] + ["  " + line for line in _table(found)] if found else []


def _agreement(cluster, nodes):
    """The terms of a cluster that is not complete, as far as they are known: what operators compare before they approve."""
    if not cluster["terms"]:
        return []
    hashes = dict.fromkeys(node["config_hash"] for node in nodes.values() if node["config_hash"])
    known = [("config hash", each) for each in hashes] or [("config hash", "not known before there is a proposal")]
    rows = [("name", cluster["terms"]["name"] or "-"), *_terms(cluster["terms"], cluster["operators"]), *known]
    return ["", "  terms"] + ["  " + line for line in _table(rows)]


def _terms(terms, operators):
    return [(title, tell(terms, len(operators))) for title, tell in TERMS.items()]


def _some(addresses):
    """The ``addresses``, as many as a person compares; how many more there are, the config hash binds."""
    more = len(addresses) - ADDRESSES
    return ", ".join(addresses[:ADDRESSES]) + (" and %d more" % more if more > 0 else "")


def _backups(nodes):
    found = {name: node["enr_key_backup"] for name, node in nodes.items()}
    made = [(name, path) for name, path in found.items() if path]
    lines = ["", "  encrypted backups of the ENR private keys"] + ["  " + line for line in _table(made)] if made else []
    missing = ", ".join(name for name, path in found.items() if path == "")
    text = "  No backup of the ENR private key on %s: set dv_backup_recipients" % missing
    return lines + (["", text] if missing else [])


def _next():
    return ["", "  What comes next"] + ["    - %s" % step for step in NEXT]


def _standings(name, nodes, operators, command_line):
    """Where nodes stand that were not verified: a table, what else is to know, and the commands that go on."""
    by_state = {state: [node for node in nodes if nodes[node]["state"] == state] for state in STATES}
    if by_state["planned"] == list(nodes):
        return ["Cluster %s is planned: nothing was written on %s (check mode)" % (name, ", ".join(nodes))]
    told = ["%s on %s" % (state, ", ".join(names)) for state, names in by_state.items() if names]
    lines = ["Cluster %s is %s" % (name, "; ".join(told)), ""]
    known = {operator["share_index"]: _name(operator) for operator in operators}
    rows = [tuple(cell(node, nodes[node], known) for cell in COLUMNS.values()) for node in nodes]
    lines += _table([tuple(COLUMNS), *rows])
    details = {}
    for node in nodes:
        details.setdefault(nodes[node]["detail"], []).append(node)
    for detail, names in details.items():
        if detail:
            lines += ["", "  %s" % ", ".join(names)] + ["    %s" % part for part in detail.split("; ")]
    for title, names in _turns(nodes).items():
        texts = _commands(nodes, names, command_line)
        if texts:
            lines += ["", "  %s:" % title] + ["    %s" % text for text in texts]
    return lines


def _turns(nodes):
    """Title of :data:`TURNS` -> names of the nodes. Where it is the turn of one of them, others wait for no more than that."""
    now, later, *others = ((title, [name for name, node in nodes.items() if fits(node)]) for title, fits in TURNS.items())
    if now[1]:
        now, later = (now[0], [name for name in nodes if name in now[1] + later[1]]), (later[0], [])
    return dict([now, later, *others])


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
    known = operator["node"] or (short_peer_id(operator["address"] or operator["peer_id"] or ""))
    return "%d (%s)" % (operator["share_index"], known) if known != "*" else str(operator["share_index"])


def _step(node):
    attempt = " (attempt %d)" % node["attempt"] if (node["attempt"] or 1) > 1 and node["step"] else ""
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
