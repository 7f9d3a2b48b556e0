# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What signs transactions, of whatever kind the wallet is. Its mirror is :func:`.transaction.parse`."""

from __future__ import annotations

from typing import Protocol

from ..errors import DvError
from ..ethereum.address import checksum_address
from ..ethereum.transaction import Signed, Transaction, parse


class TransactionSigner(Protocol):
    """What :func:`sign_transaction_as` asks of a wallet."""

    def sign_transaction(self, transaction: Transaction) -> bytes:
        """The ``transaction`` with its signature, as it is sent."""


def sign_transaction_as(signer: TransactionSigner, address: bytes, transaction: Transaction) -> Signed:
    """The ``transaction`` signed by the ``signer``, which must be the one with that ``address`` (20 bytes). Of what a wallet answers nothing is
    believed.

    :raises DvError: the wallet is somebody else's, or signs something else
    """
    signed = parse(signer.sign_transaction(transaction), "what the wallet signed")
    others = [name for name in Transaction._fields if getattr(signed.transaction, name) != getattr(transaction, name)]
    if others:
        raise DvError(
            f"the wallet signed another transaction, with another {', '.join(others)}",
            "what it was asked to sign",
            "nothing was sent: see what the wallet is, and on which chain",
        )
    if signed.sender != address:
        raise DvError(
            f"the wallet signs for {checksum_address(signed.sender)}",
            f"the wallet of {checksum_address(address)}",
            "name the wallet of the account that pays",
        )
    return signed
