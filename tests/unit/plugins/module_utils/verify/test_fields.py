# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One value of a lock file changed, or two values swapped: the table says which check must notice."""

import copy
import json

import pytest
from ansible_collections.obol.dv.plugins.module_utils.crypto.bls.signatures import bls
from ansible_collections.obol.dv.plugins.module_utils.data_dir import layout
from ansible_collections.obol.dv.plugins.module_utils.errors import Problems
from ansible_collections.obol.dv.plugins.module_utils.ethereum import enr
from ansible_collections.obol.dv.plugins.module_utils.verify.artefacts import verify_path
from ansible_collections.obol.dv.tests.support.dealt_cluster import GWEI, errors, texts

# Paths in a lock's JSON.
DEFINITION, VALIDATORS = ("cluster_definition",), ("distributed_validators",)
OPERATOR = (*DEFINITION, "operators", 1)
VALIDATOR = (*VALIDATORS, 1)
REGISTRATION = (*VALIDATOR, "builder_registration")
MESSAGE = (*REGISTRATION, "message")
DEPOSIT = (*VALIDATOR, "partial_deposit_data", 0)
SHARE = (*VALIDATOR, "public_shares", 2)

STRANGER = bytes(31) + b"\5"


def other(value):
    """A value like ``value``, but not the same."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, list):
        return value[:-1]
    if value.isdigit():
        return str(int(value) + GWEI)
    if value.startswith("0x"):
        return value[:-1] + "%x" % (int(value[-1], 16) ^ 1)
    return value + "!"


def at(value, path):
    for key in path:
        value = value[key]
    return value


def to(new):
    return lambda value: new


def swap(*paths):
    """A change of the whole lock: the values at the two ``paths`` change places."""

    def change(value):
        (*parents, last), (*others, final) = paths
        first, second = at(value, parents), at(value, others)
        first[last], second[final] = second[final], first[last]

    return change


SIGNATURE_OF_NOTHING = "0x" + "11" * 64 + "00"
ADDRESS = "0x52908400098527886E0F7030069857D2E4169EE7"

# (path, change or None for any, check that must notice)
FIELDS = [
    ((*DEFINITION, "name"), None, "definition_hashes"),
    ((*DEFINITION, "creator", "address"), to(ADDRESS), "definition_hashes"),
    ((*DEFINITION, "creator", "address"), to(ADDRESS), "definition_signatures"),
    ((*DEFINITION, "creator", "config_signature"), to(SIGNATURE_OF_NOTHING), "definition_signatures"),
    ((*OPERATOR, "address"), to(ADDRESS), "definition_hashes"),
    ((*OPERATOR, "address"), to(ADDRESS), "definition_signatures"),
    ((*OPERATOR, "enr"), None, "enr"),
    ((*OPERATOR, "enr"), to(enr.encode(STRANGER)), "definition_hashes"),
    ((*OPERATOR, "enr"), to(enr.encode(STRANGER)), "node_signatures"),
    ((*OPERATOR, "enr"), to(""), "enr"),
    ((*OPERATOR, "config_signature"), to(SIGNATURE_OF_NOTHING), "definition_signatures"),
    ((*OPERATOR, "config_signature"), to(SIGNATURE_OF_NOTHING), "definition_hashes"),
    ((*OPERATOR, "enr_signature"), to(SIGNATURE_OF_NOTHING), "definition_signatures"),
    ((*DEFINITION, "operators"), None, "public_shares"),
    ((*DEFINITION, "operators"), to([]), "definition_signatures"),
    ((*DEFINITION, "operators"), to(None), "definition_signatures"),
    ((*DEFINITION, "uuid"), None, "definition_hashes"),
    ((*DEFINITION, "version"), to("v1.9.0"), "definition_hashes"),
    ((*DEFINITION, "version"), to("v1.12.0"), "lock"),
    ((*DEFINITION, "timestamp"), to("2026-11-23T02:34:38Z"), "definition_hashes"),
    ((*DEFINITION, "timestamp"), to("x" * 33), "lock"),
    ((*DEFINITION, "num_validators"), None, "lock"),
    ((*DEFINITION, "threshold"), None, "definition_hashes"),
    ((*DEFINITION, "threshold"), to(0), "threshold"),
    ((*DEFINITION, "threshold"), to(5), "threshold"),
    ((*DEFINITION, "threshold"), to(2), "public_shares"),
    ((*DEFINITION, "validators", 0, "fee_recipient_address"), None, "builder_registration"),
    ((*DEFINITION, "validators", 0, "fee_recipient_address"), None, "definition_hashes"),
    ((*DEFINITION, "validators", 0, "withdrawal_address"), None, "deposit_data"),
    ((*DEFINITION, "validators", 0, "withdrawal_address"), None, "definition_hashes"),
    ((*DEFINITION, "validators"), None, "lock"),
    ((*DEFINITION, "dkg_algorithm"), None, "definition_hashes"),
    ((*DEFINITION, "fork_version"), to("0x10000911"), "network"),
    ((*DEFINITION, "fork_version"), to("0x00000000"), "deposit_data"),
    ((*DEFINITION, "deposit_amounts", 0), None, "deposit_data"),
    ((*DEFINITION, "deposit_amounts"), to(["1000000000"]), "deposit_amounts"),
    ((*DEFINITION, "deposit_amounts"), to(None), "definition_hashes"),
    ((*DEFINITION, "consensus_protocol"), None, "definition_hashes"),
    ((*DEFINITION, "target_gas_limit"), None, "definition_hashes"),
    ((*DEFINITION, "compounding"), None, "deposit_data"),
    ((*DEFINITION, "config_hash"), None, "definition_hashes"),
    ((*DEFINITION, "config_hash"), to(""), "definition_hashes"),
    ((*DEFINITION, "definition_hash"), None, "definition_hashes"),
    ((*DEFINITION, "definition_hash"), to(""), "definition_hashes"),
    (VALIDATORS, None, "num_validators"),
    (VALIDATORS, to([]), "num_validators"),
    (VALIDATORS, to(None), "lock_hash"),
    ((*VALIDATOR, "distributed_public_key"), None, "public_key"),
    ((*VALIDATOR, "distributed_public_key"), to("0xc0" + "00" * 47), "public_key"),
    ((*VALIDATOR, "distributed_public_key"), to(""), "public_key"),
    (SHARE, None, "public_shares"),
    (SHARE, to("0x" + bls.secret_to_public(5).hex()), "public_shares"),
    (SHARE, to("0x" + bls.secret_to_public(5).hex()), "lock_hash"),
    (SHARE, to("0xc0" + "00" * 47), "public_shares"),
    ((*VALIDATOR, "public_shares"), None, "public_shares"),
    ((*VALIDATOR, "public_shares"), to([]), "public_shares"),
    ((*MESSAGE, "fee_recipient"), None, "builder_registration"),
    ((*MESSAGE, "gas_limit"), None, "builder_registration"),
    ((*MESSAGE, "timestamp"), None, "builder_registration"),
    ((*MESSAGE, "pubkey"), None, "builder_registration"),
    ((*REGISTRATION, "signature"), None, "builder_registration"),
    ((*REGISTRATION, "signature"), to(""), "builder_registration"),
    (REGISTRATION, to(None), "builder_registration"),
    ((*DEPOSIT, "pubkey"), None, "deposit_data"),
    ((*DEPOSIT, "withdrawal_credentials"), None, "deposit_data"),
    ((*DEPOSIT, "amount"), None, "deposit_data"),
    ((*DEPOSIT, "signature"), None, "deposit_data"),
    ((*DEPOSIT, "signature"), to(""), "deposit_data"),
    ((*VALIDATOR, "partial_deposit_data"), None, "deposit_data"),
    ((*VALIDATOR, "partial_deposit_data"), to([]), "deposit_data"),
    (("signature_aggregate",), None, "signature_aggregate"),
    (("signature_aggregate",), to(""), "signature_aggregate"),
    (("signature_aggregate",), to("0xc0" + "00" * 95), "signature_aggregate"),
    (("lock_hash",), None, "lock_hash"),
    (("lock_hash",), None, "node_signatures"),
    (("lock_hash",), to(""), "lock_hash"),
    (("node_signatures", 3), None, "node_signatures"),
    (("node_signatures", 3), to("0x" + "11" * 64 + "05"), "node_signatures"),
    (("node_signatures", 3), to("0x11"), "node_signatures"),
    (("node_signatures", 3), to(""), "node_signatures"),
    (("node_signatures",), None, "node_signatures"),
    (("node_signatures",), to([]), "node_signatures"),
]

SWAPS = {
    "validators": ((*VALIDATORS, 0), (*VALIDATORS, 1), "lock_hash"),
    "public keys": (
        (*VALIDATORS, 0, "distributed_public_key"),
        (*VALIDATORS, 1, "distributed_public_key"),
        "public_shares",
    ),
    "shares of one validator": ((*VALIDATOR, "public_shares", 0), (*VALIDATOR, "public_shares", 1), "public_shares"),
    "shares of two validators": ((*VALIDATORS, 0, "public_shares", 2), SHARE, "public_shares"),
    "registrations": ((*VALIDATORS, 0, "builder_registration"), REGISTRATION, "builder_registration"),
    "registration signatures": (
        (*VALIDATORS, 0, "builder_registration", "signature"),
        (*REGISTRATION, "signature"),
        "builder_registration",
    ),
    "deposits": ((*VALIDATORS, 0, "partial_deposit_data"), (*VALIDATOR, "partial_deposit_data"), "deposit_data"),
    "deposit signatures of validators": (
        (*VALIDATORS, 0, "partial_deposit_data", 0, "signature"),
        (*DEPOSIT, "signature"),
        "deposit_data",
    ),
    "deposit signatures of amounts": (
        (*VALIDATOR, "partial_deposit_data", 0, "signature"),
        (*VALIDATOR, "partial_deposit_data", 1, "signature"),
        "deposit_data",
    ),
    "node signatures": (("node_signatures", 0), ("node_signatures", 1), "node_signatures"),
    "ENRs": ((*DEFINITION, "operators", 0, "enr"), (*OPERATOR, "enr"), "node_signatures"),
    "operators": ((*DEFINITION, "operators", 0), OPERATOR, "definition_hashes"),
    "addresses of validators": (
        (*DEFINITION, "validators", 0, "withdrawal_address"),
        (*DEFINITION, "validators", 1, "withdrawal_address"),
        "deposit_data",
    ),
}


def check_changed(node, change, check):
    """The lock of ``node`` after ``change`` is wrong, and ``check`` says so."""
    path = node / layout.LOCK
    value = json.loads(path.read_bytes())
    before = copy.deepcopy(value)
    change(value)
    assert value != before
    path.write_text(json.dumps(value))
    report = verify_path(str(path))
    assert not report.ok and check in errors(report), texts(report)
    with pytest.raises(Problems):
        report.raise_errors()


def _id(row):
    return "%s by %s" % (".".join(map(str, row[0])), row[2])


@pytest.mark.parametrize("row", FIELDS, ids=["%d %s" % (number, _id(row)) for number, row in enumerate(FIELDS)])
def test_changed_fields(node, row):
    path, change, check = row

    def apply(value):
        parent = at(value, path[:-1])
        parent[path[-1]] = (change or other)(parent[path[-1]])

    check_changed(node, apply, check)


@pytest.mark.parametrize("case", SWAPS)
def test_swapped_fields(node, case):
    first, second, check = SWAPS[case]
    check_changed(node, swap(first, second), check)
