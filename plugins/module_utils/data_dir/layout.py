# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What lies where in a charon data directory (``.charon``), with which modes, and who may write there: one run at a time.

The modes are those that we write: charon makes directories 0755 and keystores 0444. Deposit data files are named in
:mod:`.deposit`. Source: charon-formats §1.1, §3.2, §4.1, §5.2 and §7.
"""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Iterator

from ..storage import files, run_lock
from ..storage.as_owner import as_owner_of
from ..storage.memory_files import Source

NODE_KEY = "charon-enr-private-key"
DEFINITION = "cluster-definition.json"
LOCK = "cluster-lock.json"
#: Directory of the node's key shares, :mod:`.validator_keys`.
KEYS = "validator_keys"
#: Directory of what a node keeps of a ceremony: proposal, approval, the DKG's attempts.
CEREMONY = "ceremony"
#: Directory of the approvals that bind the nodes of others to their places, :mod:`.bindings`.
APPROVALS = CEREMONY + "/approvals"
#: Directory of what a node keeps of the loading of its key shares, :mod:`.key_place`.
LOADING = "loading"
#: Directory of what a node keeps of the deposits that it pays, :mod:`.activation.record`.
ACTIVATION = "activation"
#: Directory of what charon writes while it tests the node, :mod:`.readiness.charon_test`; else it is not there.
READINESS = "readiness"
#: Builder registrations that charon takes instead of the lock's, by default from v1.10 on.
OVERRIDES = "builder_registrations_overrides.json"
#: How the name of a directory begins that ``charon deposit fetch`` makes.
FETCHED_DEPOSITS = "deposit"
#: Stands for every deposit data file.
DEPOSIT_DATA = "deposit-data*.json"

SECRET_DIRECTORY, SECRET_FILE, PUBLIC_FILE = 0o700, 0o600, 0o444
# charon writes its own again.
_CHARONS_FILE = 0o644

#: The widest modes that raise no warning.
MODES = {
    ".": SECRET_DIRECTORY,
    NODE_KEY: SECRET_FILE,
    DEFINITION: PUBLIC_FILE,
    LOCK: PUBLIC_FILE,
    OVERRIDES: _CHARONS_FILE,
    DEPOSIT_DATA: PUBLIC_FILE,
    KEYS: SECRET_DIRECTORY,
    KEYS + "/*": SECRET_FILE,
    CEREMONY: SECRET_DIRECTORY,
    LOADING: SECRET_DIRECTORY,
    ACTIVATION: SECRET_DIRECTORY,
}


class DataDir:
    """A node's data directory: where its files lie, and who writes them.

    What the files hold is read by the module of each: :mod:`.node_key`, :mod:`.accepted_definition` and so on take a ``DataDir``. So a
    node is sent the readers that a task needs, and no others.

    :param path: where it is, or will be
    :param source: what has its files: the disk, or :class:`~.memory_files.MemoryFiles`, whose paths are then those below ``path``
    """

    def __init__(self, path: str | os.PathLike[str], source: Source = files) -> None:
        self.root, self.source = os.fspath(path), source

    def __str__(self) -> str:
        return self.root

    def path(self, *names: str) -> str:
        """The path of the file or directory that is called so, relative to the data directory."""
        return os.path.join(self.root, *names)

    def holds(self, *names: str) -> bool:
        """Whether there is anything at that path, a broken link too."""
        return self.source.lexists(self.path(*names))

    def read(self, name: str, limit: int = files.MAX_SIZE) -> bytes | None:
        """The content of the file ``name``, or ``None`` where there is none; see :func:`.files.read_if_exists`."""
        return self.source.read_if_exists(self.path(name), limit)

    def ceremony(self, definition_hash: bytes) -> str:
        """The path of what the node keeps of the DKG for the definition with that hash (32 bytes)."""
        return self.path(CEREMONY, definition_hash.hex())

    def sent_rounds(self, definition_hash: bytes) -> set[str]:
        """The rounds of the DKG of which this node has sent something, in any attempt for the definition with that hash (32 bytes)."""
        sent = os.path.join(glob.escape(self.ceremony(definition_hash)), "*", "out", "*.jws")
        return {os.path.basename(path).removesuffix(".jws") for path in glob.glob(sent)}

    def as_owner(self) -> contextlib.AbstractContextManager[None]:
        """While this context is entered, what root makes in the data directory belongs to its owner; see :func:`.as_owner.as_owner_of`."""
        return as_owner_of(self.root)

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Be the only run that writes in the data directory, which is made if it is not there.

        First what a killed run left is put right: its temporary files go (they may hold secrets), its names become durable.

        :raises DvError: another run writes there now
        """
        ceremony, approvals = self.path(CEREMONY), self.path(APPROVALS)
        files.make_directory(ceremony)
        with run_lock.exclusive(os.path.join(ceremony, "lock")):
            # The whole list first: a link among them is refused before anything is touched.
            for directory in list(filter(files.is_directory, (self.root, ceremony, approvals))):
                files.remove_temporary_files(directory)
                files.sync_directory(directory)
            yield
