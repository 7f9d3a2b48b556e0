# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ECDSA on secp256k1, the curve of node keys and wallets.

Private keys and digests have 32 bytes, public keys 33 (compressed), signatures 65: r (32), s (32), v (1). We write v as
0 or 1, as charon does, and read 0, 1, 27 and 28 (charon-formats §2.3).
"""

from coincurve import PublicKey  # libsecp256k1: cryptography has no recovery, eth-keys takes a third of a second to load
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .address import keccak256
from .errors import DvError

#: Order of the group.
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

# Deterministic as in RFC 6979, whose HMAC is over SHA-256 whatever hash made the digest.
_PREHASHED = utils.Prehashed(hashes.SHA256())
_DETERMINISTIC = ec.ECDSA(_PREHASHED, deterministic_signing=True)


def check_private_key(private_key):
    """Refuse what is not a private key: 32 bytes, as a big-endian number in 1 ... ORDER - 1.

    :raises DvError: it is none; the text does not show it
    """
    if len(private_key) != 32 or not 0 < int.from_bytes(private_key, "big") < ORDER:
        raise DvError(
            "these %d bytes are no secp256k1 private key" % len(private_key), "32 bytes within the group order"
        )


def public_key(private_key):
    """The compressed public key (33 bytes) of ``private_key`` (32 bytes)."""
    return _private(private_key).public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)


def sign(private_key, digest):
    """The signature (65 bytes, low s, v 0 or 1) of the 32 bytes ``digest``: always the same one (RFC 6979).

    :raises DvError: no private key
    """
    key = _private(private_key)
    r, s = utils.decode_dss_signature(key.sign(digest, _DETERMINISTIC))
    rs = r.to_bytes(32, "big") + min(s, ORDER - s).to_bytes(32, "big")
    public = key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    return rs + (b"\0" if verify(public, digest, rs + b"\0") else b"\1")


def recover(digest, signature):
    """The compressed public key (33 bytes) that made ``signature`` (65 bytes) of the 32 bytes ``digest``.

    :raises DvError: not 65 bytes, v is none of 0, 1, 27, 28, or no key fits
    """
    if len(signature) != 65:
        raise DvError("the signature has %d bytes" % len(signature), "65 bytes: r, s, v")
    if signature[64] not in (0, 1, 27, 28):
        raise DvError("the signature's last byte, v, is %d" % signature[64], "0, 1, 27 or 28")
    plain = signature[:64] + bytes([signature[64] % 27])
    try:
        return PublicKey.from_signature_and_message(plain, digest, hasher=None).format()
    except Exception:  # what the library raises here is a bare Exception
        raise DvError("no key fits the signature", "a signature of this digest") from None


def verify(public, digest, signature):
    """Whether ``signature`` (65 bytes, v counts too) of the 32 bytes ``digest`` is by the key ``public`` (33 bytes)."""
    try:
        return recover(digest, signature) == public
    except DvError:
        return False


def verify_compact(public, digest, signature):
    """Whether ``signature`` (64 bytes: r, s) of the 32 bytes ``digest`` is by the key ``public`` (33 bytes).

    :raises DvError: ``public`` is not a point of the curve
    """
    if len(signature) != 64:
        return False
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    try:
        _point(public).verify(utils.encode_dss_signature(r, s), digest, ec.ECDSA(_PREHASHED))
    except InvalidSignature:
        return False
    return True


def address_of(public):
    """The Ethereum address (20 bytes) of the compressed public key ``public`` (33 bytes).

    :raises DvError: not a point of the curve
    """
    return keccak256(decompress(public)[1:])[12:]


def recover_address(digest, signature):
    """The Ethereum address (20 bytes) of the signer; otherwise like :func:`recover`."""
    return address_of(recover(digest, signature))


def decompress(public):
    """The uncompressed form (65 bytes) of the compressed public key ``public`` (33 bytes).

    :raises DvError: not a point of the curve
    """
    return _point(public).public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _point(public):
    try:
        if len(public) != 33:
            raise ValueError
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), public)
    except ValueError:
        raise DvError("0x%s is no secp256k1 public key" % public[:65].hex(), "33 bytes, a compressed point") from None


def _private(private_key):
    check_private_key(private_key)
    return ec.derive_private_key(int.from_bytes(private_key, "big"), ec.SECP256K1())
