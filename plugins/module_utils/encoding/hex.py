# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The 0x-hex strings of charon's files. Source: charon-formats §0.1."""

from __future__ import annotations

import re

from ..errors import DvError, show


def to_hex(value: bytes) -> str:
    """``0x`` and the lower-case hex of ``value``; ``""`` for empty bytes, as Go's 0x-hex type has it."""
    return "0x" + value.hex() if value else ""


def from_hex(text: str | None, length: int | None, what: str) -> bytes:
    """The ``length`` bytes of the hex string ``text`` (``0x`` optional, either case). ``""`` and ``None`` give ``b""``.

    :param length: exact length in bytes, or ``None`` for any
    :raises DvError: not a hex string of that length
    """
    if text is None or text == "":
        return b""
    wanted = "hex digits" if length is None else f"{length} bytes as hex"
    if not isinstance(text, str) or len(text) % 2 or not re.fullmatch("(0x)?[0-9a-fA-F]*", text):
        raise DvError(f"{what} is {show(text)}", wanted)
    value = bytes.fromhex(text.removeprefix("0x"))
    if length is not None and len(value) != length:
        raise DvError(f"{what} has {len(value)} bytes", wanted)
    return value
