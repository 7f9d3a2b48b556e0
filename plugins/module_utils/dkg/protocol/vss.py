# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verifiable secret sharing (Feldman 1987) with proofs of possession, as in FROST's key generation (Komlo, Goldberg
2020).

A polynomial f(x) = a_0 + a_1 x + ... is committed to by A_k = a_k G; the share of operator j is f(j), and f(j) G =
sum of j^k A_k. All checks are equations k G = sum of s_i P_i; many of them are checked at once with random weights.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ...crypto.bls.group import ORDER
from ...crypto.bls.signatures import curve, find_failing
from .encoding import enc

#: A point of the backend: of G1 here.
Point = Any


@dataclass(frozen=True)
class Equation:
    """k·G = Σ scalars·points. ``k`` may be a share, so it is never shown."""

    k: int = field(repr=False)
    points: Sequence[Point]
    scalars: Sequence[int]


def commit(coefficient: int) -> bytes:
    """A_k (48 bytes) of the secret ``coefficient``."""
    return curve.encode(curve.secret_base_mul(coefficient))


def evaluate(coefficients: Sequence[int], x: int) -> int:
    """f(x) modulo the group order, for ``coefficients`` a_0, a_1, ..."""
    value = 0
    for coefficient in reversed(coefficients):
        value = (value * x + coefficient) % ORDER
    return value


def evaluate_commitments(commitments: Sequence[Point], x: int) -> Point:
    """f(x)·G, for the points ``commitments`` A_0, A_1, ...; ``x`` is small, so doubling and adding is
    fast."""
    value = commitments[-1]
    for commitment in reversed(commitments[:-1]):
        value = curve.add(curve.mul(value, x), commitment)
    return value


def challenge(session: bytes, operator: int, validator: int, nonce_point: bytes, constant_point: bytes) -> int:
    """The challenge of a proof."""
    digest = hashlib.sha512(enc("proof", session, operator, validator, nonce_point, constant_point)).digest()
    return int.from_bytes(digest, "big") % ORDER


def prove(session: bytes, operator: int, validator: int, constant: int, constant_point: bytes, nonce: int) -> bytes:
    """The proof (80 bytes: R, z) that we know the secret ``constant`` of ``constant_point`` (48 bytes).

    ``nonce`` must never be used with another session, operator or validator: two answers to it give the constant
    away.
    """
    nonce_point = commit(nonce)
    answer = nonce + challenge(session, operator, validator, nonce_point, constant_point) * constant
    return nonce_point + (answer % ORDER).to_bytes(32, "big")


def proof_equation(
    session: bytes, operator: int, validator: int, proof: bytes, constant_point: bytes, nonce_pt: Point, constant_pt: Point
) -> Equation:
    """The equation z·G = R + c·A_0 of ``proof`` (80 bytes); ``_pt`` are the decoded points."""
    factor = challenge(session, operator, validator, proof[:48], constant_point)
    return Equation(int.from_bytes(proof[48:], "big"), [nonce_pt, constant_pt], [1, factor])


def share_equation(share: int, commitments: Sequence[Point], x: int) -> Equation:
    """The equation of a ``share`` f(x), for the points ``commitments``."""
    return Equation(share, commitments, [x**degree for degree in range(len(commitments))])


def hold(equations: Sequence[Equation]) -> bool:
    """Whether all ``equations`` hold. One is judged as it is; of several, each gets a random weight of 128 bits
    from the operating system, drawn now that all inputs are fixed."""
    if not equations:
        return True
    single = len(equations) == 1
    weights = [1] if single else [int.from_bytes(os.urandom(16), "big") for equation in equations]
    k = sum(weight * equation.k for weight, equation in zip(weights, equations)) % ORDER
    points = [point for equation in equations for point in equation.points]
    scalars = [weight * scalar for weight, equation in zip(weights, equations) for scalar in equation.scalars]
    right = curve.msm(points, scalars)
    return curve.equal(curve.secret_base_mul(k), right) if k else curve.is_identity(right)


def find_bad(equations: Sequence[Equation]) -> list[int]:
    """The positions (from 0) of the equations that do not hold: a batch that fails is halved, down to one equation."""
    return find_failing(equations, hold)


def find_bad_exactly(equations: Sequence[Equation]) -> list[int]:
    """Like :func:`find_bad`, without weights: for a judge."""
    return [position for position, equation in enumerate(equations) if not hold([equation])]
