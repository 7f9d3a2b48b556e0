# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The archive of a backup: a tar of its manifest and its files, packed by gzip, encrypted with age: ``age --decrypt | tar --extract --gzip``
opens it. Here it is made and opened in memory.

age does not say who encrypted: whoever knows a recipient can make an archive for it. So nothing in an archive is trusted.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Mapping
from typing import NamedTuple

from ..errors import DvError
from . import contents
from .manifest import FILE, Manifest

# Most files in an archive: key shares of 100,000 validators.
_MAX_FILES = 250_000
# What tar adds to each file at most, and in all: headers, long names, what fills the last block.
_OVERHEAD = 3072


class Archive(NamedTuple):
    """What was opened: the manifest, and the content of each file by its name below the data directory."""

    manifest: Manifest
    files: dict[str, bytes]


def pack(manifest: Manifest, found: Mapping[str, bytes], now: float) -> bytes:
    """The tar, packed by gzip, of ``manifest`` and the files ``found``; they are dated ``now`` (Unix seconds) and 0600."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=6, mtime=0) as stream, tarfile.open(fileobj=stream, mode="w") as tar:
        for name, content in {FILE: manifest.dump(), **found}.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(content), 0o600, int(now)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def unpack(packed: bytes, what: str) -> Archive:
    """The archive that :func:`pack` made ``packed`` of, called ``what`` in errors.

    :raises DvError: anything is not as it was packed: another form, a file that is no backup's, one too many, one that differs from
        the manifest
    """
    files = _untar(_unzip(packed, what), what)
    manifest = Manifest.parse(files.pop(FILE, b"{}"), f"{what}, {FILE}")
    for name in manifest.files.keys() ^ files.keys():
        raise DvError(f"{name} is only in {what}, or only in its {FILE}", "the files that it tells of, no others")
    for name, content in files.items():
        if hashlib.sha256(content).hexdigest() != manifest.files[name]:
            raise DvError(f"{what}: {name} is not the file that {FILE} tells of", f"SHA-256 {manifest.files[name]}")
    return Archive(manifest, files)


def _unzip(packed: bytes, what: str) -> bytes:
    # Not by gzip: it would go on for as long as there is something to unpack.
    limit = contents.MAX_SIZE + _MAX_FILES * _OVERHEAD
    inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        tar = inflate.decompress(packed, limit)
    except zlib.error:
        tar = b""
    if not inflate.eof or inflate.unused_data:
        raise DvError(
            f"what is encrypted in {what} is not packed by gzip, is cut off, or unpacks to more than {limit} bytes", "a backup of obol.dv"
        )
    return tar


def _untar(content: bytes, what: str) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
            for entry in tar:
                # A sparse file is as long as it says, whatever is there: a few bytes would fill the memory.
                strange = not entry.isreg() or entry.issparse() or entry.name in files
                if strange or entry.name != FILE and not contents.part_of(entry.name):
                    raise DvError(
                        f"{what} holds {entry.name[:200]!a}, which is no file of a backup, or there already", "a backup of obol.dv"
                    )
                reader = tar.extractfile(entry)
                files[entry.name] = reader.read() if reader else b""
    except (tarfile.TarError, ValueError, EOFError, OSError):
        raise DvError(f"what is encrypted in {what} is no tar", "a backup of obol.dv") from None
    return files
