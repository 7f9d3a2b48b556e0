# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shape of a cluster's terms. Limits: charon-formats §1.1 and §1.4."""

from ..cluster.definition import MAX_VALIDATORS
from ..cluster.definition_checks import MAX_OPERATORS, MIN_OPERATORS

# Patterns end in \Z, for $ would let a trailing line break pass.
ADDRESS = {
    "type": "string",
    "pattern": r"^0x[0-9a-fA-F]{40}\Z",
    "description": "an Ethereum address in quotes: 0x and 40 hex digits",
}

#: An operator whose wallet is not made yet, or a creator that is not named: an empty text.
ADDRESS_OR_EMPTY = {**ADDRESS, "pattern": r"^(0x[0-9a-fA-F]{40})?\Z"}

ADDRESSES = {
    "type": "array",
    "items": ADDRESS,
    "minItems": 1,
    "description": "a list of addresses: one, or one for each validator",
}

TESTNET = {
    "type": "object",
    "description": "a custom test network: name, chain_id, fork_version and genesis_timestamp",
    "additionalProperties": False,
    "required": ["name", "chain_id", "fork_version", "genesis_timestamp"],
    "properties": {
        "name": {
            "type": "string",
            "pattern": r"^[A-Za-z0-9._-]{1,64}\Z",
            "description": "the network's name: 1 to 64 letters, digits, '.', '_' or '-'",
        },
        "chain_id": {
            "type": "integer",
            "minimum": 1,
            "maximum": 2**63 - 1,
            "description": "the chain id of its execution layer, a whole number of at least 1",
        },
        "fork_version": {
            "type": "string",
            "pattern": r"^0x[0-9a-f]{8}\Z",
            "description": "the genesis fork version in quotes: 0x and 8 lower-case hex digits",
        },
        "genesis_timestamp": {
            "type": "integer",
            "minimum": 1,
            "maximum": 2**63 - 1,
            "description": "the genesis time, seconds since 1970 as a whole number",
        },
    },
}

_OPERATORS = {
    "type": "array",
    "items": ADDRESS,
    "minItems": MIN_OPERATORS,
    "maxItems": MAX_OPERATORS,
    "description": f"an ordered list of {MIN_OPERATORS} to {MAX_OPERATORS} operator addresses (the DKG's share indices are one byte)",
}

_PROPERTIES = {
    "name": {
        "type": "string",
        "minLength": 1,
        "description": "the cluster's name, 1 to 256 bytes of printable text",
    },
    "network": {"type": "string", "description": "the name of a network"},
    "testnet": TESTNET,
    "num_validators": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_VALIDATORS,
        "description": f"a whole number of validators, 1 to {MAX_VALIDATORS}",
    },
    "threshold": {
        "type": "integer",
        "minimum": 2,
        "maximum": 2**63 - 1,
        "description": "a whole number from 2 to the number of operators, or nothing for two thirds, rounded up",
    },
    "withdrawal_addresses": ADDRESSES,
    "fee_recipient_addresses": ADDRESSES,
    "deposit_amounts": {
        "type": "array",
        "items": {
            "type": "integer",
            "minimum": 1,
            "maximum": 2**63 - 1,
            "description": "a whole number of ETH, at least 1",
        },
        "maxItems": 256,
        "description": "a list of at most 256 whole numbers of ETH, or [] for charon's default",
    },
    "compounding": {"type": "boolean", "description": "true or false"},
    "target_gas_limit": {
        "type": "integer",
        "minimum": 1,
        "maximum": 2**64 - 1,
        "description": "a gas limit above 0",
    },
    "consensus_protocol": {"enum": ["", "qbft"], "description": 'qbft, or "" for charon\'s choice'},
    "operators": _OPERATORS,
    "creator": ADDRESS_OR_EMPTY,
    "allow_shared_operator_address": {"type": "boolean", "description": "true or false"},
}

CONFIG = {
    "type": "object",
    "description": "a mapping of the cluster's terms",
    "additionalProperties": False,
    "required": ["name", "num_validators", "withdrawal_addresses", "fee_recipient_addresses", "operators"],
    "properties": _PROPERTIES,
}

#: The terms before every operator has a wallet.
PENDING_CONFIG = {
    **CONFIG,
    "properties": {**_PROPERTIES, "operators": {**_OPERATORS, "items": ADDRESS_OR_EMPTY}},
}
