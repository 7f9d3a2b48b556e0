# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""secp256k1 signatures, with eth_keys as the second implementation."""

import json
import os

import pytest
from ansible_collections.obol.dv.plugins.module_utils.crypto import secp256k1
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from eth_keys import keys
from eth_keys.backends import NativeECCBackend
from eth_keys.exceptions import BadSignature, ValidationError
from hypothesis import example, given
from hypothesis import strategies as st

KEY, DIGEST = bytes(31) + b"\1", bytes(range(32))
PUBLIC = secp256k1.public_key(KEY)

#: In pure Python: its default would be libsecp256k1 too, where coincurve is installed.
OTHER = NativeECCBackend()
FIELD = 2**256 - 2**32 - 977

#: Words of 32 bytes as an attacker chooses them: about what is checked, and any.
WORDS = st.one_of(
    st.sampled_from(
        [each + delta for each in (1, secp256k1.ORDER // 2, secp256k1.ORDER, FIELD - secp256k1.ORDER, FIELD) for delta in (-1, 0, 1)]
    ),
    st.integers(0, 2**256 - 1),
).map(lambda number: number.to_bytes(32, "big"))


@pytest.mark.parametrize("seed", range(8))
def test_agrees_with_eth_keys(seed):
    private_key, digest = os.urandom(32), os.urandom(32)
    other = keys.PrivateKey(private_key, OTHER)
    signature = secp256k1.sign(private_key, digest)
    assert signature == other.sign_msg_hash(digest).to_bytes(), (private_key.hex(), digest.hex())
    assert secp256k1.public_key(private_key) == other.public_key.to_compressed_bytes()
    assert secp256k1.recover_address(digest, signature) == other.public_key.to_canonical_address()


def test_generator():
    assert PUBLIC.hex() == "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
    assert secp256k1.address_of(PUBLIC).hex() == "7e5f4552091a69125d5dfcb7b8c2659029395bdf"


def test_both_forms_of_v():
    signature = secp256k1.sign(KEY, DIGEST)
    assert signature[64] in (0, 1)
    as_wallets_write = signature[:64] + bytes([signature[64] + 27])
    wrong = signature[:64] + bytes([1 - signature[64]])
    assert secp256k1.verify(PUBLIC, DIGEST, signature)
    assert secp256k1.verify(PUBLIC, DIGEST, as_wallets_write)
    assert not secp256k1.verify(PUBLIC, DIGEST, wrong)
    assert not secp256k1.verify(PUBLIC, bytes(32), signature)
    for v in (2, 3, 26, 29, 31, 32, 255):
        with pytest.raises(DvError, match="v, is %d; wanted: 0, 1, 27 or 28" % v):
            secp256k1.recover(DIGEST, signature[:64] + bytes([v]))


def test_compact():
    signature = secp256k1.sign(KEY, DIGEST)
    assert secp256k1.verify_compact(PUBLIC, DIGEST, signature[:64])
    assert not secp256k1.verify_compact(PUBLIC, DIGEST, signature)
    assert not secp256k1.verify_compact(PUBLIC, bytes(32), signature[:64])
    assert not secp256k1.verify_compact(PUBLIC, DIGEST, bytes(64))


@pytest.mark.parametrize("length", [0, 64, 66, 130])
def test_length(length):
    with pytest.raises(DvError, match="has %d bytes" % length):
        secp256k1.recover(DIGEST, bytes(length))


@given(WORDS, WORDS, WORDS, st.sampled_from([0, 1, 27, 28]))
def test_recovery_of_anything_agrees_with_eth_keys(r, s, digest, v):
    try:
        signature = keys.Signature(r + s + bytes([v % 27]), backend=OTHER)
        wanted = signature.recover_public_key_from_msg_hash(digest).to_compressed_bytes()
    except (BadSignature, ValidationError):
        wanted = None
    try:
        found = secp256k1.recover(digest, r + s + bytes([v]))
    except DvError:
        found = None
    assert found == wanted


@given(st.integers(0, 255), WORDS)
@example(2, b"\1" * 32)
def test_anything_as_a_public_key(form, x):
    """The curve itself says: y² = x³ + 7."""
    number = int.from_bytes(x, "big")
    square = (number**3 + 7) % FIELD
    y = pow(square, (FIELD + 1) // 4, FIELD)
    is_point = form in (2, 3) and number < FIELD and y * y % FIELD == square
    try:
        found = secp256k1.decompress(bytes([form]) + x)
    except DvError:
        assert not is_point
    else:
        assert is_point and found == b"\4" + x + (y if y % 2 == form % 2 else FIELD - y).to_bytes(32, "big")


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_digests_of_another_length(length):
    signature = secp256k1.sign(KEY, DIGEST)
    with pytest.raises(DvError, match="no key fits"):
        secp256k1.recover(bytes(length), signature)
    assert not secp256k1.verify(PUBLIC, bytes(length), signature)


def test_what_comes_back_are_bytes():
    """Not what a library fills: texts, keys of dictionaries and comparisons are made of it."""
    signature = secp256k1.sign(KEY, DIGEST)
    made = PUBLIC, signature, secp256k1.recover(DIGEST, signature), secp256k1.decompress(PUBLIC), secp256k1.address_of(PUBLIC)
    assert [type(each) for each in made] == [bytes] * 5


@pytest.mark.parametrize(
    "rs",
    [bytes(64), b"\xff" * 64, bytes(32) + b"\1" * 32, b"\1" * 32 + bytes(32), secp256k1.ORDER.to_bytes(32, "big") * 2],
)
def test_values_out_of_range(rs):
    for v in (b"\0", b"\1"):
        with pytest.raises(DvError):
            secp256k1.recover(DIGEST, rs + v)
        assert not secp256k1.verify(PUBLIC, DIGEST, rs + v)
    assert not secp256k1.verify_compact(PUBLIC, DIGEST, rs)


@pytest.mark.parametrize("wrong", [b"", bytes(32), b"\xff" * 32, secp256k1.ORDER.to_bytes(32, "big"), b"\1" * 31, b"\1" * 33])
def test_what_is_no_private_key(wrong):
    for function in (secp256k1.check_private_key, secp256k1.public_key, lambda key: secp256k1.sign(key, DIGEST)):
        with pytest.raises(DvError, match="private key") as raised:
            function(wrong)
        assert not wrong or wrong.hex() not in str(raised.value)


@pytest.mark.parametrize(
    "wrong",
    [b"", b"\2" + bytes(32), b"\2" + b"\xff" * 32, b"\5" + PUBLIC[1:], PUBLIC[:-1], secp256k1.decompress(PUBLIC)],
)
def test_what_is_no_public_key(wrong):
    for function in (secp256k1.address_of, secp256k1.decompress):
        with pytest.raises(DvError, match="no secp256k1 public key"):
            function(wrong)


@pytest.mark.parametrize("name", ["qbft_attester_pre_prepare", "zero_hash"])
def test_specification_vectors(vectors, name):
    suite = json.loads((vectors / "dv-specs" / "secp256k1_signatures.json").read_bytes())
    (case,) = (case for case in suite["cases"] if case["name"] == name)
    digest, signature = bytes.fromhex(case["input"]["hash_hex"]), bytes.fromhex(case["signature_hex"])
    assert secp256k1.sign(bytes.fromhex(suite["secret_hex"]), digest) == signature
    assert secp256k1.recover(digest, signature).hex() == case["recovered_pubkey_hex"]
