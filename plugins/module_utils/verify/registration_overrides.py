# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verification of ``builder_registrations_overrides.json``: where ``charon run`` sends fees instead of where the lock does.

Charon takes an entry that is newer than the lock's registration of the same validator. Where a signature is wrong it does not
start, but on mainnet v1.10.3 does not look at signatures: whoever can write the file has the fees. Source: charon-formats §6.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..cluster.definition import MAX_VALIDATORS
from ..cluster.lock import BuilderRegistration, ClusterLock, registration_record
from ..crypto.bls.signatures import bls
from ..data_dir.layout import OVERRIDES
from ..encoding import go_json
from ..encoding.hex import to_hex
from ..encoding.json_fields import MAX_UINT64, Decimal, Field, List, Reading, Record, Text
from ..errors import DvError, show
from ..ethereum import builder_registration
from .lock import SignatureBatch, validator_name
from .report import Report

_CHECK = "overrides"

# The numbers are texts here, which they are not in a lock.
_OVERRIDES = List(Record(dict, Field("version", Text(16)), Field("v1", registration_record(Decimal(MAX_UINT64)))), MAX_VALIDATORS)


def parse(content: bytes, what: str = OVERRIDES) -> list[BuilderRegistration]:
    """The registrations in the file's ``content``.

    :raises DvError: not such a file, or an entry lacks something
    """
    entries = _OVERRIDES.read(go_json.loads(content, what), "", Reading(what, 0))
    for position, entry in enumerate(entries):
        called = f"{what}, entry {position}"
        if entry["version"] != "v1":
            raise DvError(f"{called}: version is {show(entry['version'])}", "v1")
        for name in ("fee_recipient", "pubkey", "signature"):
            if not getattr(entry["v1"], name):
                raise DvError(f"{called}: {name} is missing", "one")
    return [entry["v1"] for entry in entries]


def check_overrides(report: Report, content: bytes, lock: ClusterLock) -> None:
    """Add the findings of the file's ``content`` beside ``lock`` to ``report``: also whose fees it moves."""
    signatures, validators = SignatureBatch(report), lock.validators or ()
    warnings: list[tuple[str, DvError]] = []
    positions = {validator.public_key: position for position, validator in enumerate(validators)}
    with report.errors_of(_CHECK):
        for override in parse(content):
            position = positions.get(override.pubkey)
            name = f"0x{override.pubkey.hex()}" if position is None else validator_name(position, validators[position])
            of_lock = None if position is None else validators[position].registration or BuilderRegistration()
            warnings += _warnings(name, override, of_lock)
            root = builder_registration.signing_root(
                override.fee_recipient,
                override.gas_limit,
                override.timestamp,
                override.pubkey,
                lock.definition.fork_version,
            )
            bls.curve.decode_g1(override.pubkey, f"the public key of {name}")
            signatures.add(_CHECK, f"the override of {name}", override.pubkey, root, override.signature)
    report.add_by_cause("warning", _CHECK, warnings)
    signatures.check()


def _warnings(name: str, override: BuilderRegistration, of_lock: BuilderRegistration | None) -> Iterator[tuple[str, DvError]]:
    """The warning of an entry and its cause, if there is one.

    :param of_lock: the lock's registration of the same validator; ``None`` of a validator that it does not have
    """
    if of_lock is None:
        yield "stranger", DvError(f"{OVERRIDES} is for {name}, which is no validator of the lock")
    elif override.timestamp <= of_lock.timestamp:
        yield "old", DvError(f"the override of {name} is not newer than the lock's registration: charon passes it over")
    elif override.fee_recipient != of_lock.fee_recipient:
        found = f"the fees of {name} go to 0x{override.fee_recipient.hex()}"
        hint = "right if the operators agreed on it with charon feerecipient"
        wanted = f"{to_hex(of_lock.fee_recipient) or 'none'}, as the lock says"
        yield "fee_recipient", DvError(found, wanted, hint)
