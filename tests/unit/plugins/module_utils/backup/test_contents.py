# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is backed up of a data directory, and what never is."""

import os

import pytest
from ansible_collections.obol.dv.plugins.module_utils.backup import contents
from ansible_collections.obol.dv.plugins.module_utils.backup.manifest import check_whole
from ansible_collections.obol.dv.plugins.module_utils.data_dir import key_place, layout
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError

from .conftest import ATTEMPT, KEPT, NEVER, read_all


def test_all_but_seeds_caches_and_rubbish(node):
    found = contents.read(node.data_dir)
    assert found == {name: content for name, content in read_all(node.path).items() if name not in NEVER}
    assert KEPT.keys() <= found.keys() and "validator_keys/keystore-1.txt" in found
    assert contents.parts(list(found)) == ["enr_private_key", "key_shares", "deposit_data", "lock", "transcript"]


def test_every_name_is_of_one_part():
    names = {
        "charon-enr-private-key": "enr_private_key",
        "ceremony/approval.json": "agreement",
        "ceremony/approvals/3.json": "agreement",
        "cluster-definition.json": "definition",
        "validator_keys/keystore-insecure-0.json": "key_shares",
        "deposit-data-1eth.json": "deposit_data",
        "deposit-data-2026-01-02/deposit-data.json": "deposit_data",
        "builder_registrations_overrides.json": "lock",
        ATTEMPT + "evidence/own-deal.jws": "transcript",
        ATTEMPT + "keys/keystore-7.txt": "unfinished_key_shares",
    }
    assert {name: contents.part_of(name) for name in names} == names


@pytest.mark.parametrize(
    "name",
    [
        *NEVER,
        *(
            "/etc/passwd",
            "../charon-enr-private-key",
            "validator_keys/../keystore-0.json",
            "ceremony/../../x/out/a.jws",
            "ceremony//1/out/a.jws",
            "",
            "manifest.json",
        ),
        *("validator_keys/keystore-0.json/x", "./charon-enr-private-key", "charon-enr-private-key.lock", "deposit-data\n.json"),
    ],
)
def test_nothing_else_is(name):
    assert contents.part_of(name) is None


def test_before_there_is_anything(tmp_path):
    assert contents.read(type("", (), dict(path=lambda self, *names: os.path.join(str(tmp_path), *names)))()) == {}


def test_a_name_that_cannot_be_shown(node):
    (node.path / "deposit-data\x07.json").write_text("")
    with pytest.raises(DvError, match="has a name that a backup cannot hold"):
        contents.read(node.data_dir)


def test_too_much(node, monkeypatch):
    monkeypatch.setattr(contents, "MAX_SIZE", 5000)
    with pytest.raises(DvError, match="holds more than 5000 bytes"):
        contents.read(node.data_dir)


def test_some_of_the_key_shares_are_no_backup(node, tmp_path):
    """All, or none where they are elsewhere."""
    check_whole(contents.read(node.data_dir), "it")
    (node.path / "validator_keys" / "keystore-1.json").unlink()
    with pytest.raises(DvError, match="it holds 1 of 2 key shares; wanted: all, or none"):
        check_whole(contents.read(node.data_dir), "it")
    (node.path / "validator_keys").rename(tmp_path / "elsewhere")
    check_whole(contents.read(node.data_dir), "it")


@pytest.mark.parametrize("state", key_place.STATES)
def test_what_was_loaded_and_is_not_here(tmp_path, state):
    """Wherever it went since: who restores the newest backup wants the key shares, too."""
    data_dir = DataDir(str(tmp_path))
    assert not contents.lacks_what_was_loaded(data_dir)
    key_place.write(data_dir, key_place.Place("lodestar", "http://127.0.0.1:5062", "", "0x" + "11" * 32, state))
    assert contents.lacks_what_was_loaded(data_dir)
    (tmp_path / layout.KEYS).mkdir()
    assert not contents.lacks_what_was_loaded(data_dir)
