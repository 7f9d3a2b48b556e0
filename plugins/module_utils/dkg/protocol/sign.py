# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Round 4: partial signatures of deposits and builder registrations, by every share of ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ...cluster.definition import Definition, ValidatorAddresses, effective_gas_limit
from ...crypto.bls.signatures import bls, curve
from ...errors import DvError
from ...ethereum import builder_registration, deposit
from ...ethereum.address import parse_address
from ...ethereum.networks import Network
from .fault import Fault
from .messages import Sign
from .parameters import Parameters
from .vss import Point


def roots(parameters: Parameters, network: Network, group_keys: Iterable[bytes]) -> list[bytes]:
    """The signing roots (32 bytes each) of round 4 in its order: validator by validator, its deposits by ascending
    amount, then its registration."""
    definition, fork_version = parameters.definition, parameters.definition.fork_version
    result = []
    for key, addresses in zip(group_keys, definition.validators or ()):
        credentials = credentials_of(definition, addresses)
        result += [deposit.signing_root(key, credentials, amount, fork_version) for amount in parameters.amounts]
        fee_recipient = parse_address(addresses.fee_recipient_address, "fee recipient address")
        limit, time = effective_gas_limit(definition), network.genesis_time
        result.append(builder_registration.signing_root(fee_recipient, limit, time, key, fork_version))
    return result


def credentials_of(definition: Definition, addresses: ValidatorAddresses) -> bytes:
    """The withdrawal credentials (32 bytes) of the validator with these ``addresses``."""
    return deposit.withdrawal_credentials(parse_address(addresses.withdrawal_address, "withdrawal address"), definition.compounding)


def make(parameters: Parameters, shares: Sequence[int], roots: Sequence[bytes]) -> Sign:
    """Our partial signatures of the ``roots``, with our v key ``shares``."""
    each = len(parameters.amounts) + 1
    return Sign(tuple(bls.sign(shares[position // each], root) for position, root in enumerate(roots)))


def points(operator: int, payload: Sign) -> list[Point]:
    """The points of ``payload``, not yet checked for the subgroup.

    :raises Fault: one is not on the curve
    """
    try:
        return [curve.decode_g2_on_curve(partial, "a partial signature") for partial in payload.partials]
    except DvError as error:
        raise Fault(operator, "sign", "point", error.found) from None


def aggregate(
    parameters: Parameters, group_keys: Sequence[bytes], roots: Sequence[bytes], partials: Mapping[int, Sequence[Point]]
) -> list[bytes] | None:
    """The signatures (96 bytes each) of the ``roots`` under the group keys, or None if a partial is bad.

    :param partials: exactly t share indices -> the points of its partial signatures; low indices are fast, the
        result is the same

    Only the result is checked, for subgroup and signature: then the t sets are good together.
    """
    each = len(parameters.amounts) + 1
    coefficients = bls.lagrange_at_zero(list(partials))
    signatures = [curve.encode(curve.msm(row, coefficients)) for row in zip(*partials.values())]
    equations = [(group_keys[i // each], roots[i], signature) for i, signature in enumerate(signatures)]
    return signatures if bls.batch_verify(equations) else None


def bad_signers(
    parameters: Parameters, public_shares: Sequence[Sequence[bytes]], roots: Sequence[bytes], payloads: Mapping[int, Sign]
) -> list[int]:
    """The operators of ``payloads`` with a partial signature of the ``roots`` that is wrong in itself."""
    each, owners, equations = len(parameters.amounts) + 1, [], []
    for operator, payload in payloads.items():
        equations += [(public_shares[i // each][operator - 1], roots[i], partial) for i, partial in enumerate(payload.partials)]
        owners += [operator] * len(roots)
    return sorted({owners[position] for position in bls.find_bad(equations)})
