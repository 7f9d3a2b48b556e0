# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the key shares of a node go: what every target can do, whatever it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..clients.keymanager import Keymanager
from ..clients.table import CLIENTS
from ..data_dir.key_place import Place
from ..encoding.hex import to_hex
from ..errors import DvError
from ..ethereum.slashing_protection import History
from .shares import Share


class Holder(Protocol):
    """What holds key shares for a validator client, for example itself.

    ``batch`` is how many it is sent at once. Public keys have 48 bytes each.
    """

    batch: int

    def listed(self) -> Mapping[bytes, str]:
        """The public keys of all that it holds, nothing else counts: each with what is strange about that, or an empty text.

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

    def take_away(self, keys: Sequence[bytes]) -> tuple[list[str], list[str]]:
        """Take the key shares with these public ``keys`` from it, if it has them: its words about those that it keeps, and the texts of what
        they have signed, as far as it tells.

        :raises DvError: nobody knows which it let go
        """


def listed_of(holder: Holder, wanted: Iterable[bytes]) -> Mapping[bytes, str]:
    """What a ``holder`` lists, where it holds none of the ``wanted`` keys (48 bytes each) in another way than it would be given them.

    :raises DvError: it does
    """
    listed = holder.listed()
    strange = [key for key in wanted if listed.get(key)]
    if strange:
        raise DvError(
            f"{holder} has the key share {to_hex(strange[0])} in another way, one of {len(strange)}: {listed[strange[0]]}",
            "what it would be given, or nothing",
            "see who put it there, and take it away from one of the two",
        )
    return listed


def _nothing(_dry_run: bool) -> list[str]:
    return []


@dataclass(frozen=True)
class Target:
    """A validator client with all that holds key shares for it.

    :param client: its name, see :mod:`.clients.table`
    :param url: of its API, as the node reaches it, or of the directory that it reads
    :param machine: :func:`.key_place.this_machine`, where that is what the URL leads to; empty elsewhere
    :param holders: in the order in which key shares get there; they are taken away in the opposite one
    :param settings: what is told of each validator's fee recipient and gas limit, if anything is
    :param signer: URL of the remote signer that holds them, if one does
    :param at_start: whether what was written is read when it is started again, and only then
    :param in_place: whether it reads the data directory itself, so that they are there anyway, and cannot be taken away
    :param put_right: gives what was written to whoever reads it: what was given, a text each, or with True what would be
    """

    client: str
    url: str
    machine: str
    holders: tuple[Holder, ...]
    settings: Keymanager | None
    signer: str = ""
    at_start: bool = False
    in_place: bool = False
    put_right: Callable[[bool], list[str]] = _nothing

    def __str__(self) -> str:
        return str(self.place("", ""))

    def settle(self) -> None:
        """Wait until what the client lists, after key shares came or went, is what it has."""
        time.sleep(CLIENTS[self.client].settles)

    def place(self, lock_hash: str, state: str) -> Place:
        """The record that key shares of that lock are there."""
        return Place(self.client, self.url, self.machine, lock_hash, state, signer=self.signer)
