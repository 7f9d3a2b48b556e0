# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Quantiles of a histogram of Prometheus, as its ``histogram_quantile`` has them: between the bounds of a bucket, in a straight line."""

from __future__ import annotations

import math
from collections.abc import Iterable


def quantile(share: float, buckets: Iterable[tuple[float, float]]) -> float | None:
    """The value that ``share`` (0 to 1) of what was counted does not exceed; of the last bucket, which has no end, its beginning.

    :param buckets: upper bound, and how much is at or below it
    :returns: ``None`` where nothing was counted
    """
    ordered = sorted(buckets)
    total = ordered[-1][1] if ordered else 0
    if math.isnan(total) or total <= 0:
        return None
    lower, below = 0.0, 0.0
    for upper, count in ordered:
        if count >= share * total:
            if math.isinf(upper) or count <= below:
                return lower
            return lower + (upper - lower) * (share * total - below) / (count - below)
        lower, below = upper, count
    return lower
