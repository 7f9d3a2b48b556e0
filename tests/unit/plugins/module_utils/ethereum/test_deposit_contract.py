# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The deposit contract: its calls and events are those of another library, and hostile ones are one clear error."""

import pytest
from ansible_collections.obol.dv.plugins.module_utils.crypto.keccak import keccak256
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum import deposit_contract, networks
from ansible_collections.obol.dv.plugins.module_utils.ethereum.deposit import deposit_data_root
from ansible_collections.obol.dv.plugins.module_utils.ethereum.deposit_contract import Deposit
from eth_abi import encode
from eth_utils import function_signature_to_4byte_selector
from hypothesis import given
from hypothesis import strategies as st

SELECTOR = function_signature_to_4byte_selector("deposit(bytes,bytes,bytes,bytes32)")
OF_CALL, OF_EVENT = ["bytes", "bytes", "bytes", "bytes32"], ["bytes"] * 5
PUBKEY, CREDENTIALS, SIGNATURE = b"\xaa" * 48, b"\1" + b"\xbb" * 31, b"\xcc" * 96
DEPOSIT = Deposit(PUBKEY, CREDENTIALS, 32 * 10**9, SIGNATURE)

deposits = st.builds(
    Deposit,
    pubkey=st.binary(min_size=48, max_size=48),
    withdrawal_credentials=st.binary(min_size=32, max_size=32),
    amount=st.integers(0, 2**64 - 1),
    signature=st.binary(min_size=96, max_size=96),
    index=st.integers(0, 2**64 - 1),
)


def call_by_another(deposit):
    root = deposit_data_root(deposit.pubkey, deposit.withdrawal_credentials, deposit.amount, deposit.signature)
    return SELECTOR + encode(OF_CALL, [deposit.pubkey, deposit.withdrawal_credentials, deposit.signature, root])


def event_by_another(deposit):
    amount, index = (number.to_bytes(8, "little") for number in (deposit.amount, deposit.index))
    return encode(OF_EVENT, [deposit.pubkey, deposit.withdrawal_credentials, amount, deposit.signature, index])


@given(deposits)
def test_calls(deposit):
    data = deposit_contract.call_data(deposit)
    assert data == call_by_another(deposit)
    assert deposit_contract.parse_call(data, deposit.amount) == Deposit(*list(vars(deposit).values())[:4])


@given(deposits)
def test_events(deposit):
    assert deposit_contract.parse_event(event_by_another(deposit)) == deposit


def test_constants():
    # As explorers show it.
    assert deposit_contract.EVENT.hex() == "649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5"
    assert SELECTOR.hex() == "22895118" and deposit_contract.LEAST == 10**9
    assert deposit_contract.ADDRESSES.keys() < {network.name for network in networks.NETWORKS}
    assert {len(address) for address in deposit_contract.ADDRESSES.values()} == {20}


def word(number):
    return number.to_bytes(32, "big")


CALL, EVENT = call_by_another(DEPOSIT), event_by_another(Deposit(*list(vars(DEPOSIT).values())[:4], index=3))
#: What leads to no part, or to one of another length: in the place of the first offset.
OFFSETS = [0, 64, 2**31, 2**64, 2**255, 2**256 - 1, 2**256 - 32]


@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("place", range(3))
def test_offsets_that_lead_elsewhere(offset, place):
    at = 4 + 32 * place
    with pytest.raises(
        DvError, match="^a call of the deposit contract cannot be read; wanted: that of a deposit; see what the execution client is$"
    ):
        deposit_contract.parse_call(CALL[:at] + word(offset) + CALL[at + 32 :], 1)
    at = 32 * place
    with pytest.raises(DvError, match="^an event of the deposit contract cannot be read"):
        deposit_contract.parse_event(EVENT[:at] + word(offset) + EVENT[at + 32 :])


def test_parts_that_lie_on_each_other():
    """The contract takes such calls as well: what it reads is what counts."""
    twice = EVENT[: 3 * 32] + EVENT[:32] + EVENT[4 * 32 :]
    with pytest.raises(DvError, match="an event of"):
        deposit_contract.parse_event(twice)
    index_is_amount = EVENT[: 4 * 32] + EVENT[2 * 32 : 3 * 32] + EVENT[5 * 32 :]
    assert deposit_contract.parse_event(index_is_amount).index == DEPOSIT.amount
    elsewhere = SELECTOR + word(4 * 32 + 5) + CALL[36 : 4 + 4 * 32] + bytes(5) + CALL[4 + 4 * 32 :]
    with pytest.raises(DvError, match="a call of"):
        deposit_contract.parse_call(elsewhere, 1)


@pytest.mark.parametrize("cut", range(0, len(EVENT) - 32, 16))
def test_what_is_cut_off(cut):
    with pytest.raises(DvError, match="an event of"):
        deposit_contract.parse_event(EVENT[:cut])
    if cut < 4 + 9 * 32:
        with pytest.raises(DvError, match="a call of"):
            deposit_contract.parse_call(CALL[:cut], 1)


@pytest.mark.parametrize("place, length", [(0, 47), (0, 49), (1, 31), (1, 33), (2, 95), (2, 97), (0, 2**256 - 1)])
def test_parts_of_another_length(place, length):
    values = [bytes(min(length, 200)) if place == number else part for number, part in enumerate((PUBKEY, CREDENTIALS, SIGNATURE))]
    with pytest.raises(DvError, match="a call of"):
        deposit_contract.parse_call(SELECTOR + encode(OF_CALL, [*values, bytes(32)]), 1)


@pytest.mark.parametrize(
    "data", [b"", SELECTOR, SELECTOR[:3], b"\0" * 4 + CALL[4:], function_signature_to_4byte_selector("get_deposit_root()")]
)
def test_other_calls(data):
    with pytest.raises(DvError, match="a call of"):
        deposit_contract.parse_call(data, 1)


@given(st.binary(max_size=700), st.integers(0, 2**64))
def test_hostile_bytes(data, amount):
    for parse in (deposit_contract.parse_event, lambda each: deposit_contract.parse_call(SELECTOR + each, amount)):
        try:
            parse(data)
        except DvError:
            pass


def test_code(monkeypatch):
    """Of the real contract the code is no part of this; that it is taken, a chain shows."""
    run, name = b"\x60\x80\x60\x40\x52" * 100, b"\xa2\x64ipfs" + b"\x12" * 45
    assert len(name) == 51
    code = run + name + b"\x00\x33"
    assert not deposit_contract.is_code(code)
    monkeypatch.setattr(deposit_contract, "_CODE_HASH", keccak256(run))
    # Another source's name, as Holesky's.
    assert deposit_contract.is_code(code) and deposit_contract.is_code(run + bytes(51) + b"\x00\x33")
    for other in (
        b"",
        b"\x00\x33",
        run,
        code[:-1],
        code + b"\0",
        b"\0" + code,
        b"\0" + code[1:],
        run + bytes(50) + b"\x00\x32",
        name + b"\x00\x33",
    ):
        assert not deposit_contract.is_code(other)
