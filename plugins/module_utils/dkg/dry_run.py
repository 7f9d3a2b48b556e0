# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A dry run of a ceremony: where the node stands by its own files, and what its next step would meet in the store.

Nothing is written, no lock is taken, and none of the rounds' checks are made: that a message waits in the store says
that a run has something to do, not that the message is good.
"""

import contextlib
import os
from functools import partial

from ..cluster.definition import Definition
from ..cluster.node_status import NodeStatus
from ..data_dir.layout import DataDir
from ..errors import DvError
from ..ethereum.networks import Network
from ..storage import files
from .attempt_run import AttemptRun
from .ceremony_dir import CeremonyDir
from .inbox import Inbox, take_own_messages
from .protocol import envelope, messages
from .protocol.parameters import Parameters
from .status import complete, run_and_evaluate


def dry_run(
    data_dir: DataDir, definition: Definition, node_key: bytes, texts: dict[str, str], attempt: int = 1, *, network: Network
) -> NodeStatus:
    """Where the node stands. Parameters and errors are those of :func:`.ceremony.step`.

    :param attempt: the attempt that the inventory asks for; a lower one than the node is in says nothing
    """
    ceremony_dir = OverlayDir(data_dir, definition.definition_hash)
    parameters = Parameters.of_definition(definition, node_key, attempt)
    try:
        inbox = Inbox(parameters, texts)
        take_own_messages(ceremony_dir, parameters, inbox)
        asked = parameters.at(max([attempt, *(each.number for each in ceremony_dir.attempts() if each.sent_rounds())]))
        node_status = run_and_evaluate(partial(DryRun, ceremony_dir, asked, node_key, network, inbox))
        # A step that ends while we look erases its seed, and the lock is there before.
        return (complete(ceremony_dir) if node_status.state == "stopped" else None) or node_status
    except OSError as error:
        raise files.os_error(error, error.filename or data_dir.root, "use") from None


class OverlayDir(CeremonyDir):
    """A ceremony of which nothing is written: what a step would write stays in memory, over what is on disk."""

    def __init__(self, data_dir: DataDir, definition_hash: bytes):
        super().__init__(data_dir, definition_hash)
        self._written: dict[str, bytes] = {}

    def attempts(self):
        numbers = {int(os.path.relpath(path, self.directory).split(os.sep)[0]) for path in self._written}
        return [self.attempt(number) for number in sorted(numbers.union(each.number for each in super().attempts()))]

    def read(self, path):
        return self._written[path] if path in self._written else super().read(path)

    def exists(self, path):
        return path in self._written or super().exists(path)

    def write_all(self, contents):
        self._written.update(contents)

    def replace(self, path, content):
        self._written[path] = content


class DryRun(AttemptRun):
    """A run that takes no step. ``ready`` says whether the next one would."""

    def advance(self):
        """The round that is not over, and the operators whose message is neither here nor in the store."""
        self._receive_all("abort", lambda message: None)
        for round_name in messages.ROUNDS:
            if self._over():
                return round_name, ()
            if round_name not in self.attempt_dir.sent_rounds():
                return self._own_turn(round_name, "it is this node's turn")
            lacking, needed = self._lacking(round_name)
            if round_name == "confirm":
                self._compare_settings()
            if lacking:
                there = [each for each in lacking if each not in self.other_settings and self._in_store(round_name, each)]
                if len(there) >= needed:
                    return self._own_turn(round_name, "the store holds what this node waited for")
                return round_name, tuple(operator for operator in lacking if operator not in there)
            if round_name == "commit":
                self._open_session()
        return self._own_turn("seal", "all seals are here")

    def _own_turn(self, round_name, why):
        self.ready = True
        self.notes.append(f"{why}: run again")
        return round_name, ()

    def _lacking(self, round_name):
        """The operators whose message of that round is not here, and how many of them a step needs to go on."""
        missing, sent = self.missing(round_name), self.attempt_dir.sent_rounds()
        if round_name == "deal" and self._stored() or round_name == "sign" and "seal" in sent:
            return [], 0
        if round_name == "sign":
            needed = self.parameters.t - (self.parameters.n - len(missing))
            return (missing, needed) if needed > 0 else ([], 0)
        # A complete node hands on its lock, which stands for all seals.
        return missing, 0 if round_name == "seal" and self.inbox.locks(self.number) else len(missing)

    def _in_store(self, round_name, operator):
        """Whether the store has a message of ``operator`` that this node has not refused yet."""
        for text in self.untried(round_name, operator):
            with contextlib.suppress(DvError):
                envelope.authentic(self.parameters, text, self.session)
                return True
        return False
