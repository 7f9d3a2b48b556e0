# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ENRs (EIP-778 node records), as charon writes them: a node's public key, signed by it. Source: charon-formats §3.

The text is ``enr:`` and the base64url of an RLP list: signature (64 bytes), sequence number, then keys and values. One
made here holds ``id`` and ``secp256k1`` only and has the sequence number 0, so a private key has exactly one text.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any

from ..crypto import secp256k1
from ..crypto.keccak import keccak256
from ..encoding import rlp
from ..errors import DvError, show

#: Most bytes of an ENR's text (charon-formats §1.1).
MAX_SIZE = 1024

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
# Identity multihash (00) of 37 bytes (25): libp2p's protobuf of a secp256k1 (08 02) key of 33 bytes (12 21).
_PEER_ID_PREFIX = bytes.fromhex("002508021221")


@dataclass(frozen=True)
class Enr:
    """A parsed ENR: its ``text`` and the node's compressed ``public_key`` (33 bytes)."""

    text: str
    public_key: bytes


def encode(private_key: bytes) -> str:
    """The ENR text (163 characters) of the node with ``private_key`` (32 bytes)."""
    content = [b"", b"id", b"v4", b"secp256k1", secp256k1.public_key(private_key)]
    signature = secp256k1.sign(private_key, keccak256(rlp.encode_list(content)))[:64]
    return "enr:" + base64.urlsafe_b64encode(rlp.encode_list([signature, *content])).decode().rstrip("=")


def parse(text: Any, what: str = "ENR", verify: bool = True) -> Enr:
    """The :class:`Enr` of ``text``, called ``what`` in errors.

    :param verify: ``False`` skips the signature, and nothing else
    :raises DvError: not an ENR as charon reads them; RLP that is not in its shortest form is refused too
    """
    if not isinstance(text, str) or not re.fullmatch("enr:[A-Za-z0-9_-]+={0,2}", text) or len(text) > MAX_SIZE:
        raise DvError(f"{what} is {show(text)}", f"'enr:' and base64url, at most {MAX_SIZE} characters")
    try:
        signature, pairs, content = _items(text[4:].rstrip("="))
        public_key = pairs.get(b"secp256k1", b"")
        secp256k1.decompress(public_key)
        if pairs.get(b"id", b"v4") != b"v4":
            raise DvError(f"its identity scheme is {show(pairs[b'id'].decode('utf-8', 'replace'))}", "v4")
        if verify and not secp256k1.verify_compact(public_key, keccak256(content), signature):
            raise DvError("its signature is wrong", "a signature by its own key", "ask its operator for the ENR again")
    except DvError as error:
        raise DvError(f"{what} {show(text)}: {error.found}", error.wanted, error.hint) from None
    return Enr(text, public_key)


def node_key(text: Any) -> bytes | None:
    """The compressed public key (33 bytes) of an ENR's ``text``, whose signature is not verified; ``None`` of what is no ENR."""
    try:
        return parse(text, verify=False).public_key
    except DvError:
        return None


def peer_id(public_key: bytes) -> str:
    """The libp2p peer id (base58 text, ``16Uiu2HA...``) of the node with the compressed ``public_key`` (33 bytes)."""
    number, text = int.from_bytes(_PEER_ID_PREFIX + public_key, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return "1" + text  # one leading zero byte


def public_key_of(text: str) -> bytes | None:
    """The compressed public key (33 bytes) that is in the :func:`peer_id` ``text``; ``None`` of what is none."""
    if not re.fullmatch(f"[{_BASE58}]{{1,60}}", text):
        return None
    number = 0
    for letter in text:
        number = number * 58 + _BASE58.index(letter)
    public_key = number.to_bytes(64, "big")[-33:]
    return public_key if peer_id(public_key) == text else None


def _items(encoded: str) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """Signature, dict of pairs, and the signed RLP list of a record in base64url without padding."""
    try:
        raw = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except ValueError:
        raise DvError("it is not base64url") from None
    items = rlp.decode_list(raw)
    if len(items) < 4 or len(items) % 2:
        raise DvError(f"it has {len(items)} elements", "signature, sequence number, and pairs of key and value")
    signature, _sequence, *rest = items
    pairs = dict(zip(rest[::2], rest[1::2]))
    if len(pairs) * 2 != len(rest):
        raise DvError("a key stands twice in it")
    return signature, pairs, rlp.encode_list(items[1:])
