# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Figures as tables in Markdown."""

from ansible_collections.obol.dv.tests.bench import rows

#: Cell where nothing was measured.
_NONE = "–"


def draw(measured):
    """All tables of ``measured``, as :func:`.page.read` gives it; those that have no row are left out."""
    parts = [_machine(measured["machine"]), *(table(measured["runs"]) for table in (_dkg, _otherwise, _create_cluster, _fleet, _keys))]
    return "\n\n".join(filter(None, parts)) + "\n"


def _machine(found):
    return (
        "One run on %(date)s: %(cpu)s, %(cores)d cores, %(memory_gib)d GiB; Python %(python)s, ansible-core %(ansible_core)s, "
        "charon %(charon)s, obol.dv at `%(commit)s`." % found
    )


def _dkg(runs):
    lines = []
    for name, figures in _of(runs, rows.Row):
        if rows.parse(name).plain:
            ours, charon = figures["ours"], figures.get("charon", {})
            times = ["%s ×" % _number(charon[each] / ours[each]) if charon else _NONE for each in ("wall", "cpu")]
            lines.append(
                [_size(name), *_cells(ours, "wall", "cpu", "nodes_cpu", "node_mb"), *_cells(charon, "wall", "cpu", "node_mb"), *times]
            )
    return _table(
        "nodes × validators | ours: s | CPU s | of it the nodes' processes | MB a node | charon: s | CPU s | MB a node "
        "| charon / ours: s | CPU s",
        lines,
    )


def _otherwise(runs):
    lines = []
    for name, figures in _of(runs, rows.Row):
        size, _comma, otherwise = name.partition(",")
        if otherwise:
            plain = runs.get(size, {}).get("ours")
            times = "%s ×" % _number(figures["ours"]["wall"] / plain["wall"]) if plain else _NONE
            how = "over ssh with become" if otherwise == "ssh" else otherwise.replace("=", " ")
            lines.append([f"{_size(size)}, {how}", *_cells(figures["ours"], "wall", "cpu", "control_cpu"), times])
    return _table("nodes × validators | s | CPU s | of it the control node | s, to those above", lines)


def _create_cluster(runs):
    lines = [[time, *_cells(figures, "wall", "cpu")] for time, figures in runs.get("create-cluster", {}).items()]
    return _table("`create-cluster.yml`, 4×1, run | s | CPU s", lines)


def _fleet(runs):
    lines = []
    for name, figures in _of(runs, rows.Fleet):
        nodes, ours = rows.parse(name).nodes, figures["ours"]
        each = [_number(ours[who] / nodes) for who in ("control_cpu", "nodes_cpu")]
        lines.append([str(nodes), *_cells(ours, "tasks", "wall"), *each, *_cells(ours, "control_mb")])
    return _table(
        "nodes over ssh, nothing to do | tasks a node | s | CPU s of the control node, a node | of the node | MB, control node", lines
    )


def _keys(runs):
    lines = []
    for name, figures in _of(runs, rows.Keys):
        ours, plain = figures["ours"], figures["plain"]
        times = "%s ×" % _number(ours["wall"] / plain["wall"])
        lines.append([_size(name.partition("-")[2]), *_cells(ours, "wall", "cpu"), *_cells(plain, "wall", "cpu"), times])
    return _table(
        "clusters × nodes × validators, key shares into Prysm | ours: s | CPU s | one script: s | CPU s | ours / script: s", lines
    )


def _of(runs, kind):
    return [(name, figures) for name, figures in runs.items() if isinstance(rows.parse(name), kind)]


def _size(name):
    return name.replace("x", "×")


def _cells(figures, *names):
    return [_number(figures[name]) if name in figures else _NONE for name in names]


def _number(value):
    return "{:,.{}f}".format(value, 0 if value >= 100 or value == int(value) else 1 if value >= 10 else 2)


def _table(head, lines):
    cells = [head.split(" | "), ["---", *["---:"] * head.count(" | ")], *lines]
    return "\n".join("| %s |" % " | ".join(line) for line in cells) if lines else ""
