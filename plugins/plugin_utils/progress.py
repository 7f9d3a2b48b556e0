# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a long run tells of a node between its tasks: a line on standard error, so that standard output stays what it is, JSON for
example."""

from __future__ import annotations

from ansible.utils.display import Display
from ansible_collections.obol.dv.plugins.module_utils.cluster.node_status import ROUNDS
from ansible_collections.obol.dv.plugins.module_utils.errors import printable

#: Seconds from which on a step is told of.
LONG = 10
#: Most operators that are named.
_MOST = 10


def tell(host: str, status: dict, took: float = 0, left: float = 0) -> None:
    """Tell whom a node waits for.

    :param host: the node's name
    :param status: its status: ``step`` and ``waiting_for``
    :param took: seconds that the step before took
    :param left: seconds for which the run waits at most
    """
    what = waits_for(status.get("step"), status.get("waiting_for") or [])
    say(host, ", ".join([what, *[f"after {took:.0f} s"] * (took > 0)]), left)


def say(host: str, what: str, left: float = 0) -> None:
    """Tell ``what`` a node waits for, a text; ``left`` as for :func:`tell`."""
    Display().display(printable(", ".join([f"{host}: {what}", *[f"for at most {_time(left)}"] * (left > 0)])), stderr=True)


def waits_for(step: str | None, operators: list[int]) -> str:
    """What is waited for in a ``step``, None where there is no proposal yet: a text."""
    more = len(operators) - _MOST
    named = ", ".join(map(str, operators[:_MOST])) + (f" and {more} more" if more > 0 else "")
    whom = f"operator{'s' * (len(operators) > 1)} {named}" if operators else "the others"
    if step in ROUNDS:
        return f"round {ROUNDS.index(step) + 1} of {len(ROUNDS)} ({step}) waits for {whom}"
    return f"waits for the approval of {whom}" if step == "approval" else "waits for the proposal"


def _time(seconds):
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
