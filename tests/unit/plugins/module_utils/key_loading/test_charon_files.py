# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lock and ENR private key for a charon that reads them elsewhere: its own, in order, its owner's, and never two charons with one key."""

import json
import os
import time

import pytest
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import LOCK, NODE_KEY, DataDir
from ansible_collections.obol.dv.plugins.module_utils.data_dir.node_key import LOCK_FILE
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.key_loading import charon_files
from ansible_collections.obol.dv.plugins.module_utils.storage import files
from ansible_collections.obol.dv.plugins.module_utils.storage.ownership import Owner


def put(node, directory, owner=None, dry_run=False):
    return charon_files.put(DataDir(node), str(directory), owner, dry_run)


def runs(directory, age=0):
    """A charon with the key in ``directory``, which renewed its lock file so many seconds ago."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - age))
    (directory / LOCK_FILE).write_text(json.dumps({"timestamp": stamp, "command": "run", "cluster_lock_hash": ""}))


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "charon"


def test_both_files(node, directory):
    assert put(node, directory, dry_run=True) and not directory.exists()
    assert put(node, directory)
    assert {path.name: path.stat().st_mode & 0o777 for path in directory.iterdir()} == {LOCK: 0o444, NODE_KEY: 0o600}
    assert all((directory / name).read_bytes() == (node / name).read_bytes() for name in (LOCK, NODE_KEY))
    assert directory.stat().st_mode & 0o777 == 0o700
    # Its charon runs then.
    runs(directory)
    for dry_run in (True, False):
        assert not put(node, directory, dry_run=dry_run)
    assert not put(node, node) and not put(node, str(node) + "/")


def test_killed_anywhere(node, directory, monkeypatch):
    """The key comes last, and nothing of it is left in a temporary file."""
    link = files._link
    for point in range(2):
        left = iter(range(point))

        def dies(temporary, path, left=left):
            if next(left, None) is None:
                os.link(temporary, temporary + "x")
                os.rename(temporary + "x", os.path.join(os.path.dirname(path), ".%s.0123456789abcdef.tmp" % os.path.basename(path)))
                raise KeyboardInterrupt
            return link(temporary, path)

        monkeypatch.setattr(files, "_link", dies)
        with pytest.raises(KeyboardInterrupt):
            put(node, directory / str(point))
        monkeypatch.setattr(files, "_link", link)
        assert not (directory / str(point) / NODE_KEY).exists()
        assert put(node, directory / str(point))
        assert {path.name for path in (directory / str(point)).iterdir()} == {LOCK, NODE_KEY}


@pytest.mark.parametrize("name", [LOCK, NODE_KEY])
def test_those_of_another_node(node, directory, name):
    directory.mkdir()
    (directory / name).write_text("another")
    for dry_run in (True, False):
        with pytest.raises(DvError, match="%s is not that of %s; wanted: the same content, or no file" % (directory / name, node)):
            put(node, directory, dry_run=dry_run)
    assert [path.name for path in directory.iterdir()] == [name] and (directory / name).read_text() == "another"


def test_a_charon_that_runs(node, directory):
    """With this key in the data directory, or with whatever there: no second one gets the key."""
    directory.mkdir()
    for place in (node, directory):
        runs(place)
        for dry_run in (True, False):
            with pytest.raises(DvError, match="%s is a running charon's: .*; wanted: one charon for one key" % place):
                put(node, directory, dry_run=dry_run)
        assert not (directory / NODE_KEY).exists()
        runs(place, age=60)
    assert put(node, directory)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_owner(node, directory, tmp_path):
    owner = Owner(12345, 12346)
    assert put(node, directory, owner)
    assert {(path.stat().st_uid, path.stat().st_gid) for path in [directory, *directory.iterdir()]} == {owner}
    os.chown(directory / NODE_KEY, 0, 0)
    (directory / LOCK).chmod(0o666)
    assert put(node, directory, owner, dry_run=True) and put(node, directory, owner) and not put(node, directory, owner)
    assert (directory / NODE_KEY).stat().st_uid == 12345 and (directory / LOCK).stat().st_mode & 0o777 == 0o444
    (directory / NODE_KEY).unlink()
    (directory / NODE_KEY).symlink_to(tmp_path / "elsewhere")
    os.lchown(directory / NODE_KEY, 12345, 12346)
    with pytest.raises(DvError, match="is a link"):
        put(node, directory, owner)
    assert not (tmp_path / "elsewhere").exists()
