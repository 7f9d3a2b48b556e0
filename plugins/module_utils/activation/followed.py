# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far the validators of a lock have come on the beacon chain, in its own words."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from typing import Any

from ..clients import beacon_states
from ..clients.beacon_states import Validator
from ..cluster.lock import ClusterLock
from ..data_dir.layout import LOCK, DataDir
from ..encoding.hex import to_hex
from ..errors import DvError

#: What is said of a validator that is not there, and whose deposit waits.
PENDING = "pending_deposit"


def describe(pubkeys: Mapping[int, bytes], found: Mapping[bytes, Validator], pending: Collection[bytes]) -> list[dict[str, Any]]:
    """The status of each validator, as modules return it.

    :param pubkeys: 48 bytes each, by position in the lock
    :param found: those that the beacon chain has
    :param pending: public keys of which a deposit waits
    """
    return [
        dict(position=position, pubkey=to_hex(key), status=found[key].status if key in found else PENDING if key in pending else "")
        for position, key in sorted(pubkeys.items())
    ]


def statuses(data_dir: DataDir, beacon_url: str) -> list[dict[str, Any]] | None:
    """The same of all validators of the lock in ``data_dir``, by the beacon node at that URL; ``None`` where nobody knows: no lock, no answer."""
    with contextlib.suppress(DvError):
        content = data_dir.read(LOCK)
        if content is not None:
            keys = [validator.public_key for validator in ClusterLock.parse(content, LOCK).validators or ()]
            beacon = beacon_states.at(beacon_url)
            found = beacon.validators(keys)
            missing = {*keys} - found.keys()
            pending = {each.pubkey for each in beacon.pending_deposits() if each.pubkey in missing} if missing else ()
            return describe(dict(enumerate(keys)), found, pending)
    return None
