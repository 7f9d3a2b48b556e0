# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SSZ containers as tables of leaves: one table hashes all versions of a format.

Source: charon-formats §0.2. A *root* is a function of a value and a ``walk`` (for what lies inside the value) that
gives the value's leaves: one, or none where charon leaves an empty value out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..errors import DvError
from . import ssz
from .hex import from_hex, to_hex

#: ``walk(table, value)`` gives the leaves of ``value``; a root gives those of a value, with a walk for what lies inside it.
Walk = Callable[[Sequence["Leaf"], Any], list[bytes]]
Root = Callable[[Any, Walk], list[bytes]]

#: The two walks of a cluster definition: ``config_hash`` sees less than ``definition_hash``.
CONFIG, FULL = "config", "full"


class Leaf:
    """One row of a table: the leaf of ``attribute`` in versions ``first`` ... ``last`` (the N of ``v1.N.0``).

    :param attribute: of the object; ``None`` for the object itself
    :param only: the one walk that has it (default: both)
    """

    def __init__(self, attribute: str | None, root: Root, first: int = 0, last: int = 99, only: str | None = None) -> None:
        self.attribute, self.root, self.first, self.last, self.only = attribute, root, first, last, only


def walker(minor: int, mode: str = FULL) -> Walk:
    """The walk for version v1.``minor``.0.

    :raises DvError: (by ``walk``) a value that is too long
    """

    def walk(table: Sequence[Leaf], value: Any) -> list[bytes]:
        leaves: list[bytes] = []
        for row in table:
            if row.first <= minor <= row.last and row.only in (None, mode):
                try:
                    leaves += row.root(value if row.attribute is None else getattr(value, row.attribute), walk)
                except DvError as error:
                    raise DvError(f"{row.attribute}: {error.found}", error.wanted) from None
        return leaves

    return walk


def struct(table: Sequence[Leaf]) -> Root:
    """A container."""
    return lambda value, walk: [ssz.container(*walk(table, value))]


def struct_list(table: Sequence[Leaf], limit: int | None) -> Root:
    """``List[container, limit]``; a ``limit`` of ``None`` is the count itself, as in the layouts before v1.3."""
    return lambda values, walk: [
        ssz.root_list([ssz.container(*walk(table, value)) for value in values or ()], limit),
    ]


def byte_list(limit: int) -> Root:
    """``ByteList[limit]`` of a text."""
    return lambda text, walk: [ssz.byte_list(text.encode(), limit)]


def fixed(length: int) -> Root:
    """``Bytes[length]``."""
    return lambda value, walk: [ssz.fixed_bytes(value, length)]


def fixed_list(length: int, limit: int) -> Root:
    """``List[Bytes[length], limit]``."""
    return lambda values, walk: [ssz.root_list([ssz.fixed_bytes(value, length) for value in values], limit)]


def put(value: bytes | None, walk: Walk) -> list[bytes]:
    """Bytes, left out when empty."""
    return ssz.put_bytes(value or b"")


def put_text(text: str, walk: Walk) -> list[bytes]:
    """A text, left out when empty."""
    return ssz.put_bytes(text.encode())


def put_hex_text(value: bytes, walk: Walk) -> list[bytes]:
    """The 0x-hex text of bytes, left out when empty."""
    return ssz.put_bytes(to_hex(value).encode())


def address(text: str, walk: Walk) -> list[bytes]:
    """``Bytes[20]`` of the text of an address."""
    return [ssz.fixed_bytes(from_hex(text, 20, "the address"), 20)]


def put_address(text: str, walk: Walk) -> list[bytes]:
    """The 20 bytes of the text of an address, left out when empty."""
    return ssz.put_bytes(from_hex(text, 20, "the address"))


def uint64(value: int, walk: Walk) -> list[bytes]:
    """An unsigned 64-bit integer."""
    return [ssz.uint64(value)]


def boolean(value: bool, walk: Walk) -> list[bytes]:
    """A boolean."""
    return [ssz.boolean(value)]
