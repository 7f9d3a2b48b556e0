# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operators of a definition or proposal: who has which share index, by address and by node key."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import DvError, OperatorError
from ..ethereum import enr
from .definition import Definition, Operator


def numbered(definition: Definition) -> dict[int, Operator]:
    """The operators of ``definition`` by their share index, in order."""
    return dict(enumerate(definition.operators or (), 1))


def indices_of(address: str, addresses: Iterable[str]) -> list[int]:
    """The share indices that ``address`` has among the ``addresses`` of all operators, which are in their order."""
    return [share_index for share_index, each in enumerate(addresses, 1) if each.lower() == address.lower()]


def index_of_address(definition: Definition, address: str, wanted: int | None = None) -> int:
    """The share index of the operator with ``address`` in ``definition``.

    :param wanted: which one it is, where an address stands there more than once
    :raises DvError: it has no place there, or more than one and ``wanted`` is none of them
    """
    indices = indices_of(address, (operator.address for operator in definition.operators or ()))
    if not indices:
        raise DvError(
            f"{address} is none of the operators of the definition",
            "one of " + ", ".join(operator.address or "(no address)" for operator in definition.operators or ()),
            "correct dv_operator_address of this node, or dv_operators",
        )
    if wanted is None and len(indices) == 1:
        return indices[0]
    if wanted is None or wanted not in indices:
        raise ambiguous(address, indices, wanted)
    return wanted


def ambiguous(address: str, indices: list[int], wanted: int | None) -> DvError:
    """The error of an ``address`` with several share ``indices``, of which ``wanted`` is none."""
    return DvError(
        f"dv_share_index is {'not set' if wanted is None else wanted}",
        f"one of {', '.join(map(str, indices))}, the places of {address} in dv_operators",
        "set dv_share_index of this node",
    )


def index_of_key(definition: Definition, public_key: bytes) -> int:
    """The share index of the operator whose ENR has the node key ``public_key`` (33 bytes).

    :raises DvError: there is none
    """
    for share_index, operator in numbered(definition).items():
        # What is no ENR at all is said of its operator, see check_different_nodes.
        if enr.node_key(operator.enr) == public_key:
            return share_index
    raise DvError(
        f"this node is not in the definition: no ENR there has its key 0x{public_key.hex()}",
        "the ENR of one of its operators",
        "restore the node's charon-enr-private-key, or use the definition that was made with this ENR",
    )


def describe(definition: Definition) -> list[str]:
    """What operators compare before they confirm a hash: who has which place, and with which ENR; a text for each."""
    return [
        f"operator {share_index}: {', '.join(filter(None, (operator.address, operator.enr)))}"
        for share_index, operator in numbered(definition).items()
    ]


def check_different_nodes(definition: Definition) -> None:
    """Refuse a definition with an ENR that does not parse, or with one node key under two operators.

    :raises OperatorError: an ENR does not parse
    :raises DvError: two have the same key, and nothing tells whose it is
    """
    owners: dict[bytes, int] = {}
    for share_index, operator in numbered(definition).items():
        try:
            key = enr.parse(operator.enr).public_key
        except DvError as error:
            raise OperatorError(share_index, "enr", error.found, error.wanted, error.hint) from None
        owner = owners.setdefault(key, share_index)
        if owner != share_index:
            raise DvError(
                f"the ENRs of operators {owner} and {share_index} have the same node key",
                "a node of its own for each operator",
                "one of them has taken the other's ENR, or two data directories hold one charon-enr-private-key: ask both, then begin "
                "again with a new proposal",
            )
