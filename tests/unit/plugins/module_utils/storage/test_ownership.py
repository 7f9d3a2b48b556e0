# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A data directory of another user: given once, kept by all that is made in it, and no way for that user to lead root astray."""

import grp
import json
import os
import pathlib
import pwd
import re
import resource
import stat
import subprocess
import sys

import pytest
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.storage import files, ownership, run_lock
from ansible_collections.obol.dv.plugins.module_utils.storage.as_owner import as_owner_of

#: Runs a module.
PROGRAM = """
from ansible.module_utils.testing import patch_module_args
from ansible_collections.obol.dv.plugins.modules import %s as module
with patch_module_args(%r):
    module.main()
"""

THEM = ownership.Owner(54321, 65432)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def owner_of(path):
    status = os.lstat(path)
    return status.st_uid, status.st_gid


@pytest.fixture
def data_dir(tmp_path):
    """A data directory as root made it."""
    path = tmp_path / ".charon"
    for name in ("key", "ceremony/hash/1/seed", "validator_keys/keystore-0.json"):
        files.make_directory(str((path / name).parent))
        files.write_new(str(path / name), b"secret")
    return path


@pytest.fixture
def theirs(data_dir):
    ownership.give_to(THEM, data_dir)
    with as_owner_of(str(data_dir)):
        yield data_dir


def test_names_and_numbers():
    user, group = pwd.getpwuid(os.getuid()), grp.getgrgid(os.getgid())
    own = (user.pw_uid, group.gr_gid)
    for text in ("%s:%s" % (user.pw_name, group.gr_name), "%d:%d" % own, "%s:%d" % (user.pw_name, own[1])):
        assert ownership.parse(text, "it") == own
    for text in (user.pw_name, str(user.pw_uid)):
        assert ownership.parse(text, "it") == (user.pw_uid, user.pw_gid)
    assert ownership.parse("54321:65432", "it") == THEM


# 60010 is what YAML makes of 1000:10 without quotes.
@pytest.mark.parametrize(
    "text", ["", ":", "54321", "60010", "nobody-such", "nobody-such:0", "0:nobody-such", "0:", "-1:-1", "4294967295:0", "1:2:3"]
)
def test_what_is_no_owner(text):
    with pytest.raises(DvError, match='^dv_data_owner is ".*this machine has no (user|group) .*in quotes: "1000:1000"'):
        ownership.parse(text, "dv_data_owner")


def test_only_root_can_give(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getegid", lambda: 1000)
    ownership.check(ownership.Owner(1000, 1000), "dv_data_owner")
    with pytest.raises(DvError, match="dv_data_owner is 54321:65432, but the user of this task is 1000:1000; .*set become"):
        ownership.check(THEM, "dv_data_owner")


@needs_root
def test_all_is_given_and_keeps_its_mode(data_dir):
    before = {path: path.stat().st_mode for path in (data_dir, *data_dir.rglob("*"))}
    assert ownership.give_to(THEM, data_dir, dry_run=True) is True
    assert {owner_of(path) for path in before} == {(0, 0)}
    assert ownership.give_to(THEM, data_dir) is True
    assert {owner_of(path) for path in before} == {THEM}
    assert {path: path.stat().st_mode for path in before} == before
    assert ownership.give_to(THEM, data_dir) is ownership.give_to(THEM, data_dir, dry_run=True) is False


@needs_root
def test_links_are_left_alone(data_dir, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("")
    (data_dir / "to_file").symlink_to(tmp_path / "other" / "file")
    (data_dir / "to_directory").symlink_to(tmp_path / "other")
    os.mkfifo(data_dir / "fifo")
    ownership.give_to(THEM, data_dir)
    assert {owner_of(path) for path in (tmp_path / "other", tmp_path / "other" / "file", data_dir / "to_file", data_dir / "fifo")} == {
        (0, 0)
    }
    assert ownership.give_to(THEM, data_dir) is False


@needs_root
def test_a_file_with_a_second_name_is_not_given(data_dir, tmp_path):
    (tmp_path / "shadow").write_text("")
    os.link(tmp_path / "shadow", data_dir / "innocent")
    with pytest.raises(DvError, match="innocent has a second name"):
        ownership.give_to(THEM, data_dir)
    assert owner_of(tmp_path / "shadow") == (0, 0)


@needs_root
def test_a_directory_that_is_reached_by_a_link(data_dir, tmp_path):
    (tmp_path / "link").symlink_to(data_dir)
    assert ownership.give_to(THEM, tmp_path / "link") is True
    assert owner_of(data_dir / "key") == THEM


def _in_their_directory(place):
    os.chown(place, *THEM)


def _in_a_directory_of_all(place):
    place.chmod(0o777)


def _in_a_directory_of_their_group(place):
    os.chown(place, 0, THEM.gid)
    place.chmod(0o775)


def _their_link_among_those_of_all(place):
    place.chmod(0o1777)
    for link in filter(pathlib.Path.is_symlink, place.iterdir()):
        os.lchown(link, *THEM)


def _below_their_directory(place):
    os.chown(place.parent, *THEM)


PLANTED = [
    _in_their_directory,
    _in_a_directory_of_all,
    _in_a_directory_of_their_group,
    _their_link_among_those_of_all,
    _below_their_directory,
]
# The data directory below a place with the link "link" to a directory of root's, and what "inner" in that is.
WAYS = ["link", "link/", "link/inner", "link/nothing", "link/nothing/.charon", "roots", "relative"]


@pytest.fixture
def place(tmp_path):
    """Where another user may have planted links to a directory of root's."""
    place = tmp_path / "theirs" / "node"
    (tmp_path / "victim" / "inner").mkdir(parents=True)
    (tmp_path / "victim" / "inner" / "file").write_text("root's")
    place.mkdir(parents=True)
    (place / "link").symlink_to(tmp_path / "victim")
    (place / "relative").symlink_to("../../victim")
    # Root's own link, on whose way theirs is.
    (place / "roots").symlink_to(place / "link")
    return place


PLANTED_TEXT = "is a link on the way to .*, and another user than root can set it; wanted: a way that only root can change; set dv_data_dir"


@needs_root
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_data_directory_by_a_link_of_theirs(plant, way, place):
    plant(place)
    with pytest.raises(DvError, match=PLANTED_TEXT):
        as_owner_of("%s/%s" % (place, way)).__enter__()


PATHS = dict(wallet_file="/nowhere/w", wallet_password_file="/nowhere/p", policy_file="/nowhere/y", store="/nowhere")
MODULES = [
    ("enr", dict(owner="54321:65432")),
    ("enr", {}),
    ("preflight", dict(owner="54321:65432", terms={}, **PATHS)),
    ("status", dict(store="/nowhere")),
    ("wallet", dict(path="/nowhere/w", password_file="/nowhere/p")),
]


@needs_root
@pytest.mark.parametrize("way", ["link", "link/nothing"])
@pytest.mark.parametrize("module, arguments", MODULES)
def test_every_module_refuses_it(module, arguments, way, place, tmp_path, collections_path):
    _in_their_directory(place)
    found = {path: owner_of(path) for path in (tmp_path / "victim", *(tmp_path / "victim").rglob("*"))}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM % (module, dict(arguments, data_dir=str(place / way)))],
        env={**os.environ, "PYTHONPATH": collections_path},
        capture_output=True,
        text=True,
        check=False,
    )
    answer = json.loads(done.stdout)
    assert answer["failed"] and re.search(PLANTED_TEXT, answer["msg"])
    assert {path: owner_of(path) for path in (tmp_path / "victim", *(tmp_path / "victim").rglob("*"))} == found


@needs_root
@pytest.mark.parametrize("way", ["link", "link/inner", "roots/inner", "relative"])
def test_a_data_directory_by_a_link_of_roots(way, place):
    for mode in (0o755, 0o775, 0o1777):
        place.chmod(mode)
        with as_owner_of(str(place / way)):
            files.make_directory(str(place / way / "new"))
    assert owner_of(place / way / "new") == (0, 0)


@needs_root
def test_links_without_end(place):
    (place / "loop").symlink_to("loop")
    with pytest.raises(DvError, match="loop is a link on the way to"):
        as_owner_of(str(place / "loop")).__enter__()


def test_for_ones_own_user_a_link_is_a_link(place, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    place.chmod(0o777)
    with as_owner_of(str(place / "link")):
        assert files.names(str(place / "link")) == ["inner"]


@needs_root
def test_what_is_made_there_is_theirs(theirs, tmp_path):
    new = [str(theirs / name) for name in ("new", "same", "replaced", "lock", "a", "a/b", "keys", "keys/1")]
    files.write_new(new[0], b"")
    files.write_same(new[1], b"")
    files.replace(new[2], b"")
    with run_lock.exclusive(new[3]):
        pass
    files.make_directory(new[5])
    files.write_directory(new[6], {"1": b""})
    files.write_new(str(tmp_path / "outside"), b"")
    assert {path: owner_of(path) for path in new} == dict.fromkeys(new, THEM)
    assert [stat.S_IMODE(os.stat(path).st_mode) for path in new] == [0o600] * 4 + [0o700] * 3 + [0o600]
    assert owner_of(tmp_path / "outside") == (0, 0)


@needs_root
def test_it_is_theirs_before_it_has_content_or_name(theirs, monkeypatch):
    seen = []
    fchown = os.fchown

    def look(descriptor, *to):
        path = os.readlink("/proc/self/fd/%d" % descriptor)
        seen.append((os.path.basename(path).endswith(".tmp"), os.fstat(descriptor).st_size))
        fchown(descriptor, *to)

    monkeypatch.setattr(os, "fchown", look)
    files.write_new(str(theirs / "new"), b"secret")
    assert seen == [(True, 0)]


def test_of_ones_own_nothing_is_special(data_dir, tmp_path):
    (tmp_path / "other").mkdir()
    (data_dir / "link").symlink_to(tmp_path / "other")
    with as_owner_of(str(data_dir)):
        files.write_new(str(data_dir / "link" / "new"), b"")
    assert (tmp_path / "other" / "new").exists()
    with as_owner_of(str(tmp_path / "nothing")), as_owner_of(None):
        files.make_directory(str(tmp_path / "nothing"))


# What root does with a path below a link that they planted.
DEEDS = {
    "read": files.read,
    "write_new": lambda path: files.write_new(path, b""),
    "write_same": lambda path: files.write_same(path, b""),
    "replace": lambda path: files.replace(path, b""),
    "make_directory": files.make_directory,
    "make a directory deeper": lambda path: files.make_directory(path + "/deeper"),
    "write_directory": lambda path: files.write_directory(path, {"file": b""}),
    "erase": files.erase,
    "exclusive": lambda path: run_lock.exclusive(path).__enter__(),
}


@needs_root
@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
def test_a_link_that_they_planted_is_not_followed(deed, theirs, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").write_text("root's")
    (theirs / "link").symlink_to(elsewhere)
    for name in ("link/file", "link/new"):
        with pytest.raises(DvError, match="link is a link, in a directory of the user with number 54321"):
            deed(str(theirs / name))
    assert os.listdir(elsewhere) == ["file"] and (elsewhere / "file").read_text() == "root's"


@needs_root
@pytest.mark.parametrize("deed", [files.read, DEEDS["write_same"], DEEDS["replace"]])
def test_nor_one_in_the_place_of_a_file(deed, theirs, tmp_path):
    (tmp_path / "file").write_text("root's")
    (theirs / "link").symlink_to(tmp_path / "file")
    with pytest.raises(DvError, match="link is a link"):
        deed(str(theirs / "link"))
    assert (tmp_path / "file").read_text() == "root's" and pathlib.Path(theirs / "link").is_symlink()


@needs_root
@pytest.mark.parametrize("descriptors", [256, 65536])
def test_a_directory_deeper_than_any_path(descriptors, data_dir, request):
    """Whoever owns it can make one; it costs an error, or nothing: however many files this process may open."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    request.addfinalizer(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limits))
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(descriptors, limits[1]), limits[1]))
    descriptor = os.open(data_dir, os.O_RDONLY)
    for _step in range(1900):
        os.mkdir("d", dir_fd=descriptor)
        below = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(descriptor)
    try:
        ownership.give_to(THEM, data_dir)
    except DvError as error:
        assert "holds hundreds of directories in one another; wanted: what charon and we make" in str(error)
    finally:
        # Python's own clean-up would not come to the end of it.
        subprocess.run(["rm", "-rf", "--", data_dir], check=True)
