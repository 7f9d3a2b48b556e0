# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The form of the status as JSON, as docs/status.md tells it."""

import jsonschema
from ansible_collections.obol.dv.plugins.module_utils.cluster.node_status import STEPS


def _object(**fields):
    return {"type": "object", "additionalProperties": False, "required": list(fields), "properties": fields}


def _or_null(kind, **more):
    return {"anyOf": [{"type": kind, **more}, {"type": "null"}]}


_INDEX = {"type": "integer", "minimum": 1, "maximum": 255}
_ADDRESSES = {"type": "array", "items": {"type": "string"}, "minItems": 1}
_TIME = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"
_VALIDATORS = {
    "type": "array",
    "items": _object(position={"type": "integer", "minimum": 0}, pubkey={"type": "string"}, status={"type": "string"}),
}
_HASH = _or_null("string", pattern="^0x[0-9a-f]{64}$")

NODE = _object(
    state={"enum": ["complete", "waiting", "aborted", "stopped", "unknown", "planned"]},
    step={"enum": [*STEPS, "load", "unload", "activate", "verify", None]},
    attempt=_or_null("integer", minimum=1),
    waiting_for={"type": "array", "items": _INDEX},
    ready={"type": "boolean"},
    since=_or_null("string", pattern=_TIME),
    detail={"type": "string"},
    accused={
        "type": "array",
        "items": _object(operator=_INDEX, check={"type": "string"}, evidence=_or_null("string")),
    },
    evidence=_or_null("string"),
    next_attempt=_or_null("integer", minimum=2),
    enr=_or_null("string", pattern="^enr:-"),
    backup={
        "anyOf": [
            _object(
                path={"type": "string"},
                created=_or_null("string", pattern=_TIME),
                holds={"type": "array", "items": {"type": "string"}},
                current={"type": "boolean"},
                copied={"type": "boolean"},
                drilled=_or_null("string", pattern=_TIME),
            ),
            {"type": "null"},
        ]
    },
    keys={
        "anyOf": [
            _object(
                place={"type": "string"},
                state={"enum": ["", "loading", "written", "loaded", "restored", "unloading", "unloaded"]},
                since=_or_null("string"),
                detail={"type": "string"},
            ),
            {"type": "null"},
        ]
    },
    deposits={
        "anyOf": [
            _object(
                **dict.fromkeys(("state", "detail", "plan", "network", "contract", "payer", "amount", "unpaid"), {"type": "string"}),
                **dict.fromkeys(("remarks", "sent"), {"type": "array", "items": {"type": "string"}}),
                withdrawal={"type": "array", "items": _object(address={"type": "string"}, kind={"type": "string"})},
                lines={
                    "type": "array",
                    "items": _object(line={"type": "string"}, state={"type": "string"}, transaction=_or_null("string")),
                },
                validators=_VALIDATORS,
                guards={
                    "type": "array",
                    "items": _object(
                        guard={"type": "string"}, state={"enum": ["passed", "without", "unchecked", "failed"]}, text={"type": "string"}
                    ),
                },
            ),
            {"type": "null"},
        ]
    },
    config_hash=_HASH,
    definition_hash=_HASH,
    share_index=_or_null("integer", minimum=1, maximum=255),
    data_dir={"type": "string"},
    command=_or_null("string"),
)

TERMS = _object(
    name={"type": "string"},
    network={"type": "string"},
    num_validators={"type": "integer", "minimum": 1},
    threshold={"type": "integer", "minimum": 1},
    withdrawal_addresses=_ADDRESSES,
    fee_recipient_addresses=_ADDRESSES,
    deposit_amounts={"type": "array", "items": {"type": "number"}, "minItems": 1},
    compounding={"type": "boolean"},
    target_gas_limit={"type": "integer", "minimum": 0},
    consensus_protocol={"type": "string"},
    operators={"type": "array", "items": {"type": "string"}},
    creator={"type": "string"},
)

CLUSTER = _object(
    operators={
        "type": "array",
        "items": _object(share_index=_INDEX, address=_or_null("string"), peer_id=_or_null("string"), node=_or_null("string")),
    },
    terms={"anyOf": [TERMS, {"type": "null"}]},
    agreed={"type": "boolean"},
    accepted={"type": "array", "items": {"type": "string"}},
    proven=_or_null("array", items=_INDEX),
    keys_loaded=_or_null("array", items=_INDEX),
    validators={"anyOf": [_VALIDATORS, {"type": "null"}]},
    readiness={
        "anyOf": [
            _object(
                passed={"type": "boolean"},
                score={"enum": ["A", "B", "C"]},
                made={"type": "string", "pattern": _TIME},
                problems={
                    "type": "array",
                    "items": _object(verdict={"enum": ["warn", "fail"]}, **dict.fromkeys(("about", "text", "hint"), {"type": "string"})),
                },
            ),
            {"type": "null"},
        ]
    },
    nodes={"type": "object", "additionalProperties": NODE},
)

SCHEMA = _object(clusters={"type": "object", "additionalProperties": CLUSTER})


def check(document):
    """Refuse what is not of that form.

    :raises jsonschema.ValidationError: it is not
    """
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
