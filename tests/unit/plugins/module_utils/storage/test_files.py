# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Durable files: whole or not there, with their mode, and never over something else."""

import errno
import os
import stat

import pytest
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.storage import files, run_lock


def _mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_write_new(tmp_path):
    path = tmp_path / "file"
    files.write_new(str(path), b"one", 0o444)
    assert path.read_bytes() == b"one" and _mode(path) == 0o444
    with pytest.raises(DvError, match="exists already"):
        files.write_new(str(path), b"two")
    assert path.read_bytes() == b"one" and os.listdir(tmp_path) == ["file"]


def test_write_all_new(tmp_path):
    path, contents = tmp_path / "made", {str(tmp_path / "made" / str(number)): b"%d" % number for number in range(100)}
    path.mkdir()
    files.write_all_new(dict(list(contents.items())[:3]), 0o444)
    assert sorted(os.listdir(path)) == ["0", "1", "2"] and _mode(path / "2") == 0o444
    with pytest.raises(DvError, match="made/2 exists already"):
        files.write_all_new({str(path / "3"): b"", str(path / "2"): b"other"})
    (path / "3").unlink()
    files.write_all_new(dict(list(contents.items())[3:]))
    assert {str(each): each.read_bytes() for each in path.iterdir()} == contents
    files.write_all_new({})


#: Few files, and so many that they are synced at once.
FEW, MANY = 3, 100
WRITERS = {
    "write_all_new": lambda path, contents: files.write_all_new({os.path.join(path, name): text for name, text in contents.items()}),
    "write_directory": lambda path, contents: files.write_directory(os.path.join(path, "made"), contents),
}


@pytest.mark.parametrize("count", [FEW, MANY])
@pytest.mark.parametrize("writer", WRITERS)
def test_all_files_are_synced_before_one_gets_its_name(writer, count, tmp_path, monkeypatch):
    synced, named, fsync = set(), [], os.fsync

    def sync(descriptor):
        fsync(descriptor)
        synced.add(os.fstat(descriptor).st_ino)

    def watched(name):
        real = getattr(os, name)

        def give(old, new):
            inside = [os.path.join(old, each) for each in os.listdir(old)] if os.path.isdir(old) else [old]
            assert {os.stat(path).st_ino for path in inside} <= synced and (named or len(synced) >= count)
            named.append(new)
            real(old, new)

        monkeypatch.setattr(os, name, give)

    monkeypatch.setattr(os, "fsync", sync)
    watched("link")
    watched("rename")
    WRITERS[writer](str(tmp_path), {str(number): b"x" for number in range(count)})
    assert len(named) in (1, count) and tmp_path.stat().st_ino in synced


@pytest.mark.parametrize("count", [FEW, MANY])
@pytest.mark.parametrize("writer", WRITERS)
def test_nothing_gets_a_name_where_one_file_cannot_be_synced(writer, count, tmp_path, monkeypatch):
    calls, fsync = [], os.fsync

    def sync(descriptor):
        calls.append(descriptor)
        if len(calls) == count:
            raise OSError(errno.EIO, "no")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    with pytest.raises(DvError, match="cannot write .*: Input/output error"):
        WRITERS[writer](str(tmp_path), {str(number): b"x" for number in range(count)})
    assert os.listdir(tmp_path) == []


def test_write_same(tmp_path):
    path = tmp_path / "file"
    assert files.write_same(str(path), b"one") is True
    assert files.write_same(str(path), b"one") is False
    with pytest.raises(DvError, match="other content"):
        files.write_same(str(path), b"two")
    assert path.read_bytes() == b"one"


def test_write_same_of_two_at_once(tmp_path, monkeypatch):
    """The other one was quicker, between our look and our write."""
    files.write_new(tmp_path / "a", b"same")
    monkeypatch.setattr(os.path, "lexists", lambda path: False)
    assert files.write_same(tmp_path / "a", b"same") is False
    with pytest.raises(DvError, match="exists with other content"):
        files.write_same(tmp_path / "a", b"other")
    assert os.listdir(tmp_path) == ["a"]


def test_replace(tmp_path):
    path = tmp_path / "file"
    files.replace(str(path), b"one")
    files.replace(str(path), b"two", 0o644)
    assert path.read_bytes() == b"two" and _mode(path) == 0o644 and os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: os.symlink("none", path)], ids=["directory", "fifo", "link"])
def test_only_regular_files_are_read(tmp_path, make):
    path = str(tmp_path / "thing")
    make(path)
    with pytest.raises(DvError):
        files.read(path)
    with pytest.raises(DvError):
        files.read_if_exists(path)


def test_reading_is_bounded(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert files.read(str(path), 5) == b"12345"
    with pytest.raises(DvError, match="more than 4 bytes"):
        files.read(str(path), 4)


def test_read_can_look_at_the_opened_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"")
    path.chmod(0o640)
    modes = []
    files.read(str(path), check=lambda status: modes.append(stat.S_IMODE(status.st_mode)))
    assert modes == [0o640]


def test_nothing_to_read(tmp_path):
    assert files.read_if_exists(str(tmp_path / "none")) is None
    with pytest.raises(DvError, match="cannot read .*none: No such file"):
        files.read(str(tmp_path / "none"))


def test_make_directory(tmp_path):
    path = tmp_path / "a" / "b"
    assert files.make_directory(str(path)) is True and files.make_directory(str(path)) is False
    assert _mode(path) == _mode(tmp_path / "a") == 0o700
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DvError):
        files.make_directory(str(tmp_path / "file"))


def test_write_directory(tmp_path):
    path = tmp_path / "parent" / "made"
    files.write_directory(str(path), {"one": b"1", "two": b"2"})
    assert {each.name: each.read_bytes() for each in path.iterdir()} == {"one": b"1", "two": b"2"}
    assert _mode(path) == 0o700 and {_mode(each) for each in path.iterdir()} == {0o600}
    assert os.listdir(tmp_path / "parent") == ["made"]


def test_write_directory_goes_over_nothing(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_bytes(b"")
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    for name in ("full", "file"):
        with pytest.raises(DvError, match="cannot write"):
            files.write_directory(str(tmp_path / name), {"one": b"1"})
    files.write_directory(str(tmp_path / "empty"), {"one": b"1"})
    assert sorted(os.listdir(tmp_path)) == ["empty", "file", "full"]
    assert os.listdir(tmp_path / "full") == ["mine"] and os.listdir(tmp_path / "empty") == ["one"]


def test_write_directory_after_a_crash(tmp_path):
    """What an interrupted call left beside does not stay: it may be secret."""
    (tmp_path / ".made.tmp").mkdir()
    (tmp_path / ".made.tmp" / "old").write_bytes(b"secret")
    files.write_directory(str(tmp_path / "made"), {"one": b"1"})
    assert os.listdir(tmp_path) == ["made"] and os.listdir(tmp_path / "made") == ["one"]


def test_erase(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"")
    assert files.erase(str(path)) is True and files.erase(str(path)) is False


def test_exclusive(tmp_path):
    path = str(tmp_path / "lock")
    with run_lock.exclusive(path):
        with pytest.raises(DvError, match="held by another run"):
            with run_lock.exclusive(path):
                pass
    with run_lock.exclusive(path):
        pass


def test_what_killed_runs_left_is_erased_and_nothing_else(tmp_path, monkeypatch):
    kept = ["charon-enr-private-key", ".hidden", ".notes.tmp", "x.0123456789abcdef.tmp", ".x.0123456789ABCDEF.tmp"]
    for name in kept:
        (tmp_path / name).write_text("kept")

    def killed(*_paths, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "link", killed)
    monkeypatch.setattr(os, "unlink", killed)
    with pytest.raises(KeyboardInterrupt):
        files.write_new(str(tmp_path / "cluster-lock.json"), b"half")
    monkeypatch.undo()
    assert len(os.listdir(tmp_path)) == len(kept) + 1
    files.remove_temporary_files(str(tmp_path))
    assert sorted(os.listdir(tmp_path)) == sorted(kept)
