# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builder registrations: to whom a validator wants its block rewards paid.

Source: builder-specs (``ValidatorRegistrationV1``), charon-formats §6.
"""

from ..encoding import ssz
from . import domains


def registration_root(fee_recipient: bytes, gas_limit: int, timestamp: int, pubkey: bytes) -> bytes:
    """The root (32 bytes) of a registration.

    :param fee_recipient: address, 20 bytes (empty ones leave no leaf: charon-formats §0.2, quirk 1)
    :param timestamp: Unix seconds; charon takes the network's genesis time
    :param pubkey: the validator's public key, 48 bytes
    """
    return ssz.container(*ssz.put_bytes(fee_recipient), ssz.uint64(gas_limit), ssz.uint64(timestamp), ssz.fixed_bytes(pubkey, 48))


def signing_root(fee_recipient: bytes, gas_limit: int, timestamp: int, pubkey: bytes, fork_version: bytes) -> bytes:
    """The 32 bytes that the validator signs; ``fork_version`` is the network's genesis one (4 bytes), the rest as of
    :func:`registration_root`."""
    root = registration_root(fee_recipient, gas_limit, timestamp, pubkey)
    return domains.compute_signing_root(root, domains.DOMAIN_APPLICATION_BUILDER, fork_version)
