# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a node stands in its DKG: one of the four states of :mod:`.node_status`, and what people need to know of it."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from ..cluster.definition import Definition
from ..cluster.node_status import Accused, NodeStatus, changed_at
from ..cluster.store_names import parse_message
from ..data_dir import stored_definition
from ..data_dir.layout import LOCK
from ..errors import DvError
from .attempt_run import AttemptRun, StateError
from .ceremony_dir import CeremonyDir
from .protocol import envelope
from .protocol.parameters import Parameters

_Status = TypeVar("_Status", bound=NodeStatus)

STOPPED = (
    "it sends nothing more in this attempt: if this data directory is an old copy, its operator puts the newest one back "
    "and runs again; if another host has the same ENR private key, its operator stops that host for good"
)
SIGNED = (
    "this node signed, so no other attempt can complete: if neither helps, the others complete without it where they have "
    "its seal, and only a new definition helps where they have not"
)
OTHERS_SIGNED = "operators %s signed, so no other attempt can complete: if neither helps, only a new definition does"
DEAD_END = "some operators signed in an attempt that others gave up: only a new definition helps"
OTHER_DEFINITION = (
    "operators %s take part for another definition, 0x%s: if it is of the same proposal, a node that has sent nothing yet can "
    "change to it (obol.dv.definition); otherwise only a new proposal helps"
)

#: How many other definitions are named, and how many of one operator are looked for.
_NAMED, _OF_ONE = 3, 50


def complete(ceremony_dir: CeremonyDir) -> NodeStatus | None:
    """Of a node that holds the finished results of this ceremony; None of one without a lock.

    :raises DvError: its lock is of another definition
    """
    locked, path = stored_definition.locked_definition(ceremony_dir.data_dir), ceremony_dir.data_dir.path(LOCK)
    if locked is None:
        return None
    if locked.definition_hash != ceremony_dir.definition_hash:
        raise DvError(
            f"{path} is the lock of the definition 0x{locked.definition_hash.hex()}",
            f"that of 0x{ceremony_dir.definition_hash.hex()}, or none",
            "give the new cluster a data directory of its own; keep the old one: its keys may be in use",
        )
    attempts = ceremony_dir.attempts()
    return NodeStatus(state="complete", attempt=attempts[-1].number if attempts else None, since=changed_at(path))


def run_and_evaluate(make_run: Callable[..., AttemptRun]) -> NodeStatus:
    """Go as far as a run does. A confirmed attempt is given up for the one that is asked for if it can go no further here.

    :param make_run: makes the run; with ``give_up`` one that gives up a confirmed attempt
    """
    run = make_run()
    node_status = _evaluate(run)
    if run.keeps_confirmed and run.asked > run.number and (run.other_settings or node_status.state in ("stopped", "aborted")):
        node_status = _evaluate(make_run(give_up=True))
    return node_status


def _evaluate(run):
    """What is true after the ``run`` is looked up in the files, in the order of the four states."""
    try:
        run.check_state()
        step, missing = run.advance()
    except StateError as error:
        return _stopped(run, error)
    if step is None:
        return complete(run.ceremony_dir)
    # Who is ready in that round after verdicts has confirmed: the confirms that are missing wait in the store.
    number, certificate = run.number, not run.missing("confirm") or run.ready and step == "confirm"
    (accused, verdicts), (notes, later, over) = _verdicts(run), _other_attempts(run)
    found = dict(step=step, attempt=number, since=run.attempt_dir.last_sent(), accused=tuple(accused))
    if verdicts and not certificate:
        advice = () if over else [f"settle it with that operator, then all operators start {_attempt(number + 1)}"]
        return NodeStatus(
            **found,
            state="aborted",
            detail="; ".join([f"attempt {number}", *verdicts, *advice, *run.notes, *notes]),
            next_attempt=None if over else number + 1,
        )
    return NodeStatus(
        **found,
        state="waiting",
        waiting_for=missing,
        ready=run.ready,
        detail="; ".join([*verdicts, *run.notes, *notes]),
        next_attempt=number + 1 if (later or run.other_settings) and not over else None,
    )


def _stopped(run, error):
    evidence = _if_exists(error.evidence) if error.evidence else None
    signers = run.signers(lambda attempt: attempt == run.number)
    over, further = bool(run.has_signed or signers), f"if neither helps, all operators start {_attempt(run.number + 1)}"
    if over:
        further = SIGNED if run.has_signed else OTHERS_SIGNED % _listed(signers)
    return NodeStatus(
        state="stopped",
        attempt=run.number,
        since=run.attempt_dir.last_sent(),
        detail="; ".join([f"attempt {run.number}: {error}", *([f"evidence: {evidence}"] if evidence else []), STOPPED, further]),
        evidence=evidence,
        next_attempt=None if over else run.number + 1,
    )


def _verdicts(run):
    """Who is to blame for what, and where the evidence lies: (:class:`Accused` each, texts)."""
    accused, texts = [], []
    for round_name, operator, path in run.accusations():
        accused.append(Accused(operator, f"{round_name}.{run.accusation(path).check}", _if_exists(path)))
        texts.append(f"operator {operator} is to blame ({accused[-1].check}), evidence: {path}")
    for author in run.parameters.operators:
        # What we accuse others of ourselves stands above already, if our files have it.
        if run.text("abort", author) is not None and not (author == run.parameters.share_index and texts):
            fault, failure = run.judge(author, partial(run.payload, "abort", author))
            if failure:
                texts.append(f"operator {author} aborted, and this node failed to judge why ({failure})")
                continue
            path = run.attempt_dir.received_path("abort", author)
            accused.append(Accused(fault.share_index, fault.check, _if_exists(path)))
            texts.append(f"operator {author} aborted: {fault.found}")
    return accused, texts


def _other_attempts(run):
    """What to say of the attempt that was asked for, and of what others did in other attempts than this one; who of them
    began a later one; and whether no attempt of this definition can complete any more."""
    number, notes = run.number, []
    if run.asked != number:
        if run.asked < number:
            reason = f"began attempt {number}"
        elif run.signed_attempts:
            reason = f"signed in attempt {run.signed_attempts[0]}"
        elif run.skips_numbers:
            reason = "knows of nobody who began the one before"
        else:
            reason = f"confirmed attempt {number}, which can complete as long as nobody gives it up"
        notes.append(f"attempt {run.asked} was asked for, but this node {reason}")
    later = run.inbox.later_operators(number)
    over = bool(run.signers(lambda attempt: attempt < number) or later and run.signed_attempts)
    if over:
        notes.append(DEAD_END)
    elif later:
        notes.append(f"operators {_listed(later)} began a later attempt")
    return notes, later, over


def _attempt(number):
    return f"attempt {number} (dv_dkg_attempt)"


def _listed(operators):
    return ", ".join(map(str, sorted(operators)))


def _if_exists(path):
    return path if os.path.exists(path) else None


# Other definitions: one set of approvals can make two, where a creator or a wallet signed twice


def note_other_definitions(node_status: _Status, definition: Definition, node_key: bytes, store: dict[str, str]) -> _Status:
    """The same; one that waits says which operators sent commits for which other definition.

    :param definition: the one that this node goes by; ``node_key`` is its ENR private key (32 bytes)
    :param store: name -> text of the whole store; nothing in it is trusted
    """
    found = _other_commits(definition, node_key, store) if node_status.state == "waiting" else {}
    texts, others = [node_status.detail] if node_status.detail else [], _by_weight(found)
    for other in others[:_NAMED]:
        texts.append(OTHER_DEFINITION % (_listed(found[other]), other))
    if others[_NAMED:]:
        texts.append(f"commits for at least {len(others[_NAMED:])} more definitions lie in the store")
    return replace(node_status, detail="; ".join(texts))


def _by_weight(found):
    """The definition hashes of ``found`` (as from :func:`_other_commits`): first those that have an operator who takes part for fewest,
    as an honest one does, then those with most operators. So who signs commits for many hides no real one."""
    amounts = Counter(operator for operators in found.values() for operator in operators)
    return sorted(found, key=lambda other: (min(amounts[operator] for operator in found[other]), -len(found[other]), other))


def _other_commits(definition, node_key, store):
    """Definition hash (hex) -> share indices of the operators whose commits for it lie in the store under a commit's name, signed by
    the ENR keys of our ``definition``."""
    own = Parameters.of_definition(definition, node_key, 1)
    known = {operator: set() for operator in own.operators}
    for name, text in store.items():
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
