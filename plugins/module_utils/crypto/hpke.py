# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sealing to one recipient: HPKE (RFC 9180, base mode) with X-Wing, ML-KEM-768 and X25519 together.

Suite: KEM 0x647a, HKDF-SHA256, ChaCha20-Poly1305, no additional data. X-Wing stays secret as long as either of its
two parts does: deals may be public for ever.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from ..errors import DvError

#: Bytes of a private key: seed of ML-KEM-768 (64), X25519 scalar (32).
PRIVATE_KEY_SIZE = 96
#: Bytes of a public key: ML-KEM-768 (1184), X25519 (32).
PUBLIC_KEY_SIZE = 1216
#: Bytes by which a ciphertext is longer than its text: the encapsulated key (1120) and the tag (16).
OVERHEAD = 1136

_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


def public_key(private_key: bytes) -> bytes:
    """The public key (1216 bytes) of ``private_key`` (96 bytes)."""
    mlkem, x25519 = _halves(private_key)
    return mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()


def seal(recipient: bytes, info: bytes, plaintext: bytes) -> bytes:
    """``plaintext`` sealed to the public key ``recipient`` (1216 bytes), bound to ``info``. Random: two calls differ.

    :raises DvError: nobody can seal to that key (not reduced, or of low order)
    """
    try:
        key = MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(recipient[:1184]), X25519PublicKey.from_public_bytes(recipient[1184:])
        )
        return _SUITE.encrypt(plaintext, key, info)
    except ValueError:
        raise DvError("an HPKE public key that cannot be sealed to", f"an X-Wing key of {PUBLIC_KEY_SIZE} bytes") from None


def open(private_key: bytes, info: bytes, ciphertext: bytes) -> bytes:
    """What was sealed to the holder of ``private_key`` (96 bytes) with ``info``.

    :raises DvError: it was not
    """
    try:
        return _SUITE.decrypt(ciphertext, MLKEM768X25519PrivateKey(*_halves(private_key)), info)
    except (InvalidTag, ValueError):
        raise DvError("a ciphertext that does not open", "one that was sealed to this key") from None


def _halves(private_key: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    return (
        MLKEM768PrivateKey.from_seed_bytes(private_key[:64]),
        X25519PrivateKey.from_private_bytes(private_key[64:]),
    )
