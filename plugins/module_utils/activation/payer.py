# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What pays a plan, of whatever kind it is: ``payers.py`` has the table of kinds, all else knows this alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from .work import Work


class Deed(NamedTuple):
    """Something that changes the world: what it is, in words, and what does it, and tells in words what it did."""

    text: str
    do: Callable[[], str]


class Turn(NamedTuple):
    """What a payer does now, in that order; and what others have to do then, in words, if it is their turn."""

    deeds: list[Deed]
    others: str = ""


#: Nothing is to be done, by nobody.
AT_REST = Turn([])


class Payer(Protocol):
    """The account at ``address`` (20 bytes).

    :param sends: whether the account itself sends the transactions: their nonces are its own, and it pays for the gas
    """

    address: bytes
    sends: bool

    @property
    def open(self) -> Callable[[], None]:
        """Makes it able to pay, or raises a :class:`DvError`: what is locked on the node is unlocked."""

    def turn(self, work: Work) -> Turn:
        """What is to be done of the ``work``. Nothing is, before the deeds are done."""
