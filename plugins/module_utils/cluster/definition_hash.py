# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two hashes of a cluster definition, v1.0 to v1.11. Source: charon-formats §1.5.

Both are the SSZ root of the same container: ``config_hash`` of the cluster config (no ENR, no signature), ``definition_hash`` of
everything, the stored ``config_hash`` included.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..encoding import ssz
from ..encoding.ssz_fields import (
    CONFIG,
    FULL,
    Leaf,
    address,
    boolean,
    byte_list,
    fixed,
    put,
    put_address,
    put_hex_text,
    put_text,
    struct,
    struct_list,
    uint64,
    walker,
)
from ..errors import DvError

if TYPE_CHECKING:
    from .definition import Definition, Operator

#: Limit of the SSZ list of operators in charon's format, and so of what is read.
SSZ_MAX_OPERATORS = 256


def compute_config_hash(definition: Definition) -> bytes:
    """The config hash (32 bytes): of the cluster config, operator and creator addresses among it.

    :raises DvError: a value that its field has no room for
    """
    return _compute(definition, CONFIG)


def compute_definition_hash(definition: Definition) -> bytes:
    """The definition hash (32 bytes), given the config hash that is stored.

    :raises DvError: a value that its field has no room for
    """
    return _compute(definition, FULL)


# A node hashes the definition that it goes by in every round, and of a thousand validators that takes a while.
@functools.lru_cache(maxsize=8)
def _compute(definition: Definition, mode: str) -> bytes:
    table = _DEFINITION if definition.minor >= 3 else _DEFINITION_BEFORE_V1_3
    return ssz.container(*walker(definition.minor, mode)(table, definition))


def _signatures(value: bytes, walk: Callable) -> list[bytes]:
    """v1.11: as many signatures of 65 bytes as there are."""
    if len(value) % 65:
        raise DvError(f"{len(value)} bytes", "a multiple of 65 bytes")
    return [ssz.root_list([ssz.fixed_bytes(value[i : i + 65], 65) for i in range(0, len(value), 65)], 32)]


def _amounts(values: Sequence[int] | None, walk: Callable) -> list[bytes]:
    return [ssz.uint64_list(values or (), 256)]


def _nonce(operator: Operator, walk: Callable) -> list[bytes]:
    return [ssz.uint64(0)]


def _addresses(operators: Sequence[Operator] | None, walk: Callable) -> list[bytes]:
    """Before v1.3: a list of address texts, where an empty one is left out but counted."""
    operators = operators or ()
    leaves = [leaf for operator in operators for leaf in put_text(operator.address, walk)]
    return [ssz.mix_in_length(ssz.merkleize(leaves, len(operators)), len(operators))]


_CREATOR = (
    Leaf("address", put_address, last=4),
    Leaf("address", address, first=5),
    Leaf("config_signature", put, last=4, only=FULL),
    Leaf("config_signature", fixed(65), first=5, last=10, only=FULL),
    Leaf("config_signature", _signatures, first=11, only=FULL),
)

_OPERATOR = (
    Leaf("address", put_text, last=2),
    Leaf("address", put_address, first=3, last=4),
    Leaf("address", address, first=5),
    Leaf("enr", put_text, last=2, only=FULL),
    Leaf("enr", byte_list(1024), first=3, only=FULL),
    Leaf(None, _nonce, last=1, only=FULL),
    Leaf("config_signature", put, last=4, only=FULL),
    Leaf("config_signature", fixed(65), first=5, last=10, only=FULL),
    Leaf("config_signature", _signatures, first=11, only=FULL),
    Leaf("enr_signature", put, last=4, only=FULL),
    Leaf("enr_signature", fixed(65), first=5, last=10, only=FULL),
    Leaf("enr_signature", _signatures, first=11, only=FULL),
)

_VALIDATOR = (
    Leaf("fee_recipient_address", address),
    Leaf("withdrawal_address", address),
)

_DEFINITION = (
    Leaf("uuid", byte_list(64)),
    Leaf("name", byte_list(256)),
    Leaf("version", byte_list(16)),
    Leaf("timestamp", byte_list(32)),
    Leaf("num_validators", uint64),
    Leaf("threshold", uint64),
    Leaf("fee_recipient_address", put_address, last=4),
    Leaf("withdrawal_address", put_address, last=4),
    Leaf("dkg_algorithm", byte_list(32)),
    Leaf("fork_version", put, last=4),
    Leaf("fork_version", fixed(4), first=5),
    Leaf("operators", struct_list(_OPERATOR, SSZ_MAX_OPERATORS)),
    Leaf("creator", struct(_CREATOR), first=4),
    Leaf("validators", struct_list(_VALIDATOR, 65536), first=5),
    Leaf("deposit_amounts", _amounts, first=8),
    Leaf("consensus_protocol", byte_list(256), first=9),
    Leaf("target_gas_limit", uint64, first=10),
    Leaf("compounding", boolean, first=10),
    Leaf("config_hash", put, last=4, only=FULL),
    Leaf("config_hash", fixed(32), first=5, last=10, only=FULL),
    Leaf("config_hash", put, first=11, only=FULL),
)

_DEFINITION_BEFORE_V1_3 = (
    Leaf("uuid", put_text),
    Leaf("name", put_text),
    Leaf("version", put_text),
    Leaf("num_validators", uint64),
    Leaf("threshold", uint64),
    Leaf("fee_recipient_address", put_text),
    Leaf("withdrawal_address", put_text),
    Leaf("dkg_algorithm", put_text),
    Leaf("fork_version", put_hex_text),
    Leaf("operators", _addresses, only=CONFIG),
    Leaf("operators", struct_list(_OPERATOR, None), only=FULL),
    Leaf("timestamp", put_text, only=CONFIG),
    Leaf("timestamp", put_text, first=1, only=FULL),
)
