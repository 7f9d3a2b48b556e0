# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The native backend: py_arkworks_bls12381 behind guards.

The library's weak points and what stands before each: it takes odd encodings of infinity (:func:`guards.check_encoding`
first), its sums of products cut off the longer list (lengths are compared), its empty pairing product is one (never
here), its arithmetic takes a time that depends on the scalar (secrets are split in two random parts).
Never print or log a ``Scalar`` of the library: its repr is the number.
"""

import os

from py_arkworks_bls12381 import GT, G1Point, G2Point, Scalar

from ..errors import DvError
from .guards import DST, G1_LENGTH, G2_LENGTH, ORDER, bad_point, check_encoding, check_secret

#: The generator of G1.
G1 = G1Point()
_IDENTITY = {G1Point: G1Point.identity(), G2Point: G2Point.identity()}
# Up to this number of points times bits of the largest factor, products one by one beat the library's sum of products.
_FEW_BITS = 100


def decode_g1(data, what="public key"):
    """The point of 48 bytes ``data``.

    :raises DvError: wrong length or flags, infinity, not on the curve, not in the subgroup
    """
    return _decode(G1Point.from_compressed_bytes, data, G1_LENGTH, what)


def decode_g2(data, what="signature"):
    """The point of 96 bytes ``data``; errors as of :func:`decode_g1`."""
    return _decode(G2Point.from_compressed_bytes, data, G2_LENGTH, what)


def decode_g1_on_curve(data, what="public key"):
    """Like :func:`decode_g1` without the check of the subgroup: whoever calls this calls :func:`in_subgroup` later."""
    return _decode(G1Point.from_compressed_bytes_unchecked, data, G1_LENGTH, what)


def decode_g2_on_curve(data, what="signature"):
    """Like :func:`decode_g2` without the check of the subgroup: whoever calls this calls :func:`in_subgroup` later."""
    return _decode(G2Point.from_compressed_bytes_unchecked, data, G2_LENGTH, what)


def in_subgroup(point):
    """Whether a point of the curve is in the subgroup of prime order."""
    return point.is_in_subgroup()


def encode(point):
    """The 48 (G1) or 96 (G2) bytes of ``point``."""
    return point.to_compressed_bytes()


def hash_to_g2(message):
    """The point of G2 that ``message`` (bytes, any length) hashes to (RFC 9380, with Ethereum's DST)."""
    return G2Point.hash_to_curve(message, DST)


def is_identity(point):
    """Whether ``point`` is the neutral element (infinity)."""
    return point == _IDENTITY[type(point)]


def equal(p, q):
    """Whether ``p`` and ``q`` are the same point."""
    return p == q


def add(p, q):
    """P + Q."""
    return p + q


def neg(point):
    """-P."""
    return -point


def mul(point, k):
    """k·P for a PUBLIC integer ``k`` of any sign; a small |k| is fast."""
    point, k = _signed(point, k)
    return point * Scalar(k)


def msm(points, scalars):
    """Σ kᵢ·Pᵢ for PUBLIC integers of any sign, of at least one point.

    :raises DvError: lists of different lengths, or empty ones
    """
    if len(points) != len(scalars) or not points:
        raise DvError("%d points and %d scalars" % (len(points), len(scalars)), "as many of both, at least one")
    points, scalars = zip(*map(_signed, points, scalars))
    if len(points) == 1 or len(points) * max(scalars).bit_length() <= _FEW_BITS:
        products = [point * Scalar(k) for point, k in zip(points, scalars)]
        total = products[0]
        for product in products[1:]:
            total += product
        return total
    return type(points[0]).multiexp_unchecked(list(points), [Scalar(k) for k in scalars])


def secret_mul(point, k):
    """k·P for a SECRET ``k``: r·P + (k - r)·P with a fresh random r, so that the time tells nothing of k.

    :raises DvError: k is not from 1 to ORDER - 1 (the error does not show it)
    """
    check_secret(k)
    blind = int.from_bytes(os.urandom(48), "big") % ORDER
    # Both products in one sum: a quarter faster than one by one.
    return type(point).multiexp_unchecked([point, point], [Scalar(blind), Scalar((k - blind) % ORDER)])


def secret_base_mul(k):
    """k·G1 for a SECRET ``k``, as :func:`secret_mul`."""
    return secret_mul(G1, k)


def pairing_product_is_one(pairs):
    """Whether Π e(Pᵢ, Qᵢ) = 1 over ``pairs`` of a G1 and a G2 point. False for no pairs: nothing proves nothing."""
    return bool(pairs) and GT.pairing_check([p for p, q in pairs], [q for p, q in pairs])


def _decode(decoder, data, length, what):
    check_encoding(data, length, what)
    try:
        return decoder(data)
    except ValueError:
        raise bad_point(what) from None


def _signed(point, k):
    """The same product with a factor from 0 to ORDER - 1, small if |k| is small."""
    return (-point, -k % ORDER) if k < 0 else (point, k % ORDER)
