# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What others have stated, each signed with its ENR key: the store brings it. Anybody may put anything there: what no operator of the lock
has signed, about that lock, is passed over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from ..cluster.lock import ClusterLock
from ..cluster.operators import numbered
from ..data_dir import statements
from ..encoding.hex import to_hex
from ..encoding.utc import from_utc
from ..ethereum import enr

Facts = dict[str, Any]

# Seconds by which another operator's clock may be ahead.
_AHEAD = 300


class Statements:
    """The statements about a ``lock`` among ``texts``.

    :param max_age: of what is found out anew each time, in seconds
    """

    def __init__(self, lock: ClusterLock, texts: Iterable[str], max_age: float) -> None:
        self._lock_hash, self._max_age, self._texts = to_hex(lock.lock_hash), max_age, [*dict.fromkeys(texts)]
        self._about: dict[tuple[str, int], list[Facts]] = {}
        self._validators = len(lock.validators or ())
        self._keys = {index: enr.parse(operator.enr).public_key for index, operator in numbered(lock.definition).items()}

    @property
    def operators(self) -> list[int]:
        """The share indices of all operators."""
        return [*self._keys]

    def proven(self) -> list[int]:
        """Those of whom a drill proved a backup with all key shares, not too long ago."""
        return self._whose(statements.DRILL, lambda facts: facts.get("key_shares") == self._validators and self._is_new(facts))

    def ready(self) -> list[int]:
        """Those who judged last, not too long ago, that the cluster is ready."""
        return [index for index in self._keys if self._judged_last(index)]

    def loaded(self) -> list[int]:
        """Those whose key shares are loaded, by what each of them stated last. Where that is two things, it was two machines."""
        return [index for index in self._keys if self._stated_last(index) == ["loaded"]]

    def about(self, what: str, share_index: int) -> list[Facts]:
        """What one operator stated about ``what``."""
        asked = what, share_index
        if asked not in self._about:
            found = (statements.verify(text, self._keys[share_index], what) for text in self._texts)
            self._about[asked] = [facts for facts in found if facts and facts.get("lock_hash") == self._lock_hash]
        return self._about[asked]

    def _stated_last(self, share_index: int) -> list[Any]:
        """The states of its key shares that an operator stated under its last number: each once."""
        stated = [facts for facts in self.about(statements.KEYS, share_index) if isinstance(facts.get("number"), int)]
        last = max((facts["number"] for facts in stated), default=None)
        states: list[Any] = []
        for state in (facts.get("state") for facts in stated if facts["number"] == last):
            states += [state] if state not in states else []
        return states

    def _judged_last(self, share_index: int) -> bool:
        """Whether what an operator stated last of the readiness is that all is well; of two things at once, the worse."""
        stated = [facts for facts in self.about(statements.READINESS, share_index) if self._is_new(facts)]
        last = max((facts["made"] for facts in stated), default=None)
        return bool(stated) and all(facts.get("passed") is True for facts in stated if facts["made"] == last)

    def _whose(self, what: str, is_true: Callable[[Facts], bool]) -> list[int]:
        return [index for index in self._keys if any(map(is_true, self.about(what, index)))]

    def _is_new(self, facts: Facts) -> bool:
        try:
            return -_AHEAD <= time.time() - from_utc(facts["made"]) <= self._max_age
        except ValueError:
            return False
