# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Transactions: ours are those of eth-account to the byte; what comes back is read whole, or is one clear error."""

import pytest
from ansible_collections.obol.dv.plugins.module_utils.crypto import secp256k1
from ansible_collections.obol.dv.plugins.module_utils.encoding import rlp
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum.transaction import Transaction, parse, parse_unsigned
from eth_account import Account
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

KEY = b"\x01" * 32
ACCOUNT = Account.from_key(KEY)
SENDER = bytes.fromhex(ACCOUNT.address[2:])
GWEI = 10**9
DEPOSIT = Transaction(
    560048, 7, GWEI, 30 * GWEI, 200_000, bytes.fromhex("00000000219ab540356cbb839cbe05303d7705fa"), 32 * 10**18, b"\x22" * 420
)

transactions = st.builds(
    Transaction,
    chain_id=st.integers(1, 2**63),
    nonce=st.integers(0, 2**64 - 2),
    max_priority_fee=st.integers(0, 2**64),
    max_fee=st.integers(2**64, 2**256 - 1),
    gas=st.integers(0, 2**63),
    to=st.binary(min_size=20, max_size=20),
    value=st.integers(0, 2**256 - 1),
    data=st.binary(max_size=600),
)


def signed_by_another(transaction, key=KEY):
    """It as eth-account signs it."""
    named = {
        "type": 2,
        "chainId": transaction.chain_id,
        "nonce": transaction.nonce,
        "maxPriorityFeePerGas": transaction.max_priority_fee,
        "maxFeePerGas": transaction.max_fee,
        "gas": transaction.gas,
        "to": transaction.to,
        "value": transaction.value,
        "data": transaction.data,
    }
    return bytes(Account.sign_transaction(named, key).raw_transaction)


def check(transaction, key=KEY):
    raw = transaction.sign(key)
    assert raw == signed_by_another(transaction, key)
    signed = parse(raw, "it")
    assert signed == (transaction, bytes.fromhex(Account.recover_transaction(raw)[2:]), keccak(raw), raw)
    return signed


@settings(deadline=None)
@given(transactions, st.integers(1, secp256k1.ORDER - 1))
def test_as_another_library_has_it(transaction, key):
    check(transaction, key.to_bytes(32, "big"))


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x7f", b"\x80", bytes(55), bytes(56), bytes(255), bytes(256), bytes(70_000)])
@pytest.mark.parametrize("number", [0, 1, 127, 128, 255, 256])
def test_the_edges_of_rlp(number, data):
    assert check(DEPOSIT._replace(nonce=number, value=number, gas=number, data=data)).sender == SENDER


def items_of(raw):
    return rlp.decode_items(raw[1:])


@pytest.mark.parametrize("place", [-2, -1], ids=["r", "s"])
def test_a_signature_with_a_leading_zero(place):
    """One in some hundreds: its number is a byte shorter."""
    each = (DEPOSIT._replace(nonce=nonce) for nonce in range(10_000))
    short = next(transaction for transaction in each if len(items_of(transaction.sign(KEY))[place]) < 33)
    check(short)


def test_what_it_takes_at_most():
    assert DEPOSIT.cost == 32 * 10**18 + 200_000 * 30 * GWEI


def changed(place, item):
    """The deposit, signed, with another item of its list (its RLP), or without."""
    items = items_of(DEPOSIT.sign(KEY))
    items[place : place + 1] = [] if item is None else [item]
    return b"\2" + rlp.encode_items(items)


def number(value):
    return rlp.encode_string(value.to_bytes((value.bit_length() + 7) // 8, "big"))


RAW = DEPOSIT.sign(KEY)
PARITY, R, S = (int.from_bytes(rlp.decode_string(item), "big") for item in items_of(RAW)[-3:])
LIST = rlp.encode_list([b"\x42" * 20])
WRONG = {
    "nothing": b"",
    "its type alone": RAW[:1],
    "without a type": RAW[1:],
    **{"type %d" % kind: bytes([kind]) + RAW[1:] for kind in (0, 1, 3, 4, 0xC0)},
    "a byte more": RAW + b"\0",
    "a byte less": RAW[:-1],
    "unsigned": b"\2" + rlp.encode_items(items_of(RAW)[:9]),
    "an item more": b"\2" + rlp.encode_items([*items_of(RAW), b"\1"]),
    "no items": b"\2" + rlp.EMPTY_LIST,
    "a text": b"\2" + rlp.encode_string(RAW),
    **{"without item %d" % place: changed(place, None) for place in range(12)},
    **{"a list for item %d" % place: changed(place, LIST) for place in range(12)},
    "an access list": changed(8, rlp.encode_items([rlp.encode_items([rlp.encode_string(b"\x42" * 20), rlp.EMPTY_LIST])])),
    "a text for an access list": changed(8, b"\x80"),
    "a contract is created": changed(5, b"\x80"),
    "an address of 19 bytes": changed(5, rlp.encode_string(bytes(19))),
    "an address of 21 bytes": changed(5, rlp.encode_string(bytes(21))),
    **{"zeros before item %d" % place: changed(place, rlp.encode_string(b"\0" + bytes([1]))) for place in (0, 1, 2, 3, 4, 6, 9, 10, 11)},
    **{"zero spelled out in item %d" % place: changed(place, b"\0") for place in (0, 1, 2, 3, 4, 6, 9)},
    "a long head for a short text": changed(1, b"\x81\x07"),
    "a longer head for it": changed(1, b"\xb8\x01\x07"),
    "a head of the list with zeros": b"\2\xfa" + bytes([0, *RAW[2:4]]) + RAW[4:],
    **{"parity %d" % parity: changed(9, number(parity)) for parity in (2, 27, 28, 31, 256, 2 * DEPOSIT.chain_id + 35)},
    "high s": b"\2" + rlp.encode_items([*items_of(RAW)[:9], number(1 - PARITY), number(R), number(secp256k1.ORDER - S)]),
    "high s, parity as it was": changed(11, number(secp256k1.ORDER - S)),
    **{"r of %s" % name: changed(10, number(value)) for name, value in {"0": 0, "order": secp256k1.ORDER, "33 bytes": 2**256}.items()},
    **{"s of %s" % name: changed(11, number(value)) for name, value in {"0": 0, "order": secp256k1.ORDER, "33 bytes": 2**256}.items()},
    # Not on the curve: for an x there is a point, or none.
    "no point": changed(10, number(5)),
}


@pytest.mark.parametrize("raw", WRONG.values(), ids=WRONG)
def test_what_is_no_signed_transaction(raw):
    with pytest.raises(DvError, match=r"^it is no signed transaction; wanted: one of type 2 \(EIP-1559\), without an access list$"):
        parse(raw, "it")


def test_every_changed_bit_is_seen():
    """It is refused, or is another transaction, or somebody else's: never the same one by another spelling."""
    for position in range(8 * len(RAW)):
        raw = bytearray(RAW)
        raw[position // 8] ^= 1 << position % 8
        try:
            signed = parse(bytes(raw), "it")
        except DvError:
            continue
        assert signed.sender != SENDER and signed.raw == raw


@given(transactions)
def test_what_is_signed_elsewhere_there_and_back(transaction):
    assert parse_unsigned(transaction.unsigned, "it") == transaction
    assert keccak(transaction.unsigned) == transaction.digest


@pytest.mark.parametrize("raw", [b"", RAW, DEPOSIT.unsigned[:-1], DEPOSIT.unsigned + b"\0", b"\1" + DEPOSIT.unsigned[1:]])
def test_what_is_no_unsigned_transaction(raw):
    with pytest.raises(DvError, match=r"^it is no unsigned transaction; wanted: one of type 2 \(EIP-1559\), without an access list$"):
        parse_unsigned(raw, "it")


@settings(max_examples=500, deadline=None)
@given(
    st.binary(max_size=200)
    | st.binary(max_size=200).map(lambda tail: b"\2" + tail)
    | st.binary(max_size=60).map(lambda tail: RAW[:60] + tail)
)
def test_hostile_bytes(raw):
    with pytest.raises(DvError):
        parse(raw, "it")


@given(st.lists(st.binary(max_size=33), min_size=11, max_size=11))
def test_hostile_items(strings):
    items = [*map(rlp.encode_string, strings)]
    try:
        parse(b"\2" + rlp.encode_items([*items[:8], rlp.EMPTY_LIST, *items[8:]]), "it")
    except DvError:
        pass
