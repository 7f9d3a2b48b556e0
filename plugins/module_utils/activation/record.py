# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node keeps of the plans that it pays: ``<data dir>/activation/``, a file for each, with every transaction that was made for it.

A transaction is there, durably, before it is sent: so whoever comes after a crash sends that one again, and no other.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from ..data_dir.layout import ACTIVATION, DataDir
from ..encoding import go_json
from ..encoding.hex import from_hex, to_hex
from ..encoding.json_fields import lookup
from ..errors import DvError
from ..ethereum import deposit_contract, transaction
from ..ethereum.transaction import Signed
from ..storage import files, run_lock
from .plan import DAMAGED, Line, Plan


class Payment(NamedTuple):
    """A transaction that was made for the line with that name, see :attr:`.plan.Line.name`."""

    line: tuple[str, int, int]
    signed: Signed


@dataclass(frozen=True)
class Record:
    """A plan that was confirmed, and what was made for it."""

    plan: Plan
    payments: tuple[Payment, ...] = ()

    def of(self, line: Line) -> list[Signed]:
        """The transactions for a ``line``, in the order in which they were made."""
        return [payment.signed for payment in self.payments if payment.line == line.name]

    def adding(self, line: Line, signed: Signed) -> Record:
        """It, with one more."""
        return replace(self, payments=(*self.payments, Payment(line.name, signed)))


def read_all(data_dir: DataDir) -> list[Record]:
    """All that are there.

    :raises DvError: one of them is damaged
    """
    if not data_dir.holds(ACTIVATION):
        return []
    names = sorted(name for name in files.names(data_dir.path(ACTIVATION)) if name.endswith(".json"))
    return [_read(data_dir, f"{ACTIVATION}/{name}") for name in names]


def write(data_dir: DataDir, record: Record) -> None:
    """Keep a ``record``, durably, in the place of an earlier one of the same plan."""
    payments = [dict(line=payment.line, transaction=to_hex(payment.signed.raw)) for payment in record.payments]
    content = go_json.dumps(dict(plan=record.plan.to_json(), payments=payments)).encode()
    files.replace(data_dir.path(_name(record.plan)), content)


@contextlib.contextmanager
def exclusive(data_dir: DataDir) -> Iterator[None]:
    """Be the only run that pays for this node; what a killed one left is put right first.

    :raises DvError: another one does
    """
    directory = data_dir.path(ACTIVATION)
    files.make_directory(directory)
    with run_lock.exclusive(os.path.join(directory, "lock")):
        files.remove_temporary_files(directory)
        files.sync_directory(directory)
        yield


def _read(data_dir: DataDir, name: str) -> Record:
    path = data_dir.path(name)
    value = go_json.loads(data_dir.read(name) or b"", path)
    plan = Plan.from_json(lookup(value, "plan", path), path)
    if name != _name(plan):
        raise DvError(f"{path} holds another plan than its name says", "the file as it was written", DAMAGED)
    try:
        return Record(plan, tuple(_payment(each, plan, path) for each in value["payments"]))
    except (KeyError, TypeError):
        raise DvError(f"{path} holds no list of payments", "the file as it was written", DAMAGED) from None


def _payment(value: dict, plan: Plan, path: str) -> Payment:
    signed = transaction.parse(from_hex(value["transaction"], None, path), path)
    line = next((line for line in plan.lines if [*line.name] == value["line"]), None)
    if not line or not _pays(signed, line, plan):
        raise DvError(f"{path} holds a transaction that pays no deposit of its plan", "the file as it was written", DAMAGED)
    return Payment(line.name, signed)


def _pays(signed: Signed, line: Line, plan: Plan) -> bool:
    """Whether a transaction is one for a ``line`` of a ``plan``."""
    to, payer = from_hex(plan.contract, 20, "contract"), from_hex(plan.payer, 20, "payer")
    value, data = line.amount * deposit_contract.WEI_PER_GWEI, deposit_contract.call_data(line.deposit)
    wanted = signed.transaction._replace(chain_id=plan.chain_id, to=to, value=value, data=data)
    return (signed.sender, signed.transaction) == (payer, wanted)


def _name(plan: Plan) -> str:
    """The name in a data directory of the record of a ``plan``."""
    return f"{ACTIVATION}/{plan.hash[:16]}.json"
