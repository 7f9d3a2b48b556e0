# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A backup that was opened: read by who has an identity or the passphrase, and verified as a data directory is, in memory."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
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
from . import backups
from .archive import Archive, unpack
from .manifest import Manifest

_UNFINISHED = re.compile(f"({layout.CEREMONY}/[^/]+/[^/]+/keys)/")


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

    def verify(self, networks: Networks) -> Report:
        """Everything in it: each keystore is decrypted, each key share held against the lock, the key against the definition, the
        definition and the lock as a stranger would.

        :returns: whatever is wrong is a finding
        """
        report = Report()
        if self.data_dir.holds(layout.LOCK) or self.data_dir.holds(layout.DEFINITION):
            check_data_dir(report, self.data_dir, networks)
        elif self.data_dir.holds(layout.KEYS):
            report.error("key_shares", "there are key shares without a lock or definition that they belong to")
        self._check_approval(report)
        self._check_unfinished(report)
        self._check_number(report)
        return report

    def _check_number(self, report: Report) -> None:
        """Some of a cluster's key shares are none: who restores them would believe to have all."""
        with contextlib.suppress(DvError):
            wanted, found = len(report.cluster.get("validators", ())), self._key_shares()
            if 0 < found < wanted:
                report.error("key_shares", f"there are {found} of {wanted} key shares; wanted: all, or none where they are elsewhere")

    def _key_shares(self) -> int:
        """How many different key shares there are."""
        keys = ValidatorKeys(self.data_dir.path(layout.KEYS), source=self.data_dir.source)
        return len(set(map(keys.public_key, keys.paths()))) if self.data_dir.holds(layout.KEYS) else 0

    def _check_approval(self, report: Report) -> None:
        with report.errors_of("approval"):
            approved = approval.read(self.data_dir)
            own = enr.encode(self.private_key)
            if approved and approved.enr != own:
                raise DvError(f"{approval.FILE} is for the ENR {approved.enr}", own, "the key or the approval is of another node")

    def _check_unfinished(self, report: Report) -> None:
        """Key shares of a ceremony that is not over: there is no lock to hold them against."""
        directories = sorted({match[1] for match in map(_UNFINISHED.match, self.archive.files) if match})
        for directory in directories:
            with report.errors_of("unfinished_key_shares"):
                ValidatorKeys(self.data_dir.path(directory), DerivedKeys(), self.data_dir.source).read()

    def facts(self) -> dict[str, Any]:
        """What a drill that passed found, as JSON has it; where there are key shares, they are all."""
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
            key_shares=self._key_shares(),
        )


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
        raise DvError("neither an identity file nor a passphrase file is named", "one of them", "name what the backup was made for")
    path = identity_file or passphrase_file or ""
    content = files.read(path, 64 * 1024)
    return Opener.of_identities(content, path) if identity_file else Opener.of_passphrase(content, path)
