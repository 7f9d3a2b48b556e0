# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking a node's key shares out of where they are: what they have signed is on the disk before anything else happens, and nothing is listed
there in the end. A run that was cut off anywhere takes away all of them again, listed or not: a client hands the history out once more.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

from ..data_dir import key_place
from ..data_dir.key_place import Place
from ..data_dir.layout import DataDir
from ..encoding.utc import to_utc
from ..errors import DvError
from ..ethereum.slashing_protection import History
from . import histories
from .shares import Shares, in_directory
from .target import Holder, Target, listed_of

#: How many key shares are taken away at once.
_BATCH = 100
#: The states in which all of them are there, or nobody knows where.
_WHOLE = key_place.STATE_WRITTEN, key_place.STATE_LOADED, key_place.STATE_RESTORED
#: How many epochs the key shares rest, before they go to another client: with what all of them have signed known, and without. Sources:
#: Prysm, "wait at least two epochs"; Obol's charon-distributed-validator-cluster, "at least 3 finalised epochs"; Lighthouse's doppelganger
#: protection is silent for two to three.
RESTING_EPOCHS = {True: 2, False: 3}


class Unloaded(NamedTuple):
    """What was done, or in check mode would be.

    :param taken: the public keys of the shares that were listed
    :param without_history: how many of the node's key shares have signed something that nobody told of, or nothing
    """

    place: Place
    changed: bool
    taken: list[bytes]
    without_history: int
    warnings: list[str]


class Unload:
    """Takes all ``shares`` out of ``target``.

    :param epoch: tells which one it is by the chain or the clock, whichever is later; it raises DvError where that is not known
    :param resting_epochs: in the place of :data:`RESTING_EPOCHS`
    :param history: what they have signed, from elsewhere, any number of histories: they are kept with those that it tells
    """

    def __init__(
        self,
        data_dir: DataDir,
        shares: Shares,
        target: Target,
        epoch: Callable[[], int] | None = None,
        resting_epochs: int | None = None,
        history: Iterable[History] = (),
    ) -> None:
        self.data_dir, self.shares, self.target = data_dir, shares, target
        self._epoch, self._resting_epochs, self._history = epoch, resting_epochs, history
        self._place = target.place(shares.lock_hash, key_place.STATE_UNLOADING)

    def run(self, dry_run: bool = False) -> Unloaded:
        """Do it, or see what would be done.

        :raises DvError: some are there still, or may be; or they are elsewhere
        """
        if self.target.in_place:
            raise DvError(
                f"{self.target} reads the key shares where they are, in {self.data_dir}",
                "a place that they can be taken from",
                "stop it, export what it has signed by its own command, and see that nothing starts it again with that directory; then "
                "load them elsewhere with that history, and set dv_keys_nowhere_else to the node's name, for one run",
            )
        with contextlib.nullcontext() if dry_run else key_place.exclusive(self.data_dir):
            found = self._found()
            if found and found.state == key_place.STATE_UNLOADED:
                return Unloaded(found, False, [], 0, [])
            listed = self._listed()
            if not found and not listed:
                return Unloaded(self._place, False, [], 0, [])
            if found and found.state in _WHOLE:
                self._check_whole(listed)
            self._check_kept(listed)
            if dry_run:
                return Unloaded(self._place, True, listed, len(self.shares.wanted), [])
            number = found.number if found else 0
            for each in self._history:
                histories.keep(self.data_dir, each.dump())
            key_place.write(self.data_dir, replace(self._place, number=number))
            told, warnings = self._take_away()
            signed = {key for history in (*self._history, *told) for key in history.keys}
            without = [key for key in self.shares.wanted if key not in signed]
            done = replace(self._place, state=key_place.STATE_UNLOADED, number=number + 1, since=int(time.time()))
            done = replace(done, resting_epochs=self._resting(not without))
            if done.resting_epochs:
                try:
                    done = replace(done, left_epoch=self._epoch() if self._epoch else None)
                except DvError as error:
                    warnings.append(f"the epochs that have to pass count from when the beacon node answers: {error}")
            key_place.write(self.data_dir, done)
            return Unloaded(done, True, listed, len(without), warnings)

    def _found(self) -> Place | None:
        """The record, where it is of this place, or of none.

        :raises DvError: it is of another one; or that may still be loading what it was sent
        """
        found = key_place.read(self.data_dir)
        if not found or found.state == key_place.STATE_UNLOADED:
            return found
        if not found.is_at(self._place) and found.state != key_place.STATE_RESTORED:
            raise DvError(
                f"the key shares of this node are on record at {found or self.data_dir}, not at {self.target}",
                "the validator client that has them",
                "set dv_keys_client and dv_keys_url to it; what a copy of the data directory has on record, its own machine takes away",
            )
        if found.busy_until > time.time():
            raise DvError(
                f"{found} may still be loading key shares that it was sent, and has not answered",
                f"an answer, or that it is {to_utc(found.busy_until)}",
                "run it again then",
            )
        return found

    def _listed(self) -> list[bytes]:
        """The public keys of the node's shares that are there."""
        listed = [listed_of(holder, self.shares.wanted) for holder in self.target.holders]
        return [key for key in self.shares.wanted if any(key in keys for keys in listed)]

    def _check_whole(self, listed: list[bytes]) -> None:
        """Refuse a place that lacks key shares which nobody took away: that it is empty does not tell where they are.

        :raises DvError: it does
        """
        lacking = [key for key in self.shares.wanted if key not in listed]
        if lacking:
            hint = f"obol.dv.load_keys puts them there again, or elsewhere: {key_place.CONFIRM}"
            raise self.shares.lost(self.target, lacking, hint)

    def _check_kept(self, listed: list[bytes]) -> None:
        """Refuse to take away what would be nowhere then: no client gives a key share out again.

        :raises DvError: some of what is ``listed`` are not in the data directory
        """
        here = {share.public_key for share in in_directory(self.data_dir)}
        lacking = [key for key in listed if key not in here]
        if lacking:
            raise DvError(
                f"{len(lacking)} of the key shares that {self.target} has are not in {self.data_dir}: {self.shares.names(lacking)}",
                "each in both",
                "restore them from the backup first (dv_restore_parts: [key_shares]), with dv_keys_keep: true",
            )

    def _take_away(self) -> tuple[list[History], list[str]]:
        """Take all away: what they have signed, as it was told now, and warnings. What is known from before tells nothing of what they signed
        here.

        :raises DvError: some are there still, or may be
        """
        kept: list[str] = []
        told: list[History] = []
        warnings: list[str] = []
        for holder in reversed(self.target.holders):
            keys = [*self.shares.wanted]
            for first in range(0, len(keys), _BATCH):
                words, texts = holder.take_away(keys[first : first + _BATCH])
                for text in texts:
                    try:
                        told.append(histories.keep(self.data_dir, text))
                    except DvError as error:
                        warnings.append(f"{holder} told what they have signed in a way that cannot be read: {error}")
                kept += words
            self.target.settle()
            self._check_empty(holder, kept)
        return told, warnings

    def _check_empty(self, holder: Holder, words: list[str]) -> None:
        listed = holder.listed()
        left = [key for key in self.shares.wanted if key in listed]
        if left or words:
            raise DvError(
                f"{holder} keeps {len(left)} of {len(self.shares.wanted)} key shares: {words[0] if words else 'it says that it does not'}",
                "none",
                "it may still sign with them: load them nowhere else. See its log, or stop it, and run this again",
            )

    def _resting(self, whole: bool) -> int:
        return RESTING_EPOCHS[whole] if self._resting_epochs is None else self._resting_epochs
