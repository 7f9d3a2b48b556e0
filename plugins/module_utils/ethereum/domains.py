# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ethereum's signing domains (consensus-specs, ``compute_domain`` and ``compute_signing_root``) at genesis.

Deposits and builder registrations are valid across all forks: they are signed under the genesis fork version of the
network, with a zero genesis validators root.
"""

from ..encoding import ssz

#: Domain types, 4 bytes each.
DOMAIN_DEPOSIT, DOMAIN_APPLICATION_BUILDER = bytes.fromhex("03000000"), bytes.fromhex("00000001")


def compute_domain(domain_type: bytes, fork_version: bytes) -> bytes:
    """The domain (32 bytes) of a ``domain_type`` (4 bytes) under the genesis ``fork_version`` (4 bytes)."""
    return domain_type + ssz.container(fork_version.ljust(32, b"\0"), bytes(32))[:28]


def compute_signing_root(message_root: bytes, domain_type: bytes, fork_version: bytes) -> bytes:
    """The 32 bytes that are signed for the message with ``message_root`` (32 bytes); the rest as of :func:`compute_domain`."""
    return ssz.container(message_root, compute_domain(domain_type, fork_version))
