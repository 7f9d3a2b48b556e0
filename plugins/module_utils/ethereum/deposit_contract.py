# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The deposit contract: where it is, what it is called with, what it tells. Amounts are whole numbers of Gwei.

Source: the deposit contract of the consensus-specs (phase 0), the Solidity ABI.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..crypto.keccak import keccak256
from ..errors import DvError
from .deposit import deposit_data_root
from .units import GWEI_PER_ETH

#: Where it is, by the name of the network.
ADDRESSES = {
    name: bytes.fromhex(address)
    for name, address in (
        ("mainnet", "00000000219ab540356cbb839cbe05303d7705fa"),
        ("hoodi", "00000000219ab540356cbb839cbe05303d7705fa"),
        ("holesky", "4242424242424242424242424242424242424242"),
    )
}

#: Networks that have another one, and why that is no use.
OTHERS = {
    **dict.fromkeys(("gnosis", "chiado"), "whose deposits are paid in GNO, a token"),
    "sepolia": "whose deposits are for those who were given a token",
    "goerli": "which has ended",
}

#: The topic of the event that each deposit makes.
EVENT = keccak256(b"DepositEvent(bytes,bytes,bytes,bytes,bytes)")

#: Gas that is enough for each: what a deposit takes depends on how many were before it, so that an estimate is too low for some.
GAS = 200_000

WEI_PER_GWEI = 10**9

#: Least amount that it takes.
LEAST = GWEI_PER_ETH

#: What it is called with to tell how many deposits it has taken.
COUNT_CALL = keccak256(b"get_deposit_count()")[:4]

_SELECTOR = keccak256(b"deposit(bytes,bytes,bytes,bytes32)")[:4]
# How long each part of an event is: public key, withdrawal credentials, amount, signature, index; and of a call: the same without numbers.
_OF_EVENT, _OF_CALL = (48, 32, 8, 96, 8), (48, 32, 96)
# Of the code that is run: what the compiler adds to it tells of the source's name only, and differs from network to network.
_CODE_HASH = bytes.fromhex("3e9d9bda3fcb23557faf2e21f464a337553c30ca6ea9e5dfc230bb14b71cb3e9")
_METADATA = b"\x00\x33"
_WORD = 32


@dataclass(frozen=True)
class Deposit:
    """A deposit as the contract takes it: ``pubkey`` (48 bytes), ``withdrawal_credentials`` (32), ``amount``, ``signature`` (96); as it tells it,
    with ``index``, how many were before it."""

    pubkey: bytes
    withdrawal_credentials: bytes
    amount: int
    signature: bytes
    index: int | None = None


def call_data(deposit: Deposit) -> bytes:
    """What the contract is called with for a ``deposit``, whose amount is the transaction's value."""
    root = deposit_data_root(deposit.pubkey, deposit.withdrawal_credentials, deposit.amount, deposit.signature)
    offset, heads, tails = _WORD * (len(_OF_CALL) + 1), b"", b""
    for each in (deposit.pubkey, deposit.withdrawal_credentials, deposit.signature):
        heads += _number(offset + len(tails))
        tails += _number(len(each)) + each.ljust(-(-len(each) // _WORD) * _WORD, b"\0")
    return _SELECTOR + heads + root + tails


def parse_call(data: bytes, amount: int) -> Deposit:
    """The deposit of a call with that ``data``, of that ``amount``.

    :raises DvError: it is none
    """
    if not data.startswith(_SELECTOR):
        raise _unreadable("a call")
    pubkey, credentials, signature = _parts(data[len(_SELECTOR) :], _OF_CALL, "a call")
    return Deposit(pubkey, credentials, amount, signature)


def parse_event(data: bytes) -> Deposit:
    """The deposit of an event with that ``data``.

    :raises DvError: it is none
    """
    pubkey, credentials, amount, signature, index = _parts(data, _OF_EVENT, "an event")
    return Deposit(pubkey, credentials, int.from_bytes(amount, "little"), signature, int.from_bytes(index, "little"))


def parse_count(data: bytes) -> int:
    """How many deposits there are, by its answer to :data:`COUNT_CALL`.

    :raises DvError: it is none
    """
    if len(data) < 2 * _WORD + 8 or int.from_bytes(data[_WORD : 2 * _WORD], "big") != 8:
        raise _unreadable("an answer")
    return int.from_bytes(data[2 * _WORD : 2 * _WORD + 8], "little")


def _parts(data: bytes, lengths: tuple[int, ...], what: str) -> list[bytes]:
    """What the first words of ``data`` lead to, byte strings of these ``lengths``."""
    parts: list[bytes] = []
    for position, length in enumerate(lengths):
        offset = int.from_bytes(data[position * _WORD : (position + 1) * _WORD], "big")
        part = data[offset + _WORD : offset + _WORD + length]
        if int.from_bytes(data[offset : offset + _WORD], "big") != length or len(part) != length:
            raise _unreadable(what)
        parts.append(part)
    return parts


def is_code(code: bytes) -> bool:
    """Whether that is the ``code`` of the deposit contract."""
    return code[-2:] == _METADATA and keccak256(code[: -2 - int.from_bytes(_METADATA, "big")]) == _CODE_HASH


def _number(value: int) -> bytes:
    return value.to_bytes(_WORD, "big")


def _unreadable(what: str) -> DvError:
    return DvError(f"{what} of the deposit contract cannot be read", "that of a deposit", "see what the execution client is")
