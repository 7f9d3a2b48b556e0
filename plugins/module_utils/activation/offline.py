# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An account pays that signs elsewhere: what is due goes into a file, with nonces that stay with their lines; what was signed comes back in
another one, is looked at, kept, and sent as any other.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ..ethereum.address import checksum_address
from .account import sending
from .handed_out import HandedOut
from .payer import Turn
from .record import Proposal
from .signed_file import SignedFile
from .work import Step, Work


class Offline:
    """The :class:`~.payer.Payer` at ``address`` (20 bytes).

    :param unsigned_file: path of what is to be signed
    :param signed_file: path of what was, once it is there
    """

    sends = True

    def __init__(self, address: bytes, unsigned_file: str, signed_file: str | None) -> None:
        self.address, self._out = address, HandedOut(unsigned_file, _is_ours)
        self._signed_file = SignedFile(address, signed_file) if signed_file else None

    def open(self) -> None:
        """Nothing of it is locked on the node."""

    def turn(self, work: Work) -> Turn:
        new = self._signed_file.new(work) if self._signed_file else {}
        steps = [step for step in work.steps() if step.line not in new]
        to_sign = [step for step in steps if not step.signed]
        to_send = [Step(line, signed.transaction) for line, signed in new.items()] + [step for step in steps if step.signed]
        to_send.sort(key=lambda step: step.transaction.nonce)
        by_transaction = {signed.transaction: signed for signed in new.values()}
        deeds = [sending(work, step, by_transaction.__getitem__) for step in work.in_batch(to_send)]
        what = f"{len(to_sign)} {'transaction' if len(to_sign) == 1 else 'transactions'} for {checksum_address(self.address)} to sign"
        deeds += self._out.deeds([*map(self._entry, to_sign)] or None, what, lambda: _reserve(work, to_sign))
        where = self._signed_file or "a file on this node that dv_activate_signed_file names"
        return Turn(deeds, f"{self._out.path} has {what}: what is signed goes into {where}, then run again" if to_sign else "")

    def _entry(self, step: Step) -> dict[str, Any]:
        """A transaction as the file has it: its fields as the execution APIs have them, and all of it as it is signed."""
        asked = step.transaction
        fields = {"from": checksum_address(self.address), "type": "0x2", **asked.to_json(), "accessList": []}
        return {"line": str(step.line.line), "transaction": fields, "unsigned": "0x" + asked.unsigned.hex()}


def _reserve(work: Work, steps: Collection[Step]) -> None:
    """Keep what is asked for, which has its nonce from then on."""
    for step in steps:
        proposal = Proposal(step.transaction, work.payer)
        if proposal != step.line.proposal:
            work.keep(step.line.line, proposal)


def _is_ours(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) and each.keys() == {"line", "transaction", "unsigned"} for each in value)
