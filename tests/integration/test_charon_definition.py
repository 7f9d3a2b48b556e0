# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Definitions between charon and us: we read what ``charon create dkg`` makes, and a stock ``charon dkg`` takes what we sign."""

import dataclasses

import pytest
from ansible_collections.obol.dv.plugins.module_utils.cluster import definition_hash
from ansible_collections.obol.dv.plugins.module_utils.cluster.definition import (
    Creator,
    Definition,
    Operator,
    ValidatorAddresses,
    with_hashes,
)
from ansible_collections.obol.dv.plugins.module_utils.cluster.definition_checks import check_hashes, check_signatures
from ansible_collections.obol.dv.plugins.module_utils.crypto import secp256k1
from ansible_collections.obol.dv.plugins.module_utils.ethereum import eip712, enr, networks, units
from ansible_collections.obol.dv.plugins.module_utils.ethereum.address import checksum_address
from ansible_collections.obol.dv.plugins.module_utils.verify.artefacts import verify_path
from ansible_collections.obol.dv.tests.support import stock_charon

ADDRESSES = [
    "0x000000000000000000000000000000000000dEaD",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
]
HOODI = networks.KNOWN.by_name("hoodi")
TESTNET = networks.custom_network("devnet-7", 7007, "0x70000000", 1700000000)

# Private keys, for tests only.
NODE_KEYS = [bytes([0x10 + index]) * 32 for index in range(10)]
WALLETS = [bytes([0x50 + index]) * 32 for index in range(4)]

# What differs from the terms below: flags of `charon create dkg`.
TERMS = {"network": "hoodi", "fee_recipient_addresses": ADDRESSES[0], "withdrawal_addresses": ADDRESSES[1]}
MADE_BY_CHARON = {
    "hoodi": {},
    "mainnet": {"network": "mainnet"},
    "gnosis": {"network": "gnosis"},
    "sepolia": {"network": "sepolia"},
    "custom-testnet": {
        "network": "",
        "testnet_name": TESTNET.name,
        "testnet_chain_id": TESTNET.chain_id,
        "testnet_fork_version": "0x" + TESTNET.genesis_fork_version.hex(),
        "testnet_genesis_timestamp": TESTNET.genesis_time,
    },
    "addresses-of-each": {
        "num_validators": 3,
        "fee_recipient_addresses": ADDRESSES,
        "withdrawal_addresses": ADDRESSES[::-1],
    },
    "amounts": {"deposit_amounts": [16, 16, 1]},
    "compounding": {"compounding": True},
    "pedersen": {"dkg_algorithm": "pedersen"},
    "threshold": {"threshold": 2},
    "qbft": {"consensus_protocol": "qbft"},
    "gas-limit": {"target_gas_limit": 36000000},
    "name": {"name": "Grüße <&> \u2028 \U0001f600"},
}


@pytest.mark.parametrize("operators", [3, 4, 10])
@pytest.mark.parametrize("name", MADE_BY_CHARON)
def test_what_charon_makes_is_read(charon, tmp_path, name, operators):
    enrs = [enr.encode(key) for key in NODE_KEYS[:operators]]
    content = charon.create_dkg(tmp_path, operator_enrs=enrs, **{**TERMS, **MADE_BY_CHARON[name]}).read_bytes()
    definition = Definition.parse(content)
    assert definition_hash.compute_config_hash(definition) == definition.config_hash
    assert definition_hash.compute_definition_hash(definition) == definition.definition_hash
    assert definition.dump() == content
    network = networks.Networks(TESTNET).of(definition)
    assert check_signatures(definition, network) == "unsigned"
    assert [operator.enr for operator in definition.operators] == enrs


def sign(wallet, typed_data, v):
    """A signature as wallets (``v`` 27) or charon (``v`` 0) write it."""
    signature = secp256k1.sign(wallet, eip712.digest(typed_data))
    return signature[:64] + bytes([signature[64] + v])


def address_of(wallet):
    return checksum_address(secp256k1.address_of(secp256k1.public_key(wallet)))


def ours(group, **terms):
    """A definition of our making for four operators: signed by the creator and, if ``group``, by all operators."""
    chain_id = HOODI.chain_id
    operators = [Operator(address=address_of(wallet) if group else "") for wallet in WALLETS]
    terms = {
        "name": "ours <&>",
        "uuid": "0D3A8C4E-62CB-4E0B-9D1F-2B8C1C3F5A77",
        "timestamp": "2026-11-23T12:00:00+01:00",
        "threshold": 3,
        "validators": (
            ValidatorAddresses(fee_recipient_address=ADDRESSES[0], withdrawal_address=ADDRESSES[1]),
            ValidatorAddresses(fee_recipient_address=ADDRESSES[1], withdrawal_address=ADDRESSES[2]),
        ),
        "fork_version": HOODI.genesis_fork_version,
        "target_gas_limit": 60000000,
        **terms,
    }
    definition = Definition(
        creator=Creator(address=address_of(WALLETS[0])),
        operators=tuple(operators),
        num_validators=len(terms["validators"]),
        **terms,
    )
    config_hash = definition_hash.compute_config_hash(definition)
    for index, wallet in enumerate(WALLETS):
        text, v = enr.encode(NODE_KEYS[index]), 27 * (index % 2)
        operators[index] = dataclasses.replace(operators[index], enr=text)
        if group:
            operators[index] = dataclasses.replace(
                operators[index],
                config_signature=sign(wallet, eip712.operator_config(config_hash, chain_id), v),
                enr_signature=sign(wallet, eip712.operator_enr(text, chain_id), v),
            )
    creator = dataclasses.replace(definition.creator, config_signature=sign(WALLETS[0], eip712.creator_config(config_hash, chain_id), 27))
    return with_hashes(dataclasses.replace(definition, creator=creator, operators=tuple(operators)))


def stock_dkg(charon, directory, definition):
    """A full ``charon dkg`` of four nodes over ``definition``; their data directories."""
    nodes = [directory / ("node%d" % number) for number in range(1, 5)]
    for node, key in zip(nodes, NODE_KEYS):
        node.mkdir()
        (node / "charon-enr-private-key").write_text(key.hex())
        (node / "charon-enr-private-key").chmod(0o600)
    path = directory / "cluster-definition.json"
    path.write_bytes(definition.dump())
    with charon.relay() as relay:
        charon.dkg(nodes, path, relay)
    return nodes


ETH = units.GWEI_PER_ETH
MADE_BY_US = {
    "group": (True, {}),
    "group-of-partial-amounts": (True, {"deposit_amounts": (31 * ETH, ETH)}),
    "group-compounding": (True, {"compounding": True}),
    "solo": (False, {}),
}


@pytest.mark.parametrize("name", MADE_BY_US)
def test_what_we_sign_goes_through_a_stock_dkg(charon, tmp_path, name):
    group, terms = MADE_BY_US[name]
    definition = ours(group, **terms)
    check_hashes(definition)
    assert check_signatures(definition, HOODI) == ("group" if group else "solo")
    for node in stock_dkg(charon, tmp_path, definition):
        report = verify_path(node)
        assert [finding for finding in report.findings if finding.level == "error"] == []
        assert report.cluster["definition_hash"] == "0x" + definition.definition_hash.hex()


def test_a_signature_of_someone_else_is_refused_by_charon(charon, tmp_path):
    """The judge is not blind: an operator's signature in the place of another's ends the stock DKG."""
    definition = ours(True)
    first, second, *others = definition.operators
    second = dataclasses.replace(second, config_signature=first.config_signature)
    forged = with_hashes(dataclasses.replace(definition, operators=(first, second, *others)))
    with pytest.raises(stock_charon.CharonError, match="charon ended with 1"):
        stock_dkg(charon, tmp_path, forged)
