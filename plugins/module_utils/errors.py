# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The core's errors: a fact, what was wanted instead, and what to do about it.

The core raises these and nothing else on bad input; modules and action plugins turn them into failures.
No error text ever holds a secret, nor what a terminal would obey.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from types import TracebackType
from typing import Any

_UNUSUAL = {False: re.compile("[^ -~]"), True: re.compile("[^ -~\n]")}


def printable(text: str, lines: bool = False) -> str:
    """``text`` as it can be delivered and shown: what steers a terminal, turns the direction of writing, cannot be seen, or is half a
    surrogate, which UTF-8 does not have, is written as ``\\u`` and its number.

    :param lines: the ends of lines stay
    """
    return _UNUSUAL[lines].sub(_shown, text)


#: What a value that is not shown is called.
_KINDS = {
    type(None): "empty",
    bool: "true or false",
    dict: "a mapping",
    list: "a list",
    str: "a text",
    int: "a number",
    bytes: "binary data",
}

#: Characters of the longest text that is shown whole: an address. Longer ones may be a key that was pasted into the wrong place.
LONGEST_SHOWN = 42


def show(value: Any) -> str:
    """A short text for a value of a user or of a file: never a whole key, never a deep structure."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        shown = value if len(value) <= LONGEST_SHOWN else value[:6]
        text = json.dumps(shown, ensure_ascii=not shown.isprintable())
        return text if len(shown) == len(value) else f'{text[:-1]}..." ({len(value)} characters)'
    if isinstance(value, int):
        return str(value) if abs(value) < 10**20 else "a number of more than 20 digits"
    if isinstance(value, float):
        text = f"{value:.12g}"
        return f"{text}.0" if text.lstrip("-").isdecimal() else text
    return kind_of(value)


def kind_of(value: Any) -> str:
    """What kind of a value it is, for whatever may be a file that was read by mistake: its content stays out of the text."""
    return _KINDS.get(type(value), f"a {type(value).__name__}")


def _shown(match: re.Match[str]) -> str:
    character = match[0]
    if character.isprintable():
        return character
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


class DvError(Exception):
    """One clear error, each part of it :func:`printable`.

    :param found: what was found, as a fact
    :param wanted: what was wanted instead
    :param hint: what the operator does now
    :param details: the facts one by one, where there are several: lines below ``found``
    """

    def __init__(self, found: str, wanted: str = "", hint: str = "", details: Iterable[str] = ()) -> None:
        self.found, self.wanted, self.hint = map(printable, (found, wanted, hint))
        parts = [":\n  ".join([self.found, "\n  ".join(map(printable, details))]) if details else self.found]
        if wanted:
            parts.append(f"wanted: {self.wanted}")
        if hint:
            parts.append(self.hint)
        super().__init__("; ".join(parts))


class OperatorError(DvError):
    """An error that one operator is to blame for.

    :param share_index: the operator's share index, from 1
    :param check: short name of the check that failed, e.g. ``enr_signature``
    """

    WHO = "operator %d"

    def __init__(self, share_index: int, check: str, found: str, wanted: str = "", hint: str = "") -> None:
        self.share_index, self.check = share_index, check
        super().__init__(f"{self.WHO % share_index}, {check}: {found}", wanted, hint)


class CarriedError(OperatorError):
    """The same of a file that somebody carried, who may have changed it on the way."""

    WHO = "operator %d, or whoever carried it"


class Problems(DvError):
    """Several errors at once, for checks that say everything that is wrong, not the first thing only."""

    def __init__(self, errors: Iterable[DvError]) -> None:
        self.errors = list(errors)
        super().__init__("; ".join(map(str, self.errors)))
        self.args = ("\n".join(f"- {error}" for error in self.errors) if len(self.errors) > 1 else str(self.errors[0]),)


class Collector:
    """Collects errors of independent checks::

    problems = Collector()
    with problems:
        check_one()
    with problems:
        check_two()
    problems.raise_any()
    """

    def __init__(self) -> None:
        self.errors: list[DvError] = []

    def __enter__(self) -> Collector:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> bool:
        if isinstance(error, Problems):
            self.errors += error.errors
        elif isinstance(error, DvError):
            self.errors.append(error)
        else:
            return False
        return True

    def raise_any(self) -> None:
        """Raise what was collected: nothing, the only error, or :class:`Problems`."""
        raise_all(self.errors)


def raise_all(errors: list[DvError]) -> None:
    """Raise ``errors``: nothing, the only one, or :class:`Problems`."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise Problems(errors)
