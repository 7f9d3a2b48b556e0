# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Histories of what keys have signed, in the interchange format by which validator clients hand them on. Source: EIP-3076, version 5."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from ..encoding import go_json
from ..encoding.json_fields import MAX_UINT64, SAME_OBJECT, Constant, Decimal, Field, Hex, List, Reading, Record
from ..errors import DvError

VERSION = "5"
#: Most keys of a history, and most blocks or attestations of one.
_MOST = 2**24


class Block(NamedTuple):
    """A signed block; its signing root (32 bytes) may be empty."""

    slot: int
    signing_root: bytes


class Attestation(NamedTuple):
    """A signed attestation; its signing root (32 bytes) may be empty."""

    source_epoch: int
    target_epoch: int
    signing_root: bytes


class Signed(NamedTuple):
    """What the key with ``pubkey`` (48 bytes) has signed."""

    pubkey: bytes
    signed_blocks: tuple[Block, ...]
    signed_attestations: tuple[Attestation, ...]


@dataclass(frozen=True)
class History:
    """What keys have signed on the chain with that genesis validators root (32 bytes); each key once."""

    genesis_validators_root: bytes
    data: tuple[Signed, ...]

    def of(self, keys: Iterable[bytes]) -> History:
        """That of the public ``keys`` (48 bytes each) alone, as far as they have signed anything."""
        wanted = frozenset(keys)
        return History(self.genesis_validators_root, tuple(signed for signed in self.data if signed.pubkey in wanted and any(signed[1:])))

    @property
    def keys(self) -> frozenset[bytes]:
        """The public keys (48 bytes each) that have signed something."""
        return frozenset(signed.pubkey for signed in self.data if any(signed[1:]))

    def dump(self) -> str:
        """The text that validator clients take."""
        return go_json.dumps(_HISTORY.write(self, 0), None)


def merge(root: bytes, histories: Iterable[History]) -> History:
    """All that ``histories`` of the chain with that genesis validators ``root`` have: nobody may sign against any of them."""
    found: dict[bytes, tuple[set[Block], set[Attestation]]] = {}
    for history in histories:
        for signed in history.data:
            blocks, attestations = found.setdefault(signed.pubkey, (set(), set()))
            blocks.update(signed.signed_blocks)
            attestations.update(signed.signed_attestations)
    data = ((key, tuple(sorted(blocks)), tuple(sorted(attestations))) for key, (blocks, attestations) in sorted(found.items()))
    return History(root, tuple(map(Signed._make, data)))


def parse(text: str | bytes, what: str) -> History:
    """The history that ``text`` holds, called ``what`` in errors.

    :raises DvError: it holds none in this format
    """
    history = _HISTORY.read(go_json.loads(text.encode() if isinstance(text, str) else text, what), "", Reading(what, 0))
    if not history.genesis_validators_root:
        raise DvError(f"{what} does not say of which chain it is", "metadata.genesis_validators_root, 32 bytes")
    if any(not signed.pubkey for signed in history.data):
        raise DvError(f"{what} does not say of which key something is", "a pubkey of 48 bytes each")
    return merge(history.genesis_validators_root, [history])


_ROOT = Hex(32)
_SIGNED = Record(
    Signed,
    Field("pubkey", Hex(48)),
    Field("signed_blocks", List(Record(Block, Field("slot", Decimal(MAX_UINT64)), Field("signing_root", _ROOT, omit=True)), _MOST)),
    Field(
        "signed_attestations",
        List(
            Record(
                Attestation,
                *(Field(name, Decimal(MAX_UINT64)) for name in ("source_epoch", "target_epoch")),
                Field("signing_root", _ROOT, omit=True),
            ),
            _MOST,
        ),
    ),
)
_METADATA = Record(
    dict,
    Field("interchange_format_version", Constant(VERSION), attribute=SAME_OBJECT),
    Field("genesis_validators_root", _ROOT),
)
_HISTORY = Record(History, Field("metadata", _METADATA, attribute=SAME_OBJECT), Field("data", List(_SIGNED, _MOST)))
