# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Transactions that were signed elsewhere, as they come to a node in a file: each is one that was asked for, or none of them is taken."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..encoding import go_json
from ..encoding.hex import from_hex, to_hex
from ..errors import DvError, kind_of, raise_all
from ..ethereum import deposit_contract, transaction
from ..ethereum.address import checksum_address
from ..ethereum.transaction import Signed
from ..storage import files
from .line_states import LineState, State
from .work import Work

# Under which names the JSON of the usual tools has it: geth and Clef; web3.js; eth-account; an answer of a JSON-RPC.
_NAMES = ("raw", "rawTransaction", "raw_transaction", "result")
_MAX_SIZE = 16 * 1024 * 1024

_PAID = (State.MINED, State.FINAL)
_HINT = "nothing of the file was taken: sign what is to be signed now, and leave out everything else"


class SignedFile:
    """What the account at ``address`` (20 bytes) signed, in the file at ``path``, which need not be there yet."""

    def __init__(self, address: bytes, path: str) -> None:
        self._address, self._path = address, path

    def __str__(self) -> str:
        return self._path

    def new(self, work: Work) -> dict[LineState, Signed]:
        """What it has beside what is known, by its line.

        :raises DvError: it has something that was not asked for
        """
        known = work.record.hashes | {line.hash for line in work.lines}
        found = {signed.hash: (f"{self._path}, number {number}", signed) for number, signed in enumerate(self._read(), 1)}
        new: dict[LineState, Signed] = {}
        errors = []
        for what, signed in (each for hash_, each in found.items() if hash_ not in known):
            line = _line_of(work, signed)
            error = next(self._wrong(work, line, signed, what), None)
            if not error and line in new:
                error = DvError(
                    f"{what} pays {line.line}, as another one does", "one transaction for each", "leave one of the two in the file"
                )
            if error:
                errors.append(error)
            elif line:
                new[line] = signed
        raise_all(errors)
        return new

    def _read(self) -> list[Signed]:
        content = files.read_if_exists(self._path, _MAX_SIZE)
        if content is None:
            return []
        try:
            value = go_json.loads(content, self._path)
        except DvError:
            value = content.decode("utf-8", "replace").split()
        return [transaction.parse(raw, f"{self._path}, number {number},") for number, raw in enumerate(_raw(value, self._path), 1)]

    def _wrong(self, work: Work, line: LineState | None, signed: Signed, what: str) -> Iterator[DvError]:
        """What is wrong with a transaction that pays that ``line``, or none."""
        plan, fees, found = work.plan, work.fees, signed.transaction
        if signed.sender != self._address:
            yield DvError(f"{what} is signed by {checksum_address(signed.sender)}", f"{checksum_address(self._address)}, which pays", _HINT)
        if found.chain_id != plan.chain_id:
            yield DvError(f"{what} is for the chain {found.chain_id}", str(plan.chain_id), _HINT)
        if to_hex(found.to) != plan.contract:
            yield DvError(f"{what} goes to {checksum_address(found.to)}", f"the deposit contract, {plan.contract}", _HINT)
        if not line:
            yield DvError(f"{what} pays no deposit of the plan", "value and data as they were to be signed", _HINT)
            return
        asked = line.made.transaction if line.made and line.made.sender == self._address else None
        if line.state in _PAID:
            yield DvError(f"{what} pays {line.line}, which is paid", "what is still to be paid", _HINT)
        elif line.state == State.UNDECIDED:
            yield DvError(
                f"{what} pays {line.line}, whose nonce is used", "one that is free", "run again without it when that block is final"
            )
        elif not asked:
            yield DvError(f"{what} pays {line.line}, which nobody was asked to sign", "what was to be signed", _HINT)
        elif found.nonce != asked.nonce:
            yield DvError(
                f"{what} pays {line.line} with nonce {found.nonce}",
                f"nonce {asked.nonce}, which the line has: with a second one it might be paid twice",
                _HINT,
            )
        if found.gas < deposit_contract.GAS:
            yield DvError(f"{what} has {found.gas} gas", f"at least {deposit_contract.GAS}", _HINT)
        if not found.max_priority_fee <= found.max_fee <= fees.most:
            yield DvError(
                f"{what} offers {fees.in_gwei(found.max_fee)} Gwei for a unit of gas, {fees.in_gwei(found.max_priority_fee)} of it as a tip",
                f"at most dv_activate_max_fee, {fees.in_gwei(fees.most)} Gwei, the tip a part of it",
                _HINT,
            )


def _line_of(work: Work, signed: Signed) -> LineState | None:
    """The line that a transaction pays: of several deposits that are the same, the one that is to be signed, or else is not paid."""
    paid = signed.transaction.value, signed.transaction.data
    same = [line for line in work.lines if (line.line.value, line.line.call_data) == paid]
    return max(same, key=lambda line: (line.made is not None, line.state not in _PAID), default=None)


def _raw(value: Any, what: str) -> Iterator[bytes]:
    """The transactions in what a file has: a list, or one, as text or in the JSON of a tool."""
    if isinstance(value, list):
        for each in value:
            yield from _raw(each, what)
    elif isinstance(value, dict) and (names := [name for name in _NAMES if name in value]):
        yield from _raw(value[names[0]], what)
    elif isinstance(value, str) and re.fullmatch("(0x)?([0-9a-fA-F]{2})+", value):
        yield from_hex(value, None, what)
    else:
        # It may be a file of something else, a password for example.
        raise DvError(
            f"{what} has {kind_of(value)} in the place of a transaction", "signed transactions in hex, one a line, or JSON of them"
        )
