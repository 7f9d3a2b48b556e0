# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long an API takes to answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

from .finding import Finding, measured

#: How often it is asked.
_TIMES = 5


def ping(check: str, ask: Callable[[], object], about: object) -> Finding:
    """The median time of an answer to what ``ask`` asks.

    :raises DvError: what it raises
    """
    took = []
    for _each in range(_TIMES):
        began = time.monotonic()
        ask()
        took.append((time.monotonic() - began) * 1e6)
    return measured(check, median(took), about)
