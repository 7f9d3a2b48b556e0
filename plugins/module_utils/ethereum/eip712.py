# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""EIP-712 digests of what creators and operators sign.

Source: EIP-712; charon-formats §2.1; for the binding, which is ours, the protocol's "The binding". In charon's types hashes
go in as text (EIP-712 type ``string``), and the domain of the terms has no chain id. Every function returns the 32-byte
digest that a wallet signs.
"""

from collections.abc import Callable
from typing import Any

from ..crypto.keccak import keccak256

#: Obol's terms and conditions: the hash of their text, and their version.
TERMS_HASH = "0xd33721644e8f3afab1495a74abe3523cec12d48b8da6cb760972492ca3f1a273"
TERMS_VERSION = 1

_CHARON = {"name": "Obol", "version": "1"}
_OURS = {"name": "obol.dv", "version": "1"}

# Each member's type by struct type and member name, in order.
_TYPES = {
    "CreatorConfigHash": {"creator_config_hash": "string"},
    "OperatorConfigHash": {"operator_config_hash": "string"},
    "ConfigHash": {"config_hash": "string"},
    "ENR": {"enr": "string"},
    "NodeBinding": {"config_hash": "bytes32", "operator_index": "uint256", "enr": "string"},
    "TermsAndConditions": {"terms_and_conditions_hash": "string", "version": "uint256"},
    "EIP712Domain": {"name": "string", "version": "string", "chainId": "uint256"},
}
_ENCODE: dict[str, Callable[[Any], bytes]] = {
    "string": lambda value: keccak256(value.encode()),
    "uint256": lambda value: value.to_bytes(32, "big"),
    "bytes32": lambda value: value,
}


def creator_config_digest(config_hash: bytes, chain_id: int) -> bytes:
    """What the creator signs for the 32-byte ``config_hash`` (v1.4 and later)."""
    return _digest("CreatorConfigHash", {"creator_config_hash": "0x" + config_hash.hex()}, {**_CHARON, "chainId": chain_id})


def operator_config_digest(config_hash: bytes, chain_id: int) -> bytes:
    """What every operator signs for the 32-byte ``config_hash`` (v1.4 and later)."""
    return _digest("OperatorConfigHash", {"operator_config_hash": "0x" + config_hash.hex()}, {**_CHARON, "chainId": chain_id})


def config_digest_v1_3(config_hash: bytes, chain_id: int) -> bytes:
    """What every operator signs for the 32-byte ``config_hash`` in v1.3."""
    return _digest("ConfigHash", {"config_hash": "0x" + config_hash.hex()}, {**_CHARON, "chainId": chain_id})


def enr_digest(enr: str, chain_id: int) -> bytes:
    """What an operator signs for the text ``enr`` of his node, exactly as the definition has it. It is bound to no cluster."""
    return _digest("ENR", {"enr": enr}, {**_CHARON, "chainId": chain_id})


def node_binding_digest(config_hash: bytes, share_index: int, enr: str, chain_id: int) -> bytes:
    """What binds the text ``enr`` to the place ``share_index`` (from 1) of the cluster with the 32-byte ``config_hash``."""
    message = {"config_hash": config_hash, "operator_index": share_index, "enr": enr}
    return _digest("NodeBinding", message, {**_OURS, "chainId": chain_id})


def terms_digest() -> bytes:
    """What a user of the launchpad's API signs for Obol's terms and conditions."""
    return _digest("TermsAndConditions", {"terms_and_conditions_hash": TERMS_HASH, "version": TERMS_VERSION}, _CHARON)


def _digest(name: str, message: dict[str, Any], domain: dict[str, Any]) -> bytes:
    return keccak256(b"\x19\x01" + _hash_struct("EIP712Domain", domain) + _hash_struct(name, message))


def _hash_struct(name: str, values: dict[str, Any]) -> bytes:
    members = {member: kind for member, kind in _TYPES[name].items() if member in values}
    encoded_type = f"{name}({','.join(f'{kind} {member}' for member, kind in members.items())})"
    return keccak256(keccak256(encoded_type.encode()) + b"".join(_ENCODE[kind](values[member]) for member, kind in members.items()))
