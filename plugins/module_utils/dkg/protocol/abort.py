# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accusations: what is wrong with a message, with the signed messages themselves, so that a judge needs only the
definition.

The messages of an accusation, by round and check:

===================  ==========================================================================================
commit, deal: form   the message
equivocation         both messages (commit or confirm)
commit: key          the commit
deal: any other      the deal, the dealer's commit, the accuser's commit; for a bad share also the accuser's HPKE key
===================  ==========================================================================================

The first message is the accused's, in the accused round, and nobody accuses himself: with anything else the evidence
does not hold, and accuses its author. Of the other rounds a judge would need more than the definition; faults there are
kept as evidence, and never make an abort.
"""

from __future__ import annotations

from typing import Any

from ...crypto import hpke
from ...errors import DvError, show
from . import commit, deal, envelope, vss
from .fault import Fault
from .messages import Abort
from .parameters import Parameters, position, session_id

#: Rounds whose faults make an abort.
ROUNDS = ("commit", "deal")
#: Rounds of which nobody may sign two messages with different payloads.
EQUIVOCATION_ROUNDS = ("commit", "confirm")

# How many messages prove a fault, by its check: three for all others.
_MESSAGES = {"form": 1, "key": 1, "equivocation": 2}


def accuse(fault: Fault) -> Abort:
    """The accusation of a fault with its evidence."""
    return Abort(fault.share_index, fault.check_name, fault.key, fault.messages, fault.round)


def equivocation(message: envelope.Message, other: str) -> Fault:
    """The fault of the one signer of two messages that must not both exist."""
    to = message.address
    return Fault(to.share_index, to.round, "equivocation", "it signed two of them", [message.jws.text, other])


def judge(parameters: Parameters, author: int, accusation: Abort) -> Fault:
    """Who is to blame, given the ``accusation`` that operator ``author`` signed.

    It is the accused's if the evidence holds, otherwise the author's. Nothing but the definition and the attempt in
    ``parameters`` is needed, and no random weights are used: every judge comes to the same verdict.
    """
    try:
        fault = _find(parameters, author, accusation)
    except DvError:
        fault = None
    claimed = (accusation.accused, accusation.round, accusation.check)
    if fault is not None and (fault.share_index, fault.round, fault.check_name) == claimed:
        return fault
    found = f"its accusation of operator {show(accusation.accused)} does not hold"
    return Fault(author, "abort", "evidence", found)


def _find(parameters: Parameters, author: int, accusation: Abort) -> Fault | None:
    """The fault that the evidence shows, or None.

    :raises DvError: the evidence is not what it should be
    """
    accused, check, key, texts, round_name = accusation
    if accused == author or len(texts) != _MESSAGES.get(check, 3) or bool(key) != (check == "share"):
        return None
    to = envelope.authentic(parameters, texts[0])[0]
    if (to.share_index, to.round) != (accused, round_name):
        return None
    if check == "equivocation":
        return _find_equivocation(parameters, *texts)
    try:
        message = envelope.read(parameters, texts[0])
        if round_name == "commit":
            commit.check(parameters.seen_by(author), accused, message.payload)
    except Fault as fault:
        return fault
    return _find_in_deal(parameters.seen_by(author), message, accusation) if round_name == "deal" else None


def _find_equivocation(parameters: Parameters, one: str, other: str) -> Fault | None:
    (to, first), (to_other, second) = (envelope.authentic(parameters, text) for text in (one, other))
    if to != to_other or to.round not in EQUIVOCATION_ROUNDS or first.payload == second.payload:
        return None
    return Fault(to.share_index, to.round, "equivocation", "it signed two of them")


def _find_in_deal(parameters: Parameters, message: envelope.Message, accusation: Abort) -> Fault | None:
    """The fault in a deal: ``parameters`` are the accuser's."""
    dealer, payload = message.address.share_index, message.payload
    # A deal says its session, or it is not read.
    session: Any = message.address.session
    commits: dict[int, Any] = {dealer: None}
    if session_id(parameters, payload.commits) == session:
        for operator, text in zip((dealer, parameters.share_index), accusation.messages[1:]):
            evidence = envelope.read(parameters, text)
            if evidence.address[1:3] != ("commit", operator) or evidence.jws.digest != payload.commits[operator - 1]:
                raise DvError("a commit that the deal does not list", f"the commit of operator {operator}")
            commits[operator] = evidence.payload
        if len(commits) != 2:
            raise DvError("evidence without both commits", "those of dealer and accuser")
    points, faults = deal.check(parameters, session, {dealer: payload}, commits, vss.find_bad_exactly)
    if not faults and accusation.key:
        if hpke.public_key(accusation.key) != commits[parameters.share_index].keys[position(parameters.share_index, dealer)]:
            raise DvError("another HPKE key", "the one that the accuser's commit has for the dealer")
        keys = {dealer: accusation.key}
        faults = deal.open_shares(parameters, session, {dealer: payload}, points, keys, vss.find_bad_exactly)[1]
    return faults[0] if faults else None
