# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON as Go's ``encoding/json`` writes it.

Source: charon-formats §0.1. Files are indented with one space, without a final newline; HTTP bodies are compact.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from ..errors import DvError

_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_ESCAPED = re.compile(f"[{''.join(_ESCAPES)}]")

# No file of ours nests deeper than 8. Python's own guard is the recursion limit, and libraries that raise it (py_ecc does)
# turn a deeply nested text into a crash of the process.
_MAX_DEPTH = 64
#: The escape of half a character, which may have its other half.
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
# Nothing is tried twice, so nothing is kept of each escape: a text of them alone took gigabytes.
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_BRACKET = re.compile(r"[][{}]")


def dumps(value: Any, indent: int | None = 1) -> str:
    """The text of ``value``: ``indent=1`` for files, ``None`` for compact HTTP bodies. Keys keep their order."""
    separators = (",", ":") if indent is None else None
    text = json.dumps(value, indent=indent, separators=separators, ensure_ascii=False)
    # Outside of strings none of these characters occurs, so replacing them in the whole text is safe.
    return _ESCAPED.sub(lambda match: _ESCAPES[match.group()], text)


def loads(content: bytes | str, what: str) -> Any:
    """The value of the JSON text ``content``, called ``what`` in errors.

    :raises DvError: not UTF-8, not JSON, nested too deeply, a repeated key, or a number that JSON does not know
    """
    try:
        text = content.decode("utf-8") if isinstance(content, bytes) else content
        check_depth(text)
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse)
        if _HALF.search(text):
            # An escape may be half a character, which no text in UTF-8 holds.
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except (ValueError, RecursionError) as error:
        raise DvError(f"{what} is not JSON ({error})", "a JSON text in UTF-8") from None


def check_depth(text: str) -> None:
    """Refuse a JSON ``text`` that nests deeper than any of ours.

    :raises ValueError: it does
    """
    depth = 0
    for bracket in _BRACKET.finditer(_STRING.sub("", text)):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > _MAX_DEPTH:
            raise ValueError(f"nested more than {_MAX_DEPTH} deep")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")
