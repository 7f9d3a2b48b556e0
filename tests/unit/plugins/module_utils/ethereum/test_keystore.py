# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keystores: the vectors of EIP-2335 and of charon, the round trip, and what a hostile file may ask for."""

import copy
import json
import random

import pytest
from ansible_collections.obol.dv.plugins.module_utils.crypto.bls.signatures import bls
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum import keystore

PASSWORD = "𝔱𝔢𝔰𝔱𝔭𝔞𝔰𝔰𝔴𝔬𝔯𝔡🔑"
SECRET = bytes.fromhex("000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f")
OF_SECRET = bls.secret_to_public(int.from_bytes(SECRET, "big"))
PUBLIC = "9612d7a727c9d0a22e185a1c768478dfe919cada9266988cb32359c11f2b7b27f4ae4040902382ae2910c15e2b420d07"
SALT = "d4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3"


def _eip_2335(kdf, params, checksum, encrypted):
    return {
        "crypto": {
            "kdf": {"function": kdf, "params": {"dklen": 32, **params, "salt": SALT}, "message": ""},
            "checksum": {"function": "sha256", "params": {}, "message": checksum},
            "cipher": {
                "function": "aes-128-ctr",
                "params": {"iv": "264daa3f303d7259501c93d997d84fe6"},
                "message": encrypted,
            },
        },
        "pubkey": PUBLIC,
        "path": "m/12381/60/0/0",
        "uuid": "64625def-3331-4eea-ab6f-782f3ed16a83",
        "version": 4,
    }


# The two test vectors of the EIP.
EIP_2335 = {
    "pbkdf2": _eip_2335(
        "pbkdf2",
        {"c": 262144, "prf": "hmac-sha256"},
        "8a9f5d9912ed7e75ea794bc5a89bca5f193721d30868ade6f73043c6ea6febf1",
        "cee03fde2af33149775b7223e7845e4fb2c8ae1792e5f99fe9ecf474cc8c16ad",
    ),
    "scrypt": _eip_2335(
        "scrypt",
        {"n": 262144, "p": 1, "r": 8},
        "d2217fe5f3e9a1e34581ef8a78f7c9928e436d36dacc5e846690a5581e8ea484",
        "06ae90d55fe0a6e9c5c3bc5b170827b2e5cce3929ed3f116c2811e6366dfe20f",
    ),
}


@pytest.mark.parametrize("kdf", EIP_2335)
def test_vectors_of_the_eip(kdf):
    content = json.dumps(EIP_2335[kdf])
    assert keystore.parse(content).decrypt(PASSWORD) == SECRET
    assert keystore.public_key(content).hex() == PUBLIC
    assert bls.secret_to_public(int.from_bytes(SECRET, "big")).hex() == PUBLIC


def test_passwords_are_normalized():
    # NFKD makes plain letters of the vector's; control codes are dropped, so a final newline does no harm.
    assert keystore.parse(json.dumps(EIP_2335["pbkdf2"])).decrypt("testpassword🔑\n\x00\x7f\x9f") == SECRET


def test_charons_scrypt_vector(vectors):
    folder = vectors / "charon" / "keystore"
    content = (folder / "keystore-scrypt.json").read_bytes()
    secret = keystore.parse(content).decrypt((folder / "keystore-scrypt.txt").read_text())
    assert bls.secret_to_public(int.from_bytes(secret, "big")) == keystore.public_key(content)


def test_layout_is_charons(vectors):
    """Ours with the random values of a keystore of charon is that keystore, byte for byte."""
    charons = (vectors / "charon-1.10.3/hoodi-4x3/node0/validator_keys/keystore-0.json").read_text()
    ours = keystore.encrypt(SECRET, OF_SECRET, "password").decode()
    for path in (
        ("crypto", "checksum", "message"),
        ("crypto", "cipher", "message"),
        ("crypto", "cipher", "params", "iv"),
        ("crypto", "kdf", "params", "salt"),
        ("pubkey",),
        ("uuid",),
    ):
        old, new = json.loads(ours), json.loads(charons)
        for key in path:
            old, new = old[key], new[key]
        assert len(old) == len(new)
        ours = ours.replace(old, new)
    assert ours == charons


def test_round_trip():
    content = keystore.encrypt(SECRET, OF_SECRET, "password")
    assert keystore.parse(content).decrypt("password") == SECRET
    assert keystore.encrypt(SECRET, OF_SECRET, "password") != content
    with pytest.raises(DvError, match="does not fit"):
        keystore.parse(content).decrypt("Password")


def _node(function, params):
    def change(value):
        value["crypto"]["kdf"] = {"function": function, "params": params, "message": ""}

    return change


def _change(path, new):
    def change(value):
        *parents, last = path
        for key in parents:
            value = value[key]
        if new is None:
            del value[last]
        else:
            value[last] = new

    return change


KDF = ("crypto", "kdf", "params")
SCRYPT = {"dklen": 32, "n": 2, "p": 1, "r": 8, "salt": SALT}
HOSTILE = {
    "version 3": _change(["version"], 3),
    "version true": _change(["version"], True),
    "no version": _change(["version"], None),
    "no crypto": _change(["crypto"], None),
    "crypto is a list": _change(["crypto"], []),
    "no kdf": _change(["crypto", "kdf"], None),
    "kdf is a text": _change(["crypto", "kdf"], "pbkdf2"),
    "unknown kdf": _change(["crypto", "kdf", "function"], "argon2"),
    "unknown cipher": _change(["crypto", "cipher", "function"], "aes-256-gcm"),
    "unknown checksum": _change(["crypto", "checksum", "function"], "md5"),
    "no params": _change(KDF, None),
    "dklen 16": _change([*KDF, "dklen"], 16),
    "dklen huge": _change([*KDF, "dklen"], 10**30),
    "c zero": _change([*KDF, "c"], 0),
    "c negative": _change([*KDF, "c"], -1),
    "c a float": _change([*KDF, "c"], 2.0),
    "c a text": _change([*KDF, "c"], "262144"),
    "c huge": _change([*KDF, "c"], (1 << 24) + 1),
    "c beyond words": _change([*KDF, "c"], 10**100),
    "prf": _change([*KDF, "prf"], "hmac-sha512"),
    "salt not hex": _change([*KDF, "salt"], "zz"),
    "salt a list": _change([*KDF, "salt"], [1]),
    "no salt": _change([*KDF, "salt"], None),
    "iv short": _change(["crypto", "cipher", "params", "iv"], "00"),
    "iv empty": _change(["crypto", "cipher", "params", "iv"], ""),
    "message empty": _change(["crypto", "cipher", "message"], ""),
    "message long": _change(["crypto", "cipher", "message"], "00" * 33),
    "checksum wrong": _change(["crypto", "checksum", "message"], "00" * 32),
    "checksum a number": _change(["crypto", "checksum", "message"], 0),
    "scrypt n not a power of two": _node("scrypt", {**SCRYPT, "n": 3}),
    "scrypt n one": _node("scrypt", {**SCRYPT, "n": 1}),
    "scrypt n zero": _node("scrypt", {**SCRYPT, "n": 0}),
    "scrypt too much memory": _node("scrypt", {**SCRYPT, "n": 1 << 20}),
    "scrypt r huge": _node("scrypt", {**SCRYPT, "r": 1 << 40}),
    "scrypt p huge": _node("scrypt", {**SCRYPT, "p": 17}),
    "scrypt n too large for r": _node("scrypt", {**SCRYPT, "n": 1 << 18, "r": 1}),
    "scrypt without r": _node("scrypt", {key: value for key, value in SCRYPT.items() if key != "r"}),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_keystores(case):
    value = copy.deepcopy(EIP_2335["pbkdf2"])
    HOSTILE[case](value)
    with pytest.raises(DvError) as caught:
        keystore.parse(json.dumps(value)).decrypt("the password")
    assert "the password" not in str(caught.value).replace("the password of keystore", "")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100000, b'{"version":4,"version":4}', "7", "{}"],
    ids=["empty", "cut", "list", "null", "utf-16", "deep", "repeated", "number", "nothing"],
)
def test_no_keystores(content):
    with pytest.raises(DvError):
        keystore.parse(content).decrypt("the password")
    with pytest.raises(DvError):
        keystore.public_key(content)


def test_password_that_utf8_cannot_hold():
    with pytest.raises(DvError) as caught:
        keystore.parse(json.dumps(EIP_2335["pbkdf2"])).decrypt("pass\ud800word")
    assert "word" not in str(caught.value)


def test_fuzz_raises_nothing_else():
    rng = random.Random(3)
    value = copy.deepcopy(EIP_2335["pbkdf2"])
    value["crypto"]["kdf"]["params"]["c"] = 1
    text = json.dumps(value).encode()
    for _dummy in range(1500):
        damaged = bytearray(text)
        for _dummy in range(rng.randrange(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.choice(b'"{}[]:,0123456789abcz\\\xff')
        try:
            keystore.parse(bytes(damaged)).decrypt("p")
        except DvError:
            pass
