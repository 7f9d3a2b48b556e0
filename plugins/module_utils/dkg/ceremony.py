# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The walk through a ceremony: one call does all that can be done now, and says where that leads.

:func:`step` reads the messages of the store, takes over the good ones, writes its own, and ends in one of four
    states:

=========  ==============================================================================================
complete   lock, deposit data and key shares are in their place
stopped    state was lost or rolled back, or another host uses this key: nothing more is sent in this attempt
aborted    somebody signed something wrong; the culprit and the evidence are named
waiting    for messages of other operators
=========  ==============================================================================================
"""

import contextlib
import os
import time
from typing import NamedTuple

from .. import files
from ..data_dir import CEREMONY, LOCK
from ..errors import DvError
from . import abort, envelope, finish, messages, state
from .mail import Mail, take_own
from .session import parameters as parameters_of
from .walk import Stop, Walk


class Outcome(NamedTuple):
    """Where a step ended.

    ``state`` as above; ``round`` the round that is not over; ``waiting_for`` the share indices whose message of
    that round is missing; ``detail`` a text for people, with what to do next; ``outbox`` name in the store -> text;
    ``changed`` whether anything was written on this node.
    """

    state: str
    round: str
    waiting_for: tuple
    detail: str
    outbox: dict
    changed: bool


def step(data_dir, definition, node_key, inbox, attempt=1, *, network):
    """Do everything that can be done now.

    :param data_dir: charon's data directory of this node
    :param definition: the :class:`definition.Definition` that the caller has verified and this node's operator has
        approved
    :param node_key: the node's ENR private key (32 bytes)
    :param inbox: name -> text of all messages of the store for this definition; nothing in it is trusted
    :param attempt: the attempt that the inventory asks for
    :param network: the :class:`networks.Network` of the definition
    :returns: an :class:`Outcome`
    :raises DvError: this node's own files or the definition are not as they must be
    """
    parameters = parameters_of(definition, node_key, attempt)
    if network.genesis_fork_version != definition.fork_version:
        raise DvError(
            "a definition for fork version 0x%s" % definition.fork_version.hex(), "that of %s" % network.name
        )
    try:
        return _step(data_dir, parameters, node_key, inbox, network)
    except OSError as error:
        raise files.os_error(error, error.filename or data_dir, "use") from None


def _step(data_dir, parameters, node_key, inbox, network):
    ceremony = os.path.join(data_dir, CEREMONY)
    files.make_directory(ceremony)
    with files.exclusive(os.path.join(ceremony, "lock")):
        for directory in (data_dir, ceremony):
            files.sweep(directory)
        home = state.Home(data_dir, parameters.definition_hash)
        home.recover()
        if finish.is_complete(home, parameters.definition_hash):
            finish.clear(home)
            return _complete(home, parameters)
        mail = Mail(parameters, inbox)
        take_own(home, parameters, mail)
        return _end(Walk(home, parameters, node_key, network, mail))


def _end(walk):
    """Go as far as possible; what is true then is looked up in the files, in the order of the four states."""
    number = walk.attempt.number
    try:
        walk.check_state()
        round, missing = walk.advance()
    except Stop as stop:
        outbox = _outbox(walk.home, walk.parameters, skip=number)
        return Outcome("stopped", "", (), "attempt %d: %s; %s" % (number, stop, _STOPPED), outbox, walk.home.changed)
    if round is None:
        return _complete(walk.home, walk.parameters)
    certificate, verdicts, notes = not walk.missing("confirm"), _verdicts(walk), walk.notes + _other_attempts(walk)
    if verdicts and not certificate:
        state, missing, details = "aborted", (), ["attempt %d" % number, *verdicts, _ABORTED % (number + 1), *notes]
    else:
        state, details = "waiting", [_waiting(walk, round, missing), *verdicts, *notes]
    return Outcome(state, round, missing, "; ".join(details), _outbox(walk.home, walk.parameters), walk.home.changed)


def _verdicts(walk):
    """Who is to blame for what, and where the evidence lies."""
    parameters, found = walk.parameters, []
    for round, operator, path in walk.accusations():
        check = messages.read("abort", parameters, files.read(path)).check
        found.append("operator %d is to blame (%s.%s), evidence: %s" % (operator, round, check, path))
    for author in parameters.operators:
        # What we accuse others of ourselves stands above already, if our files have it.
        if walk.text("abort", author) is not None and not (author == parameters.index and found):
            fault = abort.judge(parameters, author, walk.payload("abort", author))
            found.append("operator %d aborted: %s" % (author, fault.found))
    return found


def _other_attempts(walk):
    """What to say of the attempt that was asked for, and of what others did in other attempts than this one."""
    number, notes = walk.attempt.number, []
    if walk.asked != number:
        reason = "signed in attempt %d" % walk.signed[0] if walk.asked > number else "began attempt %d" % number
        notes.append("attempt %d was asked for, but this node %s" % (walk.asked, reason))
    ahead = _authors(walk, lambda attempt, round: attempt > number and round == "commit")
    if _authors(walk, lambda attempt, round: attempt < number and round in ("sign", "seal")) or ahead and walk.signed:
        notes.append(_DEAD_END)
    elif ahead:
        notes.append("operators %s began a later attempt" % _list(ahead))
    return notes


def _authors(walk, wanted):
    """The other operators who signed a message whose attempt and round are ``wanted``."""
    found = set()
    for attempt, round, operator in walk.mail.places():
        if operator != walk.parameters.index and wanted(attempt, round):
            for text in walk.mail.get(attempt, round, operator):
                with contextlib.suppress(DvError):
                    envelope.authentic(walk.parameters.at(attempt), text)
                    found.add(operator)
    return sorted(found)


def _waiting(walk, round, missing):
    since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(walk.attempt.since()))
    place = messages.ROUNDS.index(round) + 1
    return "attempt %d, round %d (%s): waiting for operators %s since %s" % (
        walk.attempt.number,
        place,
        round,
        _list(missing),
        since,
    )


def _complete(home, parameters):
    content = files.read(os.path.join(home.data_dir, LOCK)).decode()
    attempts = home.attempts()
    number = attempts[-1].number if attempts else parameters.attempt
    outbox = {**_outbox(home, parameters), "%d/%s" % (number, LOCK): content}
    return Outcome(
        "complete", "", (), "lock, deposit data and key shares are in %s" % home.data_dir, outbox, home.changed
    )


def _outbox(home, parameters, skip=None):
    """Name in the store -> text, of all attempts but ``skip``."""
    return {
        "%d/%s/%d.jws" % (attempt.number, round, operator or parameters.index): text
        for attempt in home.attempts()
        if attempt.number != skip and not attempt.contradictions()
        for (round, operator), text in attempt.hand_out(parameters.others).items()
    }


def _list(operators):
    return ", ".join(map(str, operators))


_STOPPED = (
    "it sends nothing more in this attempt: find out which, then all operators start a new attempt (dv_dkg_attempt)"
)
_ABORTED = "settle it with that operator, then all operators start attempt %d (dv_dkg_attempt)"
_DEAD_END = "some operators signed in an attempt that others gave up: only a new definition helps"
