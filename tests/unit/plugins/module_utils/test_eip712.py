# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""EIP-712 digests, with eth_account as the second implementation."""

import pytest
from eth_account.messages import encode_typed_data

from ansible_collections.obol.dv.plugins.module_utils import eip712
from ansible_collections.obol.dv.plugins.module_utils.address import keccak256

CONFIG_HASH = bytes.fromhex("e57f66637bdfa05cce6a78e8cf4120d67d305b485367a69baa5f738436533bcb")


def oracle(primary, members, message, chain_id):
    domain = {"name": "Obol", "version": "1", **({} if chain_id is None else {"chainId": chain_id})}
    domain_type = [{"name": "name", "type": "string"}, {"name": "version", "type": "string"}]
    if chain_id is not None:
        domain_type.append({"name": "chainId", "type": "uint256"})
    signable = encode_typed_data(
        full_message={
            "types": {
                "EIP712Domain": domain_type,
                primary: [{"name": name, "type": kind} for name, kind in members.items()],
            },
            "primaryType": primary,
            "domain": domain,
            "message": message,
        }
    )
    return keccak256(b"\x19" + signable.version + signable.header + signable.body)


@pytest.mark.parametrize("chain_id", [1, 100, 560048, 2**63 - 1])
@pytest.mark.parametrize(
    ("function", "primary", "member"),
    [
        (eip712.creator_config_digest, "CreatorConfigHash", "creator_config_hash"),
        (eip712.operator_config_digest, "OperatorConfigHash", "operator_config_hash"),
        (eip712.config_digest_v1_3, "ConfigHash", "config_hash"),
    ],
)
def test_config_hashes(function, primary, member, chain_id):
    assert function(CONFIG_HASH, chain_id) == oracle(
        primary, {member: "string"}, {member: "0x" + CONFIG_HASH.hex()}, chain_id
    )


@pytest.mark.parametrize("text", ["enr:-HW4Q", "", "enr:\u00fc"])
def test_enr(text):
    assert eip712.enr_digest(text, 17000) == oracle("ENR", {"enr": "string"}, {"enr": text}, 17000)


def test_terms_have_no_chain_id():
    assert eip712.terms_digest() == oracle(
        "TermsAndConditions",
        {"terms_and_conditions_hash": "string", "version": "uint256"},
        {"terms_and_conditions_hash": eip712.TERMS_HASH, "version": 1},
        None,
    )


def test_known_digest():
    digest = "7c8fe012e2f872ca7ec870164184f57b921166f80565ff74af7bee5796f973e4"
    assert eip712.creator_config_digest(CONFIG_HASH, 11155111).hex() == digest
