# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builder registrations: those of real locks verify."""

import json

import pytest
from ansible_collections.obol.dv.plugins.module_utils.crypto.bls.signatures import bls
from ansible_collections.obol.dv.plugins.module_utils.ethereum import builder_registration

LOCKS = {
    "charon-1.10.3/hoodi-4x3/node0/cluster-lock.json": "10000910",
    "charon/examples/cluster-lock-003.json": "00001020",
    "obol-sdk/clusterLockV1X10.json": "10000910",
}


@pytest.mark.parametrize("name", LOCKS)
def test_registrations_of_locks(vectors, name):
    lock = json.loads((vectors / name).read_bytes())
    for validator in lock["distributed_validators"]:
        message, signature = (validator["builder_registration"][key] for key in ("message", "signature"))
        recipient, pubkey = (bytes.fromhex(message[key][2:]) for key in ("fee_recipient", "pubkey"))
        fields = recipient, message["gas_limit"], message["timestamp"], pubkey
        root = builder_registration.signing_root(*fields, bytes.fromhex(LOCKS[name]))
        assert bls.verify(pubkey, root, bytes.fromhex(signature[2:]))


def test_every_field_counts():
    fields = [bytes(20), 1, 2, bytes(48)]
    roots = {builder_registration.registration_root(*fields)}
    for place, other in enumerate((b"\1" * 20, 2, 3, b"\1" * 48)):
        roots.add(builder_registration.registration_root(*fields[:place], other, *fields[place + 1 :]))
    assert len(roots) == 5
    assert len({builder_registration.signing_root(*fields, bytes([number] * 4)) for number in range(3)}) == 3


def test_an_empty_fee_recipient_leaves_no_leaf():
    assert builder_registration.registration_root(b"", 1, 2, bytes(48)) != builder_registration.registration_root(
        bytes(20), 1, 2, bytes(48)
    )
