# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An account with a key pays: what is due is signed by its wallet, kept, and sent."""

from __future__ import annotations

from collections.abc import Callable

from ..encoding.hex import to_hex
from ..ethereum.transaction import Signed, Transaction
from ..signers.transaction_signer import TransactionSigner, sign_transaction_as
from .payer import Deed, Turn
from .work import Step, Work


class Account:
    """The :class:`~.payer.Payer` at ``address`` (20 bytes), whose wallet is the ``signer``.

    :param open_: unlocks it
    """

    sends = True

    def __init__(self, address: bytes, signer: TransactionSigner, open_: Callable[[], None] = lambda: None) -> None:
        self.address, self._signer, self.open = address, signer, open_

    def turn(self, work: Work) -> Turn:
        return Turn([sending(work, step, self._sign) for step in work.in_batch(work.steps())])

    def _sign(self, transaction: Transaction) -> Signed:
        return sign_transaction_as(self._signer, self.address, transaction)


def sending(work: Work, step: Step, sign: Callable[[Transaction], Signed]) -> Deed:
    """That the transaction of a ``step`` is signed and kept, if it is not yet, and sent."""
    line = step.line.line

    def do() -> str:
        signed = step.signed
        if not signed:
            signed = sign(step.transaction)
            work.keep(line, signed)
        work.send(line, signed)
        return f"{line}: {to_hex(signed.hash)}"

    again = " again" if step.signed else ", in the place of the one before" if step.line.live else ""
    most = work.fees.in_gwei(step.transaction.max_fee)
    what = f"send {work.plan.contract} the transaction with nonce {step.transaction.nonce}{again}"
    return Deed(f"{line}: {what}, at most {most} Gwei for each of {step.transaction.gas} gas", do)
