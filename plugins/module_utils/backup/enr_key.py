# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups of ENR private keys, encrypted with age. None is ever deleted or written over.

Each is two files, in a directory beside the data directory, and once more on the control node::

    enr-key-<peer id>-<8 hex digits>.age    armored age file of the key's 64 hex digits; its SHA-256 begins with the 8
    enr-key-<peer id>-<8 hex digits>.json   the record: peer_id, recipients, created (UTC), sha256 of the .age file

Encrypting twice gives two different files. So the record tells whether a key is backed up for certain recipients; it is
written last, and an age file without one does not count.

From the node's approval on there is a third, a copy of ``ceremony/approval.json``: a wallet binds one ENR to its place, once, and
who restores the key without it could not tell. It is public, as what the store has of it::

    approval-<peer id>-<8 hex digits>.json  its own SHA-256 begins with the 8
"""

import datetime
import hashlib
import os
import re
from typing import NamedTuple

from ..encoding import go_json
from ..encoding.json_fields import lookup
from ..errors import DvError
from ..storage import files

#: The names of the files of a backup.
NAME = re.compile(r"(enr-key|approval)-(?P<peer_id>[1-9A-HJ-NP-Za-km-z]{40,60})-(?P<sha256>[0-9a-f]{8})\.(age|json)")

#: Most bytes of such a file. An SSH key of 16384 bits as recipient takes 3 kB in each.
MAX_SIZE = 256 * 1024


class Backup(NamedTuple):
    """A backup: the path of the age file, the node's peer id, the recipients, and the time (``2026-05-01T12:00:00Z``)."""

    path: str
    peer_id: str
    recipients: list[str]
    created: str

    @property
    def paths(self) -> tuple[str, str]:
        """The age file and its record."""
        return self.path, self.path.removesuffix(".age") + ".json"


class Backups(NamedTuple):
    """The backups of a node's key: the ``good`` ones, oldest first, and an error for each of the ``damaged``."""

    good: list[Backup]
    damaged: list[DvError]

    def newest(self, recipients: list[str] | None = None) -> Backup | None:
        """The newest good backup, or ``None``.

        :param recipients: for exactly these, as :func:`.age.parse_recipients` gives them
        """
        return next((each for each in reversed(self.good) if recipients in (None, sorted(each.recipients))), None)


def find(directory: str, peer_id: str) -> Backups:
    """The :class:`Backups` in ``directory`` of the key whose node has ``peer_id``."""
    good, damaged = [], []
    try:
        names = sorted(os.listdir(directory))
    except FileNotFoundError:
        names = []
    except OSError as error:
        raise files.os_error(error, directory, "read") from None
    for name in names:
        match = NAME.fullmatch(name)
        if match and match["peer_id"] == peer_id and name.startswith("enr-key-") and name.endswith(".json"):
            try:
                good.append(_read(os.path.join(directory, name), peer_id))
            except DvError as error:
                damaged.append(error)
    return Backups(sorted(good, key=lambda backup: backup.created), damaged)


def newest(directory: str, peer_id: str | None) -> str:
    """The path of the newest good backup in ``directory`` of the key whose node has ``peer_id``; ``""`` if there is none, also without
    a ``peer_id`` and where the directory cannot be read."""
    try:
        backup = find(directory, peer_id).newest() if peer_id else None
    except DvError:
        backup = None
    return backup.path if backup else ""


def make(directory: str, peer_id: str, private_key: bytes, recipients: list[str], now: float) -> Backup:
    """Encrypt ``private_key`` (32 bytes) into ``directory``: the new :class:`Backup`.

    :param recipients: as :func:`.age.parse_recipients` gives them
    :param now: Unix seconds
    """
    from ..crypto import age

    content = age.encrypt(private_key.hex().encode(), recipients).encode()
    sha256 = hashlib.sha256(content).hexdigest()
    created = datetime.datetime.fromtimestamp(now, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    backup = Backup(os.path.join(directory, f"enr-key-{peer_id}-{sha256[:8]}.age"), peer_id, recipients, created)
    record = {"peer_id": peer_id, "recipients": recipients, "created": created, "sha256": sha256}
    files.make_directory(directory)
    for path, text in zip(backup.paths, (content, go_json.dumps(record).encode())):
        files.write_new(path, text)
    return backup


def approval_path(directory: str, peer_id: str, content: bytes) -> str:
    """The path of the copy of an approval by the node with ``peer_id``, which has that ``content``."""
    return os.path.join(directory, f"approval-{peer_id}-{hashlib.sha256(content).hexdigest()[:8]}.json")


def _read(path: str, peer_id: str) -> Backup:
    """The :class:`Backup` whose record is at ``path``.

    :raises DvError: the record or the age file is damaged, or the record is of another node
    """
    record = go_json.loads(files.read(path, MAX_SIZE), path)
    owner, recipients, created, sha256 = (lookup(record, name, path) for name in ("peer_id", "recipients", "created", "sha256"))
    hint = "move it away, and make another backup while the key is there"
    if owner != peer_id or not isinstance(recipients, list) or not all(isinstance(each, str) for each in [created, *recipients]):
        raise DvError(f"{path} is damaged", "the record of a backup", hint)
    backup = Backup(path.removesuffix(".json") + ".age", peer_id, recipients, created)
    found = hashlib.sha256(files.read(backup.path, MAX_SIZE)).hexdigest()
    if found != sha256:
        raise DvError(f"{backup.path} is damaged: its SHA-256 is {found}", str(sha256), hint)
    return backup
