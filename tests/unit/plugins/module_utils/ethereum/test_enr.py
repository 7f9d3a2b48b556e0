# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ENRs and peer ids."""

import base64
import json
import os
import re

import pytest
from ansible_collections.obol.dv.plugins.module_utils.crypto import secp256k1
from ansible_collections.obol.dv.plugins.module_utils.crypto.keccak import keccak256
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum import enr
from hypothesis import given, settings
from hypothesis import strategies as st

KEY = bytes(31) + b"\7"
PUBLIC = secp256k1.public_key(KEY)
TEXT = enr.encode(KEY)

# The example of EIP-778: sequence number 1, with ip and udp.
EIP_778 = (
    "enr:-IS4QHCYrYZbAKWCBRlAy5zzaDZXJBGkcnh4MHcBFZntXNFrdvJjX04jRzjzCBOonrkTfj499SZuOh8R33Ls8RRcy5wBgmlk"
    "gnY0gmlwhH8AAAGJc2VjcDI1NmsxoQPKY0yuDUmstAHYpMa2_oxVtw0RW_QAdpzBQA8yWM0xOIN1ZHCCdl8"
)


def rlp(*strings):
    """A list of strings of 1 to 255 bytes, made without the code under test."""
    body = b""
    for string in strings:
        if len(string) == 1 and string[0] < 128:
            body += string
        else:
            body += bytes([128 + len(string)] if len(string) < 56 else [184, len(string)]) + string
    return bytes([192 + len(body)] if len(body) < 56 else [248, len(body)]) + body


def text(raw):
    return "enr:" + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def signed(*content):
    return text(rlp(secp256k1.sign(KEY, keccak256(rlp(*content)))[:64], *content))


def test_form():
    assert len(TEXT) == 163
    assert TEXT.startswith("enr:-HW4Q")
    assert enr.encode(KEY) == TEXT == signed(b"", b"id", b"v4", b"secp256k1", PUBLIC)


def test_round_trip():
    for _each in range(4):
        private_key = os.urandom(32)
        found = enr.parse(enr.encode(private_key))
        assert found.public_key == secp256k1.public_key(private_key)
        assert found.text == enr.encode(private_key)


def test_other_records():
    assert enr.parse(EIP_778).public_key.hex() == "03ca634cae0d49acb401d8a4c6b6fe8c55b70d115bf400769cc1400f3258cd3138"
    assert enr.parse(TEXT + "==").public_key == PUBLIC
    assert enr.parse(signed(b"\5", b"secp256k1", PUBLIC)).public_key == PUBLIC


def test_peer_id():
    assert re.fullmatch("16Uiu2HA[1-9A-HJ-NP-Za-km-z]{45}", enr.peer_id(PUBLIC))


def test_peer_id_of_libp2p():
    # libp2p's specification of peer ids: this base58 text decodes to the identity multihash of a secp256k1 key.
    wanted, number = enr.peer_id(PUBLIC), 0
    for digit in wanted:
        number = number * 58 + "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".index(digit)
    assert number.to_bytes(39, "big") == bytes.fromhex("002508021221") + PUBLIC


def test_signature_counts_unless_told():
    wrong = text(rlp(bytes(64), b"", b"id", b"v4", b"secp256k1", PUBLIC))
    with pytest.raises(DvError, match=r"operators\[1\].enr \"enr:.*signature is wrong"):
        enr.parse(wrong, "operators[1].enr")
    assert enr.parse(wrong, verify=False).public_key == PUBLIC


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (None, "is empty"),
        (b"enr:", "is binary data"),
        ("", 'is ""'),
        ("enr:", "base64url"),
        ("enr://" + TEXT[4:], "base64url"),
        (TEXT[4:], "base64url"),
        (TEXT + "\n", "base64url"),
        ("enr:" + "A" * 1024, "at most 1024"),
        ("enr:A", "not base64url"),
        (text(b""), "base64url"),
        (text(b"\x80"), "not RLP"),
        (text(b"\xc1"), "not RLP"),
        (text(b"\xff" * 9), "not RLP"),
        (text(rlp(b"abc") + b"d"), "not RLP"),
        (text(b"\xc2\xc1\x01"), "not RLP"),
        (text(b"\xc2\x81\x01"), "not RLP"),
        (text(rlp(b"ab", b"cd", b"ef")), "3 elements"),
        (text(rlp(b"ab", b"cd")), "2 elements"),
        (signed(b"", b"id", b"v4", b"id", b"v4", b"secp256k1", PUBLIC), "key stands twice"),
        (signed(b"", b"id", b"v5", b"secp256k1", PUBLIC), "identity scheme"),
        (signed(b"", b"id", b"v4"), "no secp256k1 public key"),
        (signed(b"", b"id", b"v4", b"secp256k1", b"\2" + b"\xff" * 32), "no secp256k1 public key"),
        (text(rlp(bytes(65), b"", b"id", b"v4", b"secp256k1", PUBLIC)), "signature is wrong"),
        (text(rlp(b"ab", b"", b"id", b"v4", b"secp256k1", PUBLIC)), "signature is wrong"),
    ],
)
def test_what_is_no_enr(wrong, said):
    with pytest.raises(DvError, match=said):
        enr.parse(wrong)


@settings(deadline=None)
@given(st.binary(max_size=200) | st.builds(rlp, *[st.binary(min_size=1, max_size=40)] * 6))
def test_any_bytes(raw):
    try:
        enr.parse(text(raw))
    except DvError:
        pass


@settings(deadline=None)
@given(st.integers(4, len(TEXT) - 1), st.text(max_size=3))
def test_any_change(position, replacement):
    changed = TEXT[:position] + replacement + TEXT[position + 1 :]
    try:
        # What else is read must be another text of the same record: the unused bits at the end of base64.
        assert enr.parse(changed).public_key == PUBLIC
        assert position == len(TEXT) - 1 or changed == TEXT
    except DvError:
        pass


NODES = [
    *("charon-1.10.3/signed-definition/node%d" % node for node in range(4)),
    *("charon-1.10.3/hoodi-4x3/node%d" % node for node in range(4)),
]


@pytest.mark.parametrize("node", NODES)
def test_enrs_by_charon(vectors, node):
    directory = vectors / node
    lock = directory / "cluster-lock.json"
    lock = json.loads((lock if lock.exists() else directory.parent / "cluster-lock.json").read_bytes())
    key = bytes.fromhex((directory / "charon-enr-private-key").read_text().strip())
    assert enr.encode(key) == lock["cluster_definition"]["operators"][int(node[-1])]["enr"]


def test_a_peer_id_holds_the_public_key():
    for key in (bytes(31) + b"\1", bytes(range(1, 33)), b"\x7f" * 32):
        public_key = secp256k1.public_key(key)
        assert enr.public_key_of(enr.peer_id(public_key)) == public_key


@pytest.mark.parametrize("text", ["", "1", "16Uiu2HAm", "16Uiu2HAm" + "a" * 44, "16Uiu2HAm" + "0" * 44, "1" * 500, "é" * 53])
def test_what_is_no_peer_id(text):
    key = enr.public_key_of(text)
    assert key is None or enr.peer_id(key) == text
