# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The directory store: it hands out plain files only, and never replaces one."""

import os

import pytest

from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.plugin_utils import store as stores
from ansible_collections.obol.dv.plugins.plugin_utils.store import DirectoryStore

NAME = "dkg/%s/1/deal/3.jws" % ("ab" * 32)


@pytest.fixture
def store(tmp_path):
    return DirectoryStore(str(tmp_path / "store"))


def test_what_is_put_is_listed_and_got(store):
    assert store.list() == []
    assert store.put(NAME, "text") is True
    assert store.put("approvals/2.json", "ä") is True
    assert store.list() == ["approvals/2.json", NAME]
    assert (store.get(NAME), store.get("approvals/2.json")) == ("text", "ä")


def test_the_same_text_changes_nothing(store):
    store.put(NAME, "text")
    before = os.stat(os.path.join(store.path, NAME))
    assert store.put(NAME, "text") is False
    assert os.stat(os.path.join(store.path, NAME)) == before


def test_another_text_is_refused(store):
    store.put(NAME, "text")
    with pytest.raises(DvError, match="other content"):
        store.put(NAME, "other")
    assert store.get(NAME) == "text"


@pytest.mark.parametrize("name", ["../x.json", "/etc/x.json", "a/../x.json", "x", "x.txt", ".x.json", "a//b.json", "a/" * 7 + "b.json", "x.json\n"])
def test_a_strange_name_is_refused(store, name):
    with pytest.raises(DvError, match="no name of a file in a store"):
        store.get(name)
    with pytest.raises(DvError, match="no name of a file in a store"):
        store.put(name, "text")
    assert not os.path.exists(store.path)


def test_links_and_strange_files_are_passed_over(store, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.json").write_text("secret")
    store.put(NAME, "text")
    os.symlink(outside / "secret.json", os.path.join(store.path, "proposal.json"))
    os.symlink(outside, os.path.join(store.path, "approvals"))
    (tmp_path / "store" / "notes.txt").write_text("notes")
    assert store.list() == [NAME]


def test_a_fifo_does_not_block(store):
    store.put(NAME, "text")
    os.mkfifo(os.path.join(store.path, "proposal.json"))
    with pytest.raises(DvError, match="not a regular file"):
        store.get("proposal.json")


def test_sizes_and_counts_are_bounded(store, monkeypatch):
    monkeypatch.setattr(stores, "MAX_FILE", 10)
    monkeypatch.setattr(stores, "MAX_FILES", 2)
    store.put("approvals/1.json", "x" * 11)
    with pytest.raises(DvError, match="more than 10 bytes"):
        store.get("approvals/1.json")
    store.put("approvals/2.json", "")
    store.put("approvals/3.json", "")
    with pytest.raises(DvError, match="3 files"):
        store.list()


def test_bytes_that_are_no_text_are_the_readers_matter(store):
    store.put(NAME, "text")
    with open(os.path.join(store.path, NAME), "wb") as file:
        file.write(b"\xff\xfe")
    assert store.get(NAME) == "��"
