# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compact JSON Web Signatures, ES256K (RFC 7515, RFC 8812): ``header.payload.signature``, each in base64url.

Common libraries sign with random nonces and decode loosely. Here nonces are those of RFC 6979, s is in the lower
half, and base64url has one spelling. Messages are hashed and compared by their SIGNING INPUT (the text before the
last dot): a third party can always make a second valid signature of the same message.
"""

from hashlib import sha256
from typing import NamedTuple

from ..encoding.base64url import from_base64, to_base64
from ..errors import DvError
from . import secp256k1

#: Characters that a signature and its dot add to the signing input.
SIGNATURE_SIZE = 87


class Jws(NamedTuple):
    """A compact JWS, taken apart: nothing is decoded, nothing is verified."""

    text: str
    header: str
    payload: str
    signature: str

    @property
    def signing_input(self) -> bytes:
        """What is signed, hashed and compared."""
        return f"{self.header}.{self.payload}".encode()

    @property
    def digest(self) -> bytes:
        """SHA-256 (32 bytes) of the signing input."""
        return sha256(self.signing_input).digest()


def split(text: str) -> Jws:
    """Take ``text`` apart.

    :raises DvError: not a str of ASCII with exactly two dots
    """
    parts = text.split(".") if isinstance(text, str) and text.isascii() else ()
    if len(parts) != 3:
        raise DvError("a text that is not a compact JWS", "header.payload.signature")
    return Jws(text, *parts)


def sign(private_key: bytes, header: bytes, payload: bytes) -> str:
    """The compact JWS by the secp256k1 key ``private_key`` (32 bytes)."""
    signing_input = f"{to_base64(header)}.{to_base64(payload)}"
    signature = secp256k1.sign(private_key, sha256(signing_input.encode()).digest())
    # Without v, which a JWS does not have.
    return f"{signing_input}.{to_base64(signature[:64])}"


def verify(message: Jws, public_key: bytes) -> None:
    """Refuse ``message`` unless its signature is by ``public_key`` (33 bytes, compressed).

    :raises DvError: loose base64url, not 64 bytes, s in the upper half, or not this key's. A carrier can cause any
        of these.
    """
    signature = from_base64(message.signature)
    if len(signature) != 64 or int.from_bytes(signature[32:], "big") > secp256k1.ORDER // 2:
        raise DvError("a signature in another form", "r and s, 32 bytes each, s in the lower half")
    if not secp256k1.verify_compact(public_key, message.digest, signature):
        raise DvError("a wrong signature", "that of the operator's ENR key")
