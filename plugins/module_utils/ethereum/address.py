# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ethereum addresses: 20 bytes, and their text with the checksum of EIP-55."""

import re
from typing import Any

from ..crypto.keccak import keccak256
from ..errors import DvError, show

#: The zero address.
ZERO = bytes(20)


def checksum_address(address: bytes) -> str:
    """The text of the 20 bytes ``address``: ``0x`` and 40 hex digits in the mixed case of EIP-55."""
    digits = address.hex()
    case = keccak256(digits.encode()).hex()
    return "0x" + "".join(digit.upper() if int(nibble, 16) >= 8 else digit for digit, nibble in zip(digits, case))


def parse_address(text: Any, what: str) -> bytes:
    """The 20 bytes of ``text`` (``0x`` and 40 hex digits of either case), called ``what`` in errors.

    :raises DvError: anything else
    """
    if not isinstance(text, str) or not re.fullmatch("0x[0-9a-fA-F]{40}", text):
        raise DvError(f"{what} is {show(text)}", "0x and 40 hex digits")
    return bytes.fromhex(text[2:])


def parse_checksum_address(text: Any, what: str) -> bytes:
    """Like :func:`parse_address`, but only the exact spelling of EIP-55 passes.

    :raises DvError: not an address, or another spelling. The error does not tell the right one: of a mistyped address that is a wrong
        address that passes
    """
    address = parse_address(text, what)
    if text == checksum_address(address):
        return address
    if text[2:] in (text[2:].lower(), text[2:].upper()):
        raise DvError(
            f"{what} is {text}, which has no checksum: its letters are of one case",
            "the address in upper and lower case letters (EIP-55)",
            "copy it from where it comes from, a wallet for example: without a checksum nobody notices a wrong digit",
        )
    raise DvError(
        f"{what} is {text}, whose upper and lower case letters are not its checksum",
        "the address as it stands where it comes from",
        "compare each digit with it, and copy it once more: a wrong checksum can mean a wrong digit anywhere",
    )
