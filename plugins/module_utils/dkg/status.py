# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A look at a ceremony: where the node stands by its own files, and what its next step would meet in the store.

Nothing is written, no lock is taken, and none of the rounds' checks are made: that a message waits in the store says
that a run has something to do, not that the message is good.
"""

import contextlib
import os

from ..errors import DvError
from ..storage import files
from . import ceremony, ceremony_dir, install
from .attempt import Walk
from .inbox import Mail, take_own
from .protocol import envelope, messages
from .protocol.parameters import parameters as parameters_of


def look(data_dir, definition, node_key, inbox, attempt=1, *, network):
    """Where the node stands: a :class:`~.node_status.NodeStatus`. Parameters and errors are those of :func:`ceremony.step`.

    :param attempt: the attempt that the inventory asks for; a lower one than the node is in says nothing
    """
    home = Glass(data_dir, definition.definition_hash)
    parameters = parameters_of(definition, node_key, attempt)
    try:
        mail = Mail(parameters, inbox)
        take_own(home, parameters, mail)
        begun = [each.number for each in home.attempts() if each.sent()]
        standing = ceremony.stand(Look, home, parameters.at(max([attempt, *begun])), node_key, network, mail)
        # A step that ends while we look erases its seed, and the lock is there before.
        if standing.state == "stopped" and install.is_complete(home, parameters.definition_hash):
            return ceremony.complete(home)
        return standing
    except OSError as error:
        raise files.os_error(error, error.filename or data_dir.root, "use") from None


class Glass(ceremony_dir.Home):
    """A home of which nothing is written: what a step would write stays in memory, beside what is on disk."""

    def __init__(self, data_dir, definition_hash):
        super().__init__(data_dir, definition_hash)
        self._seen = {}

    def attempts(self):
        numbers = {int(os.path.relpath(path, self.directory).split(os.sep)[0]) for path in self._seen}
        return [self.attempt(number) for number in sorted(numbers.union(each.number for each in super().attempts()))]

    def read(self, path):
        return self._seen[path] if path in self._seen else super().read(path)

    def exists(self, path):
        return path in self._seen or super().exists(path)

    def write(self, path, content):
        self._seen[path] = content

    replace = write


class Look(Walk):
    """A walk that takes no step. ``ready`` says whether the next one would."""

    def advance(self):
        """(The round that is not over, operators whose message is neither here nor in the store)."""
        self._take("abort", lambda message: None)
        for round in messages.ROUNDS:
            if self._over():
                return round, ()
            if round not in self.attempt.sent():
                return self._own_turn(round, "it is this node's turn")
            lacking, needed = self._lacking(round)
            if round == "confirm":
                self._compare_settings()
            if lacking:
                there = [each for each in lacking if each not in self.unequal and self._in_store(round, each)]
                if len(there) >= needed:
                    return self._own_turn(round, "the store holds what this node waited for")
                return round, tuple(operator for operator in lacking if operator not in there)
            if round == "commit":
                self._open_session()
        return self._own_turn("seal", "all seals are here")

    def _own_turn(self, round, why):
        self.ready = True
        self.notes.append("%s: run again" % why)
        return round, ()

    def _lacking(self, round):
        """The operators whose message of ``round`` is not here, and how many of them a step needs to go on."""
        missing, sent = self.missing(round), self.attempt.sent()
        if round == "deal" and self._stored() or round == "sign" and "seal" in sent:
            return [], 0
        if round == "sign":
            needed = self.parameters.t - (self.parameters.n - len(missing))
            return (missing, needed) if needed > 0 else ([], 0)
        # A complete node hands on its lock, which stands for all seals.
        return missing, 0 if round == "seal" and self.mail.locks(self.attempt.number) else len(missing)

    def _in_store(self, round, operator):
        """Whether the store has a message of ``operator`` that this node has not refused yet."""
        for text in self.untried(round, operator):
            with contextlib.suppress(DvError):
                envelope.authentic(self.parameters, text, self.session)
                return True
        return False
