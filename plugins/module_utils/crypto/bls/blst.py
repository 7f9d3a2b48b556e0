# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The native backend: blst, the library of Ethereum's consensus clients, by its C functions in the wheel of ckzg.

A point is an array of limbs: three coordinates, as blst keeps them. C trusts its caller, so what stands before it:
encodings are checked in type, length and flags (:func:`.group.check_encoding`), scalars are brought to one size, ctypes
takes an array only where one of that very length belongs, and no address outlives the call that it is for. blst's
pairing of many pairs knows no infinity: it never gets there. ckzg promises these functions to nobody, so they are tried
when this is loaded (:func:`_try`). The time of a product with a secret does not depend on the secret.

A point is never changed, so one that was found in the subgroup, or that a message hashes to, is kept for who asks again:
everything here that is kept is public.
"""

import ctypes
from collections.abc import Sequence
from typing import Any

import ckzg

from ...errors import DvError
from .group import DST, G1_LENGTH, G2_LENGTH, ORDER, bad_point, check_encoding, check_secret

#: A point of G1 or G2, whose array type tells which.
Point = Any

_SCALAR = 32
# How many points of each kind are kept: more than a cluster of 100 operators has commitments. Half a KiB each, or a little more.
_KEPT = 2**17

_library = ctypes.CDLL(ckzg.__file__)
# What blst takes for many items: the address of the first, and null where it would look for that of the second.
_Items = ctypes.c_void_p * 2
_Pairing = ctypes.c_uint64 * 72


def _function(name: str, *arguments: Any, result: Any = None) -> Any:
    """A function of blst.h. An array is passed as a pointer, and only one of the type among the ``arguments``."""
    try:
        function = getattr(_library, "blst_" + name)
    except AttributeError:
        raise ImportError(f"this ckzg has no blst_{name}.", name="ckzg") from None
    function.argtypes, function.restype = arguments, result
    return function


class _Group:
    """G1 or G2 (``number``): the types of its arrays, and its functions."""

    def __init__(self, number: int, length: int) -> None:
        name, flag, size, anything = f"p{number}", ctypes.c_int, ctypes.c_size_t, ctypes.c_void_p
        self.point, self.affine = ctypes.c_uint64 * (18 * number), ctypes.c_uint64 * (12 * number)
        self.length, self.encoding = length, ctypes.c_char * length
        self.sizes = [_function(name + kind, result=size)() for kind in ("_sizeof", "_affine_sizeof")]
        self.add = _function(name + "_add_or_double", self.point, self.point, self.point)
        self.compress = _function(name + "_compress", self.encoding, self.point)
        self.from_affine = _function(name + "_from_affine", self.point, self.affine)
        self.in_subgroup = _function(f"{name}_in_g{number}", self.point, result=flag)
        self.is_equal = _function(name + "_is_equal", self.point, self.point, result=flag)
        self.is_infinity = _function(name + "_is_inf", self.point, result=flag)
        self.multiply = _function(name + "_mult", self.point, self.point, ctypes.c_char_p, size)
        self.negate = _function(name + "_cneg", self.point, ctypes.c_bool)
        self.scratch_size = _function(name + "s_mult_pippenger_scratch_sizeof", size, result=size)
        self.sum_up = _function(name + "s_mult_pippenger", self.point, _Items, size, _Items, size, anything)
        self.to_affine = _function(name + "s_to_affine", anything, _Items, size)
        self.uncompress = _function(name + "_uncompress", self.affine, ctypes.c_char_p, result=flag)

    def affine_points(self, points: Sequence[Point]) -> Any:
        """The ``points`` with two coordinates each, in one array."""
        jacobian, affine = (self.point * len(points))(*points), (self.affine * len(points))()
        self.to_affine(affine, _items(jacobian), len(points))
        return affine


def _items(array: Any) -> Any:
    return _Items(ctypes.addressof(array), None)


_G1, _G2 = _Group(1, G1_LENGTH), _Group(2, G2_LENGTH)
_GROUPS = {group.point: group for group in (_G1, _G2)}
_text = ctypes.c_char_p, ctypes.c_size_t
_hash_to_g2 = _function("hash_to_g2", _G2.point, *_text, *_text, *_text)
# The points that are kept: of G1 by their encoding, of G2 by what hashes to them.
_decoded: dict[bytes, Point] = {}
_hashed: dict[bytes, Point] = {}
_pair = _function("miller_loop_n", _Pairing, _Items, _Items, ctypes.c_size_t)
_finish_pairing = _function("final_exp", _Pairing, _Pairing)
_is_one = _function("fp12_is_one", _Pairing, result=ctypes.c_int)


def decode_g1(data: bytes, what: str = "public key") -> Point:
    """The point of 48 bytes ``data``.

    :raises DvError: wrong length or flags, infinity, not on the curve, not in the subgroup
    """
    check_encoding(data, G1_LENGTH, what)
    point = _decoded.get(data)
    if point is None:
        point = _in_subgroup(_decode(_G1, data, what), what)
        _keep(_decoded, data, point)
    return point


def decode_g2(data: bytes, what: str = "signature") -> Point:
    """The point of 96 bytes ``data``; errors as of :func:`decode_g1`."""
    return _in_subgroup(decode_g2_on_curve(data, what), what)


def decode_g2_on_curve(data: bytes, what: str = "signature") -> Point:
    """Like :func:`decode_g2` without the check of the subgroup: whoever calls this calls :func:`in_subgroup` later.

    Products with factors of more than 128 bits are right in the subgroup only.
    """
    check_encoding(data, G2_LENGTH, what)
    return _decode(_G2, data, what)


def in_subgroup(point: Point) -> bool:
    """Whether a point of the curve is in the subgroup of prime order."""
    return bool(_group(point).in_subgroup(point))


def encode(point: Point) -> bytes:
    """The 48 (G1) or 96 (G2) bytes of ``point``."""
    group = _group(point)
    data = group.encoding()
    group.compress(data, point)
    return data.raw


def hash_to_g2(message: bytes) -> Point:
    """The point of G2 that ``message`` (any length) hashes to (RFC 9380, with Ethereum's DST)."""
    point = _hashed.get(message)
    if point is None:
        point = _G2.point()
        _hash_to_g2(point, message, len(message), DST, len(DST), None, 0)
        _keep(_hashed, message, point)
    return point


def is_identity(point: Point) -> bool:
    """Whether ``point`` is the neutral element (infinity)."""
    return bool(_group(point).is_infinity(point))


def equal(p: Point, q: Point) -> bool:
    """Whether ``p`` and ``q`` are the same point."""
    return bool(_group(p).is_equal(p, q))


def add(p: Point, q: Point) -> Point:
    """P + Q."""
    group = _group(p)
    total = group.point()
    group.add(total, p, q)
    return total


def neg(point: Point) -> Point:
    """-P."""
    group = _group(point)
    opposite = group.point.from_buffer_copy(point)
    group.negate(opposite, True)
    return opposite


def mul(point: Point, k: int) -> Point:
    """k·P for a PUBLIC integer ``k`` of any sign; a small |k| is fast."""
    point, k = _signed(point, k)
    return _multiply(point, k, k.bit_length())


def msm(points: Sequence[Point], scalars: Sequence[int]) -> Point:
    """Σ kᵢ·Pᵢ for PUBLIC integers of any sign, of at least one point.

    :raises DvError: lists of different lengths, or empty ones
    """
    if len(points) != len(scalars) or not points:
        raise DvError(f"{len(points)} points and {len(scalars)} scalars", "as many of both, at least one")
    points, scalars = zip(*map(_signed, points, scalars))
    bits = max(1, *map(int.bit_length, scalars))
    group, size = _group(points[0]), (bits + 7) // 8
    total, affine = group.point(), group.affine_points(points)
    factors = ctypes.create_string_buffer(b"".join(k.to_bytes(size, "little") for k in scalars))
    scratch = (ctypes.c_uint64 * (group.scratch_size(len(points)) // 8))()
    group.sum_up(total, _items(affine), len(points), _items(factors), bits, scratch)
    return total


def secret_mul(point: Point, k: int) -> Point:
    """k·P for a SECRET ``k``, in a time that does not depend on k.

    :raises DvError: k is not from 1 to ORDER - 1 (the error does not show it)
    """
    check_secret(k)
    return _multiply(point, k, 8 * _SCALAR)


def secret_base_mul(k: int) -> Point:
    """k·G1 for a SECRET ``k``, as :func:`secret_mul`."""
    return secret_mul(G1, k)


def pairing_product_is_one(pairs: Sequence[tuple[Point, Point]]) -> bool:
    """Whether Π e(Pᵢ, Qᵢ) = 1 over ``pairs`` of a G1 and a G2 point. False for no pairs: nothing proves nothing."""
    # Infinity paired with anything is one.
    finite = [pair for pair in pairs if not any(map(is_identity, pair))]
    if not finite:
        return bool(pairs)
    p, q = (group.affine_points(points) for group, points in zip((_G1, _G2), zip(*finite)))
    product = _Pairing()
    _pair(product, _items(q), _items(p), len(finite))
    _finish_pairing(product, product)
    return bool(_is_one(product))


def _group(point: Point) -> _Group:
    return _GROUPS[type(point)]


def _keep(points: dict[bytes, Point], key: bytes, point: Point) -> None:
    if len(points) >= _KEPT:
        points.clear()
    points[key] = point


def _decode(group: _Group, data: bytes, what: str) -> Point:
    affine, point = group.affine(), group.point()
    if group.uncompress(affine, data):
        raise bad_point(what)
    group.from_affine(point, affine)
    return point


def _in_subgroup(point: Point, what: str) -> Point:
    if not in_subgroup(point):
        raise bad_point(what)
    return point


def _multiply(point: Point, k: int, bits: int) -> Point:
    group = _group(point)
    product = group.point()
    group.multiply(product, point, k.to_bytes(_SCALAR, "little"), bits)
    return product


def _signed(point: Point, k: int) -> tuple[Point, int]:
    """The same product with a factor from 0 to ORDER - 1, small if |k| is small."""
    return (neg(point), -k % ORDER) if k < 0 else (point, k % ORDER)


def _try() -> None:
    """Refuse a ckzg whose blst is built otherwise, or does not make a known signature and tell its key from another.

    :raises ImportError: as if the package were missing
    """
    sizes = [ctypes.sizeof(kind) for group in (_G1, _G2) for kind in (group.point, group.affine)]
    if sizes == _G1.sizes + _G2.sizes:
        hashed = hash_to_g2(b"")
        signature = secret_mul(hashed, 42)
        verified = [pairing_product_is_one([(secret_base_mul(k), hashed), (neg(G1), signature)]) for k in (42, 43)]
        if encode(signature) == _KNOWN and verified == [True, False]:
            return
    raise ImportError("this ckzg holds another blst.", name="ckzg")


#: The generator of G1.
G1 = decode_g1(bytes.fromhex("97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"))
# The signature of nothing by 42.
_KNOWN = bytes.fromhex(
    "b6110a54d8c6ee53677b02fee38c76c0f7a21d31b7a307bc389b51dcbad66df273ea8579f1ec719b5f51dfab78f0f400"
    "12f4e07cf1b290958f8517da61be054b7783da80d239c1b2361aaf0534740975697ab3fd7f9f68bae7845c338dc45d52"
)
_try()
