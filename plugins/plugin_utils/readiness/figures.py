# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Numbers and times as people read them."""

from __future__ import annotations

import datetime

from .values import number, text

#: Between groups of three digits: narrow, and no line ends there.
_GAP = "\u202f"

#: Unit of a judgement -> (how many of them make one of what is shown, name).
_UNITS = {
    "us": (1000, "ms"),
    "percent": (1, "%"),
    "permille": (10, "%"),
    "MB": (1000, "GB"),
}


def plain(value: int | float | None) -> str:
    """A number with as many digits as say something: 0.41, 12.4, 1 234; those of a count, which is whole. Nothing for None."""
    if value is None:
        return ""
    digits = 0 if isinstance(value, int) or abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}".replace(",", _GAP).replace("-", "\u2212")


def milliseconds(value: int | float | None) -> str:
    """Microseconds as milliseconds, without the unit. Nothing for None."""
    return "" if value is None else plain(value / 1000)


def signed(value: int | float | None) -> str:
    """The same, with a sign."""
    return "" if value is None else ("+" if value > 0 else "") + milliseconds(value)


def amount(value: object, unit: object) -> str:
    """The value of a check with its unit. Without a unit 0 and 1 stand for no and yes, which the verdict says already: nothing."""
    found, told = number(value), text(unit, 20)
    if found is None or (not told and found in (0, 1)):
        return ""
    of_one, name = _UNITS.get(told, (1, told))
    return f"{plain(found / of_one if of_one > 1 else found)} {name}".rstrip()


def moment(value: object) -> str:
    """A time of RFC 3339 to the minute; of what is none, its text."""
    told = text(value, 40)
    try:
        when = datetime.datetime.fromisoformat(told)
        return f"{when.astimezone(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC" if when.tzinfo else told
    except (ValueError, OverflowError):
        return told
