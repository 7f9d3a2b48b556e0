# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Operators who take part for another definition than this node: one set of approvals can make two, where a creator or a wallet
signed twice."""

import contextlib
from collections import Counter
from dataclasses import replace

from ..cluster.store_names import parse_message
from ..errors import DvError
from .protocol import envelope
from .protocol.parameters import parameters

#: How many other definitions are named, and how many of one operator are looked for.
_NAMED, _OF_ONE = 3, 50


def note(standing, definition, node_key, inbox):
    """The same :class:`~.node_status.NodeStatus`; one that waits says who sent commits for which other definition.

    :param definition: the one that this node goes by; ``node_key`` is its ENR private key (32 bytes)
    :param inbox: name -> text of the whole store; nothing in it is trusted
    """
    found = _commits(definition, node_key, inbox) if standing.state == "waiting" else {}
    texts, others = [standing.detail] if standing.detail else [], _by_weight(found)
    for other in others[:_NAMED]:
        operators = found[other]
        texts.append(
            "operators %s take part for another definition, 0x%s: if it is of the same proposal, a node that has sent nothing yet can "
            "change to it (obol.dv.definition); otherwise only a new proposal helps" % (", ".join(map(str, sorted(operators))), other)
        )
    if others[_NAMED:]:
        texts.append("commits for at least %d more definitions lie in the store" % len(others[_NAMED:]))
    return replace(standing, detail="; ".join(texts))


def _by_weight(found):
    """The definition hashes of ``found`` (as from :func:`_commits`): first those that have an operator who takes part for fewest, as an
    honest one does, then those with most operators. So who signs commits for many hides no real one."""
    amounts = Counter(operator for operators in found.values() for operator in operators)
    return sorted(found, key=lambda other: (min(amounts[operator] for operator in found[other]), -len(found[other]), other))


def _commits(definition, node_key, inbox):
    """Definition hash (hex) -> share indices of the operators whose commits for it lie in the store, signed by the ENR keys of our
    ``definition``."""
    own = parameters(definition, node_key, 1)
    known = {operator: set() for operator in own.operators}
    for name, text in inbox.items():
        at = parse_message(name)
        if at and at.round_name == "commit" and at.definition_hash != own.definition_hash:
            other, there = at.definition_hash.hex(), replace(own, definition_hash=at.definition_hash, attempt=at.attempt)
            with contextlib.suppress(DvError):
                to = envelope.address(there, text)
                if to.round == "commit" and other not in known[to.share_index] and len(known[to.share_index]) < _OF_ONE:
                    envelope.authentic(there, text)
                    known[to.share_index].add(other)
    others = sorted(set().union(*known.values()))
    return {other: {operator for operator in known if other in known[operator]} for other in others}
