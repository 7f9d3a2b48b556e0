# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Times as texts: UTC, whole seconds, one spelling, so that they are compared as texts. Source: RFC 3339."""

import calendar
import time

_FORM = "%Y-%m-%dT%H:%M:%SZ"


def to_utc(seconds: float) -> str:
    """``2026-05-01T12:00:00Z`` of Unix seconds, rounded down."""
    return time.strftime(_FORM, time.gmtime(seconds))


def from_utc(text: str) -> int:
    """Unix seconds of what :func:`to_utc` made.

    :raises ValueError: anything else
    """
    try:
        seconds = calendar.timegm(time.strptime(text, _FORM))
        if to_utc(seconds) == text:
            return seconds
    except (OverflowError, OSError):
        pass
    raise ValueError(f"{text[:40]!r} is no UTC time")
