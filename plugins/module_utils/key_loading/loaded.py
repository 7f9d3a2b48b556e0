# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who has loaded key shares: what each node states, signed with its ENR private key, and the store carries to all. So a machine learns, too,
that its key shares were loaded from a copy of its data directory.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from hashlib import sha256
from typing import Any

from ..cluster.store_names import keys_name
from ..data_dir import key_place, statements
from ..data_dir.key_place import Place
from ..data_dir.layout import DataDir
from ..encoding.hex import from_hex, to_hex
from ..encoding.utc import to_utc
from ..errors import DvError
from ..ethereum import enr

#: What nodes state.
_STATED = key_place.STATE_LOADED, key_place.STATE_UNLOADED


def state(private_key: bytes, share_index: int, key_shares: int, place: Place) -> dict[str, str]:
    """The statement of a node, by its ENR private key (32 bytes), that its key shares, which are so many, are at that ``place``, or were: its
    text by its name in the store. It is the same each time. Public: it tells of the place no more than the kind of client, and which machine
    by a hash."""
    facts = dict(
        lock_hash=place.lock_hash,
        share_index=share_index,
        number=place.number,
        state=place.state,
        client=place.client,
        machine=sha256(f"obol.dv machine {place.machine}".encode()).hexdigest()[:16] if place.machine else "",
        key_shares=key_shares,
    )
    name = keys_name(from_hex(place.lock_hash, 32, "lock_hash"), share_index, place.number)
    return {name: statements.sign(private_key, statements.KEYS, facts, place.since)}


def newest(texts: Iterable[str], peer_id: str, lock_hash: str) -> dict[str, Any] | None:
    """The facts of the newest statement, among ``texts``, of the node with that peer id about its key shares of the lock with that hash (hex);
    ``None`` where there is none. Others are passed over: anybody may put a file there."""
    public_key = enr.public_key_of(peer_id)
    found = [statements.verify(text, public_key, statements.KEYS) for text in texts] if public_key else []
    own = [facts for facts in found if facts and facts.get("lock_hash") == lock_hash and key_place.is_number("number", facts.get("number"))]
    return max(own, key=lambda facts: facts["number"], default=None)


def check_newest(stated: Mapping[str, Any] | None, place: Place | None) -> None:
    """Refuse a record that :func:`knows_less`.

    :raises DvError: it does
    """
    if stated and knows_less(place, stated):
        raise DvError(
            f"this node stated on {stated['made']} that its key shares are {stated.get('state')}, of which its data directory knows nothing",
            "the data directory with that record",
            f"it is an older copy, or another machine has one: {key_place.CONFIRM}",
        )


def knows_less(place: Place | None, stated: Mapping[str, Any] | None) -> bool:
    """Whether a record knows less than the newest statement of the same node, or its number is of another time: another machine has loaded its
    key shares since."""
    number, counted = (place.number if place else 0), (stated["number"] if stated else 0)
    if not stated or not place or place.state not in _STATED or counted != number:
        return counted > number
    return (stated["made"], stated.get("state")) != (to_utc(place.since), place.state)


def loaded_operators(data_dir: DataDir, texts: Collection[str]) -> list[int] | None:
    """The share indices of the operators of whom the newest statement among ``texts`` says that their key shares of the lock in ``data_dir`` are
    loaded; ``None`` where there is no lock that can be read."""
    return statements.operators_of_whom(
        data_dir, lambda peer_id, lock: (newest(texts, peer_id, to_hex(lock.lock_hash)) or {}).get("state") == key_place.STATE_LOADED
    )
