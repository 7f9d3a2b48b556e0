# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SSZ hash tree roots, as charon computes them.

Source: charon-formats §0.2 (consensus-specs ``ssz/simple-serialize.md`` with charon's three quirks). Every function returns
a 32-byte root, or, where it says so, a list of leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from ..errors import DvError

_ZERO = [bytes(32)]
for _ in range(64):
    _ZERO.append(sha256(_ZERO[-1] + _ZERO[-1]).digest())


def merkleize(chunks: Sequence[bytes], limit: int | None = None) -> bytes:
    """Root of 32-byte ``chunks``, padded with zero chunks to the next power of two of ``limit`` (default: their count)."""
    limit = len(chunks) if limit is None else limit
    if len(chunks) > limit:
        raise DvError(f"{len(chunks)} items", f"at most {limit}")
    depth = max(limit - 1, 0).bit_length()
    if not chunks:
        return _ZERO[depth]
    layer = list(chunks)
    for level in range(depth):
        if len(layer) % 2:
            layer.append(_ZERO[level])
        layer = [sha256(layer[i] + layer[i + 1]).digest() for i in range(0, len(layer), 2)]
    return layer[0]


def mix_in_length(root: bytes, length: int) -> bytes:
    """``sha256(root ‖ length)``, the length as 32 bytes, little-endian."""
    return sha256(root + length.to_bytes(32, "little")).digest()


def pack(value: bytes) -> list[bytes]:
    """The 32-byte chunks of ``value``, the last one padded with zero bytes on the right; none for empty bytes."""
    return [value[i : i + 32].ljust(32, b"\0") for i in range(0, len(value), 32)]


def uint64(value: int) -> bytes:
    """Root of an unsigned 64-bit integer."""
    return value.to_bytes(8, "little").ljust(32, b"\0")


def boolean(value: bool) -> bytes:
    """Root of a boolean."""
    return bytes([bool(value)]).ljust(32, b"\0")


def fixed_bytes(value: bytes, length: int) -> bytes:
    """Root of ``Bytes[length]``; a shorter value is padded with zero bytes on the LEFT (charon's quirk 2)."""
    if len(value) > length:
        raise DvError(f"{len(value)} bytes", f"at most {length}")
    return merkleize(pack(value.rjust(length, b"\0")))


def byte_list(value: bytes, limit: int) -> bytes:
    """Root of ``ByteList[limit]``."""
    if len(value) > limit:
        raise DvError(f"{len(value)} bytes", f"at most {limit}")
    return mix_in_length(merkleize(pack(value), (limit + 31) // 32), len(value))


def root_list(roots: Sequence[bytes], limit: int | None = None) -> bytes:
    """Root of a list of containers, given their roots. Legacy layouts have the count itself as the limit."""
    return mix_in_length(merkleize(roots, limit), len(roots))


def uint64_list(values: Sequence[int], limit: int) -> bytes:
    """Root of ``List[uint64, limit]``, four to a chunk."""
    packed = b"".join(value.to_bytes(8, "little") for value in values)
    if len(values) > limit:
        raise DvError(f"{len(values)} items", f"at most {limit}")
    return mix_in_length(merkleize(pack(packed), (limit * 8 + 31) // 32), len(values))


def container(*leaves: bytes) -> bytes:
    """Root of a container, given the roots of its fields."""
    return merkleize(leaves)


def put_bytes(value: bytes) -> list[bytes]:
    """The LEAVES (none or one) of charon's raw "put bytes": nothing at all for empty bytes (quirk 1)."""
    return [merkleize(pack(value))] if value else []
