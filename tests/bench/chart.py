# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The chart of docs/performance.md, as SVG: seconds of ours and of charon, over validators and over operators.

Both axes are logarithmic: a line that rises by one decade in one decade is linear, by two, quadratic.
"""

import math
from typing import NamedTuple

from ansible_collections.obol.dv.tests.bench import rows

_WIDTH, _HEIGHT = 760, 340
_TOP, _BOTTOM = 76, 290
_SERIES = {"ours": "obol.dv", "charon": "charon dkg"}
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #57606a }
.title { font-weight: 600; font-size: 13px; fill: #1f2328 }
.grid { stroke: #d0d7de; stroke-width: 1 }
.ours { color: #0969da } .charon { color: #bc4c00 }
polyline { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round }
circle { fill: currentColor }
.ours text, .charon text { fill: currentColor; text-anchor: middle }
@media (prefers-color-scheme: dark) {
  text { fill: #9198a1 } .title { fill: #f0f6fc } .grid { stroke: #3d444d }
  .ours { color: #4493f8 } .charon { color: #db6d28 }
}
"""


class _Panel(NamedTuple):
    title: str
    left: int
    right: int
    #: Of a row: its place on the axis, or None where it belongs to the other panel.
    x: object


_PANELS = (
    _Panel("Over validators, 4 operators", 56, 380, lambda row: row.validators if row.nodes == 4 else None),
    _Panel("Over operators, 10 validators", 452, 744, lambda row: row.nodes if row.validators == 10 else None),
)


def draw(measured):
    """The SVG (text) of ``measured``, as :func:`.page.read` gives it."""
    panels = [(panel, _points(panel, measured["runs"])) for panel in _PANELS]
    seconds = [point[who] for _panel, points in panels for point in points.values() for who in point] or [1]
    low, high = math.floor(math.log10(min(seconds))), math.ceil(math.log10(max(seconds)))
    scale = _scale(low, max(high, low + 1), _BOTTOM, _TOP)
    parts = ["<style>%s</style>" % _STYLE, _legend()]
    for panel, points in panels:
        parts += _panel(panel, points, scale, [10.0**power for power in range(low, max(high, low + 1) + 1)])
    head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s">'
    about = "Seconds that a distributed key generation takes, over validators and over operators"
    return "\n".join([head % (_WIDTH, _HEIGHT, about), *parts, "</svg>"]) + "\n"


def _points(panel, runs):
    """``{x: {who: seconds}}``, ascending, of the rows of a panel."""
    found = {}
    for name, figures in runs.items():
        row = rows.parse(name)
        if isinstance(row, rows.Row) and row.plain and panel.x(row):
            found[panel.x(row)] = {who: figures[who]["wall"] for who in _SERIES if who in figures}
    return dict(sorted(found.items()))


def _panel(panel, points, y, lines):
    decades = [math.log10(x) for x in points] or [0]
    margin = 0.08 * (decades[-1] - decades[0] or 1)
    x = _scale(decades[0] - margin, decades[-1] + margin, panel.left, panel.right)
    yield '<text class="title" x="%d" y="%d">%s</text>' % (panel.left, _TOP - 22, panel.title)
    for value in lines:
        yield '<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>' % (panel.left, panel.right, y(value), y(value))
        yield '<text x="%d" y="%.1f" text-anchor="end">%g s</text>' % (panel.left - 6, y(value) + 4, value)
    for value in points:
        yield '<text x="%.1f" y="%d" text-anchor="middle">%s</text>' % (x(value), _BOTTOM + 22, "{:,}".format(value))
    for who in _SERIES:
        yield '<g class="%s">' % who
        line = [(x(value), y(point[who]), point[who], _side(point, who)) for value, point in points.items() if who in point]
        yield '<polyline points="%s"/>' % " ".join("%.1f,%.1f" % at[:2] for at in line)
        for across, down, seconds, side in line:
            yield '<circle cx="%.1f" cy="%.1f" r="3.5"/>' % (across, down)
            yield '<text x="%.1f" y="%.1f">%s</text>' % (across, down + side, "%.0f" % seconds if seconds >= 10 else "%.1f" % seconds)
        yield "</g>"


def _side(point, who):
    """Where the number of a point stands, in pixels below it: above the upper of two lines, below the lower."""
    return -9 if who == max(reversed(point), key=point.get) else 18


def _legend():
    """Who is who, in the first line."""
    parts = []
    for position, (who, name) in enumerate(_SERIES.items()):
        left = 56 + 110 * position
        parts.append('<g class="%s"><circle cx="%d" cy="20" r="4"/>' % (who, left + 4))
        parts.append('<text x="%d" y="24" style="text-anchor: start">%s</text></g>' % (left + 14, name))
    return "\n".join(parts)


def _scale(low, high, start, end):
    """From a value, by its logarithm between ``low`` and ``high``, to a place between ``start`` and ``end``."""
    return lambda value: start + (math.log10(value) - low) / (high - low) * (end - start)
