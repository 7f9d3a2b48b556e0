# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of a node's cluster, from its definition or the proposal of one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..encoding.hex import to_hex
from ..ethereum import enr, networks
from ..ethereum.units import GWEI_PER_ETH
from .definition import Definition, effective_deposit_amounts

#: The terms by the names of their variables (without ``dv_``), and the value of each in a definition.
OF_DEFINITION = {
    "name": lambda definition: definition.name,
    "network": lambda definition: networks.name_of(definition.fork_version),
    "num_validators": lambda definition: definition.num_validators,
    "threshold": lambda definition: definition.threshold,
    "withdrawal_addresses": lambda definition: [each.withdrawal_address for each in definition.validators or ()],
    "fee_recipient_addresses": lambda definition: [each.fee_recipient_address for each in definition.validators or ()],
    "deposit_amounts": lambda definition: in_eth(definition.deposit_amounts),
    "compounding": lambda definition: definition.compounding,
    "target_gas_limit": lambda definition: definition.target_gas_limit,
    "consensus_protocol": lambda definition: definition.consensus_protocol,
    "operators": lambda definition: [each.address for each in definition.operators or ()],
    "creator": lambda definition: definition.creator.address,
}
#: What each validator has one of, often all the same.
_OF_VALIDATORS = ("withdrawal_addresses", "fee_recipient_addresses")


def in_eth(amounts: Iterable[int] | None) -> list[float]:
    """``amounts`` of Gwei (or ``None`` for none) in ETH: a list of numbers."""
    return [amount / GWEI_PER_ETH for amount in amounts or ()]


def summarize_config(definition: Definition) -> dict[str, Any]:
    """The terms of a ``definition`` as people compare them: network by its name, the amounts that are deposited in ETH, each different
    address of the validators once."""
    found = {name: value(definition) for name, value in OF_DEFINITION.items()}
    amounts = in_eth(effective_deposit_amounts(definition))
    found["deposit_amounts"] = [int(amount) if amount.is_integer() else amount for amount in amounts]
    return {name: list(dict.fromkeys(value)) if name in _OF_VALIDATORS else value for name, value in found.items()}


def summarize(definition: Definition | None = None, public_key: bytes | None = None) -> dict[str, Any]:
    """What is known of the cluster, as a module returns it.

    :param definition: a definition or a proposal, if there is one
    :param public_key: of the node's own ENR (33 bytes): its place there is the node's share index
    """
    known: dict[str, Any] = dict(config_hash=None, definition_hash=None, share_index=None, terms=None, operators=[])
    if definition:
        known["terms"] = summarize_config(definition)
        known.update({name: to_hex(getattr(definition, name)) or None for name in ("config_hash", "definition_hash")})
        for index, operator in enumerate(definition.operators or (), 1):
            # A proposal has no ENRs yet.
            key = enr.node_key(operator.enr)
            if key and key == public_key:
                known["share_index"] = index
            peer_id = enr.peer_id(key) if key else None
            known["operators"].append(dict(share_index=index, address=operator.address or None, peer_id=peer_id))
    return known
