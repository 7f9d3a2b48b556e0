# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ECDSA on secp256k1, the curve of node keys and wallets.

Private keys and digests have 32 bytes, public keys 33 (compressed), signatures 65: r (32), s (32), v (1). We write v as
0 or 1, as charon does, and read 0, 1, 27 and 28 (charon-formats §2.3).
"""

import os

# libsecp256k1, by libwally: constant-time signatures, and recovery, which cryptography lacks; eth-keys takes 0.3 s to load.
import wallycore

from ..errors import DvError
from .keccak import keccak256

#: Order of the group.
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

_RECOVERABLE = wallycore.EC_FLAG_ECDSA | wallycore.EC_FLAG_RECOVERABLE

# libwally has v before r and s, and as Bitcoin writes it for a compressed public key: 27 and 4 more.
_HEADER = 31

# Blinds private keys while they are worked with: then time, current and noise do not tell of them.
wallycore.secp_randomize(os.urandom(wallycore.WALLY_SECP_RANDOMIZE_LEN))


def check_private_key(private_key: bytes) -> None:
    """Refuse what is not a private key: 32 bytes, as a big-endian number in 1 ... ORDER - 1.

    :raises DvError: it is none; the text does not show it
    """
    if len(private_key) != 32 or not 0 < int.from_bytes(private_key, "big") < ORDER:
        raise DvError(f"these {len(private_key)} bytes are no secp256k1 private key", "32 bytes within the group order")


def public_key(private_key: bytes) -> bytes:
    """The compressed public key (33 bytes) of ``private_key`` (32 bytes).

    :raises DvError: no private key
    """
    check_private_key(private_key)
    return bytes(wallycore.ec_public_key_from_private_key(private_key))


def sign(private_key: bytes, digest: bytes) -> bytes:
    """The signature (65 bytes, low s, v 0 or 1) of the 32 bytes ``digest``: always the same one (RFC 6979).

    :raises DvError: no private key
    """
    check_private_key(private_key)
    signature = wallycore.ec_sig_from_bytes(private_key, digest, _RECOVERABLE)
    return bytes([*signature[1:], signature[0] - _HEADER])


def recover(digest: bytes, signature: bytes) -> bytes:
    """The compressed public key (33 bytes) that made ``signature`` (65 bytes) of the 32 bytes ``digest``.

    :raises DvError: not 65 bytes, v is none of 0, 1, 27, 28, or no key fits
    """
    if len(signature) != 65:
        raise DvError(f"the signature has {len(signature)} bytes", "65 bytes: r, s, v")
    if signature[64] not in (0, 1, 27, 28):
        raise DvError(f"the signature's last byte, v, is {signature[64]}", "0, 1, 27 or 28")
    try:
        return bytes(wallycore.ec_sig_to_public_key(digest, bytes([_HEADER + signature[64] % 27, *signature[:64]])))
    except ValueError:
        raise DvError("no key fits the signature", "a signature of this digest") from None


def one_spelling(signature: bytes) -> bytes:
    """The 65-byte ``signature`` of a key with s in the lower half and v 0 or 1. All spellings are by the same key, of the same
    digest; what is no signature stays as it is."""
    if len(signature) != 65 or signature[64] not in (0, 1, 27, 28):
        return signature
    s, v = int.from_bytes(signature[32:64], "big"), signature[64] % 27
    if ORDER // 2 < s < ORDER:
        s, v = ORDER - s, 1 - v
    return signature[:32] + s.to_bytes(32, "big") + bytes([v])


def verify(public: bytes, digest: bytes, signature: bytes) -> bool:
    """Whether ``signature`` (65 bytes, v counts too) of the 32 bytes ``digest`` is by the key ``public`` (33 bytes)."""
    try:
        return recover(digest, signature) == public
    except DvError:
        return False


def verify_compact(public: bytes, digest: bytes, signature: bytes) -> bool:
    """Whether ``signature`` (64 bytes: r, s) of the 32 bytes ``digest`` is by the key ``public`` (33 bytes)."""
    return any(verify(public, digest, signature + v) for v in (b"\0", b"\1"))


def address_of(public: bytes) -> bytes:
    """The Ethereum address (20 bytes) of the compressed public key ``public`` (33 bytes).

    :raises DvError: not a point of the curve
    """
    return keccak256(decompress(public)[1:])[12:]


def recover_address(digest: bytes, signature: bytes) -> bytes:
    """The Ethereum address (20 bytes) of the signer; otherwise like :func:`recover`."""
    return address_of(recover(digest, signature))


def decompress(public: bytes) -> bytes:
    """The uncompressed form (65 bytes) of the compressed public key ``public`` (33 bytes).

    :raises DvError: not a point of the curve
    """
    try:
        return bytes(wallycore.ec_public_key_decompress(public))
    except ValueError:
        raise DvError(f"0x{public[:65].hex()} is no secp256k1 public key", "33 bytes, a compressed point") from None
