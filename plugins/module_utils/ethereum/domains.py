# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ethereum's signing domains (consensus-specs, ``compute_domain`` and ``compute_signing_root``) at genesis.

Deposits and builder registrations are valid across all forks: they are signed under the genesis fork version of the
network, with a zero genesis validators root.
"""

from ..encoding import ssz

#: Domain types, 4 bytes each.
DEPOSIT, APPLICATION_BUILDER = bytes.fromhex("03000000"), bytes.fromhex("00000001")


def domain(domain_type, fork_version):
    """The domain (32 bytes) of a ``domain_type`` (4 bytes) under the genesis ``fork_version`` (4 bytes)."""
    return domain_type + ssz.container(fork_version.ljust(32, b"\0"), bytes(32))[:28]


def signing_root(message_root, domain_type, fork_version):
    """The 32 bytes that are signed for the message with ``message_root`` (32 bytes)."""
    return ssz.container(message_root, domain(domain_type, fork_version))
