# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Archives: what is packed is what is unpacked, and nothing else is taken for one, though anybody can encrypt for a recipient."""

import gzip
import io
import tarfile
from dataclasses import replace

import pytest
from ansible_collections.obol.dv.plugins.module_utils.backup import archive, contents
from ansible_collections.obol.dv.plugins.module_utils.backup.manifest import FILE, Manifest
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError

from .conftest import NOW


@pytest.fixture
def packed(node):
    found = contents.read(node.data_dir)
    return archive.pack(Manifest.of(found, "x"), found, NOW)


def retar(packed, change):
    """``packed`` with the list of its entries, pairs of a TarInfo and content, changed."""
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        entries = [(entry, tar.extractfile(entry).read()) for entry in tar]
    change(entries)
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for entry, content in entries:
            entry.size = len(content) if entry.isreg() else 0
            tar.addfile(entry, io.BytesIO(content))
    return made.getvalue()


def test_there_and_back(packed, node):
    found = archive.unpack(packed, "it")
    assert found.files == contents.read(node.data_dir)
    assert found.manifest == Manifest.of(found.files, "x")
    assert (found.manifest.peer_id, found.manifest.share_index, found.manifest.cluster) == (node.peer_id, 1, "dealt <by> a test")


def test_as_tar_reads_it(packed, tmp_path):
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as tar:
        assert tar.getnames()[0] == FILE and all(entry.mode == 0o600 for entry in tar)
        tar.extractall(tmp_path, filter="data")
    assert (tmp_path / "charon-enr-private-key").exists()


def link(entries):
    entry = tarfile.TarInfo("cluster-definition.json")
    entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
    entries.append((entry, b""))


def renamed(name):
    return lambda entries: setattr(entries[1][0], "name", name)


def sparse(entries):
    """Three bytes that say they are a terabyte."""
    entry = tarfile.TarInfo("charon-enr-private-key")
    names = {"major": "1", "minor": "0", "name": entry.name, "realsize": str(2**40)}
    entry.pax_headers = {"GNU.sparse." + name: value for name, value in names.items()}
    entries.insert(0, (entry, b"0\n\0"))


STRANGE = {
    "longer than it is": (sparse, "which is no file of a backup"),
    "a link": (link, "which is no file of a backup"),
    "a file of its own": (lambda entries: entries.append((tarfile.TarInfo("authorized_keys"), b"x")), "which is no file of a backup"),
    "a way out": (renamed("../../root/.ssh/keystore-0.json"), "which is no file of a backup"),
    "an absolute path": (renamed("/charon-enr-private-key"), "which is no file of a backup"),
    "twice": (lambda entries: entries.append(entries[1]), "or there already"),
    "one too many": (
        lambda entries: entries.append((tarfile.TarInfo("deposit-data-9eth.json"), b"x")),
        "deposit-data-9eth.json is only in it",
    ),
    "one too few": (lambda entries: entries.pop(1), "is only in it, or only in its manifest.json"),
    "another content": (lambda entries: entries.__setitem__(1, (entries[1][0], b"x")), "is not the file that manifest.json tells of"),
    "another manifest": (lambda entries: entries.__setitem__(0, (entries[0][0], b"{}")), "manifest.json is not as it is written"),
    "no manifest": (lambda entries: entries.pop(0), "manifest.json is not as it is written"),
    "no JSON": (lambda entries: entries.__setitem__(0, (entries[0][0], b"x")), "is not JSON"),
}


@pytest.mark.parametrize("change, text", STRANGE.values(), ids=STRANGE)
def test_what_is_none(packed, change, text):
    with pytest.raises(DvError, match=text):
        archive.unpack(retar(packed, change), "it")


@pytest.mark.parametrize("content", [b"", b"hello", gzip.compress(b"hello", mtime=0), gzip.compress(b"", mtime=0), b"\x1f\x8b"])
def test_no_archive_at_all(content):
    with pytest.raises(DvError, match="^what is encrypted in it is |manifest.json is not"):
        archive.unpack(content, "it")


def test_every_byte_counts(packed):
    """Whatever byte is another, it is told, or nothing of what is taken out differs."""
    whole = archive.unpack(packed, "it")
    for position in range(0, len(packed), 37):
        damaged = bytearray(packed)
        damaged[position] ^= 0x41
        try:
            assert archive.unpack(bytes(damaged), "it") == whole
        except DvError:
            pass
    for length in range(0, len(packed), 211):
        with pytest.raises(DvError):
            archive.unpack(packed[:length], "it")


def test_a_bomb(monkeypatch):
    monkeypatch.setattr(contents, "MAX_SIZE", 1000)
    monkeypatch.setattr(archive, "_MAX_FILES", 1)
    with pytest.raises(DvError, match="unpacks to more than"):
        archive.unpack(gzip.compress(bytes(10**6)), "it")


def test_a_manifest_is_one_text(packed):
    manifest = archive.unpack(packed, "it").manifest
    assert Manifest.parse(manifest.dump(), "it") == manifest
    for content in (manifest.dump() + b" ", replace(manifest, files=[]).dump(), b"[]", b"null"):
        with pytest.raises(DvError):
            Manifest.parse(content, "it")
