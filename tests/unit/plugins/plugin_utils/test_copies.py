# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies of backups, in a directory and on an SFTP server: what was put is found and whole, what is none is passed over or refused."""

import os
import stat
from types import SimpleNamespace

import pytest
from ansible_collections.obol.dv.plugins.action.backup import ActionModule
from ansible_collections.obol.dv.plugins.module_utils.backup import backups
from ansible_collections.obol.dv.plugins.module_utils.backup.backups import Record
from ansible_collections.obol.dv.plugins.module_utils.backup.manifest import Manifest
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.plugin_utils import copies
from ansible_collections.obol.dv.tests.support.store_media import MEDIA

NOW = 1_777_636_800
PEER_IDS = ["16Uiu2HAm" + letter * 44 for letter in "ab"]
STATEMENT = "drill-%s-01234567.jws" % PEER_IDS[0]


@pytest.fixture(params=["directory", "sftp"])
def place(request, tmp_path):
    """The arguments of a task that name a place for copies."""
    medium = MEDIA[request.param](tmp_path)
    yield dict(dest=medium.name, dest_options=medium.options), medium.place
    medium.close()


def backup(peer_id=PEER_IDS[0], now=NOW, content=b"x" * 300_000):
    """Archive and record of a backup, text by name; and the record."""
    archive = backups.ARMOR + content
    record = Record.of(archive, Manifest(peer_id, None, None, None, None, {}), ["age1"], now)
    return {record.name: archive.decode(), backups.record_name(record.name): record.dump().decode()}, record


def test_there_and_back(place):
    arguments, directory = place
    (older, _record), (newer, newest), (other, record) = backup(), backup(now=NOW + 1, content=b"y"), backup(PEER_IDS[1])
    with copies.open_copies(arguments) as store:
        assert copies.records(store) == copies.newest(store) == [] and copies.statements(store) == {}
        store.put({**older, **newer, **other, STATEMENT: "ey"})
    with copies.open_copies(arguments) as store:
        assert [each.created for each in copies.records(store)] == ["2026-05-01T12:00:00Z"] * 2 + ["2026-05-01T12:00:01Z"]
        assert copies.archive(store, newest) == newer[newest.name]
        found = {os.path.basename(each["path"]): each["record"] for each in copies.newest(store)}
        assert found == {each.name: each.dump().decode() for each in (newest, record)}
        assert copies.statements(store) == {STATEMENT: "ey"}
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in directory.iterdir()} <= {0, 0o044}


def test_what_is_none(place):
    arguments, directory = place
    (files, record), (newer, newest) = backup(), backup(now=NOW + 1, content=b"y")
    with copies.open_copies(arguments) as store:
        store.put({**files, **newer})
        with pytest.raises(DvError, match="holds another %s" % record.name):
            store.put({record.name: "other"})
        for name in ("authorized_keys", "../x", "backup-x.age", "proposal.json"):
            with pytest.raises(DvError, match="is no name of a file in a store"):
                store.put({name: "x"})
    (directory / newest.name).write_text("damaged")
    (directory / "backup-x.json").write_text("{}")
    (directory / backups.record_name(record.name).replace(record.sha256[:8], "01234567")).write_text("{}")
    with copies.open_copies(arguments) as store:
        # The newest that is whole.
        assert [os.path.basename(each["path"]) for each in copies.newest(store)] == [record.name]
        with pytest.raises(DvError, match="is damaged"):
            copies.archive(store, newest)


def test_a_statement_that_is_too_large_hides_no_other(place):
    arguments, directory = place
    with copies.open_copies(arguments) as store:
        store.put({STATEMENT: "ey"})
    (directory / STATEMENT.replace("01234567", "89abcdef")).write_text("x" * 20_000)
    with copies.open_copies(arguments) as store:
        assert copies.statements(store) == {STATEMENT: "ey"}


def test_a_copy_counts_with_its_record_alone(place):
    arguments, directory = place
    files, record = backup()
    action, answer = object.__new__(ActionModule), dict(peer_id=record.peer_id, sha256=record.sha256)
    with copies.open_copies(arguments) as store:
        assert not action._is_there(store, store.list(), answer)
        store.put(files)
        assert action._is_there(store, store.list(), answer)
    damaged = directory / backups.record_name(record.name)
    for content in ("{}", files[damaged.name].replace(record.sha256, "ab" * 32), "rubbish"):
        damaged.write_text(content)
        with copies.open_copies(arguments) as store:
            with pytest.raises(DvError, match=damaged.name):
                action._is_there(store, store.list(), answer)


def test_only_what_was_copied_is_told_as_a_copy(place):
    """Whatever a node says that it has: without its archive there is no copy, and nothing fails for what it leaves out."""
    arguments, _directory = place
    files, record = backup()
    action = object.__new__(ActionModule)
    for check_mode, outbox, answer, copied in (
        (False, {}, dict(sha256=record.sha256), False),
        (False, {}, dict(sha256=record.sha256, peer_id=record.peer_id), False),
        (True, files, dict(sha256=record.sha256, peer_id=record.peer_id), False),
        (False, files, dict(sha256=record.sha256, peer_id=record.peer_id), True),
    ):
        action._task, result = SimpleNamespace(check_mode=check_mode), dict(answer)
        with copies.open_copies(arguments) as store:
            action._copy(store, [], outbox, result)
            assert result["copy"] == (f"{store}/{record.name}" if copied else None) and result["changed"] is bool(outbox)


def test_a_key_that_was_lost_is_there(place):
    arguments, _directory = place
    arguments["data_dir"] = "/srv/.charon"
    copies.check_no_key_lost(arguments)
    files, record = backup()
    with copies.open_copies(arguments) as store:
        store.put({STATEMENT: "ey"})
        copies.check_no_key_lost(arguments)
        store.put(files)
    with pytest.raises(
        DvError, match="/srv/.charon has no charon-enr-private-key that can be read, and .* holds backups with that of %s;" % record.peer_id
    ):
        copies.check_no_key_lost(arguments)
    copies.check_no_key_lost({})


def test_nowhere():
    assert copies.open_copies({}) is None
    for name, text in (("git+ssh://git@host/x.git/y", "git\\+ssh is no kind of store; wanted: a path, or"), ("x/y", "relative path x/y")):
        with pytest.raises(DvError, match=text):
            copies.open_copies(dict(dest=name))
    with pytest.raises(DvError, match="does not take the options branch.*correct dv_backup_dest_options"):
        copies.open_copies(dict(dest="/x", dest_options=dict(branch="x")))
