# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""EIP-712 typed data: what creators and operators sign, its digest, and the verification of signatures of it.

Typed data is a dict as ``eth_signTypedData_v4`` takes it, so that any wallet can sign it: ``types``, ``primaryType``, ``domain`` and
``message``. In charon's types hashes go in as text (EIP-712 type ``string``), and the domain of the terms has no chain id.

Source: EIP-712; charon-formats §2.1; for the binding, which is ours, the protocol's "The binding".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..crypto import secp256k1
from ..crypto.keccak import keccak256
from ..errors import DvError
from .address import checksum_address

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
    "bytes32": lambda value: bytes.fromhex(value.removeprefix("0x")),
}


class SignedByAnother(DvError):
    """A signature by another address than the one that was to sign, or of something else.

    :param signer: that address, as text with checksum
    """

    def __init__(self, found: str, signer: str):
        super().__init__(found)
        self.signer = signer


def creator_config(config_hash: bytes, chain_id: int) -> dict[str, Any]:
    """What the creator signs for the 32-byte ``config_hash`` (v1.4 and later)."""
    return _typed_data("CreatorConfigHash", {"creator_config_hash": "0x" + config_hash.hex()}, {**_CHARON, "chainId": chain_id})


def operator_config(config_hash: bytes, chain_id: int) -> dict[str, Any]:
    """What every operator signs for the 32-byte ``config_hash`` (v1.4 and later)."""
    return _typed_data("OperatorConfigHash", {"operator_config_hash": "0x" + config_hash.hex()}, {**_CHARON, "chainId": chain_id})


def operator_config_v1_3(config_hash: bytes, chain_id: int) -> dict[str, Any]:
    """What every operator signs for the 32-byte ``config_hash`` in v1.3."""
    return _typed_data("ConfigHash", {"config_hash": "0x" + config_hash.hex()}, {**_CHARON, "chainId": chain_id})


def operator_enr(enr: str, chain_id: int) -> dict[str, Any]:
    """What an operator signs for the ``enr`` of its node, exactly as the definition has it. It is bound to no cluster."""
    return _typed_data("ENR", {"enr": enr}, {**_CHARON, "chainId": chain_id})


def node_binding(config_hash: bytes, share_index: int, enr: str, chain_id: int) -> dict[str, Any]:
    """What binds ``enr`` to the place ``share_index`` (from 1) of the cluster with the 32-byte ``config_hash``."""
    message = {"config_hash": "0x" + config_hash.hex(), "operator_index": share_index, "enr": enr}
    return _typed_data("NodeBinding", message, {**_OURS, "chainId": chain_id})


def terms_and_conditions() -> dict[str, Any]:
    """What a user of the launchpad's API signs for Obol's terms and conditions."""
    return _typed_data("TermsAndConditions", {"terms_and_conditions_hash": TERMS_HASH, "version": TERMS_VERSION}, _CHARON)


def digest(typed_data: dict[str, Any]) -> bytes:
    """The 32 bytes that a wallet's key signs of ``typed_data``."""
    types = typed_data["types"]
    domain = _hash_struct("EIP712Domain", types, typed_data["domain"])
    return keccak256(b"\x19\x01" + domain + _hash_struct(typed_data["primaryType"], types, typed_data["message"]))


def verify_signature(address: bytes, typed_data: dict[str, Any], signature: bytes) -> None:
    """Refuse a ``signature`` (65 bytes) of ``typed_data`` that is not by the key of ``address`` (20 bytes).

    :raises DvError: it is no signature
    :raises SignedByAnother: it is one by another key, or of something else
    """
    recovered = secp256k1.recover_address(digest(typed_data), signature)
    if recovered != address:
        signer = checksum_address(recovered)
        raise SignedByAnother(f"it is a signature by {signer}, or of something else", signer)


def _typed_data(primary_type: str, message: dict[str, Any], domain: dict[str, Any]) -> dict[str, Any]:
    members = {"EIP712Domain": domain, primary_type: message}
    types = {name: [{"name": member, "type": _TYPES[name][member]} for member in values] for name, values in members.items()}
    return {"types": types, "primaryType": primary_type, "domain": domain, "message": message}


def _hash_struct(name: str, types: dict[str, Any], values: dict[str, Any]) -> bytes:
    members = [(member["type"], member["name"]) for member in types[name]]
    encoded_type = f"{name}({','.join(f'{kind} {member}' for kind, member in members)})"
    return keccak256(keccak256(encoded_type.encode()) + b"".join(_ENCODE[kind](values[member]) for kind, member in members))
