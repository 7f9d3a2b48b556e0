# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/performance.md with what lies beside it: the figures of one run, and the chart of them."""

import json

from ansible_collections.obol.dv.tests.bench import chart, table
from ansible_collections.obol.dv.tests.support.playbook import ROOT

PAGE, FIGURES, CHART = (ROOT / "docs" / ("performance." + ending) for ending in ("md", "json", "svg"))
#: Between them is what :mod:`.table` draws.
BEGIN, END = "<!-- From here on `make bench` writes -->\n", "<!-- Up to here -->\n"


def read():
    """The figures: ``machine``, and for each name of ``runs`` what was measured."""
    return json.loads(FIGURES.read_text())


def save(measured):
    """Write the figures ``measured``, the chart, and the tables into the page."""
    FIGURES.write_text(json.dumps(measured, indent=2) + "\n")
    CHART.write_text(chart.draw(measured))
    PAGE.write_text(with_tables(PAGE.read_text(), measured))


def with_tables(text, measured):
    """The page's ``text`` with the tables of ``measured`` in their place."""
    before, _begin, rest = text.partition(BEGIN)
    return before + BEGIN + "\n" + table.draw(measured) + "\n" + END + rest.partition(END)[2]


def rounded(figures):
    """Numbers, at any depth of mappings, in as many digits as they are worth."""
    if isinstance(figures, dict):
        return {name: rounded(value) for name, value in figures.items()}
    return round(figures, 2 if figures < 10 else 1)
