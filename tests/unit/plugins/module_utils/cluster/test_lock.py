# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cluster locks: reading, writing and the lock hash."""

import json
from dataclasses import replace

import pytest
from ansible_collections.obol.dv.plugins.module_utils.cluster.definition import (
    VERSIONS,
    Definition,
    Operator,
    ValidatorAddresses,
    with_hashes,
)
from ansible_collections.obol.dv.plugins.module_utils.cluster.lock import (
    BuilderRegistration,
    ClusterLock,
    DepositData,
    DistributedValidator,
    compute_lock_hash,
)
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.tests.support import hostile_json
from hypothesis import given, settings
from hypothesis import strategies as st


def deposit(key, amount):
    return DepositData(pubkey=key, withdrawal_credentials=b"\1" * 32, amount=amount, signature=b"\7" * 96)


def sample(version="v1.10.0"):
    """A lock of three operators and two validators that uses all that its version has."""
    minor = VERSIONS.index(version)
    pair = ValidatorAddresses(fee_recipient_address="0x" + "11" * 20, withdrawal_address="0x" + "22" * 20)
    definition = Definition(
        name="n",
        operators=tuple(Operator(enr="enr:-%d" % index) for index in range(3)),
        uuid="u",
        version=version,
        num_validators=2,
        threshold=2,
        validators=(pair, pair),
        fork_version=bytes(4),
    )
    amounts = () if minor < 6 else (32 * 10**9,) if minor < 8 else (10**9, 32 * 10**9)
    validators = []
    for number in range(2):
        key = bytes([number + 1]) * 48
        registration = BuilderRegistration(
            fee_recipient=b"\x11" * 20, gas_limit=30_000_000, timestamp=1742213400, pubkey=key, signature=b"\6" * 96
        )
        validators.append(
            DistributedValidator(
                public_key=key,
                public_shares=tuple(bytes([number, share]) * 24 for share in range(3)),
                deposits=tuple(deposit(key, amount) for amount in amounts),
                registration=registration if minor >= 7 else None,
            )
        )
    lock = ClusterLock(
        definition=with_hashes(definition),
        validators=tuple(validators),
        signature_aggregate=b"\5" * 96,
        node_signatures=tuple(bytes([index]) * 65 for index in range(3)) if minor >= 7 else (),
    )
    return replace(lock, lock_hash=compute_lock_hash(lock))


#: First bytes of the samples' lock_hash, pinned when all of charon's own files hashed right.
PINNED = {
    "v1.0.0": "dad9599c73da0b99",
    "v1.1.0": "145b14b33dd914e9",
    "v1.2.0": "79912b0b3e9b6ae5",
    "v1.3.0": "dd2f36ebe3856936",
    "v1.4.0": "97c78bae26ed8510",
    "v1.5.0": "b3ba6124db207f50",
    "v1.6.0": "1486fd366ca99adb",
    "v1.7.0": "93a4049966eca01a",
    "v1.8.0": "d6dba7816cd845bb",
    "v1.9.0": "7c585e141b41ed56",
    "v1.10.0": "fc12dfb95c0eef7f",
    "v1.11.0": "0d2a220afecb5a95",
}


@pytest.mark.parametrize("version", VERSIONS)
def test_pinned_hash(version):
    assert sample(version).lock_hash.hex()[:16] == PINNED[version]


@pytest.mark.parametrize("version", VERSIONS)
def test_round_trip(version):
    lock = sample(version)
    content = lock.dump()
    assert ClusterLock.parse(content) == lock
    assert ClusterLock.parse(content.decode()) == lock
    assert ClusterLock.parse(lock.to_json()) == lock
    assert ClusterLock.unknown_keys(content) == []


def test_form():
    value = sample().to_json()
    assert list(value) == [
        "cluster_definition",
        "distributed_validators",
        "signature_aggregate",
        "lock_hash",
        "node_signatures",
    ]
    validator = value["distributed_validators"][0]
    assert list(validator) == [
        "distributed_public_key",
        "public_shares",
        "builder_registration",
        "partial_deposit_data",
    ]
    assert validator["builder_registration"] == {
        "message": {
            "fee_recipient": "0x" + "11" * 20,
            "gas_limit": 30000000,
            "timestamp": 1742213400,
            "pubkey": "0x" + "01" * 48,
        },
        "signature": "0x" + "06" * 96,
    }
    assert validator["partial_deposit_data"][1]["amount"] == "32000000000"
    assert list(sample("v1.7.0").to_json()["distributed_validators"][0])[2:] == [
        "deposit_data",
        "builder_registration",
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_empty_lists(version):
    lock = replace(sample(version), validators=None, node_signatures=())
    value = lock.to_json()
    assert value["distributed_validators"] is None
    assert value.get("node_signatures", []) == []
    assert ClusterLock.parse(value) == lock
    empty = ClusterLock.parse({**value, "distributed_validators": [], "node_signatures": None})
    assert empty == replace(lock, validators=())
    assert compute_lock_hash(empty) == compute_lock_hash(lock)


@pytest.mark.parametrize("version", ["v1.6.0", "v1.7.0"])
def test_no_deposit_is_an_object_of_nothing(version):
    lock = sample(version)
    lock = replace(lock, validators=tuple(replace(validator, deposits=()) for validator in lock.validators))
    value = lock.to_json()
    nothing = {"pubkey": "", "withdrawal_credentials": "", "amount": "0", "signature": ""}
    assert [validator["deposit_data"] for validator in value["distributed_validators"]] == [nothing] * 2
    assert ClusterLock.parse(value) == lock


def test_no_deposit_is_no_key_from_v1_8():
    lock = sample("v1.8.0")
    lock = replace(lock, validators=(replace(lock.validators[0], deposits=()), lock.validators[1]))
    value = lock.to_json()
    assert "partial_deposit_data" not in value["distributed_validators"][0]
    assert ClusterLock.parse(value) == lock


def variants(lock):
    """``lock`` with every value that its hash covers changed, one at a time."""
    first = lock.validators[0]
    registration = first.registration
    yield replace(lock, definition=replace(lock.definition, name="other"))
    yield replace(lock, validators=lock.validators[::-1])
    yield replace(lock, validators=lock.validators[:1])
    changed = [
        replace(first, public_key=b"\x99" * 48),
        replace(first, public_shares=first.public_shares[::-1]),
        replace(first, public_shares=first.public_shares[:2]),
    ]
    for values in (
        {"pubkey": bytes(48)},
        {"withdrawal_credentials": bytes(32)},
        {"amount": 1},
        {"signature": bytes(96)},
    ):
        if first.deposits:
            changed.append(replace(first, deposits=(replace(first.deposits[0], **values), *first.deposits[1:])))
    for values in (
        {"fee_recipient": b""},
        {"gas_limit": 1},
        {"timestamp": 1},
        {"pubkey": bytes(48)},
        {"signature": bytes(96)},
    ):
        if registration:
            changed.append(replace(first, registration=replace(registration, **values)))
    for validator in changed:
        yield replace(lock, validators=(validator, *lock.validators[1:]))


@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_hash_covers(version):
    lock = sample(version)
    hashes = [compute_lock_hash(each) for each in variants(lock)]
    assert len({lock.lock_hash, *hashes}) == len(hashes) + 1
    assert len(hashes) == 6 + (4 if lock.definition.minor >= 6 else 0) + (5 if lock.definition.minor >= 7 else 0)
    other = replace(lock, signature_aggregate=b"", node_signatures=(), lock_hash=b"")
    assert compute_lock_hash(other) == lock.lock_hash


WRONG = [
    (("cluster_definition",), None, ", cluster_definition: version is empty"),
    (("cluster_definition",), 5, ", cluster_definition: the value is a number"),
    (("cluster_definition", "version"), "v1.12.0", ', cluster_definition: version is "v1.12.0".*v1.0.0 to v1.11.0'),
    (("cluster_definition", "num_validators"), 1, ", cluster_definition: num_validators is 1"),
    (("cluster_definition", "operators", 2, "address"), "x", r': cluster_definition.operators\[2\].address is "x"'),
    (("distributed_validators",), {}, ": distributed_validators is a mapping"),
    (("distributed_validators", 1), 7, r": distributed_validators\[1\] is 7"),
    (
        ("distributed_validators", 1, "distributed_public_key"),
        "0x00",
        r"\[1\].distributed_public_key has 1 bytes; wanted: 48",
    ),
    (("distributed_validators", 0, "public_shares"), [""] * 257, r'\[0\].public_shares is "257 values"'),
    (("distributed_validators", 0, "public_shares", 2), "0x" + "00" * 47, r"\[0\].public_shares\[2\] has 47 bytes"),
    (
        ("distributed_validators", 0, "partial_deposit_data", 1, "amount"),
        1,
        r"\[0\].partial_deposit_data\[1\].amount is 1; .*string",
    ),
    (("distributed_validators", 0, "builder_registration", "message", "gas_limit"), "1", r'message.gas_limit is "1"'),
    (("distributed_validators", 0, "builder_registration", "message", "timestamp"), -1, r"message.timestamp is -1"),
    (("signature_aggregate",), "0x" + "00" * 97, ": signature_aggregate has 97 bytes; wanted: at most 96"),
    (("lock_hash",), "0x00", ": lock_hash has 1 bytes; wanted: 32 bytes"),
    (("node_signatures", 1), "0x" + "00" * 66, r": node_signatures\[1\] has 66 bytes; wanted: at most 65"),
]


@pytest.mark.parametrize(("path", "value", "said"), WRONG, ids=[".".join(map(str, row[0])) for row in WRONG])
def test_names_what_is_wrong(path, value, said):
    with pytest.raises(DvError, match="^the file" + ".*" * (not said.startswith((",", ":"))) + said):
        ClusterLock.parse(hostile_json.changed(sample().to_json(), path, value), "the file")


def test_a_fee_recipient_of_a_validator_must_be_empty():
    value = sample("v1.5.0").to_json()
    value["distributed_validators"][1]["fee_recipient_address"] = ""
    ClusterLock.parse(value)
    value["distributed_validators"][1]["fee_recipient_address"] = "0x" + "11" * 20
    with pytest.raises(DvError, match=r'\[1\].fee_recipient_address is .*; wanted: ""'):
        ClusterLock.parse(value)


def test_unknown_keys():
    value = sample("v1.8.0").to_json()
    value["extra"] = {"deep": []}
    value["cluster_definition"]["compounding"] = True
    value["distributed_validators"][1]["partial_deposit_data"][0]["deposit_data_root"] = ""
    assert ClusterLock.parse(value) == sample("v1.8.0")
    assert ClusterLock.unknown_keys(value) == [
        "cluster_definition.compounding",
        "distributed_validators[1].partial_deposit_data[0].deposit_data_root",
        "extra",
    ]


@pytest.mark.parametrize("value", [None, [], 5, "", b"\xff", "{}", '{"cluster_definition": {}}', '{"cluster_definition": []}'])
def test_what_is_no_lock(value):
    with pytest.raises(DvError, match="cluster lock"):
        ClusterLock.parse(value)


# Files by charon. The examples are laid out by hand, so that only their values can be compared.
FILES = [
    *("charon/testdata/cluster_lock_v1_%d_0.json" % minor for minor in range(12)),
    *("charon-1.10.3/hoodi-4x3/node%d/cluster-lock.json" % node for node in range(4)),
    "charon-1.10.3/signed-definition/cluster-lock.json",
]
EXAMPLES = ["charon/examples/cluster-lock-%03d.json" % number for number in range(4)]


@pytest.mark.parametrize("name", FILES + EXAMPLES)
def test_files_by_charon(vectors, name):
    content = (vectors / name).read_bytes()
    lock = ClusterLock.parse(content)
    assert compute_lock_hash(lock) == lock.lock_hash
    assert lock.to_json() == json.loads(content)
    assert ClusterLock.unknown_keys(content) == []
    if name in FILES:
        assert lock.dump() == content


def test_file_by_the_sdk(vectors):
    content = (vectors / "obol-sdk" / "clusterLockV1X10.json").read_bytes()
    lock = ClusterLock.parse(content)
    assert compute_lock_hash(lock) == lock.lock_hash
    assert ClusterLock.parse(lock.dump()) == lock
    assert ClusterLock.unknown_keys(content) == ["distributed_validators[0].partial_deposit_data[0].deposit_data_root"]


@pytest.mark.parametrize("name", ["charon_testdata_golden", "validator_without_deposit_data", "three_validators", "real_keys_3_of_4"])
def test_specification_vectors(vectors, name):
    suite = json.loads((vectors / "dv-specs" / "cluster_hashing.json").read_bytes())
    (case,) = (case for case in suite["lock"] if case["name"] == name)
    lock = ClusterLock.parse(case["input"])
    assert compute_lock_hash(lock).hex() == case["lock_hash"]
    assert json.dumps(lock.to_json()) == json.dumps(case["input"])


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from(VERSIONS), hostile_json.values("0x" + "00" * 48, "0x" + "00" * 97))
def test_any_value_anywhere(data, version, hostile):
    value = sample(version).to_json()
    value = hostile_json.changed(value, data.draw(st.sampled_from(list(hostile_json.paths(value)))), hostile)
    try:
        lock = ClusterLock.parse(value)
        assert ClusterLock.parse(lock.dump()) == lock
        compute_lock_hash(lock)
    except DvError as error:
        str(error).encode()
