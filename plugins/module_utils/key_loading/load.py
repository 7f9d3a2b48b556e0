# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Loading a node's key shares: what their target lists is sent no more, what it does not list is sent again, and what it
lists in the end is what counts. So a run that was cut off anywhere goes on when it is run again.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ..data_dir import key_place
from ..data_dir.key_place import Place
from ..data_dir.layout import LOADING, DataDir
from ..errors import DvError
from ..ethereum.slashing_protection import History
from . import histories, settings
from .loaded import check_newest, knows_less
from .shares import Shares, Validator
from .target import Holder, Target, listed_of

#: How often what is missing is sent.
_ROUNDS = 3


class Loaded(NamedTuple):
    """What was done, or in check mode would be.

    :param sent: the public keys of the shares that went there
    :param set: what was set, a text each
    :param epochs_left: how many epochs have to pass before anything is done, since they were in another client
    """

    place: Place
    changed: bool
    sent: list[bytes]
    set: list[str]
    warnings: list[str]
    epochs_left: int = 0


class Load:
    """Loads all ``shares`` into ``target``, which lists them in the end, with their settings.

    :param nowhere_else: whether the operator confirms that no other validator client has any of them
    :param moving: whether it is seen, in check mode alone, what will be done once they are taken from where they are
    :param epoch: which one the chain has come to, if that is known
    :param history: what they have signed, beside what the data directory knows: any number of histories
    :param root: the genesis validators root (32 bytes) that they have to be of, if it is known
    :param stated: the facts of the node's newest statement that is known, see :mod:`.loaded`
    :param restarts: whether a client that reads them when it is started is started again by whoever runs this, as long as it is due
    :param restarted: whether that was done since they were written
    """

    def __init__(
        self,
        data_dir: DataDir,
        shares: Shares,
        target: Target,
        nowhere_else: bool = False,
        moving: bool = False,
        epoch: int | None = None,
        history: Iterable[History] = (),
        root: bytes = b"",
        stated: Mapping[str, Any] | None = None,
        restarts: bool = False,
        restarted: bool = False,
    ) -> None:
        self.data_dir, self.shares, self.target, self.nowhere_else, self._moving = data_dir, shares, target, nowhere_else, moving
        self._stated = stated
        self._epoch, self._here = epoch, {share.public_key: share for share in shares.here}
        self._place = target.place(shares.lock_hash, key_place.STATE_LOADING)
        self._given = list(history)
        self._history = histories.read(data_dir, self._given, root)
        self._restarts, self._restarted = target.at_start and restarts, restarted

    def run(self, dry_run: bool = False) -> Loaded:
        """Do it, or see what would be done.

        :raises DvError: it does not come to that; or they are elsewhere, or it is another operator's client
        """
        # Before anything is written.
        if not dry_run and not self._epochs_left(self._known()):
            for holder in self.target.holders:
                self._listed(holder)
        with contextlib.nullcontext() if dry_run else key_place.exclusive(self.data_dir):
            # Another run may have been quicker: with loading, or with taking away.
            found = self._known()
            if left := self._epochs_left(found):
                self._count_from_now(found, dry_run)
                return Loaded(self._place, False, [], [], [], left)
            return self._run(found, dry_run)

    def _run(self, found: Place | None, dry_run: bool) -> Loaded:
        shares, target = self.shares, self.target
        is_there = bool(found and found.is_at(self._place))
        if found and is_there:
            # What it did not answer in an earlier run it may still do.
            self._place = replace(self._place, busy_until=found.busy_until)
        missing = [self._missing(holder) for holder in target.holders]
        lacking = [key for key in shares.wanted if any(key in keys for keys in missing)]
        was = found.state if found and is_there and found.state in (key_place.STATE_WRITTEN, key_place.STATE_LOADED) else ""
        warnings: list[str] = []
        record = key_place.read(self.data_dir)
        if self.nowhere_else and record and record.client and record.state != key_place.STATE_UNLOADED and not record.is_at(self._place):
            warnings.append(f"{record} is on record as what has the key shares, which does not count while dv_keys_nowhere_else is set")
        if lacking and was and not self.nowhere_else:
            raise shares.lost(target, lacking, key_place.CONFIRM)
        if not is_there and not target.in_place and len(lacking) < len(shares.wanted):
            warnings.append(
                f"{target} has {len(shares.wanted) - len(lacking)} of the key shares already, and this node has no record of it"
            )
        if target.at_start and lacking and self._history and self._history.of(lacking).data:
            warnings.append(
                f"{target} gets no history of what they have signed, which is in {self.data_dir.path(LOADING)}: import it by the client's own "
                "command before it starts with them"
            )
        wrong = target.put_right(True)
        # What it could not read before, it has not read.
        was = "" if lacking or wrong and self._restarts else was
        if target.at_start and not self._restarts and (wrong or was != key_place.STATE_LOADED):
            warnings.append(f"{target} has the key shares once it is started again")
        done = self._next(found, was)
        if dry_run:
            there = {key: validator for key, validator in shares.wanted.items() if key not in lacking}
            changes, doubts = self._set(there, dry_run=True)
            changes = wrong + changes
            changed = bool(changes) or self._is_due(found, done)
            return Loaded(self._place if changed else done, changed, lacking, changes, warnings + doubts)
        if wrong or not was:
            # What is there by somebody's hand, too, goes nowhere else.
            self._place = replace(self._place, number=self._number())
            key_place.write(self.data_dir, self._place)
        for each in self._given if lacking else ():
            histories.keep(self.data_dir, each.dump())
        for holder, keys in zip(target.holders, missing):
            if keys:
                self._send(holder, keys)
        done = replace(done, busy_until=self._place.busy_until)
        changes, doubts = self._set(shares.wanted)
        changes = target.put_right(False) + changes
        changed = key_place.write(self.data_dir, done) or bool(changes) or self._is_due(found, done)
        return Loaded(done, changed, lacking, changes, warnings + doubts)

    @staticmethod
    def _is_due(found: Place | None, done: Place) -> bool:
        """Whether there is something to do before the record ``found`` may be what is ``done``, or after that a restart."""
        return found != done or done.state == key_place.STATE_WRITTEN

    def _known(self) -> Place | None:
        found = key_place.read(self.data_dir)
        if self._moving and found and found.client and found.state != key_place.STATE_UNLOADED and not found.is_at(self._place):
            # They are taken from there first.
            return None
        if not self.nowhere_else:
            check_newest(self._stated, found)
        return key_place.known(self.data_dir, self._place, self.nowhere_else)

    def _next(self, found: Place | None, was: str) -> Place:
        """The record when all is there, which was so in the state ``was``, if it is not empty.

        Others are told of what is loaded, with a number that they have not heard.
        """
        if found and was == key_place.STATE_LOADED and not knows_less(found, self._stated):
            return found
        number, restarted = self._number(), was == key_place.STATE_WRITTEN and self._restarted
        if self._restarts and not restarted:
            return replace(self._place, state=key_place.STATE_WRITTEN, number=number)
        return replace(self._place, state=key_place.STATE_LOADED, number=number + 1, since=int(time.time()))

    def _number(self) -> int:
        """The highest number that was ever used, of a record that is over, too."""
        found = key_place.read(self.data_dir)
        return max(found.number if found else 0, self._stated["number"] if self._stated else 0)

    def _epochs_left(self, found: Place | None) -> int:
        """How many epochs have to pass before key shares that were taken from a client go to one."""
        if not found or found.state != key_place.STATE_UNLOADED or self.nowhere_else or not found.resting_epochs:
            return 0
        if self._epoch is None:
            raise DvError(
                f"{found.resting_epochs} epochs have to pass before the key shares that were taken from {found} go anywhere",
                "a beacon node that counts them",
                "see that the node's charon answers where dv_keys_beacon_url says",
            )
        left_epoch = self._epoch if found.left_epoch is None else found.left_epoch
        return max(0, left_epoch + found.resting_epochs - self._epoch)

    def _count_from_now(self, found: Place | None, dry_run: bool) -> None:
        """Have the epochs count from now where nobody could tell, when they were taken away, which one it was."""
        if found and found.left_epoch is None and not dry_run:
            key_place.write(self.data_dir, replace(found, left_epoch=self._epoch))

    def _listed(self, holder: Holder) -> Mapping[bytes, str]:
        """What a ``holder`` lists.

        :raises DvError: key shares of another operator of the cluster, or one of this node in another way
        """
        listed, of_others = listed_of(holder, self.shares.wanted), self.shares.of_others
        others = [key for key in listed if key in of_others]
        if others:
            raise DvError(
                f"{holder} holds {len(others)} key shares of operator {of_others[others[0]]} of this cluster",
                f"none but those of operator {self.shares.share_index}",
                "it is another operator's, or two nodes share it: each needs one of its own",
            )
        return listed

    def _missing(self, holder: Holder) -> list[bytes]:
        """The public keys of the shares that a ``holder`` does not list, in the order of the validators.

        :raises DvError: one of them is not in the data directory either
        """
        listed, shares = self._listed(holder), self.shares
        missing = [key for key in shares.wanted if key not in listed]
        lost = [key for key in missing if key not in self._here]
        if lost:
            raise DvError(
                f"{len(lost)} of {len(shares.wanted)} key shares are neither in the data directory nor in the client: {shares.names(lost)}",
                "each in one of them",
                "restore them from the backup (dv_restore_parts), if they are in no other client",
            )
        return missing

    def _send(self, holder: Holder, missing: list[bytes]) -> None:
        """Send what is ``missing`` to a ``holder`` until it lists it.

        :raises DvError: it does not, whatever it says
        """
        left, shares = missing, self.shares
        for _round in range(_ROUNDS):
            told = self._send_once(holder, left)
            self.target.settle()
            listed = self._listed(holder)
            before, left = len(left), [key for key in left if key not in listed]
            if not left:
                return
            if len(left) == before:
                break
        raise DvError(
            f"{holder} holds {len(shares.wanted) - len(left)} of {len(shares.wanted)} key shares, not {shares.names(left)}: "
            + (told[0] if told else "it says that it does"),
            "all",
            "what is missing is sent again by the next run: load them nowhere else",
        )

    def _send_once(self, holder: Holder, keys: list[bytes]) -> list[str]:
        """Send the key shares in batches: what the ``holder`` says of those that it did not take."""
        told: list[str] = []
        for first in range(0, len(keys), holder.batch):
            batch = keys[first : first + holder.batch]
            seconds, busy = holder.seconds(len(batch)), self._place
            if seconds:
                # It may go on when nobody listens any more, or be about to when this process dies.
                busy = replace(busy, busy_until=max(busy.busy_until, int(time.time()) + seconds))
                key_place.write(self.data_dir, busy)
            try:
                told += holder.send(batch, self._here, self._history)
            except DvError as error:
                # What became of them, the list tells. It may be done later, too, whatever is answered meanwhile.
                self._place = busy
                return [str(error), *told]
        return told

    def _set(self, wanted: Mapping[bytes, Validator], dry_run: bool = False) -> tuple[list[str], list[str]]:
        return settings.apply(self.target.settings, wanted, dry_run) if self.target.settings else ([], [])
