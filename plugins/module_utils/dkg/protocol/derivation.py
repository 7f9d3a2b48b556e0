# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything secret of one attempt, derived from its seed: a host that keeps its seed can make all of it again.

HKDF-SHA256 (RFC 5869) without salt; the info is enc("derive", definition hash, attempt, purpose, recipient or
validator index, coefficient index). A nonce's info has the session id too: the same nonce in two sessions would
give the constant term away.
"""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ...crypto.bls.group import ORDER
from ...crypto.hpke import PRIVATE_KEY_SIZE
from .encoding import enc
from .parameters import Parameters

SEED_SIZE = 32


class Derivation:
    """What follows from ``seed`` (32 bytes) in the attempt of ``parameters``. Nothing of it may be printed."""

    def __init__(self, seed: bytes, parameters: Parameters):
        self._seed = seed
        self._definition_hash, self._attempt = parameters.definition_hash, parameters.attempt

    def hpke_key(self, dealer: int) -> bytes:
        """The HPKE private key (96 bytes) for what operator ``dealer`` sends us in this attempt."""
        return self._derive(PRIVATE_KEY_SIZE, b"hpke", dealer, 0)

    def coefficient(self, validator: int, degree: int) -> int:
        """The coefficient (below the group order) of x^``degree`` in our polynomial of ``validator``."""
        return self._scalar(b"coefficient", validator, degree)

    def nonce(self, validator: int, session: bytes) -> int:
        """The nonce (below the group order) of our proof for ``validator`` in ``session`` (32 bytes)."""
        return self._scalar(b"nonce", validator, 0, session)

    def _scalar(self, *info: bytes | int) -> int:
        return int.from_bytes(self._derive(64, *info), "big") % ORDER

    def _derive(self, length: int, *info: bytes | int) -> bytes:
        encoded = enc("derive", self._definition_hash, self._attempt, *info)
        return HKDF(hashes.SHA256(), length, None, encoded).derive(self._seed)
