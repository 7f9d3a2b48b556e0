# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Assembly: the definition that a proposal and the approvals of all its operators make together."""

from __future__ import annotations

from dataclasses import replace

from ..cluster.definition import Definition, with_hashes
from ..cluster.definition_checks import check_signatures
from ..cluster.operators import check_different_nodes, numbered
from ..errors import Collector, DvError
from ..ethereum.networks import Network
from . import approval


def assemble(proposal: Definition, approvals: dict[int, str], network: Network) -> Definition:
    """The complete definition of ``proposal`` and all approvals, verified in full.

    :param proposal: a checked one, on that ``network``
    :param approvals: share index -> text of that operator's approval; it may lack the binding signature
    :raises CarriedError: an approval is wrong; :class:`.errors.Problems` if several are
    :raises DvError: some are missing
    """
    operators = numbered(proposal)
    missing = [share_index for share_index in operators if share_index not in approvals]
    if missing:
        raise DvError(
            f"no approval yet from {', '.join(f'operator {index} ({operators[index].address})' for index in missing)}",
            f"an approval from each of the {len(operators)} operators",
            "let these nodes approve the proposal, then run again",
        )
    problems, approved = Collector(), []
    for share_index, operator in operators.items():
        with problems:
            given = approval.check(share_index, operator, approvals[share_index], proposal, network)
            approved.append(replace(operator, enr=given.enr, config_signature=given.config_signature, enr_signature=given.enr_signature))
    problems.raise_any()
    definition = with_hashes(replace(proposal, operators=tuple(approved)))
    check_different_nodes(definition)
    check_signatures(definition, network)
    return definition
