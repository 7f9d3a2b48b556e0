# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the key shares of a node go: what every target can do, whatever it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..clients.keymanager import Keymanager
from ..data_dir.key_place import Place
from ..ethereum.slashing_protection import History
from .shares import Share


class Holder(Protocol):
    """What holds key shares for a validator client, for example itself.

    ``batch`` is how many it is sent at once. Public keys have 48 bytes each.
    """

    batch: int

    def listed(self) -> Collection[bytes]:
        """The public keys of all that it holds: nothing else counts.

        :raises DvError: it does not tell
        """

    def seconds(self, number: int) -> int:
        """How long it may go on with so many key shares that it was sent, after it was given up: 0 where it does not."""

    def send(self, keys: Sequence[bytes], here: Mapping[bytes, Share], history: History | None) -> list[str]:
        """Give it the key shares with these public ``keys``: its words about those that it did not take.

        :param here: those in the data directory, by their public key
        :param history: what they have signed
        :raises DvError: nobody knows which it took
        """

    def take_away(self, keys: Sequence[bytes]) -> tuple[list[str], str]:
        """Take the key shares with these public ``keys`` from it, if it has them: its words about those that it keeps, and the text of what
        they have signed, or an empty one.

        :raises DvError: nobody knows which it let go
        """


@dataclass(frozen=True)
class Target:
    """A validator client with all that holds key shares for it.

    :param client: its name, see :mod:`.clients.table`
    :param url: of its API, as the node reaches it
    :param machine: :func:`.key_place.this_machine`, where that is what the URL leads to; empty elsewhere
    :param holders: in the order in which key shares get there; they are taken away in the opposite one
    :param settings: what is told of each validator's fee recipient and gas limit, if anything is
    """

    client: str
    url: str
    machine: str
    holders: tuple[Holder, ...]
    settings: Keymanager | None

    def __str__(self) -> str:
        return f"{self.client} at {self.url}"

    def place(self, lock_hash: str, state: str) -> Place:
        """The record that key shares of that lock are there."""
        return Place(self.client, self.url, self.machine, lock_hash, state)
