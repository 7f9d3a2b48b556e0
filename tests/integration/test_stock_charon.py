# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The judge itself: what stock charon makes goes through stock charon, and a failure of it is seen and explained."""

import json

import pytest
from ansible_collections.obol.dv.tests.support import go_build, stock_charon

TERMS = {
    "network": "hoodi",
    "fee_recipient_addresses": "0x000000000000000000000000000000000000dEaD",
    "withdrawal_addresses": "0x000000000000000000000000000000000000dEaD",
}


def test_a_dkg_of_charon(charon, tmp_path):
    nodes = [tmp_path / ("node%d" % index) for index in range(4)]
    for node in nodes:
        charon.create_enr(node)
    enrs = [charon.enr(node) for node in nodes]
    definition = charon.create_dkg(tmp_path, operator_enrs=enrs, num_validators=1, **TERMS)
    with charon.relay() as relay:
        charon.dkg(nodes, definition, relay)
    assert len({(node / "cluster-lock.json").read_bytes() for node in nodes}) == 1
    assert [operator["enr"] for operator in json.loads(definition.read_text())["operators"]] == enrs


def test_a_failure_shows_what_charon_said(charon, tmp_path):
    with pytest.raises(stock_charon.CharonError, match="private key not found"):
        charon.enr(tmp_path / "nothing")
    assert any("private key not found" in text for _name, text in charon.logs())


def test_a_node_that_fails_ends_the_dkg(charon, tmp_path):
    (tmp_path / "definition.json").write_text("{}")
    with pytest.raises(stock_charon.CharonError, match="charon ended with 1: dkg"):
        charon.dkg([tmp_path / "a", tmp_path / "b"], tmp_path / "definition.json", "http://127.0.0.1:1")


def test_a_wait_ends():
    with pytest.raises(stock_charon.CharonError, match="not within 0 s: never"):
        stock_charon.wait_for(lambda: False, "never", 0)


def test_without_go_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(go_build, "CACHE", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(go_build.NoGo, match="install Go"):
        stock_charon.binary()
