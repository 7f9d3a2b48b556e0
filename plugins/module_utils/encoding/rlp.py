# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""RLP (Ethereum's recursive length prefix) of a list of byte strings, which is what node records are, and transactions but for one item.
Source: the Yellow Paper, appendix B."""

from collections.abc import Iterable

from ..errors import DvError

# What is added to the length in a head.
_STRING, _LIST = 0x80, 0xC0

#: The RLP of a list with nothing in it.
EMPTY_LIST = bytes([_LIST])


def encode_list(strings: Iterable[bytes]) -> bytes:
    """The RLP of the list of ``strings``."""
    return encode_items(map(encode_string, strings))


def encode_items(items: Iterable[bytes]) -> bytes:
    """The RLP of a list, of the RLP of each of its ``items``."""
    body = b"".join(items)
    return _head(len(body), _LIST) + body


def encode_string(string: bytes) -> bytes:
    """The RLP of ``string``."""
    return string if len(string) == 1 and string[0] < _STRING else _head(len(string), _STRING) + string


def decode_list(raw: bytes) -> list[bytes]:
    """The strings of ``raw``.

    :raises DvError: not an RLP list of strings and nothing else, in its shortest form
    """
    return [*map(decode_string, decode_items(raw))]


def decode_items(raw: bytes) -> list[bytes]:
    """The RLP of each item of the list ``raw``; whether it is that of one, whoever decodes the item finds.

    :raises DvError: not an RLP list, in its shortest form
    """
    items, position = [], _content(raw, 0, _LIST)[0]
    while position < len(raw):
        head = raw[position]
        start, length = (position, 1) if head < _STRING else _content(raw, position, _STRING if head < _LIST else _LIST)
        items.append(raw[position : start + length])
        position = start + length
    if encode_items(items) != raw:
        raise _not_rlp()
    return items


def decode_string(item: bytes) -> bytes:
    """The string whose RLP is ``item``.

    :raises DvError: it is not that of a string, in its shortest form
    """
    string = item if item and item[0] < _STRING else item[_content(item, 0, _STRING)[0] :]
    if encode_string(string) != item:
        raise _not_rlp()
    return string


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
        raise _not_rlp()
    if head < 56:
        return position + 1, head
    start = position + 1 + head - 55
    return start, int.from_bytes(raw[position + 1 : start], "big")


def _not_rlp() -> DvError:
    return DvError("it is not RLP", "a list of strings, in its shortest form")
