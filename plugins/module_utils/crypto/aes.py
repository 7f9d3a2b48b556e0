# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AES-128 in counter mode (NIST SP 800-38A)."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def ctr(key: bytes, iv: bytes, data: bytes) -> bytes:
    """``data`` encrypted or decrypted, which is the same, with ``key`` (16 bytes) from the counter block ``iv`` (16 bytes) on."""
    return Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor().update(data)
