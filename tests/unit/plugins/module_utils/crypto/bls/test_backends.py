# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One table of tests for both curve backends, and both held against each other."""

import ctypes
import os
import random

import pytest
from ansible_collections.obol.dv.plugins.module_utils.crypto.bls import blst, group
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.tests.support import bls_reference

BACKENDS = pytest.mark.parametrize("curve", [blst, bls_reference], ids=["blst", "reference"])
ORDER = group.ORDER
P = 0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB

G1_BYTES = bytes.fromhex("97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb")


def _flagged(length, first, rest=b""):
    return bytes([first]) + rest.rjust(length - 1, b"\0")


BAD = {
    "empty": lambda n: b"",
    "short": lambda n: G1_BYTES[: n // 2],
    "long": lambda n: G1_BYTES.ljust(n, b"\0") + b"\0",
    "leading zero": lambda n: b"\0" + G1_BYTES.ljust(n, b"\0"),
    "text": lambda n: "9" * n,
    "bytearray": lambda n: bytearray(G1_BYTES.ljust(n, b"\0")),
    "none": lambda n: None,
    "infinity": lambda n: _flagged(n, 0xC0),
    "infinity with a bit": lambda n: _flagged(n, 0xC0, b"\1"),
    "infinity with the sign": lambda n: _flagged(n, 0xE0),
    "infinity not compressed": lambda n: _flagged(n, 0x40),
    "all ones": lambda n: b"\xff" * n,
    "all zeros": bytes,
    "not compressed": lambda n: bytes([G1_BYTES[0] & 0x7F]) + G1_BYTES[1:].ljust(n - 1, b"\0"),
    "infinity flag on a point": lambda n: bytes([G1_BYTES[0] | 0x40]) + G1_BYTES[1:].ljust(n - 1, b"\0"),
    "x is the modulus": lambda n: bytes([0x80 | P >> 376]) + (P % (1 << 376)).to_bytes(47, "big") + bytes(n - 48),
    "x above the modulus": lambda n: b"\x9f" + b"\xff" * (n - 1),
}


def _on_curve_only(decode, length):
    """An encoding of a point on the curve outside of the subgroup: nearly every x that has a y."""
    for x in range(1, 50):
        data = _flagged(length, 0x80, bytes([x]))
        try:
            point = decode(data)
        except DvError:
            continue
        if not bls_reference.in_subgroup(point):
            return data
    raise AssertionError("no such point")


ONLY_ON_CURVE = _on_curve_only(bls_reference.decode_g1_on_curve, 48), _on_curve_only(bls_reference.decode_g2_on_curve, 96)


@BACKENDS
@pytest.mark.parametrize("case", BAD)
def test_bad_encodings_are_refused(curve, case):
    with pytest.raises(DvError):
        curve.decode_g1(BAD[case](48))
    for decode in (curve.decode_g2, curve.decode_g2_on_curve):
        with pytest.raises(DvError):
            decode(BAD[case](96))


@BACKENDS
def test_points_outside_the_subgroup(curve):
    for decode, data in zip((curve.decode_g1, curve.decode_g2), ONLY_ON_CURVE):
        with pytest.raises(DvError, match="the thing is not a point"):
            decode(data, "the thing")
    assert not curve.in_subgroup(curve.decode_g2_on_curve(ONLY_ON_CURVE[1]))


@pytest.mark.parametrize("bad", [ONLY_ON_CURVE[0], *(BAD[case](48) for case in BAD)], ids=["outside of the subgroup", *BAD])
def test_a_point_that_is_kept_lets_no_bad_one_in(bad):
    """What was refused is refused again, also after a good point, and of no other type is what was decoded before."""
    for _dummy in range(2):
        with pytest.raises(DvError):
            blst.decode_g1(bad)
        blst.decode_g1(G1_BYTES)
    with pytest.raises(DvError):
        blst.decode_g1(bytearray(G1_BYTES))


def test_points_that_are_kept_stay_as_they_are_and_are_not_many(monkeypatch):
    monkeypatch.setattr(blst, "_KEPT", 3)
    monkeypatch.setattr(blst, "_decoded", {})
    monkeypatch.setattr(blst, "_hashed", {})
    encodings = [blst.encode(blst.mul(blst.G1, k)) for k in range(1, 9)]
    for data in encodings * 2:
        point = blst.decode_g1(data)
        blst.msm([point, blst.neg(point), blst.add(point, point)], [5, -7, 2**200])
        assert blst.decode_g1(data) is point and blst.encode(point) == data
        hashed = blst.hash_to_g2(data)
        blst.pairing_product_is_one([(point, hashed), (point, blst.secret_mul(hashed, 7))])
        assert blst.hash_to_g2(data) is hashed and blst.encode(hashed) == bls_encoding_of_hash(data)
        assert len(blst._decoded) <= 3 and len(blst._hashed) <= 3


def bls_encoding_of_hash(message):
    """What a message hashes to, encoded, when nothing is kept."""
    blst._hashed.clear()
    return blst.encode(blst.hash_to_g2(message))


@BACKENDS
def test_g1_arithmetic(curve):
    two = curve.add(curve.G1, curve.G1)
    assert curve.encode(curve.G1) == G1_BYTES
    assert curve.equal(curve.decode_g1(G1_BYTES), curve.G1)
    assert curve.equal(curve.mul(curve.G1, 2), two)
    assert curve.equal(curve.mul(curve.G1, -2), curve.neg(two))
    assert curve.equal(curve.mul(curve.G1, ORDER + 2), two)
    assert curve.equal(curve.mul(curve.G1, -ORDER - 2), curve.neg(two))
    assert not curve.equal(two, curve.G1)
    assert curve.is_identity(curve.add(two, curve.neg(two)))
    assert curve.is_identity(curve.mul(curve.G1, 0))
    assert not curve.is_identity(two)


@BACKENDS
def test_secret_products(curve):
    for k in (1, 2, ORDER - 1, 0x1234567890ABCDEF << 128):
        assert curve.equal(curve.secret_base_mul(k), curve.mul(curve.G1, k))
    h = curve.hash_to_g2(b"message")
    assert curve.equal(curve.secret_mul(h, 77), curve.mul(h, 77))


@BACKENDS
@pytest.mark.parametrize("k", [0, -1, ORDER, 2**300, True, 1.5, "7", None, b"\1"], ids=repr)
def test_secrets_out_of_range_are_refused(curve, k):
    with pytest.raises(DvError, match="a secret scalar is out of range"):
        curve.secret_base_mul(k)


@BACKENDS
@pytest.mark.parametrize(
    "scalars",
    [
        [5],
        [0],
        [1, 1],
        [3, -3, 1],
        [0, 0],
        [ORDER - 1, -1],
        [2**128 + 1, 7, -(2**130)],
        [1, 1, 1, 1, 1],
        [ORDER, -ORDER],
        [ORDER - 1] * 5,
        list(range(-20, 20)),
        [2**127 + 2**place for place in range(70)],
    ],
    ids=lambda scalars: str(scalars)[:40],
)
def test_sums_of_products(curve, scalars):
    points = [curve.mul(curve.G1, 1000 + place) for place in range(len(scalars))]
    expected = sum(k * (1000 + place) for place, k in enumerate(scalars)) % ORDER
    assert curve.equal(curve.msm(points, scalars), curve.mul(curve.G1, expected))


@BACKENDS
def test_sums_of_products_with_infinity(curve):
    zero = curve.mul(curve.G1, 0)
    for k in (2, ORDER - 1):
        assert curve.equal(curve.msm([zero, curve.G1, zero], [k, k, k]), curve.mul(curve.G1, k))


@BACKENDS
@pytest.mark.parametrize("count", [2, 5, 40])
def test_sums_of_the_same_and_of_opposites(curve, count):
    point, k = curve.mul(curve.G1, 9), 2**100
    assert curve.equal(curve.msm([point] * count, [k] * count), curve.mul(point, count * k))
    assert curve.is_identity(curve.msm([point, curve.neg(point)] * count, [k] * 2 * count))


@BACKENDS
@pytest.mark.parametrize("points, scalars", [(0, 0), (1, 0), (0, 1), (2, 1), (1, 2)])
def test_sums_of_unequal_lists_are_refused(curve, points, scalars):
    with pytest.raises(DvError, match="as many of both"):
        curve.msm([curve.G1] * points, [1] * scalars)


@BACKENDS
def test_sums_of_products_in_g2(curve):
    h = curve.hash_to_g2(b"")
    assert curve.equal(curve.msm([h, curve.mul(h, 2)], [3, -1]), h)
    assert curve.equal(curve.msm([h, curve.mul(h, 2)], [2**128, 2**127]), curve.mul(h, 2**129))


@BACKENDS
def test_hash_to_g2(curve):
    point = curve.hash_to_g2(b"")
    assert curve.equal(curve.decode_g2(curve.encode(point)), point)
    assert curve.encode(point) == HASH_OF_NOTHING


HASH_OF_NOTHING = bytes.fromhex(
    "83b633b06dd88b63ee6180a849fb16f7d4a5823ec8a27294bfe57656c0f319a821478ccf453bacdc94ad1b79d95a00e4"
    "102504549e1cbd3e95173eefe75a36aafcc6427d7f16ddc36daba4fc0ea32b7183d052de00a929950bd9f78c290b3686"
)


@BACKENDS
def test_pairings(curve):
    h = curve.hash_to_g2(b"x")
    minus = curve.neg(curve.G1)
    assert curve.pairing_product_is_one([(curve.mul(curve.G1, 5), h), (minus, curve.mul(h, 5))])
    assert not curve.pairing_product_is_one([(curve.mul(curve.G1, 5), h), (minus, curve.mul(h, 6))])
    assert not curve.pairing_product_is_one([])


@BACKENDS
def test_pairings_of_many(curve):
    h = curve.hash_to_g2(b"x")
    pairs = [(curve.mul(curve.G1, k), h) for k in range(1, 18 if curve is bls_reference else 50)]
    total = curve.msm([p for p, q in pairs], [1] * len(pairs))
    assert curve.pairing_product_is_one([*pairs, (curve.neg(total), h)])
    assert not curve.pairing_product_is_one(pairs)


@BACKENDS
def test_pairings_with_infinity(curve):
    h, minus = curve.hash_to_g2(b"x"), curve.neg(curve.G1)
    nothing = [(curve.mul(curve.G1, 0), h), (curve.G1, curve.mul(h, 0))]
    assert curve.pairing_product_is_one(nothing)
    assert curve.pairing_product_is_one([*nothing, (curve.mul(curve.G1, 5), h), (minus, curve.mul(h, 5))])
    assert not curve.pairing_product_is_one([*nothing, (curve.G1, h)])


@pytest.mark.parametrize("wrong", [None, 0, b"", G1_BYTES, bytes(144), "hash", object()], ids=lambda wrong: repr(wrong)[:9])
def test_nothing_but_points_gets_to_c(wrong):
    """C would read whatever lies there, or nothing at all."""
    h = blst.hash_to_g2(b"x")
    wrong = h if wrong == "hash" else wrong
    calls = [
        lambda: blst.add(blst.G1, wrong),
        lambda: blst.equal(blst.G1, wrong),
        lambda: blst.msm([blst.G1, wrong], [1, 2**200]),
        lambda: blst.pairing_product_is_one([(blst.G1, h), (wrong, h)]),
    ]
    if wrong is not h:
        calls += [lambda: blst.encode(wrong), lambda: blst.neg(wrong), lambda: blst.mul(wrong, 2), lambda: blst.is_identity(wrong)]
    for call in calls:
        with pytest.raises((KeyError, TypeError, ctypes.ArgumentError)):
            call()


@pytest.mark.parametrize(
    "owner, name, value",
    [
        (blst, "_KNOWN", bytes(96)),
        (blst, "_is_one", lambda product: 0),
        (blst, "_is_one", lambda product: 1),
        (blst._G1, "sizes", [144, 104]),
    ],
)
def test_another_blst_is_a_missing_package(owner, name, value, monkeypatch):
    monkeypatch.setattr(owner, name, value)
    with pytest.raises(ImportError, match="another blst") as caught:
        blst._try()
    assert caught.value.name == "ckzg"


def test_a_ckzg_that_hides_its_blst_is_a_missing_package():
    with pytest.raises(ImportError, match="no blst_of_old") as caught:
        blst._function("of_old")
    assert caught.value.name == "ckzg"


def test_backends_agree_on_random_strings():
    """Decoding says the same on random strings with good flags, points and no points alike."""
    rng = random.Random(1)
    seen = set()
    for _dummy in range(12):
        data = bytes([0x80 | rng.randrange(64) & 0x3A]) + rng.randbytes(95)
        results = []
        for curve in (blst, bls_reference):
            try:
                point = curve.decode_g2_on_curve(data)
                results.append((curve.encode(point), curve.in_subgroup(point)))
            except DvError:
                results.append(None)
        assert results[0] == results[1]
        seen.add(results[0] is None)
    assert seen == {True, False}


def test_backends_agree_on_random_scalars():
    for _dummy in range(3):
        k = int.from_bytes(os.urandom(32), "big") % ORDER
        assert blst.encode(blst.secret_base_mul(k)) == bls_reference.encode(bls_reference.mul(bls_reference.G1, k))


def test_fuzz_decoding_raises_nothing_else():
    rng = random.Random(2)
    for _dummy in range(3000):
        length = rng.choice((0, 1, 47, 48, 49, 95, 96, 97))
        data = bytearray(rng.randbytes(length))
        if data and rng.random() < 0.8:
            data[0] = data[0] & 0x1F | 0x80
        for decode, size in ((blst.decode_g1, 48), (blst.decode_g2, 96)):
            try:
                point = decode(bytes(data))
                assert blst.encode(point) == data and len(data) == size
            except DvError:
                pass
