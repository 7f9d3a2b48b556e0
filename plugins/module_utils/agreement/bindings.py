# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What binds the nodes of a definition to its operators: approvals with a binding signature, one for each place.

A node keeps the first one of each place that it verified, in ``<data dir>/ceremony/approvals/<share index>.json``. Until it has
accepted a definition it refuses another ENR there. Source: the protocol's "Parties and trust".
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from ..cluster.definition import Definition
from ..cluster.operators import describe, numbered
from ..data_dir.layout import APPROVALS, DataDir
from ..errors import CarriedError, Collector, DvError
from ..ethereum.networks import Network
from ..storage import files
from . import approval


class Unbound(DvError):
    """A definition that nothing binds to some of its operators, and whose hash nobody confirmed.

    :param operators: their share indices
    """

    def __init__(self, operators: Iterable[int], found: str, wanted: str, hint: str, details: list[str]):
        super().__init__(found, wanted, hint, details)
        self.operators = tuple(operators)


def unbound(definition: Definition, operators: Iterable[int]) -> Unbound:
    """The :class:`Unbound` error of the ``operators`` (share indices) of a ``definition`` or proposal."""
    return Unbound(
        operators,
        f"no approval binds the ENR of operator {', '.join(map(str, operators))} to this cluster",
        "an approval with a binding signature from every operator, or a definition hash confirmed for this node",
        "run obol.dv.definition with the store that has the approvals; if they have no binding signature, an older obol.dv made "
        "them: begin again with a new proposal, or compare the operators, and set dv_accept_definition_hash to the definition hash "
        "that the others tell you",
        describe(definition),
    )


def choose(data_dir: DataDir, definition: Definition, inbox: dict[str, str], network: Network, accepted: bool = False) -> dict[int, str]:
    """The approvals of a ``definition`` to go by (share index -> text): the store's, or what this node kept where the store has none that
    is good.

    :param definition: with right hashes, or a proposal
    :param inbox: name -> text of the store's files; nothing in it is trusted
    :param accepted: whether this node has accepted a definition of this config: then only the ENRs that it kept count
    :raises CarriedError: an operator bound another ENR to its place than the one that this node met first
    """
    chosen, problems, operators = approval.collect(definition, inbox), Collector(), numbered(definition)
    for share_index, kept in _read(data_dir, definition).items():
        first, other = approval.parse(kept), None
        with contextlib.suppress(DvError):
            other = approval.check(share_index, operators[share_index], chosen.get(share_index, ""), definition, network)
        if other is None or not other.binding_signature or accepted and other.enr != first.enr:
            chosen[share_index] = kept
        elif other.enr != first.enr:
            problems.errors.append(
                CarriedError(
                    share_index,
                    "binding_signature",
                    f"its wallet bound two ENRs to its place: {first.enr} in {data_dir.path(_file(share_index))}, and {other.enr} in the store",
                    "one, ever",
                    "ask that operator which node is its own, and begin again with a new proposal",
                )
            )
    problems.raise_any()
    return chosen


def keep(data_dir: DataDir, definition: Definition, approvals: dict[int, str], network: Network) -> bool:
    """Keep of the ``approvals`` (share index -> text) of the ``definition`` or proposal that this node approved the first good one with a binding
    signature for each place. True if one was new."""
    approved, operators, new = approval.read(data_dir), numbered(definition), {}
    if approved is None or approved.config_hash != definition.config_hash:
        return False
    for share_index, text in approvals.items():
        name = _file(share_index)
        if not data_dir.holds(name):
            try:
                found = approval.check(share_index, operators[share_index], text, definition, network)
            except DvError:
                continue
            if found.binding_signature:
                new[data_dir.path(name)] = found.dump().encode()
    if not new:
        return False
    with data_dir.exclusive():
        files.make_directory(data_dir.path(APPROVALS))
        written = [files.write_if_absent(path, content) for path, content in new.items()]
    return any(written)


def missing(definition: Definition, approvals: dict[int, str], network: Network) -> list[int]:
    """The share indices of the operators whose approval among ``approvals`` (share index -> text) does not bind the ENR that the
    ``definition`` has.

    :raises CarriedError: an approval is wrong, or is for another ENR
    """
    found, problems = [], Collector()
    for share_index, operator in numbered(definition).items():
        with problems:
            if share_index not in approvals:
                found.append(share_index)
                continue
            approved = approval.check(share_index, operator, approvals[share_index], definition, network)
            if approved.enr != operator.enr:
                raise CarriedError(
                    share_index,
                    "enr",
                    f"the definition has the ENR {operator.enr} for it",
                    f"{approved.enr}, which its approval is for",
                    "do not confirm this definition: ask that operator which node is its own",
                )
            if not approved.binding_signature:
                found.append(share_index)
    problems.raise_any()
    return found


def without(approvals: dict[int, str]) -> list[int]:
    """The share indices of those ``approvals`` (share index -> text) that have no binding signature."""
    found = []
    for share_index, text in approvals.items():
        # What is no approval at all, the run says that would use it.
        with contextlib.suppress(DvError):
            if not approval.parse(text).binding_signature:
                found.append(share_index)
    return found


def _read(data_dir: DataDir, definition: Definition) -> dict[int, str]:
    """The approvals of ``definition`` that this node gave and kept, share index -> text."""
    approved, found = approval.read(data_dir), {}
    for share_index in numbered(definition):
        name = _file(share_index)
        content = data_dir.read(name, approval.MAX_SIZE)
        if content is not None and approval.parse(content, data_dir.path(name)).config_hash == definition.config_hash:
            found[share_index] = content.decode()
    if approved and approved.config_hash == definition.config_hash:
        found[approved.share_index] = approved.dump()
    return found


def _file(share_index: int) -> str:
    """The file, relative to the data directory, of the approval that binds the operator with that share index."""
    return f"{APPROVALS}/{share_index}.json"
