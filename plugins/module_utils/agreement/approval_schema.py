# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shape of an operator's approval, and of the record that the node keeps of it."""

from ..cluster.definition_checks import MAX_OPERATORS
from .config_schema import ADDRESS

_HASH = {"type": "string", "pattern": r"^0x[0-9a-fA-F]{64}\Z", "description": "0x and 64 hex digits"}
_SIGNATURE = {"type": "string", "pattern": r"^0x[0-9a-fA-F]{130}\Z", "description": "0x and 130 hex digits"}


def _object(description, optional=(), **fields):
    return {
        "type": "object",
        "description": description,
        "additionalProperties": False,
        "required": [name for name in fields if name not in optional],
        "properties": fields,
    }


APPROVAL = _object(
    "an object with the operator's approval",
    # One that an older obol.dv made has none.
    optional=("binding_signature",),
    share_index={"type": "integer", "minimum": 1, "maximum": MAX_OPERATORS, "description": f"a whole number from 1 to {MAX_OPERATORS}"},
    address=ADDRESS,
    enr={"type": "string", "maxLength": 1024, "description": "an ENR text of at most 1024 bytes"},
    config_hash=_HASH,
    config_signature=_SIGNATURE,
    enr_signature=_SIGNATURE,
    binding_signature=_SIGNATURE,
)

RECORD = _object(
    "an object with the approval and what it was given for",
    approval=APPROVAL,
    approved_by={
        "type": "object",
        "description": "an object that says what allowed it",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": {
            "policy_sha256": {
                "type": "string",
                "pattern": r"^[0-9a-f]{64}\Z",
                "description": "64 lower-case hex digits",
            },
            "accepted_config_hash": _HASH,
            "signed_before": {"enum": [True], "description": "true"},
        },
    },
)
