# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compact JSON Web Signatures, ES256K (RFC 7515, RFC 8812): ``header.payload.signature``, each in base64url.

Common libraries sign with random nonces and decode loosely. Here nonces are those of RFC 6979, s is in the lower
half, and base64url has one spelling. Messages are hashed and compared by their SIGNING INPUT (the text before the
last dot): a third party can always make a second valid signature of the same message.
"""

from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from ..errors import DvError
from ..secp256k1 import ORDER
from .encoding import from_base64, to_base64

#: Characters that a signature and its dot add to the signing input.
SIGNATURE_SIZE = 87
_ECDSA = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)


class Jws(NamedTuple):
    """A compact JWS, taken apart: nothing is decoded, nothing is verified."""

    text: str
    header: str
    payload: str
    signature: str

    @property
    def signing_input(self):
        """What is signed, hashed and compared (bytes)."""
        return b"%s.%s" % (self.header.encode(), self.payload.encode())

    @property
    def digest(self):
        """SHA-256 (32 bytes) of the signing input."""
        digest = hashes.Hash(hashes.SHA256())
        digest.update(self.signing_input)
        return digest.finalize()


def split(text):
    """The :class:`Jws` of ``text``.

    :raises DvError: not a str of ASCII with exactly two dots
    """
    parts = text.split(".") if isinstance(text, str) and text.isascii() else ()
    if len(parts) != 3:
        raise DvError("a text that is not a compact JWS", "header.payload.signature")
    return Jws(text, *parts)


def sign(private_key, header, payload):
    """The compact JWS (str) over the bytes ``header`` and ``payload``, by the secp256k1 key ``private_key`` (32
    bytes)."""
    signing_input = "%s.%s" % (to_base64(header), to_base64(payload))
    key = ec.derive_private_key(int.from_bytes(private_key, "big"), ec.SECP256K1())
    r, s = utils.decode_dss_signature(key.sign(signing_input.encode(), _ECDSA))
    return "%s.%s" % (signing_input, to_base64(r.to_bytes(32, "big") + min(s, ORDER - s).to_bytes(32, "big")))


def verify(message, public_key):
    """Refuse ``message`` (:class:`Jws`) unless its signature is by ``public_key`` (33 bytes, compressed).

    :raises DvError: loose base64url, not 64 bytes, s in the upper half, or not this key's. A carrier can cause any
        of these.
    """
    raw = from_base64(message.signature)
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    if len(raw) != 64 or s > ORDER // 2:
        raise DvError("a signature in another form", "r and s, 32 bytes each, s in the lower half")
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), public_key)
        key.verify(utils.encode_dss_signature(r, s), message.signing_input, _ECDSA)
    except (InvalidSignature, ValueError):
        raise DvError("a wrong signature", "that of the operator's ENR key") from None
