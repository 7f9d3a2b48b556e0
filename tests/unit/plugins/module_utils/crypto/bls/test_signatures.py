# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The BLS scheme over both backends."""

import itertools
import json
import math
import random

import pytest
from ansible_collections.obol.dv.plugins.module_utils.crypto.bls import signatures
from ansible_collections.obol.dv.plugins.module_utils.crypto.bls.group import ORDER
from ansible_collections.obol.dv.plugins.module_utils.crypto.bls.signatures import Scheme, bls
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.tests.support import bls_reference

SCHEMES = pytest.mark.parametrize("scheme", [bls, Scheme(bls_reference)], ids=["blst", "reference"])
INFINITY_G1, INFINITY_G2 = b"\xc0" + bytes(47), b"\xc0" + bytes(95)


@SCHEMES
def test_sign_and_verify(scheme):
    public, signature = scheme.secret_to_public(42), scheme.sign(42, b"message")
    assert scheme.verify(public, b"message", signature)
    assert not scheme.verify(public, b"another", signature)
    assert not scheme.verify(scheme.secret_to_public(43), b"message", signature)
    assert bls.sign(42, b"message") == signature and bls.secret_to_public(42) == public


@pytest.mark.parametrize(
    "public, signature",
    [
        (INFINITY_G1, INFINITY_G2),
        (b"", b""),
        (bytes(48), bytes(96)),
        (b"\xff" * 48, b"\xff" * 96),
        (None, None),
        ("a", 5),
    ],
    ids=["infinity", "empty", "zeros", "ones", "none", "types"],
)
@SCHEMES
def test_verify_is_false_for_bad_encodings(scheme, public, signature):
    assert not scheme.verify(public, b"message", signature)
    assert not scheme.verify(public, b"message", GOOD_SIGNATURE)
    assert not scheme.verify(GOOD_PUBLIC, b"message", signature)


GOOD_PUBLIC, GOOD_SIGNATURE = bls.secret_to_public(42), bls.sign(42, b"message")


@SCHEMES
def test_aggregates(scheme):
    signatures = [bls.sign(k, b"message") for k in (1, 2, 3)]
    publics = [bls.secret_to_public(k) for k in (1, 2, 3)]
    aggregate = scheme.aggregate(signatures)
    assert aggregate == bls.sign(6, b"message")
    assert scheme.fast_aggregate_verify(publics, b"message", aggregate)
    assert not scheme.fast_aggregate_verify(publics[:2], b"message", aggregate)
    assert not scheme.fast_aggregate_verify([], b"message", aggregate)
    with pytest.raises(DvError):
        scheme.aggregate([])
    with pytest.raises(DvError):
        scheme.aggregate([INFINITY_G2])


@SCHEMES
def test_keys_that_cancel_do_not_verify(scheme):
    """The sum of k·G and -k·G is infinity: no such aggregate key."""
    minus = bls.curve.encode(bls.curve.neg(bls.curve.decode_g1(GOOD_PUBLIC)))
    assert not scheme.fast_aggregate_verify([GOOD_PUBLIC, minus], b"message", GOOD_SIGNATURE)


@pytest.mark.parametrize("t", [1, 2, 3, 5, 14, 40])
def test_coefficients_of_the_first_indices_are_binomials(t):
    assert bls.lagrange_at_zero(range(1, t + 1)) == [(-1) ** (i - 1) * math.comb(t, i) for i in range(1, t + 1)]


@pytest.mark.parametrize("indices", [[1], [2], [4, 2, 3], [1, 5, 7, 8], [255, 1, 100], [256, 255, 254, 1]], ids=str)
def test_coefficients_interpolate(indices):
    rng = random.Random(str(indices))
    polynomial = [rng.randrange(ORDER) for index in indices]
    values = [sum(a * i**power for power, a in enumerate(polynomial)) for i in indices]
    total = sum(c * v for c, v in zip(bls.lagrange_at_zero(indices), values))
    assert total % ORDER == polynomial[0]


@pytest.mark.parametrize("indices", [[], [1, 1], [0, 1], [-1, 2]], ids=str)
def test_bad_indices_are_refused(indices):
    with pytest.raises(DvError, match="share indices"):
        bls.lagrange_at_zero(indices)


@SCHEMES
def test_interpolation_of_keys_and_signatures(scheme):
    shares = {1: 10 + 7 * 1, 2: 10 + 7 * 2, 3: 10 + 7 * 3, 5: 10 + 7 * 5}
    curve = scheme.curve
    for first, second in ((1, 2), (5, 3)):
        chosen = {i: curve.decode_g1(bls.secret_to_public(shares[i])) for i in (first, second)}
        assert curve.encode(scheme.interpolate(chosen)) == bls.secret_to_public(10)
        partials = {i: curve.decode_g2(bls.sign(shares[i], b"duty")) for i in (first, second)}
        assert curve.encode(scheme.interpolate(partials)) == bls.sign(10, b"duty")


def _equations(keys, messages):
    return [(bls.secret_to_public(k), message, bls.sign(k, message)) for k, message in itertools.product(keys, messages)]


def _moved(signature, k):
    """A signature with an error: k times a point that has nothing to do with it."""
    curve = bls.curve
    return curve.encode(curve.add(curve.decode_g2(signature), curve.mul(curve.hash_to_g2(b"error"), k)))


@pytest.mark.parametrize("keys, messages", [(1, 1), (1, 3), (3, 1), (2, 3), (3, 2), (5, 5)])
@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
def test_batches(keys, messages, known):
    """``known``: whether the good ones were found good before."""
    equations = _equations(range(5, 5 + keys), [b"message %d" % i for i in range(messages)])
    for place in sorted({0, len(equations) // 2, len(equations) - 1}):
        key, message, signature = equations[place]
        for wrong in (
            (bls.secret_to_public(4), message, signature),
            (key, message + b"!", signature),
            (key, message, _moved(signature, 1)),
            (key, message, signature[:1] + signature),
            (key[:-1], signature[-1:] + message, signature),
            (INFINITY_G1, message, INFINITY_G2),
            (None, message, None),
        ):
            scheme = Scheme(bls.curve)
            if known:
                assert scheme.batch_verify(equations) and scheme.find_bad(equations) == []
            broken = equations[:place] + [wrong] + equations[place + 1 :]
            for _dummy in range(2):
                assert not scheme.batch_verify(broken)
                assert scheme.find_bad(broken) == [place]
            assert scheme.batch_verify(equations) and scheme.find_bad(equations) == []


def test_equations_that_hold_are_not_verified_once_more(monkeypatch):
    scheme, equations = Scheme(bls.curve), _equations([5, 6], [b"one", b"two"])
    wrong = (*equations[0][:2], equations[1][2])
    assert scheme.find_bad([*equations[:2], wrong]) == [2]
    looked_at = []
    monkeypatch.setattr(scheme, "_batch_holds", lambda decoded: looked_at.extend(each.equation for each in decoded))
    assert scheme.batch_verify(equations[:2]) and not scheme.batch_verify([*equations, wrong])
    assert looked_at == [*equations[2:], wrong]


def test_equations_that_are_kept_are_not_many(monkeypatch):
    monkeypatch.setattr(signatures, "_KEPT", 2)
    scheme, equations = Scheme(bls.curve), _equations([5, 6, 7], [b"one", b"two"])
    for equation in equations * 2:
        assert scheme.batch_verify([equation]) and scheme.find_bad([equation]) == []
        assert len(scheme._held) <= 2


@SCHEMES
def test_small_batch_on_both_backends(scheme):
    equations = _equations([5, 6], [b"one"])
    assert scheme.batch_verify(equations)
    swapped = [(equations[0][0], b"one", equations[1][2]), (equations[1][0], b"one", equations[0][2])]
    assert not scheme.batch_verify(swapped)


def test_errors_that_cancel_are_found():
    """Two signatures with opposite errors: their plain sum is right, the batch is not."""
    bad = [(key, message, _moved(signature, k)) for k, (key, message, signature) in zip((1, -1), _equations([5, 6], [b"one"]))]
    assert not bls.batch_verify(bad)
    assert bls.find_bad(bad) == [0, 1]


def test_an_empty_batch_proves_nothing():
    assert not bls.batch_verify([])
    assert bls.find_bad([]) == []


def test_dv_specs_vectors(vectors):
    spec = json.loads((vectors / "dv-specs" / "bls_threshold.json").read_text())
    message, group = bytes.fromhex(spec["message_hex"]), bytes.fromhex(spec["group_pubkey_hex"])
    for case in spec["keys"]:
        assert bls.secret_to_public(int(case["input"]["secret_hex"], 16)).hex() == case["pubkey_hex"]
    assert bls.sign(int(spec["group_secret_hex"], 16), message).hex() == spec["group_signature_hex"]
    partials, shares = {}, {}
    for case in spec["partials"]:
        index, secret = case["input"]["share_idx"], int(case["input"]["secret_hex"], 16)
        assert bls.secret_to_public(secret).hex() == case["pubshare_hex"]
        assert bls.sign(secret, message).hex() == case["signature_hex"]
        shares[index] = bls.curve.decode_g1(bytes.fromhex(case["pubshare_hex"]))
        partials[index] = bls.curve.decode_g2(bytes.fromhex(case["signature_hex"]))
    for case in spec["threshold_aggregates"]:
        signature = bls.interpolate({index: partials[index] for index in case["input"]["share_indices"]})
        assert bls.curve.encode(signature).hex() == case["signature_hex"]
    for case in spec["recovery"]:
        key = bls.interpolate({index: shares[index] for index in case["input"]["share_indices"]})
        assert bls.curve.encode(key).hex() == case["pubkey_hex"]
    for case in spec["plain_aggregate"]:
        indices = case["input"]["share_indices"]
        aggregate = bls.aggregate([bls.curve.encode(partials[index]) for index in indices])
        assert aggregate.hex() == case["signature_hex"]
        assert bls.fast_aggregate_verify([bls.curve.encode(shares[index]) for index in indices], message, aggregate)
    assert bls.verify(group, message, bytes.fromhex(spec["group_signature_hex"]))
