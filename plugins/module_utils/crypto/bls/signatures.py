# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ethereum's BLS signatures, and what a distributed validator does with them, over any backend.

Public keys are 48 bytes, signatures 96 bytes, secrets integers from 1 to ORDER - 1. The functions that take bytes check
them; those that take points (``_pt`` in the parameters) want points that a backend's strict decoder gave.
Sources: consensus-specs (BLS signatures, proof of possession scheme), charon-formats §4.3 and §4.5.
"""

import os
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ...errors import DvError
from . import blst
from .blst import Point
from .group import ORDER

#: Key (48 bytes), message, signature (96 bytes).
Equation = tuple[bytes, bytes, bytes]
# How many equations that hold are kept: more than a lock of 5,000 validators has.
_KEPT = 2**16


class _Decoded(NamedTuple):
    """An equation, and its points: those of the key, the message and the signature."""

    equation: Equation
    key_pt: Point
    hash_pt: Point
    signature_pt: Point


class Scheme:
    """The scheme over ``curve``, a backend module such as :mod:`blst` (it stays reachable as ``curve``)."""

    def __init__(self, curve: Any) -> None:
        self.curve = curve
        # Equations that hold: they always will.
        self._held: set[Equation] = set()

    def secret_to_public(self, k: int) -> bytes:
        """The public key (48 bytes) of the secret ``k``."""
        return self.curve.encode(self.curve.secret_base_mul(k))

    def sign(self, k: int, message: bytes) -> bytes:
        """The signature (96 bytes) of ``message`` with the secret ``k``."""
        return self.curve.encode(self.curve.secret_mul(self.curve.hash_to_g2(message), k))

    def verify(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        """Whether ``signature`` (96 bytes) of ``message`` is by ``public_key`` (48 bytes); not so if badly encoded."""
        return self.fast_aggregate_verify([public_key], message, signature)

    def aggregate(self, signatures: Iterable[bytes]) -> bytes:
        """The plain sum (96 bytes) of at least one signature (96 bytes each).

        :raises DvError: none, or a bad encoding
        """
        points = [self.curve.decode_g2(signature) for signature in signatures]
        return self.curve.encode(self.curve.msm(points, [1] * len(points)))

    def fast_aggregate_verify(self, public_keys: Iterable[bytes], message: bytes, signature: bytes) -> bool:
        """Whether ``signature`` is the sum of those of one message by all ``public_keys``; not so if badly encoded."""
        try:
            points = [self.curve.decode_g1(key) for key in public_keys]
            key_pt = self.curve.msm(points, [1] * len(points))
            return self._holds(key_pt, self.curve.hash_to_g2(message), self.curve.decode_g2(signature))
        except DvError:
            return False

    @staticmethod
    def lagrange_at_zero(indices: Sequence[int]) -> list[int]:
        """The Lagrange coefficients λᵢ at zero for the share ``indices`` (distinct, from 1), in their order.

        They are small signed integers where they are integers at all, as for 1...t, where they are ±C(t, i): arithmetic
        with them is many times faster. Otherwise they are residues modulo ORDER.

        :raises DvError: no indices, one twice, or one that is not from 1
        """
        if not indices or len(set(indices)) != len(indices) or min(indices) < 1:
            raise DvError(f"share indices {list(indices)}", "at least one, each once, from 1")
        coefficients = []
        for i in indices:
            numerator = denominator = 1
            for j in indices:
                if j != i:
                    numerator *= j
                    denominator *= j - i
            whole, rest = divmod(numerator, denominator)
            coefficients.append(numerator * pow(denominator, -1, ORDER) % ORDER if rest else whole)
        return coefficients

    def interpolate(self, points: Mapping[int, Point]) -> Point:
        """The point at zero of the polynomial through ``points``, by share index, of one group."""
        return self.curve.msm(list(points.values()), self.lagrange_at_zero(list(points)))

    def batch_verify(self, equations: Sequence[Equation]) -> bool:
        """Whether ALL signatures are right, and well encoded; False for none at all. Those that were found right before are not verified
        once more.

        Every other equation gets a random weight of 128 bits, drawn here, after all inputs are fixed: so errors cannot cancel
        as in a plain sum. Then Π e(wᵢ·keyᵢ, H(mᵢ)) = e(G1, Σ wᵢ·signatureᵢ); the pairings of one key, or those of one
        message, are put together first, whichever leaves fewer.
        """
        new = [equation for equation in equations if equation not in self._held]
        try:
            holds = bool(equations) and (not new or self._batch_holds(list(map(self._decode, new))))
        except DvError:
            return False
        if holds:
            self._keep(new)
        return holds

    def find_bad(self, equations: Sequence[Equation]) -> list[int]:
        """The positions (from 0, ascending) of the ``equations`` that do not hold, found by halving; of what is badly encoded too."""
        bad, decoded = [], {}
        for position, equation in enumerate(equations):
            if equation not in self._held:
                try:
                    decoded[position] = self._decode(equation)
                except DvError:
                    bad.append(position)
        positions = list(decoded)
        failing = {positions[number] for number in find_failing(list(decoded.values()), self._batch_holds)}
        self._keep(equations[position] for position in positions if position not in failing)
        return sorted(failing.union(bad))

    def _decode(self, equation: Equation) -> _Decoded:
        """:raises DvError: a bad encoding"""
        key, message, signature = equation
        return _Decoded(equation, self.curve.decode_g1(key), self.curve.hash_to_g2(message), self.curve.decode_g2(signature))

    def _keep(self, equations: Iterable[Equation]) -> None:
        """Keep ``equations`` that hold."""
        if len(self._held) >= _KEPT:
            self._held.clear()
        self._held.update(equations)

    def _holds(self, key_pt: Point, hash_pt: Point, signature_pt: Point) -> bool:
        return not self.curve.is_identity(key_pt) and self.curve.pairing_product_is_one(
            [(key_pt, hash_pt), (self.curve.neg(self.curve.G1), signature_pt)]
        )

    def _batch_holds(self, decoded: Sequence[_Decoded]) -> bool:
        if len(decoded) == 1:
            return self._holds(*decoded[0][1:])
        curve = self.curve
        equations, keys, hashes, signatures = zip(*decoded)
        weights = [int.from_bytes(os.urandom(16), "big") for equation in equations]
        by_key, by_message = (_group(equation[part] for equation in equations) for part in (0, 1))
        if len(by_key) < len(by_message):
            pairs = [(keys[same[0]], _pick(curve, hashes, weights, same)) for same in by_key]
        else:
            pairs = [(_pick(curve, keys, weights, same), hashes[same[0]]) for same in by_message]
        return curve.pairing_product_is_one(pairs + [(curve.neg(curve.G1), curve.msm(signatures, weights))])


def find_failing(items: Sequence[Any], hold: Callable[[Any], bool]) -> list[int]:
    """The positions (from 0, ascending) of the ``items`` that fail by themselves, where ``hold(some of them)`` says whether
    all of these are right: a batch that fails is halved, down to one item."""

    def search(start: int, end: int) -> list[int]:
        if start == end or hold(items[start:end]):
            return []
        if end - start == 1:
            return [start]
        middle = (start + end) // 2
        return search(start, middle) + search(middle, end)

    return search(0, len(items))


def _group(values: Iterable[Hashable]) -> list[list[int]]:
    """Lists of the positions at which equal values stand."""
    positions: dict[Hashable, list[int]] = {}
    for position, value in enumerate(values):
        positions.setdefault(value, []).append(position)
    return list(positions.values())


def _pick(curve: Any, points: Sequence[Point], weights: Sequence[int], positions: Sequence[int]) -> Point:
    return curve.msm([points[position] for position in positions], [weights[position] for position in positions])


#: The native backend, and the scheme over it: what everything outside of tests uses.
curve = blst
bls = Scheme(curve)
