# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The charts of the report, as SVG that the page's style sheet colours.

pygal draws them. It is optional (``requirements-report.txt``): without it each function gives None, and the page has tables instead.
"""

from __future__ import annotations

import bisect
import importlib
import re
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any

from markupsafe import Markup

from .figures import milliseconds
from .links import Link
from .verdicts import OK

MISSING = "pygal is not on the control node: the report of the readiness has tables in the place of charts; pip install -r requirements-report.txt"

#: Height of all charts, and what the labels of the axes take of the width, in pixels.
_HEIGHT, _LABELS = 200, 56

_HISTORY_WIDTH = 720

#: Most steps of a scale that are labelled, each.
_STEPS = 8

#: Most labels of days below the history, and characters of a day in a moment.
_DAYS, _DAY = 6, len("2026-11-30")

#: What pygal puts into an SVG for its script, its style and its tooltips; the page has none of the first and last, and a style of its own.
_NOT_DRAWN = {"defs", "desc", "script", "style", "title"}
_OF_TOOLTIPS = {"reactive", "tooltip-trigger", "tooltip-overlay"}
_OF_STYLE = ("id", "stroke-width", "style")
_LONG_NUMBER = re.compile(r"\d+\.\d+")


def missing() -> str:
    """What the report lacks for want of a package, for the run to tell; nothing where it lacks none."""
    return "" if _pygal() else MISSING


def distributions(links: dict[int, list[Link]]) -> dict[int, Markup] | None:
    """A chart of each operator that has measured round trips: a box for each other operator, all on one logarithmic scale.

    :param links: by operator, one link with ``times`` for each other one
    :returns: None without the library
    """
    pygal = _pygal()
    if not pygal:
        return None
    scale = _scale([time for some in links.values() for link in some for time in link.times])
    return {source: _distribution(pygal, source, some, scale) for source, some in links.items() if some}


def history(points: Sequence[tuple[str, float | None]]) -> Markup | None:
    """The median over time.

    :param points: (moment, microseconds or None), the oldest first
    :returns: None without the library, or where no line can be drawn
    """
    pygal, known = _pygal(), [value for _moment, value in points if value is not None]
    if not pygal or len(known) < 2:
        return None
    most = max(known) or 1
    chart = pygal.Line(**_options(_HISTORY_WIDTH), range=(0, most * 1.1), dots_size=3)
    chart.x_labels = [moment[:_DAY] for moment, _value in points]
    chart.x_labels_major_every = -(-len(points) // _DAYS)
    chart.show_minor_x_labels = False
    chart.y_labels = [{"value": most * part, "label": f"{milliseconds(most * part)} ms"} for part in (0, 0.5, 1)]
    chart.add("median", [value for _moment, value in points])
    return _svg(chart, "The median of all links over time; the table below has its numbers", [OK.key])


def _pygal() -> ModuleType | None:
    try:
        return importlib.import_module("pygal")
    except ImportError:
        return None


def _options(width: float) -> dict[str, Any]:
    return dict(
        js=[],
        css=[],
        width=width,
        height=_HEIGHT,
        explicit_size=True,
        margin=6,
        show_legend=False,
        disable_xml_declaration=True,
        truncate_label=-1,
    )


def _distribution(pygal, source, links, scale):
    width = _LABELS + len(links) * max(23, 50 - 2 * len(links))
    chart = pygal.Box(**_options(width), logarithmic=True, box_mode="extremes", range=(scale[0], scale[-1]))
    chart.y_labels = [{"value": tick, "label": _tick(tick)} for tick in _labelled(scale)]
    chart.x_labels = [f"{link.target}{'' if link.verdict == OK else ' ' + link.verdict.sign}" for link in links]
    for link in links:
        # A logarithm has no place for none at all.
        chart.add(str(link.target), [max(time, scale[0]) for time in link.times])
    label = f"Round trips that operator {source} measured to {len(links)} others; the table below has their numbers"
    return _svg(chart, label, [link.verdict.key for link in links])


def _scale(times: Iterable[float]) -> list[int]:
    """1, 2, 5, 10 and so on, in microseconds, from below the least to above the most."""
    known = [max(time, 1) for time in times] or [1]
    steps = [digit * 10**power for power in range(17) for digit in (1, 2, 5)]
    first = bisect.bisect_right(steps, min(known)) - 1
    return steps[first : bisect.bisect_right(steps, max(known)) + 1]


def _labelled(scale: list[int]) -> list[int]:
    """Of a long scale the powers of ten."""
    return scale if len(scale) <= _STEPS else [step for step in scale if str(step).startswith("1")]


def _tick(value: float) -> str:
    return f"{value / 1_000_000:g} s" if value >= 1_000_000 else f"{value / 1000:g} ms"


def _svg(chart, label, classes):
    """The chart as it stands in a page, with what it shows in words; ``classes``: of each series, of the page's style sheet."""
    chart.add_xml_filter(lambda root: _plain(root, label, classes))
    return Markup(chart.render(is_unicode=True))


def _plain(root, label, classes):
    """What is drawn, and nothing else: no script, no style, no comment, no identifier."""
    of_series = {f"serie-{place}": name for place, name in enumerate(classes)}
    for element in reversed(list(root.iter())):
        for child in list(element):
            empty = child.tag == "g" and not len(child)
            if not isinstance(child.tag, str) or child.tag in _NOT_DRAWN or empty:
                element.remove(child)
        names = [of_series.get(name, name) for name in (element.get("class") or "").split() if name not in _OF_TOOLTIPS]
        for name, value in list(element.attrib.items()):
            if name in _OF_STYLE or name == "class":
                del element.attrib[name]
            else:
                element.set(name, _LONG_NUMBER.sub(lambda found: f"{float(found[0]):.1f}", value))
        if names:
            element.set("class", " ".join(names))
    root.set("class", "chart")
    root.set("role", "img")
    root.set("aria-label", label)
    return root
