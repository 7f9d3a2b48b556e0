# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a killed run left goes, and nothing else does: no link leads a run, least of all root's, out of the data directory."""

import os
import pathlib
import socket

import pytest
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.dkg.ceremony_dir import CeremonyDir
from ansible_collections.obol.dv.plugins.module_utils.dkg.protocol import messages
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.storage import files
from ansible_collections.obol.dv.plugins.module_utils.storage.as_owner import as_owner_of

UID, GID = 54321, 65432
LEFT = ".x.0123456789abcdef.tmp"
ATTEMPT = "ceremony/HASH/1"
DIRECTORIES = [
    "ceremony",
    "ceremony/HASH",
    ATTEMPT,
    *("%s/%s" % (ATTEMPT, name) for name in ("out", "in", "evidence", "keys", "derived", ".keys.tmp")),
    *("%s/in/%s" % (ATTEMPT, round) for round in messages.KINDS),
    "validator_keys",
]
FILES = ["%s/%s" % (ATTEMPT, name) for name in ("seed", "out/commit.jws", "out/seal.jws", "in/commit/2.jws", "derived/transcript")]

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def trio(group):
    """Operators of which the first has the results of its third step under way: each directory of an attempt."""
    parties = group(3, 2, 1)
    parties.run(rounds=2)
    parties.step(1)
    return parties


@pytest.fixture
def outside(tmp_path):
    """What nobody may touch: names of everything that a clean-up removes anywhere."""
    place = tmp_path / "outside"
    for name in ("x.tmp", ".keys.tmp", "deep/x.tmp", "1/.keys.tmp", "1/out", "HASH/1/keys"):
        (place / name).mkdir(parents=True)
        for file in ("file", "x.tmp", LEFT, "seed", "transcript"):
            (place / name / file).write_text("root's")
    for name in ("file.tmp", LEFT, ".seed.0123456789abcdef.tmp", "keystore-0.json"):
        (place / name).write_text("root's")
    return place


def tree(place):
    return {
        path.relative_to(place): (path.lstat().st_uid, path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else None)
        for path in place.rglob("*")
    }


def put_link(parties, name, target):
    """A link to ``target`` in the place of ``name``, whatever was there."""
    path = parties.data_dir(1) / name.replace("HASH", parties.definition.definition_hash.hex())
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        path.rename(parties.directory / "taken")
    path.symlink_to(target)
    return path


def give(place):
    for path in (place, *place.rglob("*")):
        os.chown(path, UID, GID, follow_symlinks=False)


def as_root(parties, **about):
    """A step of root's in the data directory of another user."""
    give(parties.data_dir(1))
    with as_owner_of(str(parties.data_dir(1))):
        return parties.step(1, **about)


@needs_root
@pytest.mark.parametrize("place", DIRECTORIES + FILES)
def test_a_link_of_theirs_is_refused_before_anything_is_touched(trio, outside, place):
    if place == "validator_keys":
        # It is looked at as a ceremony begins; and as it ends, see below.
        (trio.data_dir(1) / "ceremony").rename(trio.directory / "begun")
    link = put_link(trio, place, outside / "1" if place in FILES else outside)
    give(trio.data_dir(1))
    before, own = tree(outside), tree(trio.data_dir(1))
    with pytest.raises(DvError, match="^%s is a link, in a directory of the user with number 54321; wanted: no links there" % link):
        as_root(trio, inbox={})
    assert tree(outside) == before and link.is_symlink()
    assert {path for path in own if path.suffix != ".tmp"} <= set(tree(trio.data_dir(1)))


@needs_root
@pytest.mark.parametrize("number", [1, 2, 3])
def test_in_any_attempt(trio, outside, number):
    """One that is refused leaves those of the others as they are."""
    for attempt in (1, 2, 3):
        (trio.files(1, attempt) / "out").mkdir(parents=True, exist_ok=True)
        (trio.files(1, attempt) / LEFT).write_text("left")
    put_link(trio, "ceremony/HASH/%d/in/deal" % number, outside)
    before = tree(outside)
    with pytest.raises(DvError, match="is a link"):
        as_root(trio, attempt=3)
    assert tree(outside) == before
    assert all((trio.files(1, attempt) / LEFT).exists() for attempt in (1, 2, 3))


@needs_root
def test_where_the_keys_go(trio, outside):
    put_link(trio, "validator_keys", outside)
    before = tree(outside)
    with pytest.raises(DvError, match="validator_keys is a link"):
        for _round in range(5):
            trio.run(rounds=1, who=[2, 3])
            as_root(trio)
    assert tree(outside) == before and len(list((trio.files(1) / "keys").iterdir())) == 2
    assert not (trio.data_dir(1) / "cluster-lock.json").exists()


@needs_root
def test_at_the_end_of_a_complete_ceremony(trio, outside):
    """The clean-up of a node that is complete goes through all of it again."""
    trio.run(rounds=5)
    for place in (ATTEMPT + "/keys", ATTEMPT + "/derived"):
        link = put_link(trio, place, outside)
        before = tree(outside)
        with pytest.raises(DvError, match="is a link"):
            as_root(trio)
        assert tree(outside) == before
        link.unlink()
    assert as_root(trio).state == "complete"


@needs_root
@pytest.mark.parametrize(
    "deed",
    ["names", "is_directory", "exists", "sync_directory", "erase_directory", "remove_temporary_files", "remove_temporary_directory_of"],
)
def test_no_deed_of_files_goes_through_a_link_of_theirs(trio, outside, deed):
    put_link(trio, "link", outside)
    give(trio.data_dir(1))
    before = tree(outside)
    for name in ("link", "link/1", "link/x.tmp")[deed == "remove_temporary_directory_of" :]:
        with as_owner_of(str(trio.data_dir(1))), pytest.raises(DvError, match="link is a link"):
            getattr(files, deed)(str(trio.data_dir(1) / name))
    for places in (("link", "new"), ("link/x.tmp", "new"), ("ceremony", "link/new")):
        with as_owner_of(str(trio.data_dir(1))), pytest.raises(DvError, match="link is a link"):
            files.move_directory(*(str(trio.data_dir(1) / place) for place in places))
    assert tree(outside) == before


def test_what_killed_runs_left_goes_wherever_it_was_made(trio):
    attempt = trio.files(1)
    made = [attempt.parent, attempt, *(path for path in attempt.rglob("*") if path.is_dir())]
    assert {path.name for path in made} >= {"1", "out", "in", "commit", "deal", "keys", "derived"}
    (attempt / "evidence").mkdir()
    for directory in (*made, attempt / "evidence"):
        (directory / LEFT).write_text("secret")
    (attempt / ".keys.tmp").mkdir()
    (attempt / ".keys.tmp" / "keystore-0.json").write_text("secret")
    trio.step(1)
    assert list(trio.data_dir(1).rglob("*.tmp")) == []


def bind(path):
    before = os.getcwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(before)


# What is no file or directory of ours, although it ends as they do.
STRANGE = {
    "a link to a directory": lambda path: path.symlink_to("/"),
    "a link to nothing": lambda path: path.symlink_to("none"),
    "a directory": lambda path: (path / "more").mkdir(parents=True),
    "a pipe": os.mkfifo,
    "a socket": bind,
    "a file": lambda path: path.write_text("mine"),
}


@pytest.mark.parametrize("strange", STRANGE)
def test_what_we_did_not_make_stays(trio, strange):
    names = ["x.tmp", "notes.tmp", ".x.tmp", ".x.0123456789ABCDEF.tmp", *([] if strange == "a file" else [LEFT])]
    paths = [trio.files(1) / place / name for place in ("..", "", "out", "in/commit") for name in names]
    for path in paths:
        STRANGE[strange](path)
    trio.run(rounds=5)
    assert trio.step(1).state == "complete"
    assert [path for path in paths if not os.path.lexists(path)] == []


@pytest.mark.parametrize("strange", STRANGE)
def test_what_is_in_the_place_of_a_directory_that_we_make(trio, strange):
    path = trio.files(1) / ".keys.tmp"
    STRANGE[strange](path)
    found = "remove %s/more: Is a directory" % path if strange == "a directory" else "%s is not a directory; .*; move it away" % path
    with pytest.raises(DvError, match=found):
        trio.step(1)
    assert os.path.lexists(path)
    path.rename(trio.directory / "away")
    trio.run(rounds=5)
    assert trio.step(1).state == "complete"


def test_nothing_is_looked_for_deeper_than_it_is_made(tmp_path):
    ceremony = CeremonyDir(DataDir(tmp_path), bytes(32))
    deep = pathlib.Path(ceremony.directory, "1", "in", "commit", *["d"] * 10)
    os.makedirs(deep)
    (deep.parent.parent / LEFT).write_text("mine")
    ceremony.recover()
    assert (deep.parent.parent / LEFT).exists()
