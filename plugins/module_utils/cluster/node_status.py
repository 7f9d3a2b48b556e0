# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a node stands in its ceremony: what every run ends with, and what ``status`` tells.

=========  ================================================================================================
complete   lock, deposit data and key shares are in their place
stopped    state was lost or rolled back, or another host uses this node's key: nothing more is sent
aborted    somebody signed something wrong; the culprit and the evidence are named
waiting    for other operators; or, if it is ``ready``, for a run on this node
=========  ================================================================================================
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import NamedTuple

from ..encoding.utc import to_utc

#: All steps in their order; from commit on they are the rounds of the DKG.
STEPS = ("enr", "proposal", "approval", "definition", "commit", "deal", "confirm", "sign", "seal")
ROUNDS = STEPS[STEPS.index("commit") :]


class Accused(NamedTuple):
    """An operator (share index) who is to blame, the check that failed, and the path of the evidence or None."""

    operator: int
    check: str
    evidence: str | None


@dataclass(frozen=True, kw_only=True)
class NodeStatus:
    """One of the four states, and what there is to know of it.

    :param step: the step that is not over
    :param attempt: number of the DKG's attempt, from its first round on
    :param waiting_for: share indices of the operators whose part of that step is missing
    :param ready: whether a run on this node would go on now
    :param since: Unix seconds: the last that this node did, or met
    :param detail: what else is to know, and what to do
    :param accused: see :class:`Accused`
    :param evidence: of a stopped node, the path of the message that contradicts its own; or None
    :param next_attempt: the attempt that the operators may begin; None where none helps or none is needed
    """

    state: str
    step: str | None = None
    attempt: int | None = None
    waiting_for: tuple = ()
    ready: bool = False
    since: float | None = None
    detail: str = ""
    accused: tuple = ()
    evidence: str | None = None
    next_attempt: int | None = None

    def result(self) -> dict[str, object]:
        """The same as a module returns it."""
        paths = [self.evidence, *(each.evidence for each in self.accused)]
        return dict(
            state=self.state,
            step=self.step,
            attempt=self.attempt,
            waiting_for=list(self.waiting_for),
            ready=self.ready,
            since=None if self.since is None else to_utc(self.since),
            detail=self.detail,
            accused=[each._asdict() for each in self.accused],
            evidence=next(filter(None, paths), None),
            next_attempt=self.next_attempt,
        )


def changed_at(*paths: str) -> float | None:
    """Unix seconds of the last change of any of the files that are there, or None."""
    return max((os.lstat(path).st_mtime for path in paths if os.path.lexists(path)), default=None)
