# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verifies ``builder_registrations_overrides.json``: where ``charon run`` sends fees instead of where the lock does.

Charon takes an entry that is newer than the lock's registration of the same validator. Where a signature is wrong it does not
start, but on mainnet v1.10.3 does not look at signatures: whoever can write the file has the fees. Source: charon-formats §6.
"""

from ..cluster.lock import BuilderRegistration
from ..crypto.bls.signatures import bls
from ..data_dir.layout import OVERRIDES
from ..encoding import go_json
from ..encoding.hex import to_hex
from ..encoding.json_fields import MAX_UINT64, SAME_OBJECT, Decimal, Field, Hex, List, Reading, Record, Text
from ..errors import DvError, show
from ..ethereum import builder_registration
from .lock import Equations, validator_name

_CHECK = "overrides"

_MESSAGE = Record(
    dict,
    Field("fee_recipient", Hex(20)),
    Field("gas_limit", Decimal(MAX_UINT64)),
    Field("timestamp", Decimal(MAX_UINT64)),
    Field("pubkey", Hex(48)),
)

_REGISTRATION = Record(
    BuilderRegistration,
    Field("message", _MESSAGE, attribute=SAME_OBJECT),
    Field("signature", Hex(96)),
)

_OVERRIDES = List(Record(dict, Field("version", Text(16)), Field("v1", _REGISTRATION)), 65536)


def parse(content, what=OVERRIDES):
    """The :class:`.lock.BuilderRegistration` of every entry of the file's ``content`` (bytes).

    :raises DvError: not such a file, or an entry lacks something
    """
    entries = _OVERRIDES.read(go_json.loads(content, what), "", Reading(what, 0))
    for place, entry in enumerate(entries):
        called = f"{what}, entry {place}"
        if entry["version"] != "v1":
            raise DvError(f"{called}: version is {show(entry['version'])}", "v1")
        for name in ("fee_recipient", "pubkey", "signature"):
            if not getattr(entry["v1"], name):
                raise DvError(f"{called}: {name} is missing", "one")
    return [entry["v1"] for entry in entries]


def check_overrides(report, content, lock):
    """Add to ``report`` what is wrong with the file's ``content`` (bytes) beside ``lock``, and whose fees it moves."""
    equations, doubtful = Equations(report), []
    places = {validator.public_key: place for place, validator in enumerate(lock.validators or ())}
    with report.errors_of(_CHECK):
        for override in parse(content):
            place = places.get(override.pubkey)
            name = f"0x{override.pubkey.hex()}" if place is None else validator_name(place, lock.validators[place])
            of_lock = None if place is None else lock.validators[place].registration or BuilderRegistration()
            doubtful += _doubts(name, override, of_lock)
            root = builder_registration.signing_root(
                override.fee_recipient,
                override.gas_limit,
                override.timestamp,
                override.pubkey,
                lock.definition.fork_version,
            )
            key_pt = bls.curve.decode_g1(override.pubkey, f"the public key of {name}")
            equations.add(_CHECK, f"the override of {name}", key_pt, root, override.signature)
    report.by_cause("warning", _CHECK, doubtful)
    equations.check()


def _doubts(name, override, of_lock):
    """What an operator should know of an entry: a pair of its cause and a :class:`.errors.DvError`, if any."""
    if of_lock is None:
        yield "stranger", DvError(f"{OVERRIDES} is for {name}, which is no validator of the lock")
    elif override.timestamp <= of_lock.timestamp:
        yield "old", DvError(f"the override of {name} is not newer than the lock's registration: charon passes it over")
    elif override.fee_recipient != of_lock.fee_recipient:
        found = f"the fees of {name} go to 0x{override.fee_recipient.hex()}"
        hint = "right if the operators agreed on it with charon feerecipient"
        wanted = f"{to_hex(of_lock.fee_recipient) or 'none'}, as the lock says"
        yield "fee_recipient", DvError(found, wanted, hint)
