# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reference that the native BLS backend is held against: py_ecc, pure Python, written by other hands.

Same functions, same results as :mod:`.blst`, a few hundred times slower. It is NOT constant-time; it is not for secrets of a real
cluster.
"""

from hashlib import sha256

from ansible_collections.obol.dv.plugins.module_utils.crypto.bls.group import (
    DST,
    G1_LENGTH,
    G2_LENGTH,
    ORDER,
    bad_point,
    check_encoding,
    check_secret,
)
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from py_ecc.bls import hash_to_curve, point_compression
from py_ecc.bls.g2_primitives import subgroup_check
from py_ecc.bls.typing import G1Compressed, G2Compressed
from py_ecc.optimized_bls12_381 import FQ, FQ12, Z1, Z2, eq, final_exponentiate, is_inf, multiply, pairing
from py_ecc.optimized_bls12_381 import G1 as _G1
from py_ecc.optimized_bls12_381 import add as _add
from py_ecc.optimized_bls12_381 import neg as _neg

G1 = _G1


def decode_g1(data, what="public key"):
    """As in :mod:`blst`."""
    return _check_subgroup(decode_g1_on_curve(data, what), what)


def decode_g2(data, what="signature"):
    """As in :mod:`blst`."""
    return _check_subgroup(decode_g2_on_curve(data, what), what)


def decode_g1_on_curve(data, what="public key"):
    """Like :func:`decode_g1` without the check of the subgroup."""
    check_encoding(data, G1_LENGTH, what)
    try:
        return point_compression.decompress_G1(G1Compressed(int.from_bytes(data, "big")))
    except ValueError:
        raise bad_point(what) from None


def decode_g2_on_curve(data, what="signature"):
    """As in :mod:`blst`."""
    check_encoding(data, G2_LENGTH, what)
    halves = int.from_bytes(data[:48], "big"), int.from_bytes(data[48:], "big")
    try:
        return point_compression.decompress_G2(G2Compressed(halves))
    except ValueError:
        raise bad_point(what) from None


def in_subgroup(point):
    """As in :mod:`blst`."""
    return subgroup_check(point)


def encode(point):
    """As in :mod:`blst`."""
    if isinstance(point[0], FQ):
        return point_compression.compress_G1(point).to_bytes(48, "big")
    return b"".join(half.to_bytes(48, "big") for half in point_compression.compress_G2(point))


def hash_to_g2(message):
    """As in :mod:`blst`."""
    return hash_to_curve.hash_to_G2(message, DST, sha256)


def is_identity(point):
    """As in :mod:`blst`."""
    return is_inf(point)


def equal(p, q):
    """As in :mod:`blst`."""
    return eq(p, q)


def add(p, q):
    """As in :mod:`blst`."""
    return _add(p, q)


def neg(point):
    """As in :mod:`blst`."""
    return _neg(point)


def mul(point, k):
    """As in :mod:`blst`."""
    return neg(multiply(point, -k % ORDER)) if k < 0 else multiply(point, k % ORDER)


def msm(points, scalars):
    """As in :mod:`blst`."""
    if len(points) != len(scalars) or not points:
        raise DvError("%d points and %d scalars" % (len(points), len(scalars)), "as many of both, at least one")
    total = Z1 if isinstance(points[0][0], FQ) else Z2
    for point, k in zip(points, scalars):
        total = add(total, mul(point, k))
    return total


def secret_mul(point, k):
    """As in :mod:`blst`, but NOT hidden from a clock."""
    check_secret(k)
    return multiply(point, k)


def secret_base_mul(k):
    """As in :mod:`blst`, but NOT hidden from a clock."""
    return secret_mul(G1, k)


def pairing_product_is_one(pairs):
    """As in :mod:`blst`."""
    product = FQ12.one()
    for p, q in pairs:
        product *= pairing(q, p, final_exponentiate=False)
    return bool(pairs) and final_exponentiate(product) == FQ12.one()


def _check_subgroup(point, what):
    if not in_subgroup(point):
        raise bad_point(what)
    return point
