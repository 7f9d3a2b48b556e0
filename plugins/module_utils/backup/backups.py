# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backups of a node in a directory: beside its data directory, and copies elsewhere. None is ever deleted or written over.

::

    backup-<peer id>-<8 hex digits>.age     the archive, an armored age file; its SHA-256 begins with the 8
    backup-<peer id>-<8 hex digits>.json    its record, which is public
    drill-<peer id>-<8 hex digits>.jws      a statement that a drill passed, see :mod:`.drill`; its own SHA-256 begins with the 8

The record tells whether what a node has now is backed up for certain recipients: encrypting twice gives two different files. It is
written last, and an archive without one does not count.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..encoding import go_json
from ..encoding.json_fields import lookup
from ..encoding.utc import from_utc, to_utc
from ..errors import DvError
from ..storage import files, run_lock
from .manifest import Manifest

#: The names of what belongs to a backup.
NAME = re.compile(r"(?P<kind>backup|drill)-(?P<peer_id>[1-9A-HJ-NP-Za-km-z]{40,60})-(?P<sha256>[0-9a-f]{8})\.(?P<ending>age|json|jws)")
_ENDINGS = {"backup": ("age", "json"), "drill": ("jws",)}

#: Most bytes of an archive, of a record, of a statement. An SSH key of 16384 bits as recipient takes 3 kB in the record.
MAX_SIZES = {"age": 384 * 2**20, "json": 256 * 2**10, "jws": 16 * 2**10}
#: How each archive begins.
ARMOR = b"-----BEGIN AGE ENCRYPTED FILE-----\n"


@dataclass(frozen=True)
class Record:
    """What is known of an archive without opening it.

    :param sha256: hash (hex) of the archive
    :param manifest_sha256: hash (hex) of the manifest in it
    :param recipients: for whom it is, as :func:`.age.parse_recipients` gives them; :data:`.age.PASSPHRASE` alone for a passphrase
    :param created: when it was made, ``2026-05-01T12:00:00Z``
    :param holds: the parts in it, see :data:`.contents.PARTS`
    """

    peer_id: str
    created: str
    recipients: list[str]
    sha256: str
    manifest_sha256: str
    cluster: str | None
    share_index: int | None
    definition_hash: str | None
    lock_hash: str | None
    holds: list[str]

    @classmethod
    def of(cls, archive: bytes, manifest: Manifest, recipients: list[str], now: float) -> Record:
        """That of an ``archive``, made ``now`` (Unix seconds)."""
        of = {name: getattr(manifest, name) for name in ("peer_id", "share_index", "cluster", "definition_hash", "lock_hash")}
        created = to_utc(now)
        sha256 = hashlib.sha256(archive).hexdigest()
        return cls(created=created, recipients=recipients, sha256=sha256, manifest_sha256=manifest.sha256, holds=manifest.parts, **of)

    @classmethod
    def parse(cls, content: bytes, what: str) -> Record:
        """The record in ``content``, called ``what`` in errors.

        :raises DvError: it is none
        """
        value = go_json.loads(content, what)
        fields: dict[str, Any] = {name: lookup(value, name, what) for name in cls.__dataclass_fields__}
        texts = [fields[name] for name in ("peer_id", "created", "sha256", "manifest_sha256")]
        texts += [fields[name] for name in ("cluster", "definition_hash", "lock_hash") if fields[name] is not None]
        lists = [fields[name] for name in ("recipients", "holds")]
        if not all(isinstance(each, list) for each in lists) or not all(isinstance(each, str) for each in sum(lists, texts)):
            raise damaged(what, "the record of a backup")
        record = cls(**fields)
        try:
            from_utc(record.created)
        except ValueError:
            raise damaged(what, "the record of a backup, with the time of it") from None
        if not NAME.fullmatch(record.name):
            raise damaged(what, "the record of a backup")
        return record

    @property
    def name(self) -> str:
        """That of the archive's file."""
        return archive_name(self.peer_id, self.sha256)

    def dump(self) -> bytes:
        """The content of its file."""
        return go_json.dumps(asdict(self)).encode()


def for_whom(recipients: Iterable[str], passphrase_file: str | None) -> tuple[list[str], str | None]:
    """The recipients of backups, as a record has them, and the passphrase or ``None``.

    :raises DvError: they are none, or there is a passphrase too
    """
    from ..crypto import age

    if not passphrase_file:
        return age.parse_recipients(recipients, "dv_backup_recipients"), None
    if list(recipients):
        raise DvError(
            "there are recipients, and a passphrase",
            "dv_backup_recipients or dv_backup_passphrase_file",
            "leave one out: what a passphrase opens, age encrypts for nobody else",
        )
    return [age.PASSPHRASE], age.parse_passphrase(files.read(passphrase_file, 64 * 1024), passphrase_file)


def archive_name(peer_id: str, sha256: str) -> str:
    """The name of the archive of the node with ``peer_id`` that has that hash (hex)."""
    return f"backup-{peer_id}-{sha256[:8]}.age"


def record_name(archive: str) -> str:
    """The name, or path, of the record of the archive with that name, or path."""
    return archive.removesuffix(".age") + ".json"


def statement_name(peer_id: str, statement: str) -> str:
    """The name of the file of a drill's ``statement``."""
    return f"drill-{peer_id}-{hashlib.sha256(statement.encode()).hexdigest()[:8]}.jws"


def max_size(name: str) -> int | None:
    """The most bytes that a file of that name has; ``None`` of one that belongs to no backup."""
    match = NAME.fullmatch(name)
    return MAX_SIZES[match["ending"]] if match and match["ending"] in _ENDINGS[match["kind"]] else None


def damaged(what: str, wanted: str) -> DvError:
    """The error about a backup that is none any more."""
    return DvError(f"{what} is damaged", wanted, "move it away, and make another backup while what it was of is there")


def check_pair(record: Record, archive: bytes, path: str) -> None:
    """Refuse an ``archive`` at ``path`` that is not the one of its ``record``."""
    found = hashlib.sha256(archive).hexdigest()
    if found != record.sha256 or os.path.basename(path) != record.name:
        raise damaged(f"{path}, with SHA-256 {found},", f"{record.name} with SHA-256 {record.sha256}, as its record says")


def check_newest(records: Sequence[Record], parts: Sequence[str] | None) -> None:
    """Refuse to restore the newest of a node's ``records``, the last, where it lacks key shares that an older one has: they were away
    when it was made, or its record lies about the time.

    :param parts: what is to be restored, if it is not all
    """
    newest, older = records[-1], next((record for record in reversed(records) if "key_shares" in record.holds), None)
    if older and "key_shares" not in newest.holds and (not parts or "key_shares" in parts):
        raise DvError(
            f"{newest.name}, the newest, holds no key_shares, {older.name} does",
            "the one that is meant",
            "bring that to the node and name it (dv_restore_archive), or name the parts to restore (dv_restore_parts)",
        )


@contextlib.contextmanager
def exclusive(directory: str, peer_id: str) -> Iterator[None]:
    """Be the only run that writes backups of the node with ``peer_id`` in ``directory``, which is made if it is not there.

    First what a killed run left is put right: its temporary files go, its names become durable.

    :raises DvError: another run writes them now
    """
    files.make_directory(directory)
    with run_lock.exclusive(os.path.join(directory, f".{peer_id}.lock")):
        for kind in _ENDINGS:
            files.remove_temporary_files(directory, f"{kind}-{peer_id}-")
        files.sync_directory(directory)
        yield


class Backups:
    """The backups of the node with ``peer_id``, or with ``None`` of all, in ``directory``, which need not be there.

    ``good`` has the path and record of each, oldest first; ``damaged`` an error for each that is none any more; ``statements`` the text
    of each drill's statement by its name: nobody has verified them yet.
    """

    def __init__(self, directory: str, peer_id: str | None) -> None:
        self.directory, self.peer_id = directory, peer_id
        self.good: list[tuple[str, Record]] = []
        self.damaged: list[DvError] = []
        self.statements: dict[str, str] = {}
        for name in files.names(directory):
            match = NAME.fullmatch(name)
            if not match or peer_id not in (None, match["peer_id"]) or max_size(name) is None:
                continue
            try:
                if match["ending"] == "json":
                    self.good.append(self._read(os.path.join(directory, name)))
                elif match["ending"] == "jws":
                    content = files.read(os.path.join(directory, name), MAX_SIZES["jws"])
                    self.statements[name] = content.decode("ascii", "replace")
            except DvError as error:
                self.damaged.append(error)
        self.good.sort(key=lambda each: each[1].created)

    def _read(self, path: str) -> tuple[str, Record]:
        record = Record.parse(files.read(path, MAX_SIZES["json"]), path)
        if self.peer_id not in (None, record.peer_id):
            raise damaged(path, "the record of a backup of this node")
        archive = path.removesuffix(".json") + ".age"
        check_pair(record, files.read(archive, MAX_SIZES["age"]), archive)
        return archive, record

    def of(self, manifest: Manifest, recipients: list[str]) -> list[tuple[str, Record]]:
        """The good ones that hold what ``manifest`` tells of, for exactly these ``recipients``; the newest first. None that is older than
        one of something else: who restores takes the newest."""
        wanted = manifest.sha256
        return self._newest(lambda record: record.manifest_sha256 == wanted, recipients)

    def with_key_shares(self, lock_hash: str | None, recipients: list[str]) -> list[tuple[str, Record]]:
        """The good ones that hold the key shares of the lock with that hash (hex), for exactly these ``recipients``, the newest first. None that
        is older than one of something else."""
        return self._newest(lambda record: "key_shares" in record.holds and record.lock_hash == lock_hash, recipients)

    def _newest(self, fits: Callable[[Record], bool], recipients: list[str]) -> list[tuple[str, Record]]:
        newest = itertools.takewhile(lambda each: fits(each[1]), reversed(self.good))
        return [each for each in newest if each[1].recipients == recipients]

    def time_of_next(self, now: float) -> float:
        """When another one is made ``now`` (Unix seconds): later than all that are there, even if the clock was set back, so that it is
        the newest."""
        return max(now, from_utc(self.good[-1][1].created) + 1) if self.good else now

    def add(self, archive: bytes, record: Record) -> str:
        """Write a new one durably, the record last: the path of the archive. The directory is there."""
        path = os.path.join(self.directory, record.name)
        files.write_new(path, archive)
        files.write_new(record_name(path), record.dump())
        return path

    def keep_statements(self, statements: Iterable[str]) -> None:
        """Write those of ``statements``, verified ones, that are not here yet."""
        for text in set(statements) - set(self.statements.values()):
            files.write_same(os.path.join(self.directory, statement_name(self.peer_id or "", text)), text.encode())
