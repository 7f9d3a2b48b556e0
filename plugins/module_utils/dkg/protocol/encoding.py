# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The encodings of the protocol: what is hashed and derived from, canonical JSON.

Source: the protocol's section "Encodings". There is one spelling for every value, and readers refuse all others:
two hosts that accept a message have seen the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, NoReturn

from ...encoding.go_json import check_depth
from ...errors import DvError

#: The protocol's version. An attempt keeps it.
VERSION = 1
_TAG = f"obol-dv-dkg/{VERSION}/"


def enc(tag: str, *parts: bytes | int) -> bytes:
    """An injective encoding: ``tag`` and each part as its length (8 bytes, big-endian) and its bytes.

    :param tag: the name of this use; no two uses share one
    :param parts: integers are 0 ... 2^64 - 1, and encoded as 8 bytes
    """
    out: list[bytes] = []
    for part in ((_TAG + tag).encode(), *parts):
        part = part.to_bytes(8, "big") if isinstance(part, int) else part
        out += len(part).to_bytes(8, "big"), part
    return b"".join(out)


def H(tag: str, *parts: bytes | int) -> bytes:
    """SHA-256 (32 bytes) of :func:`enc`."""
    return hashlib.sha256(enc(tag, *parts)).digest()


def to_json(value: Any) -> str:
    """The canonical JSON text of ``value``: sorted keys, no white space, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def from_json(content: bytes) -> Any:
    """The value that :func:`to_json` gives ``content`` for.

    :raises DvError: not JSON, or another spelling of it: white space, a repeated key, a number that is not whole
    """
    try:
        text = content.decode("ascii")
        check_depth(text)
        value = json.loads(text, parse_float=_refuse, parse_constant=_refuse)
        canonical = to_json(value).encode() == content
    except ValueError:
        canonical = False
    if not canonical:
        raise DvError("a text that is not canonical JSON", "sorted keys, no white space, ASCII, whole numbers")
    return value


def _refuse(number: str) -> NoReturn:
    raise ValueError(number)
