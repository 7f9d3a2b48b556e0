# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""secp256k1 signatures, with eth_keys as the second implementation."""

import json
import os

import pytest
from eth_keys import keys
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.obol.dv.plugins.module_utils import secp256k1
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError

KEY, DIGEST = bytes(31) + b"\1", bytes(range(32))
PUBLIC = secp256k1.public_key(KEY)


@pytest.mark.parametrize("seed", range(8))
def test_agrees_with_eth_keys(seed):
    private_key, digest = os.urandom(32), os.urandom(32)
    other = keys.PrivateKey(private_key)
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


@given(st.binary(min_size=64, max_size=64), st.sampled_from([0, 1, 27, 28]))
def test_recovery_of_anything(rs, v):
    try:
        assert len(secp256k1.recover(DIGEST, rs + bytes([v]))) == 33
    except DvError:
        pass


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


@pytest.mark.parametrize(
    "wrong", [b"", bytes(32), b"\xff" * 32, secp256k1.ORDER.to_bytes(32, "big"), b"\1" * 31, b"\1" * 33]
)
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
