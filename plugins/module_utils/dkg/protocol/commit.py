# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Round 1: every operator fixes its polynomials by a hash, before any are shown, and gives the others keys to seal
to."""

from collections.abc import Iterable

from ...crypto import hpke
from ...errors import DvError
from . import vss
from .derivation import Derivation
from .encoding import H
from .fault import Fault
from .messages import Commit
from .parameters import Parameters, position


def coefficients(parameters: Parameters, derivation: Derivation) -> list[list[int]]:
    """Our polynomials: for each validator, t secret coefficients."""
    return [[derivation.coefficient(validator, degree) for degree in range(parameters.t)] for validator in range(parameters.v)]


def commitments(polynomials: list[list[int]]) -> tuple[bytes, ...]:
    """A_0 ... A_{t-1} (48 bytes each) of all ``polynomials``, one after the other."""
    return tuple(vss.commit(coefficient) for polynomial in polynomials for coefficient in polynomial)


def commitments_hash(parameters: Parameters, operator: int, points: Iterable[bytes]) -> bytes:
    """What ``operator``'s commit says of its whole vector of commitments (encoded ``points``)."""
    return H("commitments", parameters.definition_hash, parameters.attempt, operator, b"".join(points))


def make(parameters: Parameters, derivation: Derivation, points: Iterable[bytes]) -> Commit:
    """Our commit, given our encoded commitments ``points``."""
    keys = tuple(hpke.public_key(derivation.hpke_key(dealer)) for dealer in parameters.others)
    return Commit((commitments_hash(parameters, parameters.share_index, points),), keys)


def make_from_seed(parameters: Parameters, derivation: Derivation) -> tuple[Commit, tuple[bytes, ...]]:
    """Our commit and the encoded commitments in it, as they follow from our seed."""
    points = commitments(coefficients(parameters, derivation))
    return make(parameters, derivation, points), points


def check(parameters: Parameters, operator: int, payload: Commit) -> None:
    """Refuse the commit of ``operator`` if the key in it that is meant for us cannot be sealed to.

    :raises Fault: it cannot (without evidence yet)
    """
    try:
        hpke.seal(payload.keys[position(operator, parameters.share_index)], b"", b"")
    except DvError:
        raise Fault(operator, "commit", "key", f"its HPKE key for operator {parameters.share_index} cannot be sealed to") from None
