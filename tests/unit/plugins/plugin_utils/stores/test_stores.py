# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every store does, whatever it lies on."""

import contextlib
import os
import re
import threading

import pytest
from ansible_collections.obol.dv.plugins.module_utils.cluster import store_names as store
from ansible_collections.obol.dv.plugins.module_utils.dkg.protocol import messages
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.plugin_utils.stores import base, names
from ansible_collections.obol.dv.plugins.plugin_utils.stores.registry import KINDS, open_store
from ansible_collections.obol.dv.tests.support.store_media import MEDIA

DKG = "dkg/%s/1" % ("ab" * 32)
NAME = DKG + "/deal/3.jws"


def test_every_kind_is_tested():
    assert {kind or "directory" for kind in KINDS} == set(MEDIA)


def test_what_is_put_is_listed_and_got(medium):
    with medium.open() as store:
        assert store.list() == []
        assert store.put({NAME: "text", "approvals/2.json": "ä"}) == ["approvals/2.json", NAME]
        assert store.list() == ["approvals/2.json", NAME]
        assert (store.get(NAME), store.get("approvals/2.json")) == ("text", "ä")
    with medium.open() as other:
        assert other.get_all(("dkg/",)) == {NAME: "text"}
        assert other.get_all(("dkg/", "approvals/"), but=("dkg/",)) == {"approvals/2.json": "ä"}
        assert other.get_all(()) == {}


def test_the_same_text_changes_nothing(medium):
    with medium.open() as store:
        store.put({NAME: "text"})
        assert store.put({NAME: "text"}) == []
        assert store.put({NAME: "text", "proposal.json": "{}"}) == ["proposal.json"]
        assert store.put({}) == []


def test_another_text_is_refused_and_stays(medium):
    with medium.open() as store:
        store.put({NAME: "text"})
        with pytest.raises(DvError, match="holds another deal of operator 3, attempt 1; wanted: that of this node"):
            store.put({NAME: "other", "approvals/1.json": "{}"})
    with medium.open() as other:
        assert other.get_all(("",)) == {NAME: "text", "approvals/1.json": "{}"}


STRANGE = [
    "../x.json", "/etc/x.json", "approvals/../proposal.json", "x", "x.json", "proposal.txt", ".proposal.json", "approvals//1.json",
    "approvals/0.json", "approvals/1000.json", "approvals/one.json", DKG + "/deal/3.json", DKG + "/dream/3.jws", "proposal.json\n",
    "dkg/%s/1/deal/3.jws" % ("AB" * 32), "dkg/%s/0/deal/3.jws" % ("ab" * 32), DKG + "/cluster-lock.json/x.json",
    DKG + "/cluster-lock.json", DKG + "/lock/0.json", DKG + "/deal/3-by-1.jws", DKG + "/seal/3-by-0.jws", DKG + "/seal/3-by-.jws",
    DKG + "/seal/-by-3.jws", DKG + "/seal/3-by-1-by-2.jws", DKG + "/lock/3-by-1.json", DKG + "/lock/3.jws",
    DKG + "/approval/3.jws", DKG + "/seal/3-by-1.json",
]  # fmt: skip


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_name_is_refused(tmp_path, name):
    with open_store(str(tmp_path / "store")) as store:
        with pytest.raises(DvError, match="no name of a file in a store"):
            store.get(name)
        with pytest.raises(DvError, match="no name of a file in a store"):
            store.put({name: "text"})
    assert not (tmp_path / "store").exists()


def test_strange_names_are_passed_over(medium):
    for name in ("notes.txt", "approvals/evil.json", "dkg/..json", NAME):
        medium.plant(name, b"text")
    with medium.open() as store:
        assert store.list() == [NAME]


def test_links_are_passed_over(medium, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "1.json").write_text("secret")
    medium.plant(NAME, b"text")
    medium.plant_link("proposal.json", outside / "1.json")
    medium.plant_link("approvals", outside)
    with medium.open() as store:
        assert store.list() == [NAME]
        with pytest.raises(DvError):
            store.get("proposal.json")
        with contextlib.suppress(DvError):
            store.put({"approvals/2.json": "text"})
    assert [path.name for path in outside.iterdir()] == ["1.json"] and (outside / "1.json").read_text() == "secret"


@pytest.mark.parametrize("depth", [5, 1900])
@pytest.mark.parametrize("folder", ["", DKG + "/deal"])
def test_deep_folders_are_passed_over(medium, folder, depth):
    medium.plant_folders(folder, depth)
    with medium.open() as store:
        assert store.list() == []
        assert store.put({NAME: "text"}) == [NAME]
        assert store.get_all(("",)) == {NAME: "text"}


def test_no_name_is_in_more_folders_than_are_looked_into():
    every = [NAME, DKG + "/lock/1.json", DKG + "/seal/1-by-2.jws", "approvals/1.json", "proposal.json", "cluster-definition.json"]
    assert all(names.max_size(name) for name in every) and {name.count("/") for name in every} == {4, 1, 0}
    assert names.MAX_FOLDERS == 4


def test_sizes_are_bounded(medium, monkeypatch):
    medium.plant("approvals/1.json", b"x" * 10)
    medium.plant("approvals/2.json", b"x" * 11)
    monkeypatch.setattr(names, "FILES", {"approvals/%d.json" % number: 10 for number in (1, 2, 3)})
    with medium.open() as store:
        assert store.get("approvals/1.json") == "x" * 10
        with pytest.raises(DvError, match="more than 10 bytes"):
            store.get("approvals/2.json")
        with pytest.raises(DvError, match="has 11 bytes; wanted: at most 10"):
            store.put({"approvals/3.json": "x" * 11})
        assert store.list() == ["approvals/1.json", "approvals/2.json"]


def test_counts_and_totals_are_bounded(medium, monkeypatch):
    for number in (1, 2, 3):
        medium.plant("approvals/%d.json" % number, b"x" * 10)
    with medium.open() as store:
        monkeypatch.setattr(base, "MAX_TOTAL", 29)
        with pytest.raises(DvError, match="more than 29 bytes"):
            store.get_all(("approvals/",))
        monkeypatch.setattr(base, "MAX_FILES", 2)
        with pytest.raises(DvError, match="more than 2 files"):
            store.list()


def test_a_large_file(medium):
    text = os.urandom(3 * 2**20).hex()
    with medium.open() as store:
        assert store.put({NAME: text}) == [NAME]
        assert store.get(NAME) == text


def test_what_is_not_there_is_an_error(medium):
    with medium.open() as store, pytest.raises(DvError, match="proposal.json"):
        store.get("proposal.json")


def test_bytes_that_are_no_text_are_the_readers_matter(medium):
    medium.plant(NAME, b"\xff\xfe")
    with medium.open() as store:
        assert store.get(NAME) == "\ufffd\ufffd"


def test_a_check_writes_nothing(medium, tmp_path):
    medium.plant(NAME, b"text")
    before = sorted(tmp_path.rglob("*"))
    with medium.open() as store:
        store.check()
    assert sorted(path for path in tmp_path.rglob("*") if "home" not in path.parts) == [p for p in before if "home" not in p.parts]


def test_all_at_once(medium):
    """Everybody puts a file of their own, and one that all have: each is put once, by one of them, and nothing is lost."""
    put, problems = [], []

    def run(number):
        try:
            with medium.open() as store:
                put.extend(store.put({"approvals/%d.json" % number: str(number), "proposal.json": "{}"}))
        except Exception as error:  # pylint: disable=broad-exception-caught
            problems.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert {name for name in put if name != "proposal.json"} == {"approvals/%d.json" % number for number in range(1, 7)}
    assert len(put) == 7 or medium.name.startswith("bundle:")
    with medium.open() as store:
        assert store.get_all(("approvals/",)) == {"approvals/%d.json" % number: str(number) for number in range(1, 7)}


def test_at_once_and_not_the_same(medium):
    """Of several texts under one name one is put; everybody else is told, and the one that is there is whole."""
    told, put = [], []

    def run(number):
        with medium.open() as store:
            try:
                put.extend(store.put({NAME: str(number) * 100_000}))
            except DvError as error:
                told.append(str(error))

    if medium.name.startswith("bundle:"):
        pytest.skip("a USB stick is written by one run at a time")
    threads = [threading.Thread(target=run, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert put == [NAME] and len(told) == 3
    with medium.open() as store:
        text = store.get(NAME)
    assert len(text) == 100_000 and len(set(text)) == 1


@pytest.mark.parametrize("name", ["", "http://x/y", "ftp://x/y", "git://h/x.git", "git+http://h/x.git", "bundle+x:/y", "svn+ssh://x"])
def test_no_kind_of_store(name):
    with pytest.raises(DvError, match="wanted: "), open_store(name):
        pass


@pytest.mark.parametrize("name", ["None/store/x", "store", "./store", "bundle:usb/x", "bundle:None/usb/x"])
def test_a_relative_path_is_refused(name):
    """Whatever it is relative to; an inventory that is no file has no directory, and Ansible makes the text None of it."""
    scheme, _colon, path = name.rpartition(":")
    what = {"": "the store (dv_store)", "bundle": "the directory of bundles (dv_bundle_dir)"}[scheme]
    with pytest.raises(DvError, match=re.escape("%s is the relative path %s; wanted: one that begins with / or ~" % (what, path))):
        open_store(name)


def test_unknown_options_are_refused(tmp_path):
    with pytest.raises(DvError, match="does not take the options branch"):
        open_store(str(tmp_path), {"branch": "main", "ssh_key_file": None})


def test_what_is_handed_on_never_fails_for_what_is_there(medium):
    """Only what is put for others: of a node's own files another text stays an error."""
    own, other, free = DKG + "/seal/1.jws", DKG + "/seal/3.jws", DKG + "/seal/3-by-1.jws"
    with medium.open() as store:
        store.put({own: "own", other: "another spelling"})
        assert store.put({own: "own", other: "text", free: "text"}, [other, free]) == [free]
        with pytest.raises(DvError, match="holds another seal of operator 1, attempt 1; wanted"):
            store.put({own: "else", other: "text"}, [other])
        assert store.get_all(("",)) == {own: "own", other: "another spelling", free: "text"}


@pytest.mark.parametrize(
    "name, words",
    [
        (store.message_name(2, "confirm", 3), "confirm of operator 3, attempt 2"),
        (store.message_name(2, "seal", 3, 1), "seal of operator 3, handed on by operator 1, attempt 2"),
        (store.message_name(2, "abort", 255, 254), "abort of operator 255, handed on by operator 254, attempt 2"),
        (store.lock_name(2, 10), "lock of operator 10, attempt 2"),
    ],
)
def test_the_names_of_the_protocol(medium, name, words):
    name = store.dkg_folder(b"\xab" * 32) + name
    assert names.max_size(name) and names.describe(name) == words
    assert store.parse_message(name)[:2] == (b"\xab" * 32, 2)
    with medium.open() as opened:
        opened.put({name: "text"})
        assert opened.list() == [name]


def test_statements_of_drills(medium):
    statement = "drills/drill-16Uiu2HAm%s-01234567.jws" % ("a" * 44)
    assert names.max_size(statement) and names.describe(statement) == "statement %s" % statement[7:]
    others = [statement[7:], statement.replace("jws", "age"), statement.replace("drill-", "backup-"), "drills/x/" + statement[7:]]
    assert not any(map(names.max_size, others))
    with medium.open() as opened:
        opened.put({statement: "ey"})
        assert opened.list() == [statement]


def test_the_rounds_are_those_of_the_protocol():
    for name in messages.KINDS:
        assert names.max_size("%s/%s/255.jws" % (DKG, name))
