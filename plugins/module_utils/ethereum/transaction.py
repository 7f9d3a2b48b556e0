# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Transactions with a fee market: made, signed, read again. Amounts are whole numbers of wei.

Source: EIP-2718, EIP-1559. eth-account, which the tests hold this against, is nothing that a node needs, see :mod:`.key_file`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..crypto import secp256k1
from ..crypto.keccak import keccak256
from ..encoding import rlp
from ..errors import DvError
from .address import checksum_address

# EIP-2718.
_TYPE = b"\2"
# Where the list stands of what a transaction touches: ours say nothing of it.
_ACCESS_LIST = 8
_ADDRESS_SIZE = 20


class Transaction(NamedTuple):
    """A call of the contract at ``to`` (20 bytes) with ``data``.

    :param max_fee: the most that is paid for a unit of gas, of which ``max_priority_fee`` goes to whoever proposes the block
    """

    chain_id: int
    nonce: int
    max_priority_fee: int
    max_fee: int
    gas: int
    to: bytes
    value: int
    data: bytes

    @property
    def cost(self) -> int:
        """The most that it can take from an account."""
        return self.value + self.gas * self.max_fee

    @property
    def unsigned(self) -> bytes:
        """It as what signs elsewhere takes it."""
        return self._encode()

    @property
    def digest(self) -> bytes:
        """The 32 bytes that are signed."""
        return keccak256(self.unsigned)

    def to_json(self) -> dict[str, str]:
        """Its fields as the execution APIs have them."""
        return {
            # Some take no other spelling.
            "to": checksum_address(self.to),
            "chainId": hex(self.chain_id),
            "nonce": hex(self.nonce),
            "maxPriorityFeePerGas": hex(self.max_priority_fee),
            "maxFeePerGas": hex(self.max_fee),
            "gas": hex(self.gas),
            "value": hex(self.value),
            "data": "0x" + self.data.hex(),
        }

    def sign(self, private_key: bytes) -> bytes:
        """It with its signature by ``private_key`` (32 bytes), as it is sent."""
        signature = secp256k1.sign(private_key, self.digest)
        return self._encode(map(_to_number, (signature[64:], signature[:32], signature[32:64])))

    def _encode(self, signature: Iterable[int] = ()) -> bytes:
        strings = [each if isinstance(each, bytes) else _to_bytes(each) for each in self]
        items = [*map(rlp.encode_string, strings), rlp.EMPTY_LIST]
        return _TYPE + rlp.encode_items([*items, *(rlp.encode_string(_to_bytes(each)) for each in signature)])


class Signed(NamedTuple):
    """A transaction as it is sent (``raw``): ``hash`` (32 bytes) is its name, ``sender`` (20 bytes) pays."""

    transaction: Transaction
    sender: bytes
    hash: bytes
    raw: bytes


def parse(raw: bytes, what: str) -> Signed:
    """The signed transaction in ``raw``, called ``what`` in errors. Nothing is believed of it: another program may have made it.

    :raises DvError: it is none, is of another type, has an access list, creates a contract, is spelled in another way than the shortest, or has
        a signature that the chain does not take (EIP-2: s in the lower half)
    """
    try:
        transaction, (parity, r, s) = _decode(raw)
        spelled = r.rjust(32, b"\0") + s.rjust(32, b"\0") + (parity or b"\0")
        shortest = transaction._encode(map(_to_number, (parity, r, s))) == raw
        if shortest and len(transaction.to) == _ADDRESS_SIZE and spelled == secp256k1.one_spelling(spelled):
            return Signed(transaction, secp256k1.recover_address(transaction.digest, spelled), keccak256(raw), raw)
    except (DvError, IndexError, ValueError):
        pass
    raise DvError(f"{what} is no signed transaction", "one of type 2 (EIP-1559), without an access list")


def parse_unsigned(raw: bytes, what: str) -> Transaction:
    """The transaction whose :attr:`~Transaction.unsigned` form is ``raw``, called ``what`` in errors.

    :raises DvError: it is none
    """
    try:
        transaction, signature = _decode(raw)
        if not signature and transaction.unsigned == raw:
            return transaction
    except (DvError, IndexError, ValueError):
        pass
    raise DvError(f"{what} is no unsigned transaction", "one of type 2 (EIP-1559), without an access list")


def _decode(raw: bytes) -> tuple[Transaction, list[bytes]]:
    """The transaction in ``raw``, and what of a signature is behind it. Whoever encodes both again sees whether that was all of it."""
    items = rlp.decode_items(raw[1:])
    *numbers, to, value, data = map(rlp.decode_string, items[:_ACCESS_LIST])
    chain_id, nonce, priority, fee, gas = map(_to_number, numbers)
    signature = [*map(rlp.decode_string, items[_ACCESS_LIST + 1 :])]
    return Transaction(chain_id, nonce, priority, fee, gas, to, _to_number(value), data), signature


def _to_bytes(number: int) -> bytes:
    """The shortest big-endian form of a ``number``: none at all of 0."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _to_number(big_endian: bytes) -> int:
    return int.from_bytes(big_endian, "big")
