# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys of 32 bytes from passwords: PBKDF2 (RFC 8018) and scrypt (RFC 7914). What they may cost is bounded by their callers."""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

_KEY_SIZE = 32


def pbkdf2(password: bytes, salt: bytes, rounds: int) -> bytes:
    """The key by PBKDF2 with HMAC-SHA256.

    :raises ValueError, MemoryError: parameters that the library or this machine cannot serve
    """
    return PBKDF2HMAC(SHA256(), _KEY_SIZE, salt, rounds).derive(password)


def scrypt(password: bytes, salt: bytes, n: int, r: int, p: int) -> bytes:
    """The key by scrypt; errors as of :func:`pbkdf2`."""
    return Scrypt(salt, _KEY_SIZE, n, r, p).derive(password)
