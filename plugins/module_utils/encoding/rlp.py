# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""RLP (Ethereum's recursive length prefix) of a list of byte strings, which is what node records are. Source: the Yellow Paper, appendix B."""

from collections.abc import Iterable

from ..errors import DvError

# What is added to the length in a head.
_STRING, _LIST = 0x80, 0xC0


def encode_list(strings: Iterable[bytes]) -> bytes:
    """The RLP of the list of ``strings``."""
    body = b"".join(string if len(string) == 1 and string[0] < _STRING else _head(len(string), _STRING) + string for string in strings)
    return _head(len(body), _LIST) + body


def decode_list(raw: bytes) -> list[bytes]:
    """The strings of ``raw``.

    :raises DvError: not an RLP list of strings and nothing else, in its shortest form
    """
    strings, position = [], len(_head(_content(raw, 0, _LIST)[1], _LIST))
    while position < len(raw):
        if raw[position] < _STRING:
            start, length = position, 1
        else:
            start, length = _content(raw, position, _STRING)
        strings.append(raw[start : start + length])
        position = start + length
    if encode_list(strings) != raw:
        raise DvError("it is not RLP", "a list of strings, in its shortest form")
    return strings


def _head(length: int, offset: int) -> bytes:
    """The head of a content of ``length`` bytes."""
    if length < 56:
        return bytes([offset + length])
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([offset + 55 + len(size)]) + size


def _content(raw: bytes, position: int, offset: int) -> tuple[int, int]:
    """Where the content begins whose head is at ``position``, and how long it is."""
    head = raw[position] - offset if position < len(raw) else -1
    if not 0 <= head < 64:
        raise DvError("it is not RLP", "a list of strings")
    if head < 56:
        return position + 1, head
    start = position + 1 + head - 55
    return start, int.from_bytes(raw[position + 1 : start], "big")
