# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The manifest of a backup: what it is of, and the hash of each file in it. Two backups of one manifest hold the same."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..cluster.definition import Definition
from ..cluster.operators import index_of_key
from ..crypto import secp256k1
from ..data_dir import node_key, stored_definition
from ..data_dir.layout import LOCK, DataDir
from ..encoding import go_json
from ..encoding.hex import to_hex
from ..encoding.json_fields import lookup
from ..errors import DvError
from ..ethereum import enr
from ..storage.memory_files import MemoryFiles
from . import contents

#: Its name in an archive.
FILE = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """What a backup holds.

    :param peer_id: that of the node's ENR private key
    :param share_index: its share index; ``None`` before there is a definition
    :param cluster: the cluster's name, or ``None``
    :param definition_hash: as the definition states it (hex), or ``None``
    :param lock_hash: as the lock states it (hex), or ``None``
    :param files: SHA-256 (hex) of each file by its name below the data directory
    """

    peer_id: str
    share_index: int | None
    cluster: str | None
    definition_hash: str | None
    lock_hash: str | None
    files: dict[str, str]

    @classmethod
    def of(cls, found: Mapping[str, bytes], what: str) -> Manifest:
        """That of the files ``found``, content by name below the data directory, which is called ``what`` in errors.

        What cannot be parsed, but for the key, is backed up as it is: to judge it is for those who verify.

        :raises DvError: there is no ENR private key among them
        """
        data_dir = DataDir(what, MemoryFiles(what, found))
        public_key = secp256k1.public_key(node_key.read(data_dir))
        definition, lock_hash, share_index = _definition(data_dir), None, None
        with contextlib.suppress(DvError):
            lock_hash = str(lookup(go_json.loads(found.get(LOCK, b"{}"), LOCK), "lock_hash", LOCK) or "") or None
        if definition:
            with contextlib.suppress(DvError):
                share_index = index_of_key(definition, public_key)
        return cls(
            peer_id=enr.peer_id(public_key),
            share_index=share_index,
            cluster=definition.name if definition else None,
            definition_hash=to_hex(definition.definition_hash) or None if definition else None,
            lock_hash=lock_hash,
            files={name: hashlib.sha256(content).hexdigest() for name, content in sorted(found.items())},
        )

    @property
    def parts(self) -> list[str]:
        """The parts, see :data:`.contents.PARTS`, of which there is something."""
        return contents.parts(list(self.files))

    @property
    def sha256(self) -> str:
        """The hash (hex) of :meth:`dump`."""
        return hashlib.sha256(self.dump()).hexdigest()

    def dump(self) -> bytes:
        """Its only spelling."""
        return go_json.dumps(asdict(self)).encode()

    @classmethod
    def parse(cls, content: bytes, what: str) -> Manifest:
        """The manifest that :meth:`dump` made ``content`` of.

        :raises DvError: it is none; ``what`` is its name
        """
        value = go_json.loads(content, what)
        fields: dict[str, Any] = {name: lookup(value, name, what) for name in cls.__dataclass_fields__}
        try:
            manifest = cls(**fields)
            if manifest.dump() == content and isinstance(manifest.files, dict):
                return manifest
        except (TypeError, ValueError):
            pass
        raise DvError(f"{what} is not as it is written", "the manifest of a backup of obol.dv")


def check_whole(found: Mapping[str, bytes], what: str) -> None:
    """Refuse a backup of some of a cluster's key shares: the newest is what is restored, and this one would stand before the one with all.

    :raises DvError: so many of the files ``found``, which are called ``what``, are missing
    """
    definition = _definition(DataDir(what, MemoryFiles(what, found))) if LOCK in found else None
    shares = sum(contents.part_of(name) == "key_shares" and name.endswith(".json") for name in found)
    if definition and 0 < shares < definition.num_validators:
        raise DvError(
            f"{what} holds {shares} of {definition.num_validators} key shares",
            "all, or none where they are elsewhere",
            "restore what is missing (dv_restore_parts: [key_shares]), or move the others to where the rest is",
        )


def _definition(data_dir: DataDir) -> Definition | None:
    """The definition of the lock, or the one that waits for its DKG; ``None`` where there is none, or one that cannot be read."""
    for read in (stored_definition.locked_definition, stored_definition.definition):
        with contextlib.suppress(DvError):
            definition = read(data_dir)
            if definition:
                return definition
    return None
