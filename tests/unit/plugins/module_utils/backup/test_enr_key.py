# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups of an ENR private key: found again by key and recipients, noticed when damaged, never written over."""

import json
import os
import pathlib
import stat

import pyrage
import pytest
from ansible_collections.obol.dv.plugins.module_utils.backup import enr_key
from ansible_collections.obol.dv.plugins.module_utils.crypto import secp256k1
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum import enr
from ansible_collections.obol.dv.plugins.module_utils.storage import files

KEY = bytes(range(1, 33))
PEER_ID = enr.peer_id(secp256k1.public_key(KEY))
NOW = 1_777_636_800
IDENTITIES = [pyrage.x25519.Identity.generate() for dummy in range(2)]
ALICE, BOB = sorted(str(identity.to_public()) for identity in IDENTITIES)


@pytest.fixture
def directory(tmp_path):
    return str(tmp_path / "place" / "backups")


@pytest.fixture
def made(directory):
    return enr_key.make(directory, PEER_ID, KEY, [ALICE], NOW)


def test_made_and_found(made, directory):
    assert made == (made.path, PEER_ID, [ALICE], "2026-05-01T12:00:00Z")
    assert enr_key.find(directory, PEER_ID) == ([made], [])
    assert pyrage.decrypt(pathlib.Path(made.path).read_bytes(), IDENTITIES) == KEY.hex().encode()
    assert sorted(os.listdir(directory)) == sorted(map(os.path.basename, made.paths))
    assert all(enr_key.NAME.fullmatch(name) for name in os.listdir(directory))
    assert [stat.S_IMODE(os.stat(path).st_mode) for path in (directory, *made.paths)] == [0o700, 0o600, 0o600]
    assert not any(KEY.hex() in pathlib.Path(path).read_text() for path in made.paths)


def test_by_key_and_recipients(made, directory):
    newer = enr_key.make(directory, PEER_ID, KEY, [ALICE, BOB], NOW + 1)
    stranger = enr.peer_id(secp256k1.public_key(KEY[::-1]))
    other = enr_key.make(directory, stranger, KEY[::-1], [BOB], NOW)
    found = enr_key.find(directory, PEER_ID)
    assert found == ([made, newer], [])
    assert [found.newest([ALICE]), found.newest([ALICE, BOB]), found.newest([BOB])] == [made, newer, None]
    assert enr_key.find(directory, stranger).good == [other]


def test_nothing_yet(directory):
    assert enr_key.find(directory, PEER_ID) == ([], [])


def test_a_place_that_is_no_directory(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DvError, match="cannot read .*file: Not a directory"):
        enr_key.find(str(tmp_path / "file"), PEER_ID)


def without(name):
    def change(made):
        record = json.loads(pathlib.Path(made.paths[1]).read_text())
        del record[name]
        pathlib.Path(made.paths[1]).write_text(json.dumps(record))

    return change


def of_another(made):
    path = pathlib.Path(made.paths[1])
    path.write_text(path.read_text().replace(PEER_ID, PEER_ID[::-1]))


# What happens to a backup, and what is told of it.
DAMAGE = {
    "file is cut": (lambda made: os.truncate(made.path, 100), ".age is damaged: its SHA-256 is"),
    "file is gone": (lambda made: os.unlink(made.path), ".age: No such file"),
    "record is cut": (lambda made: os.truncate(made.paths[1], 20), ".json is not JSON"),
    "record is of another": (of_another, ".json is damaged"),
    **{"no %s" % name: (without(name), "is damaged") for name in ("peer_id", "recipients", "created", "sha256")},
}


@pytest.mark.parametrize("damage, fragment", DAMAGE.values(), ids=DAMAGE)
def test_damage_is_noticed(damage, fragment, made, directory):
    damage(made)
    found = enr_key.find(directory, PEER_ID)
    assert found.good == [] and len(found.damaged) == 1
    assert fragment in str(found.damaged[0])


def test_a_backup_without_its_record_does_not_count(made, directory):
    """As a run leaves it that is killed between the two."""
    os.unlink(made.paths[1])
    assert enr_key.find(directory, PEER_ID) == ([], [])


def test_the_record_comes_last(directory, monkeypatch):
    written = []
    write_new = files.write_new
    monkeypatch.setattr(files, "write_new", lambda path, content: (written.append(path), write_new(path, content)))
    assert list(enr_key.make(directory, PEER_ID, KEY, [ALICE], NOW).paths) == written
