# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A step of a ceremony: one call does all that can be done now, and says where the node stands then and what goes out."""

import itertools
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

from ..cluster.definition import Definition
from ..cluster.node_status import NodeStatus
from ..cluster.store_names import message_name, round_folder
from ..data_dir import accepted_definition
from ..data_dir.layout import LOCK, DataDir
from ..errors import DvError
from ..ethereum.networks import Network
from ..storage import files
from . import install
from .ceremony_dir import CeremonyDir
from .inbox import Inbox, take_own_messages
from .outbox import Outbox
from .protocol import messages
from .protocol.parameters import Parameters
from .rounds import Rounds
from .status import complete, run_and_evaluate


@dataclass(frozen=True, kw_only=True)
class Outcome(NodeStatus):
    """Where a step ended.

    ``outbox`` name in the store -> text; ``handed_on`` the names among them that are put only where there is nothing, since they
    are not this node's own; ``changed`` whether anything was written on this node; ``completed_rounds`` the rounds that
    are over here and whole in the store, as beginnings of names there.
    """

    outbox: dict[str, str]
    handed_on: tuple[str, ...]
    changed: bool
    completed_rounds: tuple[str, ...] = ()


def step(
    data_dir: DataDir,
    definition: Definition,
    node_key: bytes,
    texts: dict[str, str],
    attempt: int = 1,
    *,
    network: Network,
    completed_rounds: Collection[str] = (),
) -> Outcome:
    """Do everything that can be done now.

    :param definition: the one that the caller has verified and this node's operator has approved
    :param node_key: the node's ENR private key (32 bytes)
    :param texts: name -> text of all messages of the store for this definition; nothing in it is trusted
    :param attempt: the attempt that the inventory asks for
    :param network: that of the definition
    :param completed_rounds: of an :class:`Outcome` not long ago; the files of these rounds need not be in ``texts``
    :raises DvError: this node's own files or the definition are not as they must be
    """
    parameters = Parameters.of_definition(definition, node_key, attempt)
    if network.genesis_fork_version != definition.fork_version:
        raise DvError(f"a definition for fork version 0x{definition.fork_version.hex()}", f"that of {network.name}")
    try:
        with data_dir.exclusive():
            record = accepted_definition.read(data_dir)
            if record and record.definition_hash != parameters.definition_hash:
                # Another run exchanged it after this one had read it.
                raise DvError("this node has accepted another definition meanwhile", "the one that it takes part for", "run again")
            ceremony_dir = CeremonyDir(data_dir, parameters.definition_hash)
            node_status = _run(ceremony_dir, parameters, node_key, network, texts)
            return _outcome(ceremony_dir, parameters, node_status, texts, completed_rounds)
    except OSError as error:
        raise files.os_error(error, error.filename or data_dir.root, "use") from None


def _run(ceremony_dir, parameters, node_key, network, texts):
    ceremony_dir.recover()
    node_status = complete(ceremony_dir)
    if node_status:
        install.erase_secrets(ceremony_dir)
        return node_status
    inbox = Inbox(parameters, texts)
    take_own_messages(ceremony_dir, parameters, inbox)
    return run_and_evaluate(partial(Rounds, ceremony_dir, parameters, node_key, network, inbox))


def _outcome(ceremony_dir, parameters, node_status, texts, completed_rounds):
    """The :class:`Outcome`: what goes out, of all attempts but one in which this node was stopped."""
    skip, outbox = node_status.attempt if node_status.state == "stopped" else None, Outbox(parameters, texts)
    for attempt in ceremony_dir.attempts():
        if attempt.number != skip and not attempt.contradictions():
            for round_name in attempt.sent_rounds():
                outbox.send(attempt.number, round_name, attempt.sent(round_name))
            for round_name, operator, text in attempt.publishable(parameters.others):
                outbox.hand_on(attempt.number, round_name, operator, text)
    if node_status.state == "complete":
        lock = files.read(ceremony_dir.data_dir.path(LOCK)).decode()
        outbox.hand_on_lock(node_status.attempt or parameters.attempt, lock)
    return Outcome(
        **{**vars(node_status), "detail": "; ".join(filter(None, [node_status.detail, *outbox.notes]))},
        outbox=outbox.texts,
        handed_on=tuple(outbox.handed_on),
        changed=ceremony_dir.changed,
        completed_rounds=tuple(_completed_rounds(node_status, parameters, texts, completed_rounds)),
    )


def _completed_rounds(node_status, parameters, texts, before):
    """The beginnings of names of the rounds that are over and whole in the store."""
    if node_status.state in ("waiting", "complete"):
        for round_name in itertools.takewhile(lambda round_name: round_name != node_status.step, messages.ROUNDS):
            attempt = node_status.attempt or parameters.attempt
            beginning = round_folder(attempt, round_name)
            if beginning in before or all(message_name(attempt, round_name, operator) in texts for operator in parameters.operators):
                yield beginning
