# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What round trips to another node took, in a few numbers. All times are whole microseconds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

#: Into how many parts the distribution of times is divided.
_PARTS = 10


class RoundTrips(NamedTuple):
    """Those of one link.

    :param sent: how many were tried
    :param times: what the others took, in their order
    """

    sent: int
    times: Sequence[int]

    def json(self) -> dict[str, Any]:
        """``sent``, ``lost``; ``median``, ``p95``, ``p99`` and ``jitter``, the mean difference from one to the next (RFC 3550 §6.4.1 of a round
        trip), or null; and ``times``, the least, nine deciles and the most, or none."""
        ordered = sorted(self.times)
        steps = [abs(after - before) for before, after in pairwise(self.times)]
        return dict(
            sent=self.sent,
            lost=self.sent - len(ordered),
            median=_quantile(ordered, 0.5),
            p95=_quantile(ordered, 0.95),
            p99=_quantile(ordered, 0.99),
            jitter=round(sum(steps) / len(steps)) if steps else None,
            times=[_quantile(ordered, part / _PARTS) for part in range(_PARTS + 1)] if ordered else [],
        )


def _quantile(ordered: Sequence[int], share: float) -> int | None:
    """By the nearest rank: a time that was measured, of none between two."""
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)] if ordered else None
