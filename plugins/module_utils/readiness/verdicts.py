# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a value is worth: a verdict by the thresholds of its check."""

from __future__ import annotations

from collections.abc import Iterable

from .checks import Check
from .finding import FAILED, MEASURED, Finding

#: From the best to the worst; the last is none.
OK, WARN, FAIL, NOT_MEASURED = "ok", "warn", "fail", "not measured"
_ORDER = (NOT_MEASURED, OK, WARN, FAIL)


def of_value(check: Check, value: int) -> str:
    """The verdict about a ``value``."""
    for verdict, threshold in ((FAIL, check.fail), (WARN, check.warn)):
        if threshold is not None and (value >= threshold if check.rising else value < threshold):
            return verdict
    return OK


def of_finding(check: Check, finding: Finding) -> str:
    """The verdict about what came of a ``check``."""
    if finding.state == MEASURED and finding.value is not None:
        return of_value(check, finding.value)
    if finding.state == FAILED:
        return FAIL if check.needed else WARN
    return NOT_MEASURED


def worst(verdicts: Iterable[str]) -> str:
    """The worst of them; of none, that nobody measured."""
    return max(verdicts, key=_ORDER.index, default=NOT_MEASURED)
