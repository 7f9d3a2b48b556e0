# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for every backend: the constants of Ethereum's BLS scheme, and the checks that stand before any library.

A point's encoding is the compressed one of ZCash: 48 bytes (G1) or 96 (G2), three flag bits in the first byte.
Infinity is never a key, a commitment or a signature here, so its flag is refused in every form; libraries differ in
the odd ones.
"""

from typing import Any

from ...errors import DvError

#: Order of the groups: secrets are integers from 1 to ORDER - 1.
ORDER = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
#: Ethereum's ciphersuite: public keys in G1, signatures in G2, proof of possession (consensus-specs, beacon-chain.md).
DST = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_"
G1_LENGTH, G2_LENGTH = 48, 96


def check_encoding(data: Any, length: int, what: str) -> None:
    """Refuse what is not ``length`` bytes, not flagged as compressed, or flagged as infinity.

    :raises DvError: it is so
    """
    if type(data) is not bytes or len(data) != length:  # pylint: disable=unidiomatic-typecheck
        size = f"{len(data)} bytes" if type(data) is bytes else type(data).__name__  # pylint: disable=unidiomatic-typecheck
        raise DvError(f"{what} is {size}", f"a compressed point of {length} bytes")
    if data[0] & 0xC0 != 0x80:
        raise DvError(f"{what} is {'infinity' if data[0] & 0x40 else 'not a compressed point'}", "a point of the group")


def bad_point(what: str) -> DvError:
    """The error for an encoding that no point of the group has."""
    return DvError(f"{what} is not a point of the BLS12-381 group", "a point on the curve, in the subgroup of prime order")


def check_secret(k: Any) -> None:
    """Refuse what is not a secret scalar.

    :raises DvError: it is none; the text does not show it
    """
    if type(k) is not int or not 0 < k < ORDER:  # pylint: disable=unidiomatic-typecheck
        raise DvError("a secret scalar is out of range", "an integer from 1 to the group order minus 1")
