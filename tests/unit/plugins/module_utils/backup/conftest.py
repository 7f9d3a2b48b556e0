# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node that a trusted dealer made, with what a ceremony leaves behind, and an identity that opens its backups."""

import pathlib
from types import SimpleNamespace

import pyrage
import pytest
from ansible_collections.obol.dv.plugins.module_utils.backup import archive, backups, contents
from ansible_collections.obol.dv.plugins.module_utils.backup.backups import Backups, Record
from ansible_collections.obol.dv.plugins.module_utils.backup.manifest import Manifest
from ansible_collections.obol.dv.plugins.module_utils.crypto import age, secp256k1
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.ethereum import enr
from ansible_collections.obol.dv.tests.support.dealt_cluster import DealtCluster

IDENTITY = pyrage.x25519.Identity.generate()
RECIPIENTS = [str(IDENTITY.to_public())]
OPENER = age.Opener.of_identities(str(IDENTITY).encode(), "key.txt")
NOW = 1_777_636_800
ATTEMPT = "ceremony/" + "ab" * 32 + "/1/"
#: What a ceremony leaves, by what becomes of it: backed up, or never.
KEPT = {ATTEMPT + name: b"ey" for name in ("out/commit.jws", "in/deal/2.jws", "evidence/deal-2.json")}
NEVER = {ATTEMPT + "seed": b"s" * 32, ATTEMPT + "derived/keys": b"d" * 32, "ceremony/lock": b"", ".x.0123456789abcdef.tmp": b"t"}


@pytest.fixture(scope="session")
def dealt():
    return DealtCluster()


@pytest.fixture
def node(dealt, tmp_path):
    """A complete node: its ``path``, ``data_dir``, ``peer_id``, where its ``backups`` go, and how one is made (``back_up``)."""
    path, directory = tmp_path / ".charon", str(tmp_path / "backups")
    dealt.write(path)
    for name, content in {**KEPT, **NEVER}.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    data_dir, public_key = DataDir(path), secp256k1.public_key(dealt.node_keys[0])
    peer_id = enr.peer_id(public_key)

    def back_up(now=NOW, recipients=None, place=directory):
        found = contents.read(data_dir)
        manifest = Manifest.of(found, str(path))
        encrypted = age.encrypt(archive.pack(manifest, found, now), recipients or RECIPIENTS)
        with backups.exclusive(place, peer_id):
            return Backups(place, peer_id).add(encrypted, Record.of(encrypted, manifest, recipients or RECIPIENTS, now))

    return SimpleNamespace(path=path, data_dir=data_dir, public_key=public_key, peer_id=peer_id, backups=directory, back_up=back_up)


@pytest.fixture
def craft(tmp_path):
    """A function that encrypts files (content by name) as somebody who knows a recipient can, with whatever manifest: a path."""

    def made(found, manifest=None, name="made-up.age"):
        manifest = manifest or Manifest.of(found, "x")
        path = tmp_path / name
        path.write_bytes(age.encrypt(archive.pack(manifest, found, NOW), RECIPIENTS))
        return str(path)

    return made


def read_all(directory):
    """Content by name of all files below ``directory``."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in pathlib.Path(directory).rglob("*") if path.is_file()}
