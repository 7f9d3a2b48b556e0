# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node keeps of the plans that it pays: ``<data dir>/activation/``, a file for each, with every transaction that was made for it.

A transaction is there, durably, before it is sent, or handed out to be signed elsewhere: so whoever comes after a crash sends that one again,
and no other.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

from ..data_dir.layout import ACTIVATION, DataDir
from ..encoding import go_json
from ..encoding.hex import from_hex, to_hex
from ..encoding.json_fields import lookup
from ..errors import DvError
from ..ethereum import transaction
from ..ethereum.transaction import Signed, Transaction
from ..storage import files, run_lock
from .plan import DAMAGED, Line, Plan


class Proposal(NamedTuple):
    """A transaction that the account ``sender`` (20 bytes) is asked to sign elsewhere. Nobody knows whether it has."""

    transaction: Transaction
    sender: bytes


Made: TypeAlias = "Signed | Proposal"


class Payment(NamedTuple):
    """What was ``made`` for the line with that name, see :attr:`.plan.Line.name`."""

    line: tuple[str, int, int]
    made: Made


@dataclass(frozen=True)
class Record:
    """A plan that was confirmed, and what was made for it."""

    plan: Plan
    payments: tuple[Payment, ...] = ()

    def of(self, line: Line) -> list[Made]:
        """What was made for a ``line``, in that order."""
        return [payment.made for payment in self.payments if payment.line == line.name]

    @property
    def hashes(self) -> set[bytes]:
        """Those (32 bytes each) of the transactions that are signed."""
        return {payment.made.hash for payment in self.payments if isinstance(payment.made, Signed)}

    def adding(self, line: Line, made: Made) -> Record:
        """It, with one more."""
        return replace(self, payments=(*self.payments, Payment(line.name, made)))


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
    payments = [_payment_json(payment) for payment in record.payments]
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


def _payment_json(payment: Payment) -> dict[str, Any]:
    made = payment.made
    raw = dict(transaction=to_hex(made.raw)) if isinstance(made, Signed) else dict(unsigned=to_hex(made.transaction.unsigned))
    return dict(line=payment.line, **raw)


def _payment(value: dict, plan: Plan, path: str) -> Payment:
    made: Made
    if "unsigned" in value:
        unsigned = from_hex(value["unsigned"], None, path)
        made = Proposal(transaction.parse_unsigned(unsigned, path), from_hex(plan.payer, 20, path))
    else:
        made = transaction.parse(from_hex(value["transaction"], None, path), path)
    line = next((line for line in plan.lines if [*line.name] == value["line"]), None)
    if not line or not _pays(made, line, plan):
        raise DvError(f"{path} holds a transaction that pays no deposit of its plan", "the file as it was written", DAMAGED)
    return Payment(line.name, made)


def _pays(made: Made, line: Line, plan: Plan) -> bool:
    """Whether a transaction is one for a ``line`` of a ``plan``."""
    to, payer = from_hex(plan.contract, 20, "contract"), from_hex(plan.payer, 20, "payer")
    wanted = made.transaction._replace(chain_id=plan.chain_id, to=to, value=line.value, data=line.call_data)
    return (made.sender, made.transaction) == (payer, wanted)


def _name(plan: Plan) -> str:
    """The name in a data directory of the record of a ``plan``."""
    return f"{ACTIVATION}/{plan.hash[:16]}.json"
