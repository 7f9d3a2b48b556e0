# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shape of an Ethereum key file, version 3 (Web3 Secret Storage), as far as it is read, its top keys in lower case."""

from typing import Any


def _hex(count: str, description: str) -> dict[str, Any]:
    return {"type": "string", "pattern": rf"^(0x)?[0-9a-fA-F]{{{count}}}\Z", "description": description}


def _number(description: str) -> dict[str, Any]:
    return {"type": "integer", "minimum": 1, "maximum": 2**31, "description": description}


def _object(description: str, **fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(fields), "properties": fields, "description": description}


KEY_FILE = _object(
    "an Ethereum key file: a JSON object",
    version={"enum": [3], "description": "version 3"},
    crypto=_object(
        "an object",
        cipher={"enum": ["aes-128-ctr"], "description": "aes-128-ctr"},
        cipherparams=_object("an object", iv=_hex("32", "16 bytes as hex")),
        ciphertext=_hex("64", "32 bytes as hex"),
        kdf={"enum": ["scrypt", "pbkdf2"], "description": "scrypt or pbkdf2"},
        kdfparams={"type": "object", "description": "an object"},
        mac=_hex("64", "32 bytes as hex"),
    ),
)

_LENGTH = {"enum": [32], "description": "32"}
_SALT = _hex("2,256", "1 to 128 bytes as hex")

#: The parameters of each key derivation. What they cost is bounded in the code that reads them.
KDF_PARAMETERS = {
    "scrypt": _object(
        "an object",
        dklen=_LENGTH,
        n={**_number("a power of two"), "enum": [2**power for power in range(1, 32)]},
        r=_number("a whole number of at least 1"),
        p=_number("a whole number of at least 1"),
        salt=_SALT,
    ),
    "pbkdf2": _object(
        "an object",
        dklen=_LENGTH,
        c=_number("a whole number of at least 1"),
        prf={"enum": ["hmac-sha256"], "description": "hmac-sha256"},
        salt=_SALT,
    ),
}
