# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `make bench` measures has a name; no process escapes its account; its figures become tables and a chart."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree

import pytest
from ansible_collections.obol.dv.tests.bench import chart, measure, page, rows, table

MACHINE = dict(cpu="X", cores=2, memory_gib=24, python="3.11", ansible_core="2.19", charon="v1.10", commit="abc", date="2026-01-01")
CHARON = {"wall": 40.0, "cpu": 80.0, "node_mb": 60.0}
OURS = {"wall": 8.0, "cpu": 16.0, "nodes_cpu": 4.0, "node_mb": 50.0}
RUNS = {
    "4x1": {"ours": OURS, "charon": CHARON},
    "4x100": {"ours": OURS, "charon": CHARON},
    "10x10": {"ours": OURS, "charon": CHARON},
    "10x10,ssh": {"ours": {**OURS, "wall": 12.0, "control_cpu": 5.0, "control_mb": 90.0}},
    "100x10": {"ours": OURS},
    "create-cluster": {"first": {"wall": 8.0, "cpu": 9.0}, "second": {"wall": 3.5, "cpu": 4.0}},
    "keys-5x4x50": {"ours": {"wall": 60.0, "cpu": 30.0}, "plain": {"wall": 50.0, "cpu": 2.0}},
    "fleet-16": {"ours": {"wall": 6.0, "nodes_cpu": 8.0, "control_cpu": 32.0, "control_mb": 90.0, "tasks": 9}},
}
MEASURED = {"machine": MACHINE, "runs": RUNS}

#: A process that leaves another, which works, says so, and is nobody's child.
LEAVES = """
import os, time
if not os.fork():
    os.setsid()
    if os.fork():
        os._exit(0)
    while time.process_time() < 0.3:
        bytearray(30_000_000)
    print("worked", flush=True)
    time.sleep(600)
"""


def test_names():
    assert rows.parse("10x20") == rows.Row(10, 20) and rows.parse("10x20").plain
    assert rows.parse("10x20,forks=5") == rows.Row(10, 20, forks=5) and not rows.parse("10x20,forks=5").plain
    assert rows.parse("10x20,ssh") == rows.Row(10, 20, ssh=True) and not rows.parse("10x20,ssh").plain
    assert rows.parse("fleet-4") == rows.Fleet(4) and rows.parse("keys-5x4x50") == rows.Keys(5, 4, 50)
    assert len({rows.parse(name) for name in rows.NAMES}) == len(rows.NAMES)
    assert set(rows.NAMES) > rows.CHARON_TIMES_OUT


@pytest.mark.parametrize("name", ["", "4", "4x", "0x1", "4x01", "4x1,forks=0", "4x1,tcp", "fleet-", "fleet-0", "4x1 "])
def test_no_name(name):
    with pytest.raises(ValueError, match="NxV"):
        rows.parse(name)


def leave():
    with measure.Stopwatch() as stopwatch:
        with subprocess.Popen([sys.executable, "-c", LEAVES], stdout=subprocess.PIPE) as process:
            process.wait()
            assert process.stdout.readline() == b"worked\n"
    return stopwatch


def test_what_a_run_leaves_behind_counts_and_ends():
    found = measure.apart(leave)
    assert found.cpu > found.left_cpu >= 0.3 and found.rss >= found.left_rss > 30_000_000


def run_beside():
    with subprocess.Popen(["sleep", "600"]) as other:
        with measure.Stopwatch() as stopwatch:
            pass
        running = other.poll() is None
        other.kill()
    return running, stopwatch.left_cpu, stopwatch.left_rss


def test_what_runs_already_is_left_alone():
    assert measure.apart(run_beside) == (True, 0, 0)


def test_what_fails_apart_is_told():
    with pytest.raises(measure.Failed):
        measure.apart(int, "no number")
    assert measure.apart(os.getpid) != os.getpid()


def test_tables():
    text = table.draw(MEASURED)
    lines = {cells[0]: cells[1:] for cells in re.findall(r"^\| (.+) \|$", text, re.MULTILINE) for cells in [cells.split(" | ")]}
    assert lines["4×1"] == ["8", "16", "4", "50", "40", "80", "60", "5 ×", "5 ×"]
    assert lines["100×10"] == ["8", "16", "4", "50", *["–"] * 5]
    assert lines["10×10, over ssh with become"] == ["12", "16", "5", "1.50 ×"]
    assert lines["second"] == ["3.50", "4"]
    assert lines["16"] == ["9", "6", "2", "0.50", "90"]
    tables = text.split("\n\n")[1:]
    assert lines["5×4×50"] == ["60", "30", "50", "2", "1.20 ×"]
    assert len(tables) == 5 and all(len({line.count(" | ") for line in each.splitlines()}) == 1 for each in tables)
    assert table.draw({"machine": MACHINE, "runs": {}}).count("|") == 0


def test_a_table_in_the_page_is_written_over():
    text = "before\n%s%safter\n" % (page.BEGIN, page.END)
    once = page.with_tables(text, MEASURED)
    assert once.startswith("before\n") and once.endswith(page.END + "after\n") and "| 4×1 |" in once
    assert page.with_tables(once, MEASURED) == once


def test_figures_are_rounded():
    assert page.rounded({"a": {"wall": 1.23456, "node_mb": 123.456}}) == {"a": {"wall": 1.23, "node_mb": 123.5}}


def points(found, who):
    """``(x, y)`` of each point of a chart, one list for each panel."""
    groups = [group for group in found.findall(".//{*}g") if group.get("class") == who and group.find("{*}polyline") is not None]
    return [[(float(each.get("cx")), float(each.get("cy"))) for each in group.findall("{*}circle")] for group in groups]


def test_chart():
    found = xml.etree.ElementTree.fromstring(chart.draw(MEASURED))
    validators, operators = points(found, "ours")
    assert [len(validators), len(operators)] == [2, 2] and [len(panel) for panel in points(found, "charon")] == [2, 1]
    assert validators[0][0] < validators[1][0] and {y for _x, y in validators} == {y for _x, y in operators}
    # Up is more.
    assert points(found, "charon")[0][0][1] < validators[0][1]
    width, height = map(float, found.get("viewBox").split()[2:])
    assert all(0 < x < width and 0 < y < height for panel in (validators, operators) for x, y in panel)


def test_a_chart_of_little():
    for runs in ({}, {"4x1": RUNS["4x1"]}, {"fleet-16": RUNS["fleet-16"]}):
        xml.etree.ElementTree.fromstring(chart.draw({"machine": MACHINE, "runs": runs}))
