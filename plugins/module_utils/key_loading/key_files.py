# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keystores in a directory that a validator client, or a remote signer, reads when it is started."""

from __future__ import annotations

import contextlib
import functools
import glob
import os
from collections.abc import Iterator, Mapping, Sequence

from ..crypto.bls.signatures import bls
from ..data_dir.layout import LOCK, SECRET_FILE, DataDir
from ..errors import DvError
from ..ethereum import keystore
from ..ethereum.slashing_protection import History
from ..storage import files, ownership
from ..storage.as_owner import as_owner_of
from ..storage.ownership import Owner
from . import shares
from .file_layouts import Layout
from .shares import Share, Validator

# Every file is far smaller.
_MAX_SIZE = 64 * 1024
# What Lodestar and Lighthouse put beside a keystore that they use.
_IN_USE = ".lock"


class KeyFiles:
    """Those in ``directory``, a :class:`.target.Holder`. What is in it is the same to the byte as in the data directory, or it is not ours.

    :param owner: user and group whose they shall be, if not those of the user of this task
    """

    #: They are synced together.
    batch = 1000

    def __init__(self, data_dir: DataDir, directory: str, layout: Layout, owner: Owner | None = None) -> None:
        self.data_dir, self.directory, self.layout, self.owner = data_dir, directory, layout, owner
        self._derived = keystore.DerivedKeys()

    def __str__(self) -> str:
        return self.directory

    def listed(self) -> Mapping[bytes, str]:
        ours = self._ours
        with self._as_owner():
            listed = {
                key: f"{path} is no copy of what the data directory has" for path, key in self._keystores() if path not in self._contents
            }
            for key, contents in ours.items():
                found = {path: files.read_if_exists(path, _MAX_SIZE) for path in contents}
                strange = [path for path, content in contents.items() if found[path] not in (None, content)]
                if strange:
                    listed[key] = f"{strange[0]} has other content than the data directory"
                elif None not in found.values():
                    listed.setdefault(key, "")
            for key in listed.keys() & self._wanted.keys() - ours.keys():
                # The data directory may have none any more: then what opens is what it was.
                if self._opens(key):
                    listed[key] = ""
        return listed

    def seconds(self, number: int) -> int:
        return 0

    def send(self, keys: Sequence[bytes], here: Mapping[bytes, Share], history: History | None) -> list[str]:
        ours = [self._ours[key] for key in keys]
        with self._as_owner():
            files.make_directory(self.directory)
        self._give(self.directory, False)
        with self._as_owner():
            for each in zip(*(contents.items() for contents in ours)):
                # What was killed is written already, or a temporary file.
                new = {path: content for path, content in each if not files.lexists(path)}
                for directory in sorted({os.path.dirname(path) for path in new}):
                    files.make_directory(directory)
                    files.remove_temporary_files(directory)
                files.write_all_new(new, SECRET_FILE)
        return []

    def take_away(self, keys: Sequence[bytes]) -> tuple[list[str], list[str]]:
        kept = []
        with self._as_owner():
            for contents in (self._ours[key] for key in keys if key in self._ours):
                locks = [path + _IN_USE for path in contents if files.lexists(path + _IN_USE)]
                if locks:
                    kept.append(f"{locks[0]} is there: the client runs with it, or was killed, and left that")
                    continue
                # The last one that was written says where the others are.
                for path, content in reversed(contents.items()):
                    if files.read_if_exists(path, _MAX_SIZE) == content:
                        files.erase(path)
                        self._remove_empty(os.path.dirname(path))
        return kept, []

    def put_right(self, dry_run: bool) -> list[str]:
        """Give what is ours to its owner, for nobody else to read: what was given, a text each, or would be."""
        with self._as_owner():
            paths = [path for path in self._contents if files.lexists(path)]
        directories: dict[str, None] = {}
        for path in paths:
            while path != self.directory:
                path = os.path.dirname(path)
                directories[path] = None
        if not dry_run:
            # A run that was killed leaves passwords in them.
            with self._as_owner():
                for path in directories:
                    files.remove_temporary_files(path)
        return [f"owner and mode of {path}" for path in [*paths, *directories] if self._give(path, dry_run)]

    def _give(self, path: str, dry_run: bool) -> bool:
        with self._as_owner():
            return ownership.give_one(self.owner, path, SECRET_FILE, dry_run)

    def _as_owner(self) -> contextlib.AbstractContextManager[None]:
        return as_owner_of(self.directory)

    @functools.cached_property
    def _ours(self) -> dict[bytes, dict[str, bytes]]:
        """The files of each of the node's key shares that is in the data directory, by the public key: content by path."""
        wanted, found = self._wanted, {}
        for share in shares.in_directory(self.data_dir):
            if share.public_key in wanted:
                texts = share.keystore.encode(), share.password.encode()
                named = self.layout.files(share.public_key, wanted[share.public_key].position, *texts)
                found[share.public_key] = {os.path.join(self.directory, name): content for name, content in named.items()}
        return found

    @functools.cached_property
    def _wanted(self) -> dict[bytes, Validator]:
        return shares.of_lock(self.data_dir).wanted if self.data_dir.holds(LOCK) else {}

    @functools.cached_property
    def _contents(self) -> dict[str, bytes]:
        return {path: content for contents in self._ours.values() for path, content in contents.items()}

    def _keystores(self) -> Iterator[tuple[str, bytes]]:
        """The path of each keystore that is there, whatever it is called, and the public key that it says it is for."""
        pattern = self.layout.keystore.format(key="*", n="*")
        for name in glob.glob(pattern, root_dir=self.directory):
            path = os.path.join(self.directory, name)
            content, key = files.read(path, _MAX_SIZE), b""
            # What is no keystore is nobody's key share.
            with contextlib.suppress(DvError):
                key = keystore.public_key(content, path)
            if key:
                yield path, key

    def _opens(self, key: bytes) -> bool:
        """Whether the keystore in the place of that ``key`` has its secret, and its password beside it."""
        names = [*self.layout.files(key, self._wanted[key].position, b"", b"")]
        password, content = (files.read_if_exists(os.path.join(self.directory, name), _MAX_SIZE) for name in names[:2])
        if password is None or content is None:
            return False
        with contextlib.suppress(DvError, UnicodeDecodeError):
            secret = keystore.parse(content).decrypt(password.decode(), self._derived)
            return bls.secret_to_public(int.from_bytes(secret, "big")) == key
        return False

    def _remove_empty(self, directory: str) -> None:
        if directory != self.directory and not files.names(directory):
            files.erase_directory(directory)


class OwnKeys:
    """The data directory's own keystores, where a client reads them there: a :class:`.target.Holder` that is given nothing."""

    batch = 1000

    def __init__(self, data_dir: DataDir) -> None:
        self.data_dir = data_dir

    def __str__(self) -> str:
        return str(self.data_dir)

    def listed(self) -> Mapping[bytes, str]:
        return {share.public_key: "" for share in shares.in_directory(self.data_dir)}

    def seconds(self, number: int) -> int:
        return 0

    def send(self, keys: Sequence[bytes], here: Mapping[bytes, Share], history: History | None) -> list[str]:
        return []

    def take_away(self, keys: Sequence[bytes]) -> tuple[list[str], list[str]]:
        return ["it is the data directory itself"], []
