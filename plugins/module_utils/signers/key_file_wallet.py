# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An operator's wallet on its node: an Ethereum key file (V3), and beside it a file with its password.

The key derivation of a geth wallet takes most of a second, so a wallet is unlocked only when something is signed.
"""

from __future__ import annotations

import functools
import os
import re
import secrets
from typing import Any

from ..crypto import secp256k1
from ..encoding import go_json
from ..encoding.json_schema import dotted, shape_problems
from ..errors import DvError, raise_all
from ..ethereum import eip712, key_file
from ..ethereum.address import checksum_address
from ..ethereum.key_file_schema import KDF_PARAMETERS, KEY_FILE
from ..ethereum.transaction import Transaction
from ..storage import files

#: Largest key file and password file that are read, in bytes.
MAX_SIZE = 64 * 1024

# What unlocking a key file may cost: twice what geth writes (n=262144, r=8, p=1: 256 MiB, 0.7 s), ten million rounds.
_COST = {
    "scrypt": lambda given: given["n"] * given["r"] * given["p"],
    "pbkdf2": lambda given: given["c"],
}
_MAX_COST = {"scrypt": 2**22, "pbkdf2": 10**7}


class KeyFileWallet:
    """The :class:`~.signer.Signer`, and :class:`~.transaction_signer.TransactionSigner`, of the key file at ``path``, whose password is in
    ``password_file``; what signs first unlocks it.

    :param variables: how the names of the variables begin that say where both are
    """

    def __init__(self, path: str, password_file: str, variables: str = "dv_wallet_"):
        self._path, self._password_file, self._variables = path, password_file, variables

    @property
    def address(self) -> str:
        """Its address, see :func:`address`."""
        return address(self._path)

    @functools.cached_property
    def _private_key(self) -> bytes:
        return unlock(self._path, self._password_file, self._variables)

    def open(self) -> None:
        """Unlock it now.

        :raises DvError: as :func:`unlock`, or the key is of another address
        """
        own = secp256k1.address_of(secp256k1.public_key(self._private_key))
        if checksum_address(own) != self.address:
            raise DvError(f"the wallet {self._path} holds the key of {checksum_address(own)}", f"that of {self.address}, which it states")

    def sign(self, typed_data: dict) -> bytes:
        """Its signature (65 bytes) of ``typed_data``.

        :raises DvError: as :func:`unlock`
        """
        return secp256k1.sign(self._private_key, eip712.digest(typed_data))

    def sign_transaction(self, transaction: Transaction) -> bytes:
        """The ``transaction`` with its signature, as it is sent.

        :raises DvError: as :func:`unlock`
        """
        return transaction.sign(self._private_key)


def find_or_create(
    path: str, password_file: str, wanted: str | None = None, may_create: bool = False, dry_run: bool = False
) -> tuple[str | None, bool]:
    """The wallet at ``path``, or a new one, see :func:`create`: its address (``wanted`` or ``None`` of a wallet that a real run would
    make), and whether it is new.

    :param may_create: whether one is made where there is none
    :raises DvError: as :func:`find` and :func:`create`
    """
    if may_create and not os.path.lexists(path):
        return wanted if dry_run else create(path, password_file), True
    if may_create and not dry_run:
        finish_interrupted_write(path, password_file)
    return find(path, wanted), False


def find(path: str, wanted: str | None = None) -> str:
    """The address of the wallet at ``path``; no key is unlocked.

    :param wanted: the address that it must have, if it is known
    :raises DvError: no wallet, not a key file, or it has another address
    """
    if not os.path.lexists(path):
        raise DvError(
            f"there is no wallet at {path}",
            "an Ethereum key file (V3)",
            "put the operator's key file there, or set dv_wallet_create to have a new one made",
        )
    found = address(path, default=wanted)
    if wanted is not None and found.lower() != wanted.lower():
        raise DvError(
            f"the wallet {path} has the address {found}",
            f"{wanted}, as dv_operator_address says",
            "correct dv_operator_address or dv_wallet_file",
        )
    return found


def create(path: str, password_file: str) -> str:
    """Make a new wallet at ``path``, with the password of ``password_file``, or a new one in it. Its address (text).

    Both are 0600. The password is durable before the key is, so a run that was killed between them goes on here.

    :raises DvError: there is a wallet already (it stays as it is), or the system refuses
    """
    if os.path.lexists(path):
        raise DvError(f"there is a wallet at {path} already", "no file", "nothing was written: use it, or name another path")
    for each in (path, password_file):
        files.make_directory(os.path.dirname(os.path.abspath(each)))
    if not os.path.lexists(password_file):
        files.write_new(password_file, secrets.token_hex(16).encode() + b"\n")
    password = read_password(password_file)
    private_key = (secrets.randbelow(secp256k1.ORDER - 1) + 1).to_bytes(32, "big")
    # A password of 128 random bits, as the one made above, gains nothing from a slow derivation; any other gets geth's.
    work = 2**12 if re.fullmatch("[0-9a-f]{32}", password) else 2**18
    own = secp256k1.address_of(secp256k1.public_key(private_key))
    files.write_new(path, go_json.dumps(key_file.encrypt(private_key, own, password.encode(), work)).encode())
    finish_interrupted_write(path, password_file)
    return address(path)


def finish_interrupted_write(*paths: str) -> None:
    """Finish what killed runs began to write of the ``paths`` that are there: their names last, their temporary files go."""
    for path in filter(os.path.lexists, paths):
        files.sync_directory(os.path.dirname(os.path.abspath(path)))
        files.remove_temporary_files_of(path)


def address(path: str, default: str | None = None) -> str:
    """The address (text with checksum) that the key file at ``path`` states; no key is unlocked.

    :param default: the answer for a key file that does not state its address, as some wallets write it
    :raises DvError: not a key file, or no address and no ``default``
    """
    stated = _read(path).get("address")
    if not stated and default:
        return default
    if not isinstance(stated, str) or not re.fullmatch("(0x)?[0-9a-fA-F]{40}", stated):
        raise DvError(
            f"the wallet {path} does not state its address",
            "a field address with 40 hex digits",
            "let the wallet write it with its address; that of an operator may stand in dv_operator_address",
        )
    return checksum_address(bytes.fromhex(stated.removeprefix("0x")))


def unlock(path: str, password_file: str, variables: str = "dv_wallet_") -> bytes:
    """The private key (32 bytes) of the key file at ``path``, with the password in ``password_file``.

    :param variables: how the names of the variables begin that say where both are
    :raises DvError: either file cannot be read, the derivation would cost too much, or the password is wrong
    """
    given, password = _read(path), read_password(password_file).encode()
    try:
        private_key = key_file.decrypt(given, password)
    except (ValueError, MemoryError):  # from None: the library may tell the password
        raise DvError(f"the key of the wallet {path} cannot be derived", "parameters that this machine can serve") from None
    if private_key is None:
        raise DvError(
            f"the password in {password_file} does not unlock the wallet {path}",
            "the password of this wallet",
            f"correct {variables}password_file or {variables}file",
        )
    secp256k1.check_private_key(private_key)
    return private_key


def read_password(path: str) -> str:
    """The password (text) in the first line of the file at ``path``.

    :raises DvError: not readable, not UTF-8, or empty
    """
    try:
        password = files.read(path, MAX_SIZE).decode().partition("\n")[0].removesuffix("\r")
    except UnicodeDecodeError:
        password = ""
    if not password:
        raise DvError(f"{path} holds no password", "the wallet's password in its first line, in UTF-8")
    return password


def _read(path: str) -> dict[str, Any]:
    """The key file at ``path`` (dict, its top keys in lower case), shape and cost checked. Errors show no value."""
    value = go_json.loads(files.read(path, MAX_SIZE), f"the wallet {path}")
    if isinstance(value, dict):
        value = {key.lower(): item for key, item in value.items()}
    _check_shape(value, KEY_FILE, path, ())
    kdf, given = value["crypto"]["kdf"], value["crypto"]["kdfparams"]
    _check_shape(given, KDF_PARAMETERS[kdf], path, ("crypto", "kdfparams"))
    # By RFC 7914 n is less than 2^(16·r), which OpenSSL takes for a lack of memory.
    if kdf == "scrypt" and given["n"].bit_length() > 16 * given["r"]:
        raise _wrong(path, ("crypto", "kdfparams", "n"), "less than 2^(16·r), as RFC 7914 has it")
    if _COST[kdf](given) > _MAX_COST[kdf]:
        raise DvError(
            f"unlocking the wallet {path} would take too long ({kdf})",
            "scrypt of at most twice what geth writes (n=262144, r=8, p=1), or 10 million rounds of pbkdf2",
            "do not trust this file; if it is yours, write it again with usual parameters",
        )
    return value


def _check_shape(value: Any, schema: dict[str, Any], path: str, top: tuple[str, ...]) -> None:
    raise_all([_wrong(path, (*top, *where), error.wanted) for where, error in shape_problems(value, schema, dotted)])


def _wrong(path: str, where: tuple[str | int, ...], wanted: str) -> DvError:
    return DvError(f"the wallet {path}: {dotted(where) or 'its content'} is missing or wrong", wanted)
