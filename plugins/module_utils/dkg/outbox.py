# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node hands out, and under which name in the store.

Its own messages go under its own name. What it hands on for others goes where there is nothing, under the author's name;
where something else lies there, that is said, and the message goes under the name of the host that hands it on.
"""

from ..cluster.store_names import lock_name, message_name
from ..crypto import jws
from ..errors import DvError
from .protocol import envelope
from .protocol.parameters import Parameters


class Outbox:
    """What goes out: ``texts`` (name -> text), of which those ``handed_on`` are put only where there is nothing; ``notes`` say what
    lies there instead.

    :param store: name -> text of the store
    """

    def __init__(self, parameters: Parameters, store: dict[str, str]):
        self.texts: dict[str, str] = {}
        self.handed_on: list[str] = []
        self.notes: list[str] = []
        self._parameters, self._store = parameters, store

    def send(self, attempt: int, round_name: str, text: str) -> None:
        """Our own message. Something else under its name is the carrier's error, but for another spelling of it."""
        name = message_name(attempt, round_name, self._parameters.share_index)
        if not self._is_spelling(attempt, name, text):
            self.texts[name] = text

    def hand_on(self, attempt: int, round_name: str, author: int, text: str) -> None:
        """The message of another operator."""
        by_name = message_name(attempt, round_name, author, self._parameters.share_index)
        self._put_where_free(attempt, text, message_name(attempt, round_name, author), by_name)

    def hand_on_lock(self, attempt: int, text: str) -> None:
        """The lock of a finished cluster, under our name."""
        self._put_where_free(attempt, text, lock_name(attempt, self._parameters.share_index))

    def _put_where_free(self, attempt, text, *names):
        for name in names:
            if self._store.get(name, text) == text:
                self.texts[name] = text
                self.handed_on.append(name)
                return
            if self._is_spelling(attempt, name, text):
                return
            self.notes.append(f"the store holds something else than this node under the name {name}")

    def _is_spelling(self, attempt, name, text):
        """Whether the same message as ``text`` lies under ``name``, with another good signature."""
        there = self._store.get(name)
        if there is None or there == text:
            return False
        try:
            signed = envelope.authentic(self._parameters.at(attempt), there)[1]
            return signed.signing_input == jws.split(text).signing_input
        except DvError:
            return False
