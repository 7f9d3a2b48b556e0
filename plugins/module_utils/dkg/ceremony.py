# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The walk through a ceremony: one call does all that can be done now, and says where that leads: to one of the four
states of :mod:`.node_status`.
"""

import itertools
import os
from dataclasses import dataclass
from functools import partial

from ..cluster.node_status import Accused, NodeStatus, changed_at
from ..cluster.store_names import message_name, round_folder
from ..data_dir import accepted_definition
from ..data_dir.layout import LOCK
from ..errors import DvError
from ..storage import files
from . import ceremony_dir, install
from .attempt import Stop
from .inbox import Mail, take_own
from .outbox import Outbox
from .protocol import messages
from .protocol.parameters import parameters as parameters_of
from .rounds import Rounds


@dataclass(frozen=True, kw_only=True)
class Outcome(NodeStatus):
    """Where a step ended.

    ``outbox`` name in the store -> text; ``handed_on`` the names among them that are put only where there is nothing, since they
    are not this node's own; ``changed`` whether anything was written on this node; ``settled`` the rounds that
    are over here and whole in the store, as beginnings of names there.
    """

    outbox: dict
    handed_on: tuple
    changed: bool
    settled: tuple = ()


def step(data_dir, definition, node_key, inbox, attempt=1, *, network, settled=()):
    """Do everything that can be done now.

    :param data_dir: charon's data directory of this node
    :param definition: the :class:`definition.Definition` that the caller has verified and this node's operator has
        approved
    :param node_key: the node's ENR private key (32 bytes)
    :param inbox: name -> text of all messages of the store for this definition; nothing in it is trusted
    :param attempt: the attempt that the inventory asks for
    :param network: the :class:`networks.Network` of the definition
    :param settled: of an :class:`Outcome` not long ago; the files of these rounds need not be in ``inbox``
    :returns: an :class:`Outcome`
    :raises DvError: this node's own files or the definition are not as they must be
    """
    parameters = parameters_of(definition, node_key, attempt)
    if network.genesis_fork_version != definition.fork_version:
        raise DvError("a definition for fork version 0x%s" % definition.fork_version.hex(), "that of %s" % network.name)
    try:
        return _step(data_dir, parameters, node_key, inbox, network, settled)
    except OSError as error:
        raise files.os_error(error, error.filename or data_dir.root, "use") from None


def _step(data_dir, parameters, node_key, inbox, network, settled):
    with data_dir.exclusive():
        record = accepted_definition.read(data_dir)
        if record and record.definition_hash != parameters.definition_hash:
            # Another run exchanged it after this one had read it.
            raise DvError("this node has accepted another definition meanwhile", "the one that it takes part for", "run again")
        home = ceremony_dir.Home(data_dir, parameters.definition_hash)
        home.recover()
        if install.is_complete(home, parameters.definition_hash):
            install.clear(home)
            return _outcome(home, parameters, complete(home), inbox, settled)
        mail = Mail(parameters, inbox)
        take_own(home, parameters, mail)
        return _outcome(home, parameters, stand(Rounds, home, parameters, node_key, network, mail), inbox, settled)


def _outcome(home, parameters, standing, inbox, settled):
    """The :class:`Outcome`: what goes out, of all attempts but one in which this node was stopped."""
    skip, outbox = standing.attempt if standing.state == "stopped" else None, Outbox(parameters, inbox)
    for attempt in home.attempts():
        if attempt.number != skip and not attempt.contradictions():
            for round in attempt.sent():
                outbox.send(attempt.number, round, attempt.out(round))
            for round, operator, text in attempt.held(parameters.others):
                outbox.hand_on(attempt.number, round, operator, text)
    if standing.state == "complete":
        lock = files.read(home.data_dir.path(LOCK)).decode()
        outbox.hand_on_lock(standing.attempt or parameters.attempt, lock)
    return Outcome(
        **{**vars(standing), "detail": "; ".join(filter(None, [standing.detail, *outbox.notes]))},
        outbox=outbox.texts,
        handed_on=tuple(outbox.handed_on),
        changed=home.changed,
        settled=tuple(_settled(standing, parameters, inbox, settled)),
    )


def _settled(standing, parameters, inbox, before):
    """The beginnings of names of the rounds that are over in ``standing`` and whole in the store."""
    if standing.state in ("waiting", "complete"):
        for round in itertools.takewhile(lambda round: round != standing.step, messages.ROUNDS):
            attempt = standing.attempt or parameters.attempt
            beginning = round_folder(attempt, round)
            if beginning in before or all(message_name(attempt, round, index) in inbox for index in parameters.operators):
                yield beginning


def stand(kind, *about):
    """Go as far as a walk of this ``kind`` does ``about`` something. A confirmed attempt is given up for the one that is asked
    for if it can go no further here."""
    walk = kind(*about)
    standing = _stand(walk)
    if walk.bound and walk.asked > walk.attempt.number and (walk.unequal or standing.state in ("stopped", "aborted")):
        standing = _stand(kind(*about, give_up=True))
    return standing


def _stand(walk):
    """What is true after the ``walk`` is looked up in the files, in the order of the four states."""
    try:
        walk.check_state()
        step, missing = walk.advance()
    except Stop as stop:
        return _stopped(walk, stop)
    if step is None:
        return complete(walk.home)
    # Who is ready in that round after verdicts has confirmed: the confirms that are missing wait in the store.
    number, certificate = walk.attempt.number, not walk.missing("confirm") or walk.ready and step == "confirm"
    (accused, verdicts), (notes, ahead, over) = _verdicts(walk), _other_attempts(walk)
    found = dict(step=step, attempt=number, since=walk.attempt.since(), accused=tuple(accused))
    if verdicts and not certificate:
        advice = () if over else ["settle it with that operator, then all operators start %s" % _attempt(number + 1)]
        return NodeStatus(
            **found,
            state="aborted",
            detail="; ".join(["attempt %d" % number, *verdicts, *advice, *walk.notes, *notes]),
            next_attempt=None if over else number + 1,
        )
    return NodeStatus(
        **found,
        state="waiting",
        waiting_for=missing,
        ready=walk.ready,
        detail="; ".join([*verdicts, *walk.notes, *notes]),
        next_attempt=number + 1 if (ahead or walk.unequal) and not over else None,
    )


def complete(home):
    """The standing of a node whose results are in their place."""
    attempts = home.attempts()
    return NodeStatus(
        state="complete",
        attempt=attempts[-1].number if attempts else None,
        since=changed_at(home.data_dir.path(LOCK)),
    )


def _stopped(walk, stop):
    number = walk.attempt.number
    evidence = stop.evidence if stop.evidence and os.path.exists(stop.evidence) else None
    signers = walk.signers(lambda attempt: attempt == number)
    over, further = bool(walk.has_signed or signers), "if neither helps, all operators start %s" % _attempt(number + 1)
    if over:
        further = _STOPPED_SIGNED if walk.has_signed else _OTHERS_SIGNED % ", ".join(map(str, signers))
    return NodeStatus(
        state="stopped",
        attempt=number,
        since=walk.attempt.since(),
        detail="; ".join(["attempt %d: %s" % (number, stop), *(["evidence: %s" % evidence] if evidence else []), _STOPPED, further]),
        evidence=evidence,
        next_attempt=None if over else number + 1,
    )


def _verdicts(walk):
    """Who is to blame for what, and where the evidence lies: (:class:`Accused` each, texts)."""
    parameters, accused, texts = walk.parameters, [], []
    for round, operator, path in walk.accusations():
        accused.append(Accused(operator, "%s.%s" % (round, walk.accusation(path).check), _there(path)))
        texts.append("operator %d is to blame (%s), evidence: %s" % (operator, accused[-1].check, path))
    for author in parameters.operators:
        # What we accuse others of ourselves stands above already, if our files have it.
        if walk.text("abort", author) is not None and not (author == parameters.index and texts):
            fault, failure = walk.judge(author, partial(walk.payload, "abort", author))
            if failure:
                texts.append("operator %d aborted, and this node failed to judge why (%s)" % (author, failure))
                continue
            path = walk.attempt.kept_path("abort", author)
            accused.append(Accused(fault.index, "%s.%s" % (fault.round, fault.fault), _there(path)))
            texts.append("operator %d aborted: %s" % (author, fault.found))
    return accused, texts


def _there(path):
    return path if os.path.exists(path) else None


def _other_attempts(walk):
    """What to say of the attempt that was asked for, and of what others did in other attempts than this one; who of them
    began a later one; and whether no attempt of this definition can complete any more."""
    number, notes = walk.attempt.number, []
    if walk.asked != number:
        if walk.asked < number:
            reason = "began attempt %d" % number
        elif walk.signed:
            reason = "signed in attempt %d" % walk.signed[0]
        elif walk.skips:
            reason = "knows of nobody who began the one before"
        else:
            reason = "confirmed attempt %d, which can complete as long as nobody gives it up" % number
        notes.append("attempt %d was asked for, but this node %s" % (walk.asked, reason))
    ahead = walk.ahead(number)
    over = bool(walk.signers(lambda attempt: attempt < number) or ahead and walk.signed)
    if over:
        notes.append(_DEAD_END)
    elif ahead:
        notes.append("operators %s began a later attempt" % ", ".join(map(str, ahead)))
    return notes, ahead, over


def _attempt(number):
    return "attempt %d (dv_dkg_attempt)" % number


_STOPPED = (
    "it sends nothing more in this attempt: if this data directory is an old copy, its operator puts the newest one back "
    "and runs again; if another host has the same ENR private key, its operator stops that host for good"
)
_STOPPED_SIGNED = (
    "this node signed, so no other attempt can complete: if neither helps, the others complete without it where they have "
    "its seal, and only a new definition helps where they have not"
)
_OTHERS_SIGNED = "operators %s signed, so no other attempt can complete: if neither helps, only a new definition does"
_DEAD_END = "some operators signed in an attempt that others gave up: only a new definition helps"
