# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for what nodes of other runs put into the store: how long, where, and how often to look."""

from __future__ import annotations

import os
import random
import re
import time

from ansible import constants, context
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError, show

#: Seconds between two looks into the store: at first and after each step of the ceremony; how much longer each is than the one before;
#: at most. Each is longer or shorter by chance, up to a quarter, so that nodes do not look all at once.
FIRST, GROWTH, MOST, CHANCE = 2, 1.5, 20, 0.25

_TIME = re.compile(r"([1-9][0-9]{0,5})([smh])")
_UNITS = {"s": 1, "m": 60, "h": 3600}


def seconds(value: object, variable: str = "dv_dkg_wait") -> int:
    """The seconds that a ``variable`` says.

    :param value: as in the inventory: 0, or a text as ``10m``
    :raises DvError: it is neither
    """
    if str(value) == "0":
        return 0
    parts = _TIME.fullmatch(value) if isinstance(value, str) else None
    if not parts:
        raise DvError(
            f"the time to wait is {show(value)}",
            "a whole number of seconds, minutes or hours such as 90s, 10m or 1h; or 0 for not at all",
            f"correct {variable}",
        )
    return int(parts[1]) * _UNITS[parts[2]]


def check_all_at_once(task_vars: dict, throttle: int = 0) -> None:
    """Refuse to wait in a run that does not work on all its nodes at once.

    :param task_vars: the variables of a task
    :param throttle: how many nodes the task is for at once, 0 if it does not say
    :raises DvError: some nodes would wait for others whose turn comes after theirs
    """
    nodes = len(task_vars["ansible_play_hosts"])
    limits = (context.CLIARGS.get("forks") or constants.DEFAULT_FORKS, len(task_vars["ansible_play_batch"]), throttle or nodes)
    if min(limits) < nodes:
        raise DvError(
            f"dv_dkg_wait is set, and this run works on {min(limits)} of its {nodes} nodes at once",
            "on all of them: the others would wait for those that wait",
            f"run it with --forks {nodes} and without serial or throttle, or without dv_dkg_wait",
        )


class Pace:
    """When a task looks into the store again, until its time is over.

    :param limit: its time in seconds
    """

    def __init__(self, limit: int):
        self._until, self._parent = time.monotonic() + limit, os.getppid()
        self.quicken()

    def quicken(self) -> None:
        """Look again soon: something has happened."""
        self._pause = float(FIRST)

    def left(self) -> float:
        """The seconds that are left."""
        return max(0.0, self._until - time.monotonic())

    def pause(self) -> bool:
        """Sleep until it is time for a look. False, where there is to be none: the time is over, or the run was killed, which its task
        would outlive."""
        left = self.left()
        if left:
            time.sleep(min(left, self._pause * random.uniform(1 - CHANCE, 1 + CHANCE)))
            self._pause = min(self._pause * GROWTH, MOST)
        return left > 0 and os.getppid() == self._parent
