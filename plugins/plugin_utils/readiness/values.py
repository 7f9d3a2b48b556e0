# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that nodes told, as a page can hold them: of the right type, bounded, and nothing else than what is seen.

None of these functions raises: what is not as it should be is empty, or None.
"""

from __future__ import annotations

#: Characters of the longest text that is shown whole: two hashes. A public key has 98.
LONGEST = 160

#: The share index of the last operator that a cluster can have.
_LAST_INDEX = 255

#: Numbers beyond are none that anything here can be measured in; a text of theirs may be a megabyte.
_LARGEST = 2**53


def text(value: object, longest: int = LONGEST) -> str:
    """A text as one line. What turns the direction of writing, cannot be seen, or is half a surrogate is written as ``\\u`` and its number.

    :param longest: characters that are left of it
    """
    if not isinstance(value, str):
        return ""
    line = " ".join(value[: longest * 2].split())
    seen = "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in line[: longest + 1])
    return seen if len(seen) <= longest else f"{seen[: longest - 1]}\u2026"


def number(value: object) -> int | float | None:
    """A number, or None for what is none, is not finite, or is beyond all measure."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if -_LARGEST <= value <= _LARGEST else None


def duration(value: object) -> int | float | None:
    """A number that is not negative, or None."""
    found = number(value)
    return None if found is None or found < 0 else found


def share_index(value: object) -> int | None:
    """A share index, or None."""
    found = number(value)
    return found if isinstance(found, int) and 1 <= found <= _LAST_INDEX else None


def record(value: object) -> dict:
    """A mapping; an empty one for what is none."""
    return value if isinstance(value, dict) else {}


def items(value: object, most: int) -> list:
    """The first ``most`` of a list; none for what is no list."""
    return list(value[:most]) if isinstance(value, (list, tuple)) else []


def records(value: object, most: int) -> list[dict]:
    """Those of the first ``most`` of a list that are mappings."""
    return [each for each in items(value, most) if isinstance(each, dict)]


def length(value: object) -> int:
    """How long a list is; 0 for what is no list."""
    return len(value) if isinstance(value, (list, tuple)) else 0
