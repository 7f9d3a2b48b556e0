# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is verified once in a process, and what anew."""

import pathlib

import pytest
from ansible_collections.obol.dv.plugins.module_utils.data_dir import layout
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum.networks import KNOWN, Networks, custom_network
from ansible_collections.obol.dv.plugins.module_utils.key_loading import shares


@pytest.fixture
def verified(monkeypatch):
    """The data directories that were verified, in order."""
    roots, check = [], shares.check_data_dir

    def counted(report, data_dir, networks):
        roots.append(data_dir.root)
        check(report, data_dir, networks)

    monkeypatch.setattr(shares, "check_data_dir", counted)
    return roots


def test_what_is_the_same_is_verified_once(node, verified):
    assert shares.read(DataDir(node), KNOWN) == shares.read(DataDir(node), Networks())
    assert verified == [str(node)]


def test_other_networks_or_another_file_are_verified_anew(node, verified):
    shares.read(DataDir(node), KNOWN)
    shares.read(DataDir(node), Networks(custom_network("mine", 1, "0x01020304", 1)))
    pathlib.Path(node, "deposit-data-of-somebody.json").write_text("[]")
    shares.read(DataDir(node), KNOWN)
    assert verified == [str(node)] * 3


@pytest.mark.parametrize("name", [layout.LOCK, layout.NODE_KEY, f"{layout.KEYS}/keystore-0.json", f"{layout.KEYS}/keystore-0.txt"])
def test_a_file_that_changes_after_it_was_verified_is_found(node, name):
    path = pathlib.Path(node, name)
    good = path.read_bytes()
    mine = shares.read(DataDir(node), KNOWN)
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with pytest.raises(DvError):
        shares.read(DataDir(node), KNOWN)
    path.write_bytes(good)
    assert shares.read(DataDir(node), KNOWN) == mine
