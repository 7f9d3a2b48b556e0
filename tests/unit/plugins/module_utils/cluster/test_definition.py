# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cluster definitions: reading, writing, hashes, and what their terms mean."""

import json
from dataclasses import replace

import pytest
from ansible_collections.obol.dv.plugins.module_utils.cluster import definition_checks, definition_hash
from ansible_collections.obol.dv.plugins.module_utils.cluster.definition import (
    VERSIONS,
    Creator,
    Definition,
    Operator,
    ValidatorAddresses,
    default_threshold,
    effective_deposit_amounts,
    effective_gas_limit,
    with_hashes,
)
from ansible_collections.obol.dv.plugins.module_utils.encoding import go_json
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum import units
from ansible_collections.obol.dv.tests.support import hostile_json
from hypothesis import given, settings
from hypothesis import strategies as st

ETH = units.GWEI_PER_ETH


def sample(version="v1.10.0", **changes):
    """A definition that uses all that its version has."""
    minor = VERSIONS.index(version)
    addresses = [
        ValidatorAddresses(fee_recipient_address="0x" + "1%d" % i * 20, withdrawal_address="0x" + "2%d" % i * 20)
        for i in (range(2) if minor >= 5 else (0, 0))
    ]
    signed = minor >= 3
    count = 130 if minor >= 11 else 65
    values = {
        "name": "caf\u00e9 <&> \u2028",
        "creator": Creator(address="0x" + "Cc" * 20, config_signature=b"\1" * count) if minor >= 4 else Creator(),
        "operators": tuple(
            Operator(
                address="0x" + "a%d" % index * 20 if signed else "",
                enr="enr:-%d" % index,
                config_signature=bytes([index]) * count if signed else b"",
                enr_signature=bytes([index + 100]) * count if signed else b"",
            )
            for index in range(4)
        ),
        "uuid": "0194FDC2-FA2F-4CC0-81D3-FF12045B73C8",
        "version": version,
        "timestamp": "2026-01-02T03:04:05+02:00",
        "num_validators": 2,
        "threshold": 3,
        "validators": tuple(addresses),
        "fork_version": bytes.fromhex("10000910"),
        "deposit_amounts": (31 * ETH, ETH) if minor >= 8 else None,
        "consensus_protocol": "qbft" if minor >= 9 else "",
        "target_gas_limit": 36_000_000 if minor >= 10 else 0,
        "compounding": minor >= 10,
        **changes,
    }
    return with_hashes(Definition(**values))


#: config_hash and definition_hash (first bytes) of the samples, pinned when all of charon's own files hashed right.
PINNED = {
    "v1.0.0": ("82217a3319033bd0", "0ac30cee2bb21220"),
    "v1.1.0": ("e296e9259dfef33d", "8143680d9189eaa7"),
    "v1.2.0": ("deeb83865420593a", "81b460ccc6576236"),
    "v1.3.0": ("52c4449f432b1871", "9692497208ada6ad"),
    "v1.4.0": ("028eda5ff4be5adb", "75ff56618ca1a14c"),
    "v1.5.0": ("efd25187cac85d38", "0f803d405aa71303"),
    "v1.6.0": ("b80aa02113d95523", "2b20b2c89f09bec5"),
    "v1.7.0": ("9e16e6cdeec5b4f7", "1157f1467a01836f"),
    "v1.8.0": ("6cfcdd23ace4c8b6", "525adfa3e5eb0ed7"),
    "v1.9.0": ("8c4052600bbbd58a", "868fe471d8f055cd"),
    "v1.10.0": ("e3d4fa0cd29b04bc", "9c40d03d6f410be0"),
    "v1.11.0": ("3c6655c23b251283", "80a06746f16bc531"),
}


@pytest.mark.parametrize("version", VERSIONS)
def test_pinned_hashes(version):
    definition = sample(version)
    assert (definition.config_hash.hex()[:16], definition.definition_hash.hex()[:16]) == PINNED[version]


@pytest.mark.parametrize("version", VERSIONS)
def test_round_trip(version):
    definition = sample(version)
    content = definition.dump()
    assert Definition.parse(content) == definition
    assert Definition.parse(content.decode()) == definition
    assert Definition.parse(definition.to_json()) == definition
    assert Definition.parse(content).dump() == content
    assert Definition.unknown_keys(content) == []
    definition_checks.check_hashes(definition)


def test_form():
    text = sample().dump().decode()
    assert text.startswith('{\n "name": "caf\u00e9 \\u003c\\u0026\\u003e \\u2028",\n "creator": {\n  "address"')
    assert '"deposit_amounts": [\n  "31000000000",\n  "1000000000"\n ],' in text
    assert text.endswith('"\n}')
    assert (
        list(json.loads(text))
        == (
            "name creator operators uuid version timestamp num_validators threshold validators dkg_algorithm "
            "fork_version deposit_amounts consensus_protocol target_gas_limit compounding config_hash definition_hash"
        ).split()
    )


def test_brackets_in_a_text_are_no_nesting():
    definition = sample(name='["{\\' * 64)
    assert Definition.parse(definition.dump()) == definition


def test_smallest():
    """Nothing is set: empty texts, null lists, and hashes all the same."""
    definition = with_hashes(Definition())
    value = definition.to_json()
    assert "name" not in value and "timestamp" not in value
    assert value["operators"] is value["validators"] is value["deposit_amounts"] is None
    assert value["creator"] == {"address": "", "config_signature": ""}
    assert Definition.parse(value) == definition


@pytest.mark.parametrize("version", VERSIONS)
def test_null_empty_and_absent_mean_the_same(version):
    value = sample(version, operators=None).to_json()
    absent = {key: item for key, item in value.items() if key != "operators"}
    empty = {**value, "operators": []}
    found = [Definition.parse(each) for each in (value, absent, empty)]
    assert [definition.operators for definition in found] == [None, None, ()]
    assert len({definition_hash.compute_definition_hash(definition) for definition in found}) == 1
    assert found[2].to_json() == empty


def test_reads_as_go_does():
    definition = sample()
    value = definition.to_json()
    changed = {key.upper(): item for key, item in value.items()}
    changed["\u212anown"] = {"deep": 1}
    changed["CONFIG_HASH"] = value["config_hash"][2:].upper()
    changed["OPERATORS"] = [{"Address": value["operators"][0]["address"], **value["operators"][0], "extra": 1}]
    del changed["OPERATORS"][0]["address"]
    changed["VALIDATOR\u017f"] = changed.pop("VALIDATORS")
    found = Definition.parse(changed)
    assert found == replace(definition, operators=definition.operators[:1])
    assert Definition.unknown_keys(changed) == ["operators[0].extra", "\u212anown"]


def test_null_and_empty_signatures_of_the_oldest_versions():
    value = sample("v1.1.0").to_json()
    value["operators"][0]["config_signature"] = None
    definition = Definition.parse(value)
    assert definition.operators[0].config_signature is None
    assert definition.to_json() == value
    definition_checks.check_hashes(definition)


def test_one_pair_of_addresses_before_v1_5():
    value = sample("v1.4.0").to_json()
    assert value["withdrawal_address"] == "0x" + "20" * 20
    different = replace(sample("v1.5.0"), version="v1.4.0")
    for function in (Definition.to_json, definition_hash.compute_config_hash):
        with pytest.raises(DvError, match="2 different fee_recipient_address"):
            function(different)


WRONG = [
    (
        "version",
        "v1.12.0",
        'version is "v1.12.0"; wanted: one of v1.0.0 to v1.11.0; a newer file needs a newer obol.dv',
    ),
    ("version", None, "version is empty"),
    ("version", ["v1.10.0"], "version is"),
    ("name", "\u00fc" * 129, "name is .* at most 256 bytes"),
    ("name", "\ud800", "name is"),
    ("name", 5, "name is 5"),
    ("uuid", "x" * 65, "uuid is"),
    ("timestamp", "x" * 33, "timestamp is"),
    ("dkg_algorithm", "x" * 33, "dkg_algorithm is"),
    ("consensus_protocol", "x" * 257, "consensus_protocol is"),
    ("num_validators", 3, "num_validators is 3, but validators has 2 entries"),
    ("num_validators", 65537, "num_validators is 65537"),
    ("num_validators", True, "num_validators is true"),
    ("num_validators", 2.0, "num_validators is 2.0"),
    ("num_validators", "2", 'num_validators is "2"'),
    ("threshold", -1, "threshold is -1"),
    ("threshold", 2**63, "threshold is"),
    ("validators", [], "num_validators is 2, but validators has 0 entries"),
    ("validators", [{"fee_recipient_address": "0x12"}], r'validators\[0\].fee_recipient_address is "0x12"'),
    ("operators", {}, "operators is a mapping"),
    ("operators", [{}] * 257, 'operators is "257 values"'),
    ("operators", [{}, 5], r"operators\[1\] is 5"),
    ("operators", [{}, {}, {"address": "0x" + "g" * 40}], r'operators\[2\].address is "0xg'),
    ("operators", [{"enr": "e" * 1025}], r"operators\[0\].enr is"),
    ("operators", [{"config_signature": "0x00"}], r"operators\[0\].config_signature has 1 bytes; wanted: 65 bytes"),
    ("operators", [{"enr_signature": "0x0"}], r'operators\[0\].enr_signature is "0x0"'),
    ("operators", [{"address": "", "ADDRESS": ""}], r"operators\[0\] has two keys"),
    ("creator", [], r"creator is a list"),
    ("creator", {"address": 1}, "creator.address is 1"),
    ("fork_version", "0x1000", "fork_version has 2 bytes; wanted: 4 bytes"),
    ("deposit_amounts", [32000000000], r"deposit_amounts\[0\] is 32000000000; wanted: a string"),
    ("deposit_amounts", ["-1"], r'deposit_amounts\[0\] is "-1"'),
    ("deposit_amounts", ["9223372036854775808"], r"deposit_amounts\[0\] is 9223372036854775808"),
    ("deposit_amounts", ["1"] * 257, 'deposit_amounts is "257 values"'),
    ("target_gas_limit", 2**64, "target_gas_limit is"),
    ("compounding", 1, "compounding is 1"),
    ("config_hash", "0x" + "00" * 31, "config_hash has 31 bytes"),
]


@pytest.mark.parametrize(("key", "value", "said"), WRONG, ids=["%s-%d" % (row[0], i) for i, row in enumerate(WRONG)])
def test_names_what_is_wrong(key, value, said):
    with pytest.raises(DvError, match="^the file: " + said):
        Definition.parse({**sample().to_json(), key: value}, "the file")


@pytest.mark.parametrize(
    "value", [None, [], 5, "", b"\xff", "[]", "{", '{"version": NaN}', "[" * 100000, '{"a":1,"a":2}', '{"name": "\\ud800"}']
)
def test_what_is_no_definition(value):
    with pytest.raises(DvError, match="cluster definition"):
        Definition.parse(value)


def test_a_nonce_is_refused():
    value = sample("v1.0.0").to_json()
    assert value["operators"][0]["nonce"] == 0
    value["operators"][3]["nonce"] = 1
    with pytest.raises(DvError, match=r"operators\[3\].nonce is 1; wanted: 0"):
        Definition.parse(value)


def test_base64_of_the_oldest_versions():
    value = sample("v1.1.0").to_json()
    for wrong in ("!", 5, "AA", "\u00e4"):
        with pytest.raises(DvError, match="config_hash is .*; wanted: standard base64"):
            Definition.parse({**value, "config_hash": wrong})


TERMS = (
    "name",
    "uuid",
    "timestamp",
    "num_validators",
    "threshold",
    "validators",
    "dkg_algorithm",
    "fork_version",
    "deposit_amounts",
    "consensus_protocol",
    "target_gas_limit",
    "compounding",
)


@pytest.mark.parametrize("field", TERMS)
def test_every_term_moves_both_hashes(field):
    definition = sample()
    other = {
        "name": "other",
        "uuid": "",
        "timestamp": "",
        "num_validators": 3,
        "threshold": 4,
        "validators": (),
        "dkg_algorithm": "frost",
        "fork_version": bytes(4),
        "deposit_amounts": None,
        "consensus_protocol": "",
        "target_gas_limit": 1,
        "compounding": False,
    }
    changed = replace(definition, **{field: other[field]})
    assert definition_hash.compute_config_hash(changed) != definition.config_hash
    assert definition_hash.compute_definition_hash(changed) != definition.definition_hash


@pytest.mark.parametrize(
    ("field", "value", "moves_config"),
    [
        ("address", "0x" + "00" * 20, True),
        ("enr", "", False),
        ("config_signature", bytes(65), False),
        ("enr_signature", bytes(65), False),
    ],
)
def test_what_of_an_operator_is_a_term(field, value, moves_config):
    definition = sample()
    operators = list(definition.operators)
    operators[2] = replace(operators[2], **{field: value})
    changed = replace(definition, operators=tuple(operators))
    assert (definition_hash.compute_config_hash(changed) != definition.config_hash) == moves_config
    assert definition_hash.compute_definition_hash(changed) != definition.definition_hash


def test_absent_and_zero_signatures_hash_the_same_up_to_v1_10():
    for version, same in (("v1.10.0", True), ("v1.11.0", False)):
        absent, zero = (sample(version, creator=Creator(config_signature=signature)) for signature in (b"", bytes(65)))
        assert (absent.definition_hash == zero.definition_hash) == same


def test_too_long_for_its_hash():
    with pytest.raises(DvError, match="name: 257 bytes; wanted: at most 256"):
        sample(name="n" * 257)
    with pytest.raises(DvError, match="creator: config_signature: 66 bytes; wanted: a multiple of 65"):
        sample("v1.11.0", creator=Creator(config_signature=bytes(66)))


@pytest.mark.parametrize(("operators", "threshold"), [(3, 2), (4, 3), (5, 4), (6, 4), (7, 5), (8, 6), (9, 6), (10, 7), (13, 9)])
def test_default_threshold(operators, threshold):
    assert default_threshold(operators) == threshold


def test_effective_values():
    amounts = effective_deposit_amounts
    assert amounts(Definition(deposit_amounts=(31 * ETH, ETH, ETH))) == [ETH, 31 * ETH]
    assert amounts(Definition()) == amounts(Definition(deposit_amounts=())) == [ETH, 32 * ETH]
    assert amounts(Definition(compounding=True)) == [ETH, 8 * ETH, 32 * ETH, 256 * ETH]
    assert amounts(Definition(version="v1.7.0")) == [32 * ETH]
    assert effective_gas_limit(Definition()) == 30_000_000
    assert effective_gas_limit(Definition(target_gas_limit=5)) == 5


# Files by charon. The examples are laid out by hand, so that only their values can be compared.
FILES = [
    *("charon/testdata/cluster_definition_v1_%d_0.json" % minor for minor in range(12)),
    "charon-1.10.3/signed-definition/cluster-definition.json",
]
EXAMPLES = ["charon/examples/cluster-definition-%03d.json" % number for number in range(7)]


@pytest.mark.parametrize("name", FILES + EXAMPLES)
def test_files_by_charon(vectors, name):
    content = (vectors / name).read_bytes()
    definition = Definition.parse(content)
    definition_checks.check_hashes(definition)
    assert definition.to_json() == json.loads(content)
    assert Definition.unknown_keys(content) == []
    if name in FILES:
        assert definition.dump() == content


@pytest.mark.parametrize(
    "name",
    [
        "charon_testdata_golden",
        "all_empty_lists",
        "unsigned_single_operator",
        "signed_single_operator",
        "three_operators_compounding",
        "gas_limit_above_2_32",
    ],
)
def test_specification_vectors(vectors, name):
    suite = json.loads((vectors / "dv-specs" / "cluster_hashing.json").read_bytes())
    (case,) = (case for case in suite["definition"] if case["name"] == name)
    definition = Definition.parse(case["input"])
    assert definition_hash.compute_config_hash(definition).hex() == case["config_hash"]
    assert definition_hash.compute_definition_hash(definition).hex() == case["definition_hash"]
    assert json.dumps(definition.to_json()) == json.dumps(case["input"])


@pytest.mark.parametrize("request_index", [1, 3])
def test_published_by_charon(vectors, request_index):
    body = json.loads((vectors / "charon-1.10.3" / "publish-requests.json").read_bytes())[request_index]["body"]
    definition = Definition.parse(body)
    definition_checks.check_hashes(definition)
    assert go_json.dumps(definition.to_json(), indent=None) == body


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from(VERSIONS), hostile_json.values("0x" + "00" * 20, "0x" + "00" * 66))
def test_any_value_anywhere(data, version, hostile):
    value = sample(version).to_json()
    value = hostile_json.changed(value, data.draw(st.sampled_from(list(hostile_json.paths(value)))), hostile)
    try:
        definition = Definition.parse(value)
        assert Definition.parse(definition.dump()) == definition
        definition_checks.check_deposit_amounts(definition)
        definition_checks.check_hashes(definition)
    except DvError as error:
        str(error).encode()
