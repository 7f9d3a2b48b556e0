# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cluster's terms: defaults, every kind of bad input with its message, and the definition that they make."""

from dataclasses import replace

import pytest
from ansible_collections.obol.dv.plugins.module_utils.agreement import config, config_schema
from ansible_collections.obol.dv.plugins.module_utils.agreement.config import parse_config
from ansible_collections.obol.dv.plugins.module_utils.cluster.definition import Definition
from ansible_collections.obol.dv.plugins.module_utils.cluster.definition_checks import check_deposit_amounts, check_hashes
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError, Problems
from ansible_collections.obol.dv.plugins.module_utils.node import preflight
from hypothesis import given, settings
from hypothesis import strategies as st

DEAD = "0x000000000000000000000000000000000000dEaD"
ZERO = "0x" + "00" * 20
# EIP-55's own examples
SOMEBODY = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
ELSE = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"
TESTNET = {"name": "devnet", "chain_id": 4242, "fork_version": "0x10424242", "genesis_timestamp": 1700000000}
GONE = object()


def without(name):
    return {key: value for key, value in TESTNET.items() if key != name}


def numbered(count):
    """That many different addresses, without checksum."""
    return ["0x%040x" % (0x1000 + number) for number in range(count)]


# What is changed, and what the error must say.
BAD = {
    "checksum of a withdrawal address": (
        {"withdrawal_addresses": [SOMEBODY.replace("aA", "AA", 1)]},
        ["dv_withdrawal_addresses[0]", "are not its checksum", SOMEBODY.replace("aA", "AA", 1)],
    ),
    "withdrawal address in lower case": (
        {"withdrawal_addresses": [DEAD, DEAD.lower()]},
        ["dv_withdrawal_addresses[1]", DEAD.lower(), "has no checksum"],
    ),
    "withdrawal address too short": (
        {"withdrawal_addresses": [DEAD[:-1]]},
        ["dv_withdrawal_addresses[0]", DEAD[:-1], "0x and 40 hex digits"],
    ),
    "withdrawal address without 0x": (
        {"withdrawal_addresses": [DEAD[2:]]},
        ["dv_withdrawal_addresses[0]", "0x and 40"],
    ),
    "withdrawal address with a line break": ({"withdrawal_addresses": [DEAD + "\n"]}, ["dv_withdrawal_addresses[0]"]),
    "withdrawal address is a YAML number": (
        {"withdrawal_addresses": [0xDEAD]},
        ["dv_withdrawal_addresses[0]", "in quotes"],
    ),
    "withdrawal address is a name": (
        {"withdrawal_addresses": ["dead.eth"]},
        ["dv_withdrawal_addresses[0]", "dead.eth"],
    ),
    "zero withdrawal address": (
        {"withdrawal_addresses": [DEAD, ZERO]},
        ["dv_withdrawal_addresses[1]", "zero address", "lost"],
    ),
    "no withdrawal addresses": (
        {"withdrawal_addresses": GONE},
        ["dv_withdrawal_addresses is not set", "one for each validator"],
    ),
    "empty withdrawal addresses": ({"withdrawal_addresses": []}, ["dv_withdrawal_addresses has 0 entries"]),
    "withdrawal addresses are one text": (
        {"withdrawal_addresses": DEAD},
        ["dv_withdrawal_addresses", "a list of addresses"],
    ),
    "too many withdrawal addresses": (
        {"withdrawal_addresses": [DEAD] * 3},
        ["dv_withdrawal_addresses has 3 entries", "dv_num_validators is 2"],
    ),
    "too few fee recipients": (
        {"num_validators": 3},
        ["dv_fee_recipient_addresses has 2 entries", "dv_num_validators is 3"],
    ),
    "checksum of a fee recipient": (
        {"fee_recipient_addresses": [ELSE.lower()]},
        ["dv_fee_recipient_addresses[0]", ELSE.lower(), "has no checksum"],
    ),
    "zero fee recipient": ({"fee_recipient_addresses": [ZERO]}, ["dv_fee_recipient_addresses[0]", "zero address"]),
    "no fee recipients": ({"fee_recipient_addresses": GONE}, ["dv_fee_recipient_addresses is not set"]),
    "two operators": ({"operators": [SOMEBODY, ELSE]}, ["dv_operators has 2 entries", "3 to 255"]),
    "256 operators": ({"operators": numbered(256)}, ["dv_operators has 256 entries", "3 to 255", "share indices"]),
    "no operators": ({"operators": GONE}, ["dv_operators is not set"]),
    "an operator twice": (
        {"operators": [SOMEBODY, ELSE, DEAD, SOMEBODY]},
        ["dv_operators[0] and dv_operators[3] are the same", SOMEBODY, "dv_allow_shared_operator_address"],
    ),
    "checksum of an operator": ({"operators": [SOMEBODY, ELSE.lower(), DEAD]}, ["dv_operators[1]", ELSE.lower(), "has no checksum"]),
    "zero operator": ({"operators": [SOMEBODY, ELSE, ZERO]}, ["dv_operators[2]", "nobody can sign"]),
    "operator not made yet": ({"operators": [SOMEBODY, ELSE, ""]}, ["dv_operators[2]", '""']),
    "operator is a private key": (
        {"operators": [SOMEBODY, ELSE, "0x" + "5eed" * 16]},
        ["dv_operators[2]", "66 characters"],
    ),
    "threshold above n": ({"threshold": 5}, ["dv_threshold is 5", "4 entries", "2 to 4", "default of 3"]),
    "threshold 1": ({"threshold": 1}, ["dv_threshold is 1", "from 2"]),
    "threshold 0": ({"threshold": 0}, ["dv_threshold is 0", "from 2"]),
    "threshold is a text": ({"threshold": "two"}, ["dv_threshold", "two", "a whole number"]),
    "threshold is a boolean": ({"threshold": True}, ["dv_threshold is true", "a whole number"]),
    "no validators": ({"num_validators": 0}, ["dv_num_validators is 0", "1 to 65536"]),
    "fewer than no validators": ({"num_validators": -1}, ["dv_num_validators is -1"]),
    "too many validators": ({"num_validators": 65537}, ["dv_num_validators is 65537", "1 to 65536"]),
    "half a validator": ({"num_validators": 1.5}, ["dv_num_validators is 1.5", "whole number"]),
    "validators with a point": ({"num_validators": 2.0}, ["dv_num_validators is 2", "whole number"]),
    "number of validators not set": ({"num_validators": None}, ["dv_num_validators is not set"]),
    "half a deposit": ({"deposit_amounts": [0.5, 32]}, ["dv_deposit_amounts[0] is 0.5", "at least 1"]),
    "deposit of nothing": ({"deposit_amounts": [0, 32]}, ["dv_deposit_amounts[0] is 0", "at least 1"]),
    "deposits below 32": ({"deposit_amounts": [1, 30]}, ["dv_deposit_amounts sum to 31 ETH", "at least 32"]),
    "deposit above 32": (
        {"deposit_amounts": [1, 33]},
        ["dv_deposit_amounts[1] is 33 ETH", "at most 32", "dv_compounding"],
    ),
    "deposit above 2048": (
        {"deposit_amounts": [2049], "compounding": True},
        ["dv_deposit_amounts[0] is 2049 ETH", "at most 2048"],
    ),
    "too many deposits": ({"deposit_amounts": [1] * 257}, ["dv_deposit_amounts has 257 entries", "at most 256"]),
    "gas limit 0": ({"target_gas_limit": 0}, ["dv_target_gas_limit is 0", "above 0"]),
    "gas limit too large": ({"target_gas_limit": 2**64}, ["dv_target_gas_limit", "gas limit"]),
    "unknown consensus protocol": ({"consensus_protocol": "abft"}, ["dv_consensus_protocol", "abft", "qbft"]),
    "unknown network": ({"network": "hodi"}, ["dv_network", "hodi", "hoodi", "mainnet", "dv_testnet_name"]),
    "no network": ({"network": None}, ["neither dv_network nor dv_testnet_*", "set dv_network"]),
    "network and testnet": ({"testnet": TESTNET}, ["both dv_network and dv_testnet_*"]),
    "testnet without chain id": ({"network": None, "testnet": without("chain_id")}, ["dv_testnet_chain_id is not set"]),
    "testnet without fork version": (
        {"network": None, "testnet": without("fork_version")},
        ["dv_testnet_fork_version is not set", "8 lower-case hex digits"],
    ),
    "testnet without genesis": (
        {"network": None, "testnet": without("genesis_timestamp")},
        ["dv_testnet_genesis_timestamp is not set"],
    ),
    "testnet without name": ({"network": None, "testnet": without("name")}, ["dv_testnet_name is not set"]),
    "testnet with the fork version of mainnet": (
        {"network": None, "testnet": {**TESTNET, "fork_version": "0x00000000"}},
        ["dv_testnet_*", "mainnet"],
    ),
    "testnet with a fork version in capitals": (
        {"network": None, "testnet": {**TESTNET, "fork_version": "0x1042424A"}},
        ["dv_testnet_fork_version", "lower-case"],
    ),
    "testnet with an unknown field": (
        {"network": None, "testnet": {**TESTNET, "chainid": 1}},
        ["dv_testnet_chainid is unknown", "did you mean dv_testnet_chain_id"],
    ),
    "no name": ({"name": ""}, ['dv_name is ""', "the cluster's name"]),
    "name not set": ({"name": GONE}, ["dv_name is not set"]),
    "name too long": ({"name": "\u00e9" * 129}, ["dv_name has 258 bytes", "at most 256"]),
    "name not printable": ({"name": "a\u0007b"}, ["dv_name", "printed"]),
    "name with half a character": ({"name": "\ud800"}, ["dv_name", "printed"]),
    "name is a number": ({"name": 5}, ["dv_name is 5", "text"]),
    "creator without checksum": ({"creator": SOMEBODY.lower()}, ["dv_creator", SOMEBODY.lower(), "has no checksum"]),
    "zero creator": ({"creator": ZERO}, ["dv_creator", "zero address"]),
    "creator too short": ({"creator": "0x12"}, ["dv_creator", "0x12", "40 hex digits"]),
    "compounding is a text": ({"compounding": "yes please"}, ["dv_compounding", "true or false"]),
    "misspelled field": ({"treshold": 3}, ["dv_treshold is unknown", "did you mean dv_threshold"]),
    "unknown field": ({"xyzzy": 3}, ["dv_xyzzy is unknown", "remove it"]),
}


def changed(terms, changes):
    return {key: value for key, value in {**terms, **changes}.items() if value is not GONE}


@pytest.mark.parametrize("changes, fragments", BAD.values(), ids=BAD)
def test_bad_input_is_said_clearly_and_nothing_is_written(changes, fragments, terms, tmp_path, tree):
    with pytest.raises(DvError) as error:
        parse_config(changed(terms, changes))
    text = str(error.value)
    assert [fragment for fragment in fragments if fragment not in text] == []
    assert "5eed5eed5eed" not in text

    # The same through a node's preflight, which must leave an empty machine empty.
    node = preflight.Node(
        data_dir=DataDir(tmp_path / "node" / ".charon"),
        wallet_file=str(tmp_path / "node" / "wallet.json"),
        password_file=str(tmp_path / "node" / "password.txt"),
        policy_file=str(tmp_path / "node" / "policy.yml"),
    )
    texts = [str(problem) for problem in preflight.check(node, changed(terms, changes), now=0)]
    assert any(all(fragment in text for fragment in fragments) for text in texts)
    assert tree(tmp_path) == {}


def test_everything_wrong_is_said_at_once(terms):
    wrong = {
        "network": "hodi",
        "num_validators": 0,
        "threshold": 9,
        "name": "\u0007",
        "treshold": 1,
        "deposit_amounts": [3, 99],
    }
    with pytest.raises(Problems) as error:
        parse_config({**terms, **wrong})
    assert len(error.value.errors) == 6
    for name in ("dv_network", "dv_num_validators", "dv_threshold", "dv_name", "dv_treshold", "dv_deposit_amounts[1]"):
        assert name in str(error.value)


@pytest.mark.parametrize("value", [None, [], "terms", 5, {1: 2}, {"name": ["x"]}, {"testnet": 5}, {"operators": [[], {}, None]}])
def test_other_shapes(value):
    with pytest.raises(DvError):
        parse_config(value)


def test_defaults(terms):
    found = parse_config(terms)
    assert found.threshold == 3
    assert found.creator == found.operators[0]
    assert found.withdrawal_addresses == (DEAD, DEAD)
    assert found.target_gas_limit == 60_000_000
    assert (found.deposit_amounts, found.compounding, found.consensus_protocol) == ((), False, "")
    assert found.network.chain_id == 560048


def test_texts_of_the_command_line_are_read(terms):
    texts = {
        "num_validators": "2",
        "threshold": "4",
        "compounding": "True",
        "target_gas_limit": "1",
        "deposit_amounts": ["2048"],
    }
    found = parse_config({**terms, **texts})
    assert (found.num_validators, found.threshold, found.compounding, found.target_gas_limit) == (2, 4, True, 1)
    assert found.deposit_amounts == (2048 * 10**9,)


def test_what_is_not_set_may_be_empty(terms):
    assert parse_config({**terms, "threshold": None, "testnet": {}, "creator": "", "deposit_amounts": []}) == parse_config(terms)


def test_custom_testnet(terms):
    assert parse_config({**terms, "network": None, "testnet": TESTNET}).network.chain_id == 4242


def test_shared_operator_address_when_allowed(terms):
    terms["operators"][3] = terms["operators"][0]
    assert parse_config({**terms, "allow_shared_operator_address": True}).operators == tuple(terms["operators"])


def test_pending_operators(terms):
    terms["operators"] = ["", terms["operators"][1], "", ""]
    found = parse_config(terms, operators_pending=True)
    assert (found.operators[0], found.creator) == ("", "")
    with pytest.raises(DvError, match=r"dv_operators\[0\] is not known yet"):
        config.unsigned_definition(found, "u", "t")


@pytest.mark.parametrize("changes", [{}, {"deposit_amounts": [31, 1]}, {"compounding": True}, {"threshold": 4}])
def test_definition(terms, changes):
    found = config.unsigned_definition(parse_config({**terms, **changes}), "A-UUID", "2026-01-02T03:04:05Z")
    assert found.version == "v1.10.0"
    assert Definition.parse(found.dump()) == found
    check_hashes(found)
    check_deposit_amounts(found)
    assert config.differences(found, parse_config({**terms, **changes})) == []


DIFFERENT = {
    "name": ({"name": "other"}, 'dv_name: the definition has "test cluster", the terms say "other"'),
    "case of the name": ({"name": "Test cluster"}, "dv_name"),
    "network": ({"network": "mainnet"}, 'dv_network: the definition has "hoodi", the terms say "mainnet"'),
    "threshold": ({"threshold": 4}, "dv_threshold: the definition has 3, the terms say 4"),
    "one withdrawal address": (
        {"withdrawal_addresses": [DEAD, SOMEBODY]},
        'dv_withdrawal_addresses[1]: the definition has "%s", the terms say "%s"' % (DEAD, SOMEBODY),
    ),
    "all withdrawal addresses": (
        {"withdrawal_addresses": [SOMEBODY]},
        'dv_withdrawal_addresses: the definition has "%s", the terms say "%s"' % (DEAD, SOMEBODY),
    ),
    "fee recipient": ({"fee_recipient_addresses": [DEAD]}, "dv_fee_recipient_addresses[0]"),
    "deposits": (
        {"deposit_amounts": [32]},
        "dv_deposit_amounts: the definition has 0 entries, the terms say 1 entries",
    ),
    "compounding": ({"compounding": True}, "dv_compounding: the definition has false, the terms say true"),
    "gas limit": ({"target_gas_limit": 1}, "dv_target_gas_limit: the definition has 60000000, the terms say 1"),
    "consensus": ({"consensus_protocol": "qbft"}, 'dv_consensus_protocol: the definition has "", the terms say "qbft"'),
    "creator": ({"creator": DEAD}, "dv_creator"),
    "validators": (
        {"num_validators": 1, "fee_recipient_addresses": [DEAD]},
        "dv_num_validators: the definition has 2, the terms say 1",
    ),
}


@pytest.mark.parametrize("changes, text", DIFFERENT.values(), ids=DIFFERENT)
def test_differences(terms, changes, text):
    found = config.unsigned_definition(parse_config(terms), "u", "t")
    different = config.differences(found, parse_config({**terms, **changes}))
    assert any(line.startswith(text) for line in different), different


def test_differences_leave_pending_operators_and_case_alone(terms):
    found = config.unsigned_definition(parse_config(terms), "u", "t")
    lower = replace(found, creator=replace(found.creator, address=found.creator.address.lower()))
    assert config.differences(lower, parse_config(terms)) == []
    terms["operators"] = ["", "", "", terms["operators"][0]]
    different = config.differences(found, parse_config(terms, operators_pending=True))
    assert [line[:15] for line in different] == ["dv_operators[3]"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50) | st.sampled_from([DEAD, ZERO, SOMEBODY, "hoodi"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | st.sampled_from(list(TESTNET)), inner),
    max_leaves=8,
)
FIELDS = st.sampled_from(list(config_schema.CONFIG["properties"]))


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(FIELDS | st.text(max_size=8), VALUES), st.booleans(), st.booleans())
def test_only_own_errors_escape(changes, pending, based):
    base = {
        "name": "x",
        "network": "hoodi",
        "num_validators": 1,
        "withdrawal_addresses": [DEAD],
        "fee_recipient_addresses": [DEAD],
        "operators": [DEAD, SOMEBODY, ELSE],
    }
    try:
        found = parse_config({**(base if based else {}), **changes}, pending)
        if "" not in found.operators:
            check_hashes(config.unsigned_definition(found, "u", "t"))
    except DvError as error:
        assert str(error)


def test_numbers_of_thousands_of_digits(terms):
    with pytest.raises(DvError, match="too large to show"):
        parse_config({**terms, "num_validators": 16**6000})
