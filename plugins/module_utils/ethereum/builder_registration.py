# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builder registrations: to whom a validator wants its block rewards paid. Source: builder-specs, charon-formats §6."""

from ..encoding import ssz
from . import domains


def message_root(fee_recipient, gas_limit, timestamp, pubkey):
    """The root (32 bytes) of a registration.

    :param fee_recipient: address, 20 bytes (empty ones leave no leaf: charon-formats §0.2, quirk 1)
    :param timestamp: Unix seconds; charon takes the network's genesis time
    :param pubkey: the validator's public key, 48 bytes
    """
    return ssz.container(*ssz.put_bytes(fee_recipient), ssz.uint64(gas_limit), ssz.uint64(timestamp), ssz.fixed_bytes(pubkey, 48))


def signing_root(fee_recipient, gas_limit, timestamp, pubkey, fork_version):
    """The 32 bytes that the validator signs; ``fork_version`` is the network's genesis one (4 bytes)."""
    root = message_root(fee_recipient, gas_limit, timestamp, pubkey)
    return domains.signing_root(root, domains.APPLICATION_BUILDER, fork_version)
