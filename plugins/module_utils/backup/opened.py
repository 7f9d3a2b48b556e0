# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A backup that was opened: read by who has an identity or the passphrase, and verified as a data directory is, in memory."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterable
from typing import Any

from ..agreement import approval
from ..crypto import secp256k1
from ..crypto.age import Opener
from ..data_dir import layout, node_key
from ..data_dir.layout import DataDir
from ..data_dir.validator_keys import ValidatorKeys
from ..errors import DvError
from ..ethereum import enr
from ..ethereum.keystore import DerivedKeys
from ..ethereum.networks import Networks
from ..storage import files
from ..storage.memory_files import MemoryFiles
from ..verify.data_dir import check_data_dir
from ..verify.report import Report
from . import backups, contents
from .archive import Archive, unpack
from .manifest import Manifest

_UNFINISHED = re.compile(f"({layout.CEREMONY}/[^/]+/[^/]+/keys)/")
# The parts that are held against the lock.
_OF_LOCK = {"key_shares", "deposit_data"}


class Opened:
    """The archive ``encrypted``, called ``path``, opened. ``data_dir`` has its files, in memory.

    :raises DvError: it is damaged, for others, no backup, or that of another node than its name says
    """

    def __init__(self, path: str, encrypted: bytes, opener: Opener) -> None:
        self.path, self.sha256 = path, hashlib.sha256(encrypted).hexdigest()
        self.archive: Archive = unpack(opener.open(encrypted, path), path)
        self.data_dir = DataDir(path, MemoryFiles(path, self.archive.files))
        self.private_key = node_key.read(self.data_dir)
        self._check_name()

    @property
    def manifest(self) -> Manifest:
        return self.archive.manifest

    def _check_name(self) -> None:
        """The manifest and the name are those of the node whose key is in it."""
        peer_id = enr.peer_id(secp256k1.public_key(self.private_key))
        match = backups.NAME.fullmatch(os.path.basename(self.path))
        if Manifest.of(self.archive.files, self.path) != self.manifest or match and match["peer_id"] != peer_id:
            raise DvError(
                f"{self.path} holds the ENR private key of the node {peer_id}",
                f"that of {match['peer_id'] if match else self.manifest.peer_id}, as its name and its manifest say",
                "see where it comes from: anybody can encrypt for a recipient, and give a file a name",
            )

    def verify(self, networks: Networks, parts: Collection[str] | None = None) -> Report:
        """Everything in it: each keystore is decrypted, each key share held against the lock, the key against the definition, the
        definition and the lock as a stranger would.

        :param parts: these alone, with what they are held against: one that is damaged is no reason to lose the others
        :returns: whatever is wrong is a finding
        """
        report, data_dir = Report(), self._parts(parts) if parts else self.data_dir
        if data_dir.holds(layout.LOCK) or data_dir.holds(layout.DEFINITION):
            check_data_dir(report, data_dir, networks)
        elif data_dir.holds(layout.KEYS):
            report.error("key_shares", "there are key shares without a lock or definition that they belong to")
        self._check_approval(report, data_dir)
        _check_unfinished(report, data_dir, self.manifest.files)
        # Some of a cluster's key shares are none: who restores them would believe to have all.
        wanted = len(report.cluster.get("validators", ()))
        if 0 < report.key_shares < wanted:
            report.error(
                "key_shares", f"there are {report.key_shares} of {wanted} key shares; wanted: all, or none where they are elsewhere"
            )
        return report

    def _parts(self, parts: Collection[str]) -> DataDir:
        """The files of ``parts``, the key, and what key shares and deposits are held against."""
        wanted = {*parts, "enr_private_key"} | ({"lock"} if _OF_LOCK & {*parts} else set())
        found = {name: content for name, content in self.archive.files.items() if contents.part_of(name) in wanted}
        return DataDir(self.path, MemoryFiles(self.path, found))

    def _check_approval(self, report: Report, data_dir: DataDir) -> None:
        with report.errors_of("approval"):
            approved = approval.read(data_dir)
            own = enr.encode(self.private_key)
            if approved and approved.enr != own:
                raise DvError(f"{approval.FILE} is for the ENR {approved.enr}", own, "the key or the approval is of another node")

    def facts(self, key_shares: int) -> dict[str, Any]:
        """What a drill that passed found, as JSON has it.

        :param key_shares: how many there are: none, or all
        """
        manifest = self.manifest
        return dict(
            archive_sha256=self.sha256,
            manifest_sha256=manifest.sha256,
            peer_id=manifest.peer_id,
            cluster=manifest.cluster,
            share_index=manifest.share_index,
            definition_hash=manifest.definition_hash,
            lock_hash=manifest.lock_hash,
            holds=manifest.parts,
            key_shares=key_shares,
        )


def _check_unfinished(report: Report, data_dir: DataDir, names: Iterable[str]) -> None:
    """Key shares of a ceremony that is not over: there is no lock to hold them against."""
    directories = sorted({match[1] for match in map(_UNFINISHED.match, names) if match})
    for directory in filter(data_dir.holds, directories):
        with report.errors_of("unfinished_key_shares"):
            ValidatorKeys(data_dir.path(directory), DerivedKeys(), data_dir.source).read()


def read_archive(path: str) -> bytes:
    """The archive at ``path``. Where its record lies beside it, that tells what is damaged before any identity is blamed.

    :raises DvError: it cannot be read, or is not the one of its record
    """
    encrypted, record_path = files.read(path, backups.MAX_SIZES["age"]), backups.record_name(path)
    content = files.read_if_exists(record_path, backups.MAX_SIZES["json"]) if backups.NAME.fullmatch(os.path.basename(path)) else None
    if content is not None:
        backups.check_pair(backups.Record.parse(content, record_path), encrypted, path)
    return encrypted


def read_opener(identity_file: str | None, passphrase_file: str | None) -> Opener:
    """What opens backups, from one of the two files.

    :raises DvError: neither is named, or both are; or it cannot be read
    """
    if identity_file and passphrase_file:
        raise DvError("an identity file and a passphrase file are named", "one of them", "name what the backup was made for")
    if not identity_file and not passphrase_file:
        raise DvError(
            "neither an identity file nor a passphrase file is named",
            "one of them",
            "name what the backup was made for: dv_drill_identity_file, or on a node dv_restore_identity_file or dv_backup_passphrase_file",
        )
    path = identity_file or passphrase_file or ""
    content = files.read(path, 64 * 1024)
    return Opener.of_identities(content, path) if identity_file else Opener.of_passphrase(content, path)
