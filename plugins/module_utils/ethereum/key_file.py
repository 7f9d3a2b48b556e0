# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ethereum key files, version 3: the encryption of a wallet's private key with a password.

Source: the Web3 Secret Storage definition, version 3 (scrypt or PBKDF2-HMAC-SHA256, AES-128-CTR, a MAC by Keccak-256). The
primitives are those of cryptography. eth-account, which the tests hold this against, would cost each node 0.6 s to import
for a signature, and fifteen more packages.
"""

from __future__ import annotations

import hmac
import secrets
import uuid
from typing import Any

from ..crypto import aes, kdf
from ..crypto.keccak import keccak256
from ..encoding.hex import from_hex


def decrypt(key_file: dict[str, Any], password: bytes) -> bytes | None:
    """The private key (32 bytes) in ``key_file``, its shape checked, or ``None`` if ``password`` is wrong.

    :raises ValueError, MemoryError: its key derivation asks for what this machine cannot serve
    """
    crypto = key_file["crypto"]
    ciphertext, mac, iv, salt = (
        from_hex(text, None, "a field of the key file")
        for text in (crypto["ciphertext"], crypto["mac"], crypto["cipherparams"]["iv"], crypto["kdfparams"]["salt"])
    )
    parameters = crypto["kdfparams"]
    if crypto["kdf"] == "scrypt":
        derived = kdf.scrypt(password, salt, parameters["n"], parameters["r"], parameters["p"])
    else:
        derived = kdf.pbkdf2(password, salt, parameters["c"])
    if not hmac.compare_digest(keccak256(derived[16:32] + ciphertext), mac):
        return None
    return aes.ctr(derived[:16], iv, ciphertext)


def encrypt(private_key: bytes, address: bytes, password: bytes, n: int) -> dict[str, Any]:
    """A new key file of ``private_key`` (32 bytes) with ``address`` (20 bytes), encrypted with ``password``.

    :param n: the work factor of scrypt, a power of two
    """
    salt, iv = secrets.token_bytes(32), secrets.token_bytes(16)
    derived = kdf.scrypt(password, salt, n, r=8, p=1)
    ciphertext = aes.ctr(derived[:16], iv, private_key)
    return {
        "address": address.hex(),
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": {"iv": iv.hex()},
            "ciphertext": ciphertext.hex(),
            "kdf": "scrypt",
            "kdfparams": {"dklen": 32, "n": n, "r": 8, "p": 1, "salt": salt.hex()},
            "mac": keccak256(derived[16:32] + ciphertext).hex(),
        },
        "id": str(uuid.uuid4()),
        "version": 3,
    }
