# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keystores of EIP-2335: a BLS secret, encrypted with a password.

Read: PBKDF2 and scrypt. Written: PBKDF2, as charon does. What a file asks of the machine for its key derivation is
bounded. The errors hold neither passwords nor secrets. Source: EIP-2335, charon-formats §7.
"""

from __future__ import annotations

import hmac
import os
import unicodedata
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ..crypto import aes, kdf
from ..encoding import go_json
from ..encoding.hex import from_hex
from ..errors import DvError, show

#: Rounds of PBKDF2 in what we write: charon's. The passwords are random, of 128 bits.
ITERATIONS = 1 << 18
# Bounds of what is read: charon's writers use 2^18 rounds; 2^18 and 8 for scrypt (256 MiB).
_MAX_ITERATIONS = 1 << 24
_MAX_SCRYPT_MEMORY = 1 << 29
_MAX_SCRYPT_LANES = 16


class DerivedKeys:
    """A cache of keys by their derivation and password: keystores that share both cost one derivation, which is more than all else.

    The keys are as secret as the passwords.
    """

    def __init__(self) -> None:
        self._keys: dict[tuple[str, str], bytes] = {}

    def get(self, derivation: dict[str, Any], password: str, what: str) -> bytes:
        """The key (32 bytes) that ``derivation``, the ``kdf`` of a keystore called ``what``, makes of ``password``.

        :raises DvError: a derivation that is unknown, or asks too much
        """
        key = go_json.dumps(derivation, None), password
        if key not in self._keys:
            self._keys[key] = _derive(derivation, password, what)
        return self._keys[key]

    def dump(self) -> bytes:
        """The keys as bytes, for :meth:`load`. They are as secret as the passwords."""
        return go_json.dumps([[derivation, password, key.hex()] for (derivation, password), key in self._keys.items()]).encode()

    @classmethod
    def load(cls, content: bytes) -> DerivedKeys:
        """The keys that :meth:`dump` made ``content`` of."""
        derived = cls()
        for derivation, password, key in go_json.loads(content, "derived keys"):
            derived._keys[derivation, password] = bytes.fromhex(key)
        return derived


@dataclass(frozen=True)
class Keystore:
    """A keystore as it was read, locked: its key ``derivation`` (JSON), and what is encrypted. ``what`` is its name in errors."""

    what: str
    derivation: dict[str, Any]
    iv: bytes
    ciphertext: bytes
    checksum: bytes

    def decrypt(self, password: str, derived: DerivedKeys | None = None) -> bytes:
        """The secret (32 bytes).

        :param derived: the cache that has the derived key, or gets it
        :raises DvError: a wrong password, or a derivation that asks too much
        """
        key = (derived or DerivedKeys()).get(self.derivation, password, self.what)
        if not hmac.compare_digest(sha256(key[16:] + self.ciphertext).digest(), self.checksum):
            raise DvError(f"the password of {self.what} does not fit, or the file is damaged", "its own password")
        return aes.ctr(key[:16], self.iv, self.ciphertext)


def parse(content: bytes | str, what: str = "keystore") -> Keystore:
    """The :class:`Keystore` of ``content``, called ``what`` in errors. Its key derivation is checked when it is decrypted.

    :raises DvError: not a keystore
    """
    keystore = _object(content, what)
    if _get(keystore, "version", int, what) != 4:
        raise DvError(f"{what} has version {show(keystore['version'])}", "4")
    crypto = _get(keystore, "crypto", dict, what)
    parts = {name: _get(crypto, name, dict, what) for name in ("kdf", "checksum", "cipher")}
    for name, function in (("checksum", "sha256"), ("cipher", "aes-128-ctr")):
        if _get(parts[name], "function", str, what) != function:
            raise DvError(f"{what} has a {name} {show(parts[name]['function'])}", function)
    return Keystore(
        what=what,
        derivation=parts["kdf"],
        iv=_hex(_get(parts["cipher"], "params", dict, what), "iv", 16, what),
        ciphertext=_hex(parts["cipher"], "message", 32, what),
        checksum=_hex(parts["checksum"], "message", 32, what),
    )


def public_key(content: bytes | str, what: str = "keystore") -> bytes:
    """The public key (48 bytes) that a keystore says it is for; no password needed, nothing is proven.

    :returns: ``b""`` where it says none: EIP-2335 leaves it out if it likes
    :raises DvError: not a keystore
    """
    keystore = _object(content, what)
    _get(keystore, "crypto", dict, what)
    return from_hex(_get(keystore, "pubkey", str, what), 48, f"{what}, pubkey") if "pubkey" in keystore else b""


def encrypt(secret: bytes, public: bytes, password: str, salt: bytes | None = None, derived: DerivedKeys | None = None) -> bytes:
    """A keystore (charon's layout) of the ``secret`` (32 bytes, a BLS scalar), with an IV of its own.

    :param public: its public key (48 bytes)
    :param salt: of the key derivation, 32 bytes; random by default
    :param derived: the cache that has the derived key, or gets it
    """
    params = {"c": ITERATIONS, "dklen": 32, "prf": "hmac-sha256", "salt": (salt or os.urandom(32)).hex()}
    derivation = {"function": "pbkdf2", "message": "", "params": params}
    key = (derived or DerivedKeys()).get(derivation, password, "keystore")
    iv = os.urandom(16)
    ciphertext = aes.ctr(key[:16], iv, secret)
    uuid = os.urandom(16).hex().upper()
    return go_json.dumps(
        {
            "crypto": {
                "checksum": {"function": "sha256", "message": sha256(key[16:] + ciphertext).hexdigest(), "params": {}},
                "cipher": {"function": "aes-128-ctr", "message": ciphertext.hex(), "params": {"iv": iv.hex()}},
                "kdf": derivation,
            },
            "description": "",
            "pubkey": public.hex(),
            "path": "m/12381/3600/0/0/0",
            "uuid": "-".join((uuid[:8], uuid[8:12], uuid[12:16], uuid[16:20], uuid[20:])),
            "version": 4,
        }
    ).encode()


# Key derivation


def _derive(derivation: dict[str, Any], password: str, what: str) -> bytes:
    """The 32 bytes derived from ``password``."""
    params = _get(derivation, "params", dict, what)
    if _number(params, "dklen", what) != 32:
        raise DvError(f"{what} asks for {show(params['dklen'])} bytes of key", "32")
    salt = _hex(params, "salt", None, what)
    function = _get(derivation, "function", str, what)
    if function not in _DERIVATIONS:
        raise DvError(f"{what} has a key derivation {show(function)}", f"one of {', '.join(_DERIVATIONS)}")
    try:
        return _DERIVATIONS[function](params, password, salt, what)
    except (ValueError, MemoryError):  # a text that UTF-8 cannot hold among them; ``from None``: it may be the password
        raise DvError(f"the key of {what} cannot be derived", "parameters that this machine can serve") from None


def _pbkdf2(params: dict[str, Any], password: str, salt: bytes, what: str) -> bytes:
    if _get(params, "prf", str, what) != "hmac-sha256":
        raise DvError(f"{what} has a prf {show(params['prf'])}", "hmac-sha256")
    rounds = _number(params, "c", what)
    if rounds > _MAX_ITERATIONS:
        raise DvError(f"{what} asks for {show(rounds)} rounds of PBKDF2", f"at most {_MAX_ITERATIONS}")
    return kdf.pbkdf2(_normalize(password), salt, rounds)


def _scrypt(params: dict[str, Any], password: str, salt: bytes, what: str) -> bytes:
    n, r, p = (_number(params, name, what) for name in "nrp")
    if n < 2 or n & (n - 1) or 128 * n * r > _MAX_SCRYPT_MEMORY or p > _MAX_SCRYPT_LANES:
        raise DvError(
            f"{what} asks for scrypt with n, r, p = {', '.join(map(show, (n, r, p)))}",
            f"n a power of two, 128·n·r at most {_MAX_SCRYPT_MEMORY}, p at most {_MAX_SCRYPT_LANES}",
        )
    return kdf.scrypt(_normalize(password), salt, n, r, p)


_DERIVATIONS = {"pbkdf2": _pbkdf2, "scrypt": _scrypt}


def _normalize(password: str) -> bytes:
    """EIP-2335: NFKD, then without the control codes C0, C1 and Delete; UTF-8."""
    text = unicodedata.normalize("NFKD", password)
    return "".join(c for c in text if not (ord(c) < 0x20 or 0x7F <= ord(c) <= 0x9F)).encode()


# Fields


def _object(content: bytes | str, what: str) -> dict[str, Any]:
    value = go_json.loads(content, what)
    if not isinstance(value, dict):
        raise DvError(f"{what} is no JSON object", "a keystore of EIP-2335")
    return value


def _get(value: dict[str, Any], name: str, kind: type, what: str) -> Any:
    if type(value.get(name)) is not kind:  # pylint: disable=unidiomatic-typecheck
        raise DvError(f"{what}: {name} is {f'no {kind.__name__}' if name in value else 'missing'}", kind.__name__)
    return value[name]


def _number(value: dict[str, Any], name: str, what: str) -> int:
    number = _get(value, name, int, what)
    if number < 1:
        raise DvError(f"{what}: {name} is {show(number)}", "a positive number")
    return number


def _hex(value: dict[str, Any], name: str, length: int | None, what: str) -> bytes:
    data = from_hex(_get(value, name, str, what), length, f"{what}: {name}")
    if length and not data:
        raise DvError(f"{what}: {name} is empty", f"{length} bytes as hex")
    return data
