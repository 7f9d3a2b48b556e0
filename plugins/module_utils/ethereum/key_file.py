# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ethereum key files, version 3: the encryption of a wallet's private key with a password.

Source: the Web3 Secret Storage definition, version 3 (scrypt or PBKDF2-HMAC-SHA256, AES-128-CTR, a MAC by Keccak-256). The
primitives are those of cryptography. eth-account, which the tests hold this against, would cost each node 0.6 s to import
for a signature, and fifteen more packages.
"""

import hmac
import secrets
import uuid

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from ..crypto.keccak import keccak256
from ..encoding.go_json import from_hex

_KDF = {
    "scrypt": lambda given, salt: Scrypt(salt, given["dklen"], given["n"], given["r"], given["p"]),
    "pbkdf2": lambda given, salt: PBKDF2HMAC(SHA256(), given["dklen"], salt, given["c"]),
}


def decrypt(key_file, password):
    """The private key (32 bytes) in ``key_file`` (dict, its shape checked), or ``None`` if ``password`` (bytes) is wrong."""
    crypto = key_file["crypto"]
    ciphertext, mac, iv, salt = (
        from_hex(text, None, "a field of the key file")
        for text in (crypto["ciphertext"], crypto["mac"], crypto["cipherparams"]["iv"], crypto["kdfparams"]["salt"])
    )
    derived = _KDF[crypto["kdf"]](crypto["kdfparams"], salt).derive(password)
    if not hmac.compare_digest(keccak256(derived[16:32] + ciphertext), mac):
        return None
    return _ctr(derived[:16], iv, ciphertext)


def encrypt(private_key, address, password, n):
    """A new key file (dict) of ``private_key`` (32 bytes) with ``address`` (20 bytes), encrypted with ``password`` (bytes).

    :param n: the work factor of scrypt, a power of two
    """
    salt, iv = secrets.token_bytes(32), secrets.token_bytes(16)
    parameters = {"dklen": 32, "n": n, "r": 8, "p": 1, "salt": salt.hex()}
    derived = _KDF["scrypt"](parameters, salt).derive(password)
    ciphertext = _ctr(derived[:16], iv, private_key)
    return {
        "address": address.hex(),
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": {"iv": iv.hex()},
            "ciphertext": ciphertext.hex(),
            "kdf": "scrypt",
            "kdfparams": parameters,
            "mac": keccak256(derived[16:32] + ciphertext).hex(),
        },
        "id": str(uuid.uuid4()),
        "version": 3,
    }


def _ctr(key, iv, data):
    """AES-128-CTR: the same to encrypt and to decrypt."""
    return Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor().update(data)
