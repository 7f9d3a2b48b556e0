# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keystores of EIP-2335, and the directory of a node's key shares as charon has it.

Read: PBKDF2 and scrypt. Written: PBKDF2, as charon does. What a file asks of the machine for its key derivation is
bounded. The errors hold neither passwords nor secrets. Source: EIP-2335, charon-formats §7.
"""

import hmac
import os
import re
import secrets as random
import unicodedata
from hashlib import sha256

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from ..crypto.bls.group import ORDER
from ..crypto.bls.signatures import bls
from ..encoding import go_json
from ..errors import DvError, show
from ..storage import files

#: Rounds of PBKDF2 in what we write: charon's. The passwords are random, of 128 bits.
ITERATIONS = 1 << 18
# Bounds of what is read: charon's writers use 2^18 rounds; 2^18 and 8 for scrypt (256 MiB).
_MAX_ITERATIONS = 1 << 24
_MAX_SCRYPT_MEMORY = 1 << 29
_MAX_SCRYPT_LANES = 16
_MAX_SIZE = 64 * 1024

# What we write, and what charon finds a number in.
_NAME = re.compile(r"keystore-(insecure-)?(0|[1-9][0-9]{0,5})\.json")
_CHARONS_NAME = re.compile(r"keystore-(?:insecure-)?([0-9]{1,18})\.json", re.ASCII)


def decrypt(content, password, what="keystore"):
    """The secret (32 bytes) in the keystore ``content`` (bytes or str), called ``what`` in errors.

    :raises DvError: not a keystore, one that asks too much, or a wrong password
    """
    return _open(_parse(content, what), password, {}, what)


def public_key(content, what="keystore"):
    """The public key (48 bytes) that a keystore says it is for; no password needed, nothing is proven.

    :returns: ``b""`` where it says none: EIP-2335 leaves it out if it likes
    """
    found = _object(content, what)
    _get(found, "crypto", dict, what)
    return go_json.from_hex(_get(found, "pubkey", str, what), 48, "%s, pubkey" % what) if "pubkey" in found else b""


def encrypt(secret, password, salt=None):
    """A keystore (bytes, charon's layout) of the ``secret`` (32 bytes, a BLS scalar).

    :param salt: 32 bytes for the key derivation; random ones by default
    """
    kdf = _kdf(salt or os.urandom(32))
    return _seal(secret, _derive(kdf, password, "keystore"), kdf)


def write_shares(directory, shares, password=None, salt=None, derived=None):
    """Make the new ``directory`` (0700) of keystores and password files (0600) of ``shares``, and read it back.

    All or nothing: it is written beside and then renamed. One password and one salt serve all files, with a fresh IV
    each: the derivation costs more than everything else together.

    :param shares: secret scalars (int), place = index of the validator
    :param password: text, written as it is; by default 32 random hex digits
    :param salt: 32 bytes; random by default
    :param derived: dict that gets the derived key, as :func:`read_share` keeps it
    :returns: False if the directory was there with these very shares
    :raises DvError: it is there with anything else (it stays untouched), or the system refuses
    """
    derived = {} if derived is None else derived
    if files.names(directory):
        if read_shares(directory, derived) == list(shares):
            return False
        raise DvError("%s holds other key shares" % directory, "no such directory", "nothing was written: move it away")
    password = password or random.token_hex(16)
    kdf = _kdf(salt or os.urandom(32))
    key = derived[go_json.dumps(kdf), password] = _derive(kdf, password, "keystore")
    contents = {}
    for index, share in enumerate(shares):
        contents["keystore-%d.json" % index] = _seal(share.to_bytes(32, "big"), key, kdf)
        contents["keystore-%d.txt" % index] = password.encode()
    files.write_directory(directory, contents)
    # With the derived key at hand: another derivation would cost as much as all else.
    if read_shares(directory, derived) != list(shares):
        raise DvError("%s does not read back as it was written" % directory, hint="check the disk, then begin again")
    return True


def read_shares(directory, derived=None):
    """The secret scalars (list of int, place = index of the validator) of a directory as charon or we write it.

    :param derived: keys that are at hand already, as :func:`read_share` keeps them
    :raises DvError: unreadable, the files are not numbered from 0 without a gap, or one does not open
    """
    derived = {} if derived is None else derived
    return [read_share(path, derived) for path in share_files(directory)]


def read_share(path, derived=None):
    """The secret scalar (int) in the keystore at ``path``, opened with the password file beside it.

    :param derived: dict that keeps derived keys from call to call, (derivation, password) -> key: files that share both open
        at once
    :raises DvError: unreadable, not a keystore, a wrong password, or no BLS secret
    """
    keystore = _parse(files.read(path, _MAX_SIZE), path)
    password_path = path.removesuffix(".json") + ".txt"
    try:
        password = files.read(password_path, _MAX_SIZE).decode()
    except UnicodeDecodeError:
        raise DvError("%s is not UTF-8" % password_path, "a password") from None
    secret = int.from_bytes(_open(keystore, password, {} if derived is None else derived, path), "big")
    if not 0 < secret < ORDER:
        raise DvError("%s holds a number that is no BLS secret" % path, "an integer from 1 to the group order minus 1")
    return secret


def dump_derived(derived):
    """The keys that :func:`read_share` keeps, as bytes. They are as secret as the passwords."""
    return go_json.dumps([[kdf, password, key.hex()] for (kdf, password), key in derived.items()]).encode()


def load_derived(content):
    """What :func:`dump_derived` made ``content`` of."""
    return {(kdf, password): bytes.fromhex(key) for kdf, password, key in go_json.loads(content, "derived keys")}


def share_files(directory):
    """The paths of the keystores of a ``directory`` that we made, in the order of their index.

    :raises DvError: unreadable, or the files are not numbered from 0 without a gap
    """
    found = {}
    for path in keystore_files(directory):
        name = os.path.basename(path)
        match = _NAME.fullmatch(name)
        if not match or int(match[2]) in found:
            raise DvError("%s holds %s" % (directory, name), "one keystore-N.json for each N", "move it away")
        found[int(match[2])] = path
    missing = next(index for index in range(len(found) + 1) if index not in found)
    if missing < len(found):
        raise DvError("%s has no keystore-%d.json" % (directory, missing), "keystore-0.json to keystore-%d.json" % max(found))
    return [found[index] for index in range(len(found))]


def keystore_files(directory):
    """The paths of all that charon loads as a keystore from a ``directory``, whatever stands beside it: by their number, then
    those without one.

    :raises DvError: unreadable
    """
    try:
        names = [name for name in os.listdir(directory) if is_keystore_name(name)]
    except OSError as error:
        raise files.os_error(error, directory, "read") from None
    return [os.path.join(directory, name) for name in sorted(names, key=_order)]


def _order(name):
    found = number(name)
    return (found is None, found or 0, name)


def is_keystore_name(name):
    """Whether charon loads a file of that name as a keystore."""
    return name.startswith("keystore-") and name.endswith(".json")


def number(name):
    """The number in a keystore's file ``name`` as charon reads it; ``None`` where it finds none."""
    match = _CHARONS_NAME.fullmatch(name)
    return int(match[1]) if match else None


# Writing


def _kdf(salt):
    params = {"c": ITERATIONS, "dklen": 32, "prf": "hmac-sha256", "salt": salt.hex()}
    return {"function": "pbkdf2", "message": "", "params": params}


def _seal(secret, key, kdf):
    iv = os.urandom(16)
    encrypted = _aes(key[:16], iv, secret)
    checksum = sha256(key[16:] + encrypted).hexdigest()
    uuid = os.urandom(16).hex().upper()
    return go_json.dumps(
        {
            "crypto": {
                "checksum": {"function": "sha256", "message": checksum, "params": {}},
                "cipher": {"function": "aes-128-ctr", "message": encrypted.hex(), "params": {"iv": iv.hex()}},
                "kdf": kdf,
            },
            "description": "",
            "pubkey": bls.secret_to_public(int.from_bytes(secret, "big")).hex(),
            "path": "m/12381/3600/0/0/0",
            "uuid": "-".join((uuid[:8], uuid[8:12], uuid[12:16], uuid[16:20], uuid[20:])),
            "version": 4,
        }
    ).encode()


def _aes(key, iv, data):
    # Encryption and decryption are the same in counter mode.
    return Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor().update(data)


# Reading


def _object(content, what):
    value = go_json.loads(content, what)
    if not isinstance(value, dict):
        raise DvError("%s is no JSON object" % what, "a keystore of EIP-2335")
    return value


def _parse(content, what):
    """The ``crypto`` part of a keystore: (kdf, iv, ciphertext, checksum)."""
    keystore = _object(content, what)
    if _get(keystore, "version", int, what) != 4:
        raise DvError("%s has version %s" % (what, show(keystore["version"])), "4")
    crypto = _get(keystore, "crypto", dict, what)
    parts = {name: _get(crypto, name, dict, what) for name in ("kdf", "checksum", "cipher")}
    for name, function in (("checksum", "sha256"), ("cipher", "aes-128-ctr")):
        if _get(parts[name], "function", str, what) != function:
            raise DvError("%s has a %s %s" % (what, name, show(parts[name]["function"])), function)
    cipher_params = _get(parts["cipher"], "params", dict, what)
    return (
        parts["kdf"],
        _hex(cipher_params, "iv", 16, what),
        _hex(parts["cipher"], "message", 32, what),
        _hex(parts["checksum"], "message", 32, what),
    )


def _open(parsed, password, derived, what):
    """Decrypt; ``derived`` keeps keys by their derivation, for files that share one."""
    kdf, iv, encrypted, checksum = parsed
    place = go_json.dumps(kdf), password
    if place not in derived:
        derived[place] = _derive(kdf, password, what)
    key = derived[place]
    if not hmac.compare_digest(sha256(key[16:] + encrypted).digest(), checksum):
        raise DvError("the password of %s does not fit, or the file is damaged" % what, "its own password")
    return _aes(key[:16], iv, encrypted)


def _derive(kdf, password, what):
    """The 32 bytes derived from ``password`` as ``kdf`` says."""
    params = _get(kdf, "params", dict, what)
    if _number(params, "dklen", what) != 32:
        raise DvError("%s asks for %s bytes of key" % (what, show(params["dklen"])), "32")
    salt = _hex(params, "salt", None, what)
    function = _get(kdf, "function", str, what)
    if function not in _DERIVATIONS:
        raise DvError("%s has a key derivation %s" % (what, show(function)), "one of %s" % ", ".join(_DERIVATIONS))
    try:
        return _DERIVATIONS[function](params, salt, what).derive(_normalize(password))
    except (ValueError, MemoryError):  # a text that UTF-8 cannot hold among them; ``from None``: it may be the password
        raise DvError("the key of %s cannot be derived" % what, "parameters that this machine can serve") from None


def _pbkdf2(params, salt, what):
    if _get(params, "prf", str, what) != "hmac-sha256":
        raise DvError("%s has a prf %s" % (what, show(params["prf"])), "hmac-sha256")
    count = _number(params, "c", what)
    if count > _MAX_ITERATIONS:
        raise DvError("%s asks for %s rounds of PBKDF2" % (what, show(count)), "at most %d" % _MAX_ITERATIONS)
    return PBKDF2HMAC(hashes.SHA256(), 32, salt, count)


def _scrypt(params, salt, what):
    n, r, p = (_number(params, name, what) for name in "nrp")
    if n < 2 or n & (n - 1) or 128 * n * r > _MAX_SCRYPT_MEMORY or p > _MAX_SCRYPT_LANES:
        raise DvError(
            "%s asks for scrypt with n, r, p = %s" % (what, ", ".join(map(show, (n, r, p)))),
            "n a power of two, 128·n·r at most %d, p at most %d" % (_MAX_SCRYPT_MEMORY, _MAX_SCRYPT_LANES),
        )
    return Scrypt(salt, 32, n, r, p)


_DERIVATIONS = {"pbkdf2": _pbkdf2, "scrypt": _scrypt}


def _normalize(password):
    """EIP-2335: NFKD, then without the control codes C0, C1 and Delete; UTF-8."""
    text = unicodedata.normalize("NFKD", password)
    return "".join(c for c in text if not (ord(c) < 0x20 or 0x7F <= ord(c) <= 0x9F)).encode()


def _get(value, name, kind, what):
    if type(value.get(name)) is not kind:  # pylint: disable=unidiomatic-typecheck
        raise DvError("%s: %s is %s" % (what, name, "no %s" % kind.__name__ if name in value else "missing"), kind.__name__)
    return value[name]


def _number(value, name, what):
    number = _get(value, name, int, what)
    if number < 1:
        raise DvError("%s: %s is %s" % (what, name, show(number)), "a positive number")
    return number


def _hex(value, name, length, what):
    data = go_json.from_hex(_get(value, name, str, what), length, "%s: %s" % (what, name))
    if length and not data:
        raise DvError("%s: %s is empty" % (what, name), "%d bytes as hex" % length)
    return data
