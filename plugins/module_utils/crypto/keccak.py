# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keccak-256."""


def keccak256(data: bytes) -> bytes:
    """The 32 bytes of Keccak-256 (Ethereum's hash, not SHA3-256) of ``data``."""
    # pycryptodome: C code, and eth-account needs it anyway. Imported here since loading it takes a tenth of a second.
    from Crypto.Hash import keccak

    return keccak.new(data=data, digest_bits=256).digest()
