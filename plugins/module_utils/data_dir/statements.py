# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signed statements of a node: what was found out about it, and when, by whoever had its ENR private key. Any later step may ask for
one, and anybody who knows the node's ENR can verify it.

A statement is a compact JWS (:mod:`.jws`) whose header names this type, so that it is no message of a ceremony.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from ..cluster.lock import ClusterLock
from ..cluster.operators import numbered
from ..crypto import jws
from ..encoding import go_json
from ..encoding.base64url import from_base64
from ..encoding.json_fields import lookup
from ..encoding.utc import to_utc
from ..errors import DvError
from ..ethereum import enr
from .layout import LOCK, DataDir

_HEADER = go_json.dumps({"alg": "ES256K", "typ": "obol-dv-statement"}, None).encode()

#: What statements are about: a backup was opened, and is whole; key shares were loaded, or taken away; what a node measured; the cluster
#: is ready; deposits are going to be paid.
DRILL, KEYS, MEASUREMENT, READINESS, ACTIVATION = "drill", "keys", "measurement", "readiness", "activation"

#: Longest statement, in characters: of what a node measured of a hundred others.
MAX_SIZE = 128 * 1024


def sign(private_key: bytes, about: str, facts: dict[str, Any], now: float) -> str:
    """The statement, by the ENR private key (32 bytes), of ``facts`` (JSON) found ``now`` (Unix seconds).

    :param about: what it is about, :data:`DRILL` for example
    """
    return jws.sign(private_key, _HEADER, go_json.dumps({"about": about, "made": to_utc(now), **facts}, None).encode())


def verify(text: str, public_key: bytes, about: str) -> dict[str, Any] | None:
    """The facts of the statement ``text`` by the node with ``public_key`` (33 bytes), with ``made``, the time.

    :returns: ``None`` of anything else: rubbish, a statement of another node, or about something else
    """
    try:
        signed = jws.split(text[:MAX_SIZE])
        header, facts = from_base64(signed.header), go_json.loads(from_base64(signed.payload), "a statement")
        if header == _HEADER and lookup(facts, "about", about) == about and isinstance(lookup(facts, "made", about), str):
            # Last: it takes longest, and there may be thousands of statements about other things.
            jws.verify(signed, public_key)
            return dict(facts)
    except DvError:
        pass
    return None


def operators_of_whom(data_dir: DataDir, is_true: Callable[[str, ClusterLock], bool]) -> list[int] | None:
    """The share indices of the operators of the lock in ``data_dir`` of whose peer id something ``is_true``; ``None`` where no lock can be
    read."""
    with contextlib.suppress(DvError):
        content = data_dir.read(LOCK)
        if content is None:
            return None
        lock = ClusterLock.parse(content, LOCK)
        peer_ids = {index: enr.peer_id(enr.parse(operator.enr).public_key) for index, operator in numbered(lock.definition).items()}
        return [index for index, peer_id in peer_ids.items() if is_true(peer_id, lock)]
    return None
