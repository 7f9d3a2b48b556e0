# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The summary at the end of a run, as lines of text."""

from ansible_collections.obol.dv.plugins.module_utils import data_dir

NEXT = (
    "Back up every node's data directory, encrypted: a lost ENR private key or key share cannot be made again.",
    "Load cluster-lock.json, charon-enr-private-key and validator_keys/ into the node's charon and validator client.",
    "Deposit only after charon runs on all nodes: deposit-data*.json is the same on each of them.",
)


FILES = (data_dir.NODE_KEY, data_dir.DEFINITION, data_dir.LOCK, data_dir.DEPOSIT_DATA, data_dir.KEYS + "/")


def summary_lines(cluster, nodes):
    """The summary of one cluster.

    :param cluster: its name in the inventory
    :param nodes: for each of its nodes in this run, by name: ``data_dir``, and what the tasks found: ``peer_id``,
        ``state``, ``detail``, ``backup`` (the path of its ENR private key's) and ``report`` (the cluster as the verify
        module tells it), each of them or None
    """
    reports = [node["report"] for node in nodes.values() if node["report"]]
    if not reports:
        return _unfinished(cluster, nodes)
    report = reports[0]
    by_peer_id = {node["peer_id"]: name for name, node in nodes.items()}
    operators = [
        (
            str(operator["share_index"]),
            by_peer_id.get(operator["peer_id"], "-"),
            operator["address"] or "-",
            short_peer_id(operator["peer_id"]),
        )
        for operator in report["operators"]
    ]
    lines = ["Cluster %s on %s is complete" % (report["name"] or cluster, report["network"]), ""]
    lines += _table(
        [
            ("threshold", "%d of %d operators" % (report["threshold"], len(operators))),
            ("config hash", report["config_hash"]),
            ("definition hash", report["definition_hash"]),
            ("lock hash", report["lock_hash"]),
        ]
    )
    lines += [""] + _table([("share index", "node", "operator", "peer id")] + operators)
    lines += ["", "  validators"] + ["    %s" % public_key for public_key in report["validators"]]
    lines += ["", "  data directories, each with " + ", ".join(FILES)]
    lines += ["  " + line for line in _table([(name, nodes[name]["data_dir"]) for name in nodes])]
    backups = [(name, node["backup"]) for name, node in nodes.items() if node["backup"]]
    if backups:
        lines += ["", "  encrypted backups of the ENR private keys"] + ["  " + line for line in _table(backups)]
    unfinished = {name: node for name, node in nodes.items() if not node["report"]}
    if unfinished:
        lines += [""] + _unfinished(cluster, unfinished)
    return lines + ["", "  What comes next"] + ["    - %s" % step for step in [*_backup_missing(nodes), *NEXT]]


def short_peer_id(peer_id):
    """A peer id cut for people: its first and last 6 characters."""
    return "%s*%s" % (peer_id[:6], peer_id[-6:])


def _backup_missing(nodes):
    """What to do about nodes without a backup: a list of none or one text."""
    missing = [name for name, node in nodes.items() if not node["backup"]]
    return ["No backup of the ENR private key on %s: set dv_backup_recipients." % ", ".join(missing)] if missing else []


def _unfinished(cluster, nodes):
    if {node["state"] for node in nodes.values()} == {"planned"}:
        return ["Cluster %s is planned: nothing was written on %s (check mode)" % (cluster, ", ".join(nodes))]
    lines = ["Cluster %s is not complete on %s" % (cluster, ", ".join(nodes)), ""]
    lines += _table([(name, node["state"] or "not begun", node["detail"] or "") for name, node in nodes.items()])
    return lines + ["  " + text for text in _backup_missing(nodes)]


def _table(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  " + "   ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
