# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Round 3: every operator has stored its key shares and says which keys came out. n equal confirmations are the
certificate."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...crypto.bls.signatures import curve
from ...errors import DvError
from . import vss
from .deal import Dealt
from .encoding import H
from .messages import Confirm
from .parameters import Parameters


@dataclass(frozen=True)
class Keys:
    """What the deals give: the group keys (48 bytes), for each validator n public shares (48 bytes), our key shares
    (None where only the public part is at hand)."""

    group_keys: tuple[bytes, ...]
    public_shares: tuple[tuple[bytes, ...], ...]
    shares: tuple[int, ...] | None = field(repr=False, default=None)

    def dump(self) -> bytes:
        """The public part: 48·v of group keys, then 48·v·n of public shares."""
        return b"".join(self.group_keys) + b"".join(b"".join(shares) for shares in self.public_shares)


def derive(parameters: Parameters, total: Dealt) -> Keys:
    """The keys of ``total``, the sum of what all n dealers dealt.

    :raises DvError: a key is the identity, or two are the same; no dealer can bring that about alone
    """
    group_keys = tuple(curve.encode(points[0]) for points in total.commitments)
    public_shares = tuple(
        tuple(curve.encode(vss.evaluate_commitments(points, operator)) for operator in parameters.operators) for points in total.commitments
    )
    everything = [*group_keys, *(share for shares in public_shares for share in shares)]
    if len(set(everything)) != len(everything) or any(encoded[0] & 0x40 for encoded in everything):
        raise DvError("two keys of the cluster are the same, or one is no key", "different keys", "start a new attempt")
    return Keys(group_keys, public_shares, tuple(total.shares))


def load(parameters: Parameters, content: bytes) -> Keys | None:
    """The public keys that :meth:`Keys.dump` gives ``content`` for, or None if that has another length."""
    v, n = parameters.v, parameters.n
    points = tuple(content[i : i + 48] for i in range(0, len(content), 48))
    if len(content) != 48 * v * (n + 1):
        return None
    return Keys(points[:v], tuple(points[v + i * n : v + i * n + n] for i in range(v)))


def transcript(session: bytes, keys: Keys) -> bytes:
    """The hash (32 bytes) of group keys and public shares."""
    group_keys = b"".join(keys.group_keys)
    return H("transcript", session, group_keys, keys.dump()[len(group_keys) :])


def roots_hash(session: bytes, roots: list[bytes]) -> bytes:
    """The hash (32 bytes) of the signing ``roots`` (32 bytes each) of round 4 in its order."""
    return H("roots", session, b"".join(roots))


def make(session: bytes, keys: Keys, roots: list[bytes]) -> Confirm:
    """Our confirm of ``keys`` and ``roots``."""
    return Confirm((roots_hash(session, roots),), (transcript(session, keys),))
