# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""EIP-712 digests, with eth_account as the second implementation."""

import json

import pytest
from ansible_collections.obol.dv.plugins.module_utils.crypto import secp256k1
from ansible_collections.obol.dv.plugins.module_utils.crypto.keccak import keccak256
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum import eip712
from ansible_collections.obol.dv.plugins.module_utils.ethereum.address import checksum_address
from eth_account.messages import encode_typed_data

CONFIG_HASH = bytes.fromhex("e57f66637bdfa05cce6a78e8cf4120d67d305b485367a69baa5f738436533bcb")


def other_digest(typed_data):
    """eth-account's digest of typed data in JSON, as a wallet gets it."""
    signable = encode_typed_data(full_message=json.loads(json.dumps(typed_data)))
    return keccak256(b"\x19" + signable.version + signable.header + signable.body)


def expected(primary, members, message, chain_id, name="Obol"):
    domain = {"name": name, "version": "1", **({} if chain_id is None else {"chainId": chain_id})}
    domain_type = [{"name": "name", "type": "string"}, {"name": "version", "type": "string"}]
    if chain_id is not None:
        domain_type.append({"name": "chainId", "type": "uint256"})
    return {
        "types": {
            "EIP712Domain": domain_type,
            primary: [{"name": name, "type": kind} for name, kind in members.items()],
        },
        "primaryType": primary,
        "domain": domain,
        "message": message,
    }


def check(typed_data, *wanted):
    assert typed_data == expected(*wanted)
    assert eip712.digest(typed_data) == other_digest(typed_data)


@pytest.mark.parametrize("chain_id", [1, 100, 560048, 2**63 - 1])
@pytest.mark.parametrize(
    ("function", "primary", "member"),
    [
        (eip712.creator_config, "CreatorConfigHash", "creator_config_hash"),
        (eip712.operator_config, "OperatorConfigHash", "operator_config_hash"),
        (eip712.operator_config_v1_3, "ConfigHash", "config_hash"),
    ],
)
def test_config_hashes(function, primary, member, chain_id):
    check(function(CONFIG_HASH, chain_id), primary, {member: "string"}, {member: "0x" + CONFIG_HASH.hex()}, chain_id)


@pytest.mark.parametrize("text", ["enr:-HW4Q", "", "enr:\u00fc"])
def test_enr(text):
    check(eip712.operator_enr(text, 17000), "ENR", {"enr": "string"}, {"enr": text}, 17000)


def test_terms_have_no_chain_id():
    check(
        eip712.terms_and_conditions(),
        "TermsAndConditions",
        {"terms_and_conditions_hash": "string", "version": "uint256"},
        {"terms_and_conditions_hash": eip712.TERMS_HASH, "version": 1},
        None,
    )


def test_known_digest():
    digest = "7c8fe012e2f872ca7ec870164184f57b921166f80565ff74af7bee5796f973e4"
    assert eip712.digest(eip712.creator_config(CONFIG_HASH, 11155111)).hex() == digest


@pytest.mark.parametrize("chain_id", [1, 560048, 2**63 - 1])
@pytest.mark.parametrize("share_index", [1, 2, 255])
@pytest.mark.parametrize("text", ["enr:-HW4Q", "enr:" + "x" * 1020])
def test_node_binding(text, share_index, chain_id):
    members = {"config_hash": "bytes32", "operator_index": "uint256", "enr": "string"}
    message = {"config_hash": "0x" + CONFIG_HASH.hex(), "operator_index": share_index, "enr": text}
    check(eip712.node_binding(CONFIG_HASH, share_index, text, chain_id), "NodeBinding", members, message, chain_id, "obol.dv")


def test_known_node_bindings(vectors):
    """The vectors of the protocol's "The binding"."""
    made = vectors / "charon-1.10.3" / "signed-definition"
    definition = json.loads((made / "cluster-definition.json").read_bytes())
    wallets = json.loads((made / "wallets-test-only.json").read_bytes())
    config_hash = bytes.fromhex(definition["config_hash"][2:])
    digests = [
        eip712.digest(eip712.node_binding(config_hash, index, operator["enr"], 560048))
        for index, operator in enumerate(definition["operators"], 1)
    ]
    assert digests[0].hex() == "a1f57da47748540df89d00e803a948d11d78b073c00eb75e6844e45f551f384c"
    assert digests[1].hex() == "08a614c8ce0185193ebb4628b7a01a4af667fd527cf32a4261741415987de29d"
    private_key = bytes.fromhex(wallets["operators"][0]["wallet_private_key"][2:])
    assert secp256k1.sign(private_key, digests[0]).hex() == (
        "fb4a31da72babaca60af5e740aa7db35089a0498eeb19954a517514db6477b9d28a769958ee442dd18c315a6eac8309ba5b56bd9599ae200b7543bed62df626e01"
    )


def test_verify_signature():
    private_key, typed_data = b"\x07" * 32, eip712.terms_and_conditions()
    address = secp256k1.address_of(secp256k1.public_key(private_key))
    signature = secp256k1.sign(private_key, eip712.digest(typed_data))
    eip712.verify_signature(address, typed_data, signature)
    with pytest.raises(eip712.SignedByAnother, match="it is a signature by %s, or of something else" % checksum_address(address)) as error:
        eip712.verify_signature(bytes(20), typed_data, signature)
    assert error.value.signer == checksum_address(address)
    with pytest.raises(eip712.SignedByAnother):
        eip712.verify_signature(address, eip712.operator_enr("enr:-HW4Q", 1), signature)
    with pytest.raises(DvError, match="64 bytes"):
        eip712.verify_signature(address, typed_data, signature[:64])
