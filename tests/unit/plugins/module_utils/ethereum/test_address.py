# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses and their EIP-55 checksum."""

import re

import pytest
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum import address

# The examples of EIP-55.
CHECKSUMMED = [
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
]


def test_keccak_is_not_sha3():
    assert address.keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


@pytest.mark.parametrize("text", CHECKSUMMED)
def test_checksum(text):
    raw = bytes.fromhex(text[2:])
    assert address.checksum_address(raw) == text
    assert address.parse_checksum_address(text, "it") == raw
    for other in (text.lower(), "0x" + text[2:].upper()):
        assert address.parse_address(other, "it") == raw
        if other != text:
            with pytest.raises(
                DvError, match="it is %s, which has no checksum.*wanted: the address in upper and lower case" % other
            ) as caught:
                address.parse_checksum_address(other, "it")
            assert text not in str(caught.value)


@pytest.mark.parametrize("text", [text for text in CHECKSUMMED if text[2:] not in (text[2:].lower(), text[2:].upper())])
@pytest.mark.parametrize("place", [2, 10, 20, 30, 41])
def test_a_slip_is_not_completed_to_another_address(text, place):
    """One wrong digit, or one letter in the other case: the error holds no address but the given one."""
    digit = "0123456789abcdef"[(int(text[place], 16) + 1) % 16]
    for wrong in (text[:place] + digit + text[place + 1 :], text[:place] + text[place].swapcase() + text[place + 1 :]):
        if wrong == text:
            continue
        with pytest.raises(
            DvError, match="it is %s, whose .* are not its checksum; wanted: the address as it stands where" % wrong
        ) as caught:
            address.parse_checksum_address(wrong, "it")
        assert re.findall("0x[0-9a-fA-F]+", str(caught.value)) == [wrong]


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        5,
        b"",
        "",
        "0x",
        "ab" * 20,
        "0X" + "ab" * 20,
        "0x" + "ab" * 21,
        "0x" + "g" * 40,
        "0x" + "ab" * 20 + "\n",
        " 0x" + "ab" * 20,
        ["0x"],
    ],
)
def test_what_is_no_address(wrong):
    for parse in (address.parse_address, address.parse_checksum_address):
        with pytest.raises(DvError, match="^the fee recipient is .*wanted: 0x and 40 hex digits"):
            parse(wrong, "the fee recipient")
