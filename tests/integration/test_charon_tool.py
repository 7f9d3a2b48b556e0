# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The judge itself: what stock charon makes goes through stock charon, and a failure of it is seen and explained."""

import json

import pytest
from ansible_collections.obol.dv.tests import charon_tool, go_tool

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
    with pytest.raises(charon_tool.CharonError, match="private key not found"):
        charon.enr(tmp_path / "nothing")
    assert any("private key not found" in text for _name, text in charon.logs())


def test_a_node_that_fails_ends_the_dkg(charon, tmp_path):
    (tmp_path / "definition.json").write_text("{}")
    with pytest.raises(charon_tool.CharonError, match="charon ended with 1: dkg"):
        charon.dkg([tmp_path / "a", tmp_path / "b"], tmp_path / "definition.json", "http://127.0.0.1:1")


def test_a_wait_ends():
    with pytest.raises(charon_tool.CharonError, match="not within 0 s: never"):
        charon_tool.wait_for(lambda: False, "never", 0)


def test_without_go_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(go_tool, "CACHE", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(go_tool.NoGo, match="install Go"):
        charon_tool.binary()
