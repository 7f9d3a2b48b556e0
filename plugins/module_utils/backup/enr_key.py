# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups of ENR private keys, encrypted with age. None is ever deleted or written over.

Each is two files, in a directory beside the data directory, and once more on the control node::

    enr-key-<peer id>-<8 hex digits>.age    armored age file of the key's 64 hex digits; its SHA-256 begins with the 8
    enr-key-<peer id>-<8 hex digits>.json   the record: peer_id, recipients, created (UTC), sha256 of the .age file

Encrypting twice gives two different files. So the record tells whether a key is backed up for certain recipients; it is
written last, and a file without one does not count.

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

#: What the files of a backup are called.
NAME = re.compile(r"(enr-key|approval)-(?P<peer_id>[1-9A-HJ-NP-Za-km-z]{40,60})-(?P<sha256>[0-9a-f]{8})\.(age|json)")

#: Most bytes of such a file. An SSH key of 16384 bits as recipient takes 3 kB in each.
MAX_SIZE = 256 * 1024


class Backup(NamedTuple):
    """One backup: the ``path`` of the age file, the ``peer_id`` of the key's node, a list of ``recipients``, and when it was
    ``created`` (``2026-05-01T12:00:00Z``)."""

    path: str
    peer_id: str
    recipients: list
    created: str

    @property
    def paths(self):
        """The age file and its record."""
        return self.path, self.path.removesuffix(".age") + ".json"


class Found(NamedTuple):
    """The good ``backups`` (oldest first) of one node's key, and a list of :class:`~.errors.DvError` for the ``damaged`` ones."""

    backups: list
    damaged: list

    def of(self, recipients):
        """The newest backup for exactly these ``recipients``, as :func:`.age.parse_recipients` gives them, or ``None``."""
        fitting = [backup for backup in self.backups if sorted(backup.recipients) == recipients]
        return fitting[-1] if fitting else None


def find(directory, peer_id):
    """All backups in ``directory`` of the key whose node has ``peer_id``: :class:`Found`."""
    backups, damaged = [], []
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
                backups.append(_read(os.path.join(directory, name), peer_id))
            except DvError as error:
                damaged.append(error)
    return Found(sorted(backups, key=lambda backup: backup.created), damaged)


def newest(directory, peer_id):
    """The path of the newest good backup in ``directory`` of the key whose node has ``peer_id``, empty if there is none; of no
    ``peer_id``, and where nobody may look, there is none."""
    try:
        found = find(directory, peer_id).backups if peer_id else []
    except DvError:
        found = []
    return found[-1].path if found else ""


def make(directory, peer_id, private_key, recipients, now):
    """Encrypt ``private_key`` (32 bytes) for ``recipients``, as parsed, into ``directory``: the new :class:`Backup`.

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


def approval_path(directory, peer_id, content):
    """Where the copy of an approval of ``content`` (bytes) by the node with ``peer_id`` lies."""
    return os.path.join(directory, f"approval-{peer_id}-{hashlib.sha256(content).hexdigest()[:8]}.json")


def _read(path, peer_id):
    """The :class:`Backup` whose record is at ``path``; refused unless its age file is what was written."""
    record = go_json.loads(files.read(path, MAX_SIZE), path)
    fields = [lookup(record, name, path) for name in ("peer_id", "recipients", "created", "sha256")]
    owner, recipients, created, sha256 = fields
    hint = "move it away, and make another backup while the key is there"
    if owner != peer_id or not isinstance(recipients, list) or not all(isinstance(each, str) for each in [created, *recipients]):
        raise DvError(f"{path} is damaged", "the record of a backup", hint)
    backup = Backup(path.removesuffix(".json") + ".age", peer_id, recipients, created)
    found = hashlib.sha256(files.read(backup.path, MAX_SIZE)).hexdigest()
    if found != sha256:
        raise DvError(f"{backup.path} is damaged: its SHA-256 is {found}", str(sha256), hint)
    return backup
