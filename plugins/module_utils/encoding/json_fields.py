# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON objects of charon's files as tables of fields, read and written by one table for all versions of a format.

A *kind* (text, integer, hex bytes, list, record ...) reads a JSON value and writes it again. A :class:`Field` says
under which key a value of that kind stands, and in which versions. Versions are the N of ``v1.N.0``.

Reading follows Go's ``encoding/json`` (charon-formats §0.1): keys match in either case, unknown keys are ignored, and
``null`` or an absent key is the empty value. Everything is bounded, and errors name the JSON path of what is wrong.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from ..errors import DvError, kind_of, show
from . import go_json
from .hex import from_hex, to_hex

#: Instead of a field's attribute: what is read are values of the same object, as a dict.
SAME_OBJECT = None

MAX_INT64 = 2**63 - 1
MAX_UINT64 = 2**64 - 1


class Reading:
    """One reading of a file: its ``minor`` version, its name in errors, and the paths of the ``unknown`` keys met."""

    def __init__(self, what: str, minor: int) -> None:
        self.what, self.minor = what, minor
        self.unknown: list[str] = []

    def error(self, path: str, value: Any, wanted: str) -> DvError:
        """The error that says what stands at ``path``, and what was wanted."""
        return DvError(f"{self.what}: {path or 'the value'} is {(show if path else kind_of)(value)}", wanted)


class Kind(Protocol):
    """What a *kind* does. Versions are their N, as ``minor``."""

    def read(self, value: Any, path: str, reading: Reading) -> Any:
        """What the JSON ``value`` at ``path`` stands for.

        :raises DvError: it is not of this kind
        """

    def write(self, value: Any, minor: int) -> Any:
        """The JSON value of ``value``."""


class Text:
    """A text of at most ``limit`` bytes in UTF-8."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def read(self, value: Any, path: str, reading: Reading) -> Any:
        if value is None:
            return ""
        if not isinstance(value, str) or not _fits(value, self.limit):
            raise reading.error(path, value, f"a text of at most {self.limit} bytes in UTF-8")
        return value

    def write(self, value: Any, minor: int) -> Any:
        return value


class Address:
    """The text of an Ethereum address in any case, ``0x`` being optional as in charon, or an empty text."""

    def read(self, value: Any, path: str, reading: Reading) -> Any:
        if value is None:
            return ""
        if not isinstance(value, str) or not re.fullmatch("((0x)?[0-9a-fA-F]{40})?", value):
            raise reading.error(path, value, "an address (0x and 40 hex digits), or an empty text")
        return value

    def write(self, value: Any, minor: int) -> Any:
        return value


class Integer:
    """A JSON number, an integer in 0 ... ``maximum``."""

    def __init__(self, maximum: int) -> None:
        self.maximum = maximum

    def read(self, value: Any, path: str, reading: Reading) -> Any:
        if value is None:
            return 0
        if type(value) is not int or not 0 <= value <= self.maximum:  # pylint: disable=unidiomatic-typecheck
            raise reading.error(path, value, f"an integer from 0 to {self.maximum}")
        return value

    def write(self, value: Any, minor: int) -> Any:
        return value


class Decimal(Integer):
    """An integer in 0 ... ``maximum`` as a JSON string of decimal digits."""

    def read(self, value: Any, path: str, reading: Reading) -> Any:
        if value is not None and not (isinstance(value, str) and re.fullmatch("[0-9]{1,20}", value)):
            raise reading.error(path, value, "a string of decimal digits")
        return super().read(int(value or "0"), path, reading)

    def write(self, value: Any, minor: int) -> Any:
        return str(value)


class Boolean:
    """``true`` or ``false``."""

    def read(self, value: Any, path: str, reading: Reading) -> Any:
        if value is not None and not isinstance(value, bool):
            raise reading.error(path, value, "true or false")
        return bool(value)

    def write(self, value: Any, minor: int) -> Any:
        return value


class Hex:
    """``length`` bytes as a 0x-hex string, or none at all; with ``exact=False`` at most ``length`` bytes."""

    def __init__(self, length: int, exact: bool = True) -> None:
        self.length, self.exact = length, exact

    def read(self, value: Any, path: str, reading: Reading) -> Any:
        return self.check(from_hex(value, None, f"{reading.what}: {path}"), path, reading)

    def check(self, data: bytes, path: str, reading: Reading) -> bytes:
        """``data``, unless it has another length.

        :raises DvError: it has
        """
        if len(data) > self.length or data and self.exact and len(data) != self.length:
            wanted = f"{self.length} bytes" if self.exact else f"at most {self.length} bytes"
            raise DvError(f"{reading.what}: {path} has {len(data)} bytes", wanted)
        return data

    def write(self, value: Any, minor: int) -> Any:
        return to_hex(value)


class Base64(Hex):
    """The same as standard base64, for v1.0 and v1.1; ``null`` or absent is ``nil``."""

    def __init__(self, length: int, exact: bool = True, nil: bytes | None = b"") -> None:
        super().__init__(length, exact)
        self.nil = nil

    def read(self, value: Any, path: str, reading: Reading) -> Any:
        if value is None:
            return self.nil
        try:
            data = base64.b64decode(value, validate=True)
        except (ValueError, TypeError):
            raise reading.error(path, value, "standard base64") from None
        return self.check(data, path, reading)

    def write(self, value: Any, minor: int) -> Any:
        return None if value is None else base64.b64encode(value).decode()


class List:
    """A list of at most ``limit`` values of ``kind``, read as a tuple; ``null`` or absent is ``nil``."""

    def __init__(self, kind: Kind, limit: int, nil: tuple[()] | None = ()) -> None:
        self.kind, self.limit, self.nil = kind, limit, nil

    def read(self, value: Any, path: str, reading: Reading) -> Any:
        if value is None:
            return self.nil
        if not isinstance(value, list) or len(value) > self.limit:
            shown = f"{len(value)} values" if isinstance(value, list) else value
            raise reading.error(path, shown, f"a list of at most {self.limit} values")
        return tuple(self.kind.read(item, f"{path}[{position}]", reading) for position, item in enumerate(value))

    def write(self, value: Any, minor: int) -> Any:
        return None if value is None else [self.kind.write(item, minor) for item in value]


class Constant:
    """A value that says nothing and must be ``value``; its field has the attribute :data:`SAME_OBJECT`."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def read(self, value: Any, path: str, reading: Reading) -> Any:
        if value is not None and (type(value) is not type(self.value) or value != self.value):
            raise reading.error(path, value, go_json.dumps(self.value))
        return {}

    def write(self, value: Any, minor: int) -> Any:
        return self.value


class Field:
    """One row of a table: the value under ``key`` in versions ``first`` ... ``last``.

    :param attribute: where the object has the value (default: ``key``), or :data:`SAME_OBJECT`
    :param omit: not written when empty
    """

    def __init__(self, key: str, kind: Kind, first: int = 0, last: int = MAX_INT64, attribute: str | None = "", omit: bool = False) -> None:
        self.key, self.kind, self.first, self.last, self.omit = key, kind, first, last, omit
        self.attribute = key if attribute == "" else attribute


class Record:
    """A JSON object with ``fields``, in the order in which they are written; ``make(**values)`` makes what is read."""

    def __init__(self, make: Callable[..., Any], *fields: Field) -> None:
        self.make, self.fields = make, fields

    def read(self, value: Any, path: str, reading: Reading) -> Any:
        members = _folded(value, path, reading)
        values: dict[str, Any] = {}
        for field in self._of(reading.minor):
            inner = f"{path}.{field.key}" if path else field.key
            _key, item = members.pop(field.key, (None, None))
            item = field.kind.read(item, inner, reading)
            values.update(item if field.attribute is SAME_OBJECT else {field.attribute: item})
        reading.unknown += [f"{path}.{key}" if path else key for key, _item in members.values()]
        return self.make(**values)

    def write(self, value: Any, minor: int) -> Any:
        written = {}
        for field in self._of(minor):
            item = field.kind.write(value if field.attribute is SAME_OBJECT else getattr(value, field.attribute), minor)
            if item or not field.omit:
                written[field.key] = item
        return written

    def _of(self, minor: int) -> Iterator[Field]:
        return (field for field in self.fields if field.first <= minor <= field.last)


def lookup(value: Any, key: str, what: str) -> Any:
    """The value under ``key`` of the JSON object ``value``, matched as in a :class:`Record`; ``None`` where absent."""
    return _folded(value, "", Reading(what, 0)).get(key, (None, None))[1]


def _folded(value: Any, path: str, reading: Reading) -> dict[str, tuple[str, Any]]:
    """``{folded key: (key, value)}``. Go folds two letters beyond ASCII to ASCII ones: U+212A to k and U+017F to s."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise reading.error(path, value, "a JSON object")
    members: dict[str, tuple[str, Any]] = {str(key).lower().replace("\u017f", "s"): (str(key), item) for key, item in value.items()}
    if len(members) != len(value):
        raise DvError(
            f"{reading.what}: {path or 'the object'} has two keys that differ in upper and lower case only",
            "every key once",
        )
    return members


def _fits(text: str, limit: int) -> bool:
    try:
        return len(text.encode()) <= limit
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
