# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Round 2: every operator shows its commitments, proves that it knows their constant terms, and deals the shares,
sealed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ...crypto import hpke
from ...crypto.bls.group import ORDER
from ...crypto.bls.signatures import curve
from ...errors import DvError
from . import vss
from .commit import commitments_hash
from .derivation import Derivation
from .encoding import enc
from .fault import Fault
from .messages import Commit, Deal
from .parameters import Parameters, position, session_id

#: Positions of the equations that do not hold: :func:`vss.find_bad`, or of a judge :func:`vss.find_bad_exactly`.
FindBad = Callable[[Sequence[vss.Equation]], list[int]]


@dataclass(frozen=True)
class Dealt:
    """What one dealer dealt to us: the points of its commitments (v lists of t) and our shares of its polynomials."""

    commitments: list[list[vss.Point]]
    shares: list[int] = field(repr=False)


def make(
    parameters: Parameters,
    derivation: Derivation,
    session: bytes,
    digests: Iterable[bytes],
    recipients: Mapping[int, bytes],
    polynomials: list[list[int]],
    points: tuple[bytes, ...],
) -> Deal:
    """Our deal. It is random in its ciphertexts only.

    :param session: the session id (32 bytes) of the commits with these ``digests``
    :param recipients: operator -> its HPKE public key (1216 bytes) for us
    :param polynomials: our secret coefficients; ``points`` their encoded commitments, v times t
    """
    me, t = parameters.share_index, parameters.t
    proofs = tuple(
        vss.prove(session, me, validator, polynomial[0], points[validator * t], derivation.nonce(validator, session))
        for validator, polynomial in enumerate(polynomials)
    )
    ciphertexts = tuple(
        hpke.seal(recipients[operator], _info(session, me, operator), _shares(polynomials, operator)) for operator in parameters.others
    )
    return Deal(ciphertexts, points, tuple(digests), proofs)


def own(parameters: Parameters, polynomials: list[list[int]], points: Iterable[bytes]) -> Dealt:
    """What we dealt to ourselves: our commitments ``points`` and our shares of our ``polynomials``."""
    shares = [vss.evaluate(polynomial, parameters.share_index) for polynomial in polynomials]
    return Dealt(_by_validator(parameters, [curve.decode_g1(point) for point in points]), shares)


def check_own(parameters: Parameters, session: bytes, deal: Deal, commits: Mapping[int, Commit], polynomials: list[list[int]]) -> None:
    """Check our own ``deal`` as its readers will. What is sealed we cannot open: instead the shares of our ``polynomials`` are held
    against the commitments, in sums over the operators. We are not our own enemy, at most a broken machine.

    :raises Fault: it is wrong
    """
    me = parameters.share_index
    points, faults = check(parameters, session, {me: deal}, commits)
    for fault in faults:
        raise fault
    powers = [sum(operator**degree for operator in parameters.others) for degree in range(parameters.t)]
    sums = [sum(vss.evaluate(polynomial, operator) for operator in parameters.others) % ORDER for polynomial in polynomials]
    if not vss.hold([vss.Equation(total, row, powers) for total, row in zip(sums, points[me])]):
        raise Fault(me, "deal", "share", "a share of it is not on the polynomial that it committed to")


def check(
    parameters: Parameters,
    session: bytes,
    deals: Mapping[int, Deal],
    commits: Mapping[int, Commit],
    find_bad: FindBad = vss.find_bad,
) -> tuple[dict[int, list[list[vss.Point]]], list[Fault]]:
    """Check what is public of the ``deals``, all together. Dealers are the keys.

    :param session: the session id (32 bytes)
    :param find_bad: how equations are checked; a judge uses no weights
    :returns: (points of the commitments, v lists of t, of the good ones; a fault for each bad one)
    """
    good, proofs, faults = {}, [], []
    for dealer, deal in deals.items():
        try:
            good[dealer], equations = _read(parameters, session, dealer, deal, commits[dealer])
            proofs += [(dealer, equation) for equation in equations]
        except Fault as fault:
            faults.append(fault)
    return good, faults + _bad(good, proofs, find_bad, "proof", "its proof that it knows a constant term is wrong")


def open_shares(
    parameters: Parameters,
    session: bytes,
    deals: Mapping[int, Deal],
    points: dict[int, list[list[vss.Point]]],
    keys: Mapping[int, bytes],
    find_bad: FindBad = vss.find_bad,
) -> tuple[dict[int, Dealt], list[Fault]]:
    """Open and check our shares in the ``deals`` of the dealers of ``points`` (both as for and from :func:`check`).

    :param keys: our HPKE private key (96 bytes) for each dealer
    :returns: (what the good ones dealt, a fault for each bad one)
    """
    good, faults = {}, []
    for dealer in points:
        try:
            good[dealer] = Dealt(points[dealer], _open(parameters, session, dealer, deals[dealer], keys[dealer]))
        except Fault as fault:
            faults.append(fault)
    # Of honest dealers one look at the sum is enough, and errors that cancel do no harm: only the sum is ever used.
    if len(good) > 1 and vss.hold(_share_equations(parameters, add(list(good.values())))):
        return good, faults
    equations = [(dealer, equation) for dealer, dealt in good.items() for equation in _share_equations(parameters, dealt)]
    found = f"its share for operator {parameters.share_index} is not on the polynomial that it committed to"
    return good, faults + _bad(good, equations, find_bad, "share", found)


def add(dealt: Sequence[Dealt]) -> Dealt:
    """The sum of all: its constant terms are the group keys, its shares our key shares."""
    total, *others = dealt
    commitments, shares = [list(points) for points in total.commitments], list(total.shares)
    for one in others:
        for points, more in zip(commitments, one.commitments):
            points[:] = map(curve.add, points, more)
        shares = [(share + more) % ORDER for share, more in zip(shares, one.shares)]
    return Dealt(commitments, shares)


def _read(
    parameters: Parameters, session: bytes, dealer: int, deal: Deal, commit: Commit
) -> tuple[list[list[vss.Point]], list[vss.Equation]]:
    """The points of the commitments by validator, and the equations of the proofs."""
    if session_id(parameters, deal.commits) != session:
        raise Fault(dealer, "deal", "commits", "the commits that it lists are not those of its session")
    if commitments_hash(parameters, dealer, deal.commitments) != commit.commitments[0]:
        raise Fault(dealer, "deal", "commitments", "its commitments are not those of its commit")
    try:
        points = _by_validator(parameters, [curve.decode_g1(point, "a commitment") for point in deal.commitments])
        nonces = [curve.decode_g1(proof[:48], "a proof") for proof in deal.proofs]
    except DvError as error:
        raise Fault(dealer, "deal", "point", error.found) from None
    if any(int.from_bytes(proof[48:], "big") >= ORDER for proof in deal.proofs):
        raise Fault(dealer, "deal", "scalar", "a number in a proof is outside the field")
    constants = deal.commitments[:: parameters.t]
    return points, [
        vss.proof_equation(session, dealer, validator, deal.proofs[validator], constants[validator], nonces[validator], A[0])
        for validator, A in enumerate(points)
    ]


def _open(parameters: Parameters, session: bytes, dealer: int, deal: Deal, key: bytes) -> list[int]:
    """Our shares in the deal of ``dealer``."""
    me = parameters.share_index
    try:
        plaintext = hpke.open(key, _info(session, dealer, me), deal.ciphertexts[position(dealer, me)])
    except DvError:
        raise Fault(dealer, "deal", "share", f"its ciphertext for operator {me} does not open") from None
    shares = [int.from_bytes(plaintext[i : i + 32], "big") for i in range(0, len(plaintext), 32)]
    if any(share >= ORDER for share in shares):
        raise Fault(dealer, "deal", "share", f"its share for operator {me} is outside the field")
    return shares


def _bad(good: dict, equations: list[tuple[int, vss.Equation]], find_bad: FindBad, check: str, found: str) -> list[Fault]:
    """A fault for each dealer with a bad one of the (dealer, equation) pairs; those dealers leave ``good``."""
    dealers = {equations[i][0] for i in find_bad([equation for _dealer, equation in equations])}
    for dealer in dealers:
        del good[dealer]
    return [Fault(dealer, "deal", check, found) for dealer in sorted(dealers)]


def _share_equations(parameters: Parameters, dealt: Dealt) -> list[vss.Equation]:
    return [vss.share_equation(share, points, parameters.share_index) for share, points in zip(dealt.shares, dealt.commitments)]


def _shares(polynomials: list[list[int]], operator: int) -> bytes:
    return b"".join(vss.evaluate(polynomial, operator).to_bytes(32, "big") for polynomial in polynomials)


def _by_validator(parameters: Parameters, points: list[vss.Point]) -> list[list[vss.Point]]:
    return [points[i : i + parameters.t] for i in range(0, len(points), parameters.t)]


def _info(session: bytes, sender: int, recipient: int) -> bytes:
    return enc("seal", session, sender, recipient)
