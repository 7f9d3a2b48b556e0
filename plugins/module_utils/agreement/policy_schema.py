# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shape of a node's policy file."""

from ..cluster.definition_checks import LARGEST_COMPOUNDING
from .config_schema import ADDRESS

_ADDRESSES = {
    "type": "array",
    "items": ADDRESS,
    "minItems": 1,
    "description": "a list of at least one address",
}

POLICY = {
    "type": "object",
    "description": "a mapping of what this node agrees to sign",
    "additionalProperties": False,
    "required": ["networks", "withdrawal_addresses", "fee_recipient_addresses"],
    "properties": {
        "networks": {
            "type": "array",
            "minItems": 1,
            "description": "a list of at least one network",
            "items": {
                "type": "string",
                "description": "a network's name, or in quotes the genesis fork version of another",
            },
        },
        "withdrawal_addresses": _ADDRESSES,
        "fee_recipient_addresses": _ADDRESSES,
        "operators": _ADDRESSES,
        "deposit_amounts": {
            "type": "array",
            "minItems": 1,
            "description": "a list of at least one amount",
            "items": {
                "type": "integer",
                "minimum": 1,
                "maximum": LARGEST_COMPOUNDING,
                "description": f"a whole number of ETH, 1 to {LARGEST_COMPOUNDING}",
            },
        },
        "compounding": {"type": "boolean", "description": "true or false"},
        "threshold": {
            "type": "integer",
            "minimum": 2,
            "description": "the exact threshold, a whole number of at least 2",
        },
        "min_threshold": {"type": "integer", "minimum": 2, "description": "a whole number of at least 2"},
        "max_validators": {"type": "integer", "minimum": 1, "description": "a whole number of at least 1"},
    },
}
