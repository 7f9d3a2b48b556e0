# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is particular to stores of bundles, and to the sticks that they are on."""

import contextlib
import gzip
import os
import shutil
import stat
import subprocess
import tracemalloc

import pytest
from ansible_collections.obol.dv.plugins.module_utils.dkg.protocol import messages
from ansible_collections.obol.dv.plugins.module_utils.dkg.protocol.parameters import Parameters
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.plugin_utils.stores.registry import open_store

DKG = "dkg/%s/1" % ("ab" * 32)
NAME = DKG + "/confirm/3.jws"
BUNDLE = NAME.replace("/", ".") + ".gz"
LIMIT = 65536

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


@pytest.fixture
def medium(make_medium):
    made = make_medium("bundle")
    made.place.mkdir()
    return made


@contextlib.contextmanager
def mounted(place, *arguments):
    subprocess.run(["mount", *map(str, arguments), str(place)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


def refused(medium, words):
    """What lies there is listed, but neither read nor written."""
    before = sorted(medium.place.iterdir())
    with medium.open() as store:
        for operation in (lambda: store.get(NAME), lambda: store.put({NAME: "text"})):
            with pytest.raises(DvError, match=words) as caught:
                operation()
            assert BUNDLE in str(caught.value)
        assert sorted(medium.place.iterdir()) == before


def test_bundles_are_gzip_files_that_are_always_the_same(medium):
    with medium.open() as store:
        store.put({NAME: "text", "proposal.json": "{}", DKG + "/lock/3.json": "{}"})
        names = [NAME, DKG + "/lock/3.json", "proposal.json"]
        assert store.list() == sorted(names)
    assert {path.name for path in medium.place.iterdir()} == {name.replace("/", ".") + ".gz" for name in names}
    assert gzip.decompress((medium.place / BUNDLE).read_bytes()) == b"text"
    assert (medium.place / BUNDLE).read_bytes() == gzip.compress(b"text", mtime=0)


@pytest.mark.parametrize("size", [LIMIT + 1, 30 * 2**20])
def test_bombs(medium, size):
    (medium.place / BUNDLE).write_bytes(gzip.compress(bytes(size)))
    tracemalloc.start()
    refused(medium, "unpacks to more than 65536 bytes")
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[:-1],
        lambda packed: packed[: len(packed) // 2],
        lambda packed: b"",
        lambda packed: packed + packed,
        lambda packed: packed + b"\0",
        lambda packed: packed[:-5] + bytes([packed[-5] ^ 1]) + packed[-4:],
        lambda packed: b"text",
    ],
    ids=["cut", "half", "empty", "twice", "padded", "flipped", "no gzip"],
)
def test_a_bundle_that_is_not_whole(medium, damage):
    (medium.place / BUNDLE).write_bytes(damage(gzip.compress(os.urandom(1000))))
    refused(medium, "is no whole gzip file; wanted: one bundle; copy it again, or take it away")


def test_what_is_no_file(medium, tmp_path):
    (medium.place / BUNDLE).mkdir()
    (medium.place / "approvals.2.json.gz").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(medium.place / "approvals.3.json.gz")
    with medium.open() as store:
        assert store.list() == []
        for name in (NAME, "approvals/2.json", "approvals/3.json"):
            with pytest.raises(DvError):
                store.get(name)
            with pytest.raises(DvError):
                store.put({name: "text"})
    assert not (tmp_path / "elsewhere").exists()


def test_what_other_systems_leave_on_a_stick(medium):
    with medium.open() as store:
        store.put({"proposal.json": "{}"})
        content = (medium.place / "proposal.json.gz").read_bytes()
        for name in ("._proposal.json.gz", "PROPOSAL.JSON.GZ", "proposal.json (1).gz", ".Trashes", "proposal.json"):
            (medium.place / name).write_bytes(content)
        assert store.list() == ["proposal.json"]


def test_a_stick_that_is_not_mounted(tmp_path):
    with pytest.raises(DvError, match="there is no directory .*/usb for bundles"), open_store("bundle:%s" % (tmp_path / "usb" / "mine")):
        pass
    assert list(tmp_path.iterdir()) == []


def test_another_machine_can_read_the_stick(medium):
    before = os.umask(0o077)
    try:
        with medium.open() as store:
            store.put({NAME: "text"})
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (medium.place, *medium.place.iterdir())}
    assert modes == {0o755, 0o644}


def test_a_file_in_the_place_of_the_directory(tmp_path):
    (tmp_path / "usb").write_text("")
    for name in ("%s", "bundle:%s"):
        with open_store(name % (tmp_path / "usb")) as store:
            for operation in (store.list, store.check, lambda: store.put({NAME: "text"})):
                with pytest.raises(DvError, match="director"):
                    operation()


def test_a_file_system_without_links(medium, monkeypatch, tmp_path):
    """As those of most sticks; a directory needs them, bundles do not."""

    def link(*_arguments):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    with medium.open() as store:
        assert store.put({NAME: "text"}) == [NAME]
        assert store.get(NAME) == "text"
    with open_store(str(tmp_path / "directory")) as store, pytest.raises(DvError, match="cannot make a hard link at"):
        store.put({NAME: "text"})
    assert [path for path in (tmp_path / "directory").rglob("*") if path.is_file()] == []


@as_root
def test_a_stick_that_cannot_be_written(medium):
    with mounted(medium.place, "-t", "tmpfs", "tmpfs"):
        medium.plant("proposal.json", b"{}")
        subprocess.run(["mount", "-o", "remount,ro", medium.place], check=True)
        with medium.open() as store:
            assert store.get("proposal.json") == "{}"
            assert store.put({"proposal.json": "{}"}) == []
            with pytest.raises(DvError, match="Read-only file system; choose a directory"):
                store.put({NAME: "text"})
            with pytest.raises(DvError, match="cannot use"):
                store.check()


@as_root
def test_a_full_stick(medium):
    with mounted(medium.place, "-t", "tmpfs", "-o", "size=64k", "tmpfs"):
        with medium.open() as store:
            with pytest.raises(DvError, match="No space left on device; free some space"):
                store.put({DKG + "/deal/3.jws": os.urandom(100_000).hex()})
            assert list(medium.place.iterdir()) == []
            assert store.put({NAME: "text"}) == [NAME]


@as_root
def test_a_real_stick(medium, tmp_path):
    """FAT: no links, no modes, no difference between upper and lower case."""
    mkfs = shutil.which("mkfs.vfat", path="%s:/usr/sbin:/sbin" % os.environ["PATH"])
    with open("/proc/filesystems", encoding="utf-8") as file:
        if not mkfs or "\tvfat\n" not in file:
            pytest.skip("no mkfs.vfat, or no vfat in this kernel")
    image = tmp_path / "stick"
    image.write_bytes(bytes(4 * 2**20))
    subprocess.run([mkfs, image], check=True, stdout=subprocess.DEVNULL)
    with mounted(medium.place, "-o", "loop", image), medium.open() as store:
        assert store.put({NAME: "text"}) == [NAME]
        assert store.list() == [NAME]
        assert store.put({NAME: "text"}) == []
        with pytest.raises(DvError, match="holds another confirm"):
            store.put({NAME: "other"})


def test_a_thousand_validators_pass_on_a_stick():
    """The messages of each round of 4 operators, before they are pressed."""
    parameters = Parameters(None, bytes(32), n=4, t=3, v=1000, amounts=(32 * 10**9,), keys=(bytes(33),) * 4, share_index=1, attempt=1)
    sizes = {name: messages.text_size(name, parameters) for name in messages.ROUNDS}
    assert len(sizes) == 5 and max(sizes.values()) == sizes["deal"] < 900_000
