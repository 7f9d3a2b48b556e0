# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``validator_keys/``, the directory of a node's key shares as charon has it: a keystore and a password file for each validator.

Source: charon-formats §7.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Sequence

from ..crypto.bls.group import ORDER
from ..crypto.bls.signatures import bls
from ..errors import DvError
from ..ethereum import keystore
from ..storage import files
from ..storage.memory_files import Source

# Both files are far smaller.
_MAX_SIZE = 64 * 1024

# What we write, and what charon finds a number in.
_NAME = re.compile(r"keystore-(insecure-)?(0|[1-9][0-9]{0,5})\.json")
_CHARONS_NAME = re.compile(r"keystore-(?:insecure-)?([0-9]{1,18})\.json", re.ASCII)


class ValidatorKeys:
    """The key shares in ``directory``.

    :param derived: keys that are at hand already. Those of what is read and written are kept here: the files that we write
        share one derivation, which costs more than all else
    :param source: what has the files that are read
    """

    def __init__(self, directory: str, derived: keystore.DerivedKeys | None = None, source: Source = files) -> None:
        self.directory, self.source = directory, source
        self.derived = derived or keystore.DerivedKeys()

    def write(
        self, shares: Sequence[int], password: str | None = None, salt: bytes | None = None, public_keys: Sequence[bytes] | None = None
    ) -> bool:
        """Make the new directory (0700) of keystores and password files (0600) of ``shares``, and read it back.

        All or nothing: it is written beside and then renamed. One password and one salt serve all files, with a fresh IV each.

        :param shares: secret scalars, in the order of the validators
        :param password: written as it is; by default 32 random hex digits
        :param salt: 32 bytes; random by default
        :param public_keys: those of the ``shares`` (48 bytes each), where they are known
        :returns: False if the directory was there with these very shares
        :raises DvError: it is there with anything else (it stays untouched), or the system refuses
        """
        if files.names(self.directory):
            if self.read() == list(shares):
                return False
            raise DvError(f"{self.directory} holds other key shares", "no such directory", "nothing was written: move it away")
        password, salt = password or secrets.token_hex(16), salt or os.urandom(32)
        contents, public = {}, public_keys or [bls.secret_to_public(share) for share in shares]
        for number, (share, public_key) in enumerate(zip(shares, public)):
            contents[f"keystore-{number}.json"] = keystore.encrypt(share.to_bytes(32, "big"), public_key, password, salt, self.derived)
            contents[f"keystore-{number}.txt"] = password.encode()
        files.write_directory(self.directory, contents)
        if self.read() != list(shares):
            raise DvError(f"{self.directory} does not read back as it was written", hint="check the disk, then begin again")
        return True

    def read(self) -> list[int]:
        """The secret scalars, in the order of the validators, of a directory as charon or we write it.

        :raises DvError: unreadable, the files are not numbered from 0 without a gap, or one does not open
        """
        return [self.read_share(path) for path in self.numbered_paths()]

    def read_share(self, path: str) -> int:
        """The secret scalar in the keystore at ``path``, opened with the password file beside it.

        :raises DvError: unreadable, not a keystore, a wrong password, or no BLS secret
        """
        locked = keystore.parse(self.source.read(path, _MAX_SIZE), path)
        password_path = f"{path.removesuffix('.json')}.txt"
        try:
            password = self.source.read(password_path, _MAX_SIZE).decode()
        except UnicodeDecodeError:
            raise DvError(f"{password_path} is not UTF-8", "a password") from None
        secret = int.from_bytes(locked.decrypt(password, self.derived), "big")
        if not 0 < secret < ORDER:
            raise DvError(f"{path} holds a number that is no BLS secret", "an integer from 1 to the group order minus 1")
        return secret

    def public_keys(self) -> list[bytes]:
        """The public keys (48 bytes each) that the keystores say they are for, as :func:`.keystore.public_key`; errors as of
        :meth:`read`."""
        return [self.public_key(path) for path in self.numbered_paths()]

    def public_key(self, path: str) -> bytes:
        """The public key (48 bytes) that the keystore at ``path`` says it is for, as :func:`.keystore.public_key`."""
        return keystore.public_key(self.source.read(path, _MAX_SIZE), path)

    def numbered_paths(self) -> list[str]:
        """The paths of the keystores, in the order of the validators.

        :raises DvError: unreadable, or the files are not numbered from 0 without a gap
        """
        numbered: dict[int, str] = {}
        for path in self.paths():
            name = os.path.basename(path)
            match = _NAME.fullmatch(name)
            if not match or int(match[2]) in numbered:
                raise DvError(f"{self.directory} holds {name}", "one keystore-N.json for each N", "move it away")
            numbered[int(match[2])] = path
        missing = next(number for number in range(len(numbered) + 1) if number not in numbered)
        if missing < len(numbered):
            raise DvError(f"{self.directory} has no keystore-{missing}.json", f"keystore-0.json to keystore-{max(numbered)}.json")
        return [numbered[number] for number in range(len(numbered))]

    def paths(self) -> list[str]:
        """The paths of all that charon loads as a keystore, whatever stands beside it: by their number, then those without one.

        :raises DvError: unreadable
        """
        names = filter(is_keystore_name, self.source.list_directory(self.directory))
        return [os.path.join(self.directory, name) for name in sorted(names, key=_order)]


def is_keystore_name(name: str) -> bool:
    """Whether charon loads a file of that name as a keystore."""
    return name.startswith("keystore-") and name.endswith(".json")


def number_of(name: str) -> int | None:
    """The number in a keystore's file ``name`` as charon reads it; ``None`` where it finds none."""
    match = _CHARONS_NAME.fullmatch(name)
    return int(match[1]) if match else None


def _order(name: str) -> tuple[bool, int, str]:
    number = number_of(name)
    return number is None, number or 0, name
