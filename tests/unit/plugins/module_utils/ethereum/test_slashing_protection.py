# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Histories of signatures: what a client hands out is what the next one is given."""

import copy
import json

import pytest
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum.slashing_protection import History, merge, parse

ROOT = "0x" + "ab" * 32
KEYS = ["0x" + each * 48 for each in ("0a", "0b", "0c")]

#: As EIP-3076 has it; a client in Go writes null for a list without anything in it.
INTERCHANGE = {
    "metadata": {"interchange_format_version": "5", "genesis_validators_root": ROOT},
    "data": [
        {
            "pubkey": KEYS[0],
            "signed_blocks": [{"slot": "81952", "signing_root": "0x" + "11" * 32}, {"slot": "81951"}],
            "signed_attestations": [
                {"source_epoch": "2290", "target_epoch": "3007", "signing_root": "0x" + "22" * 32},
                {"source_epoch": "2290", "target_epoch": "3008"},
            ],
        },
        {"pubkey": KEYS[1], "signed_blocks": [], "signed_attestations": None},
    ],
}


def history(value):
    return parse(json.dumps(value), "a history")


def test_there_and_back():
    found = history(INTERCHANGE)
    assert parse(found.dump(), "a history") == found
    written = json.loads(found.dump())
    assert written["metadata"] == INTERCHANGE["metadata"]
    assert written["data"][0]["signed_blocks"] == INTERCHANGE["data"][0]["signed_blocks"][::-1]
    assert written["data"][0]["signed_attestations"] == INTERCHANGE["data"][0]["signed_attestations"]
    assert written["data"][1] == {"pubkey": KEYS[1], "signed_blocks": [], "signed_attestations": []}


def test_of_keys_that_signed():
    found = history(INTERCHANGE)
    first, second, third = (bytes.fromhex(key[2:]) for key in KEYS)
    assert found.keys == {first}
    assert [signed.pubkey for signed in found.of([first, second, third]).data] == [first] and not found.of([second]).data


def test_merged_is_the_union():
    other = copy.deepcopy(INTERCHANGE)
    other["data"][0]["signed_blocks"] = [{"slot": "81952", "signing_root": "0x" + "33" * 32}, {"slot": "81951"}]
    other["data"] += [{"pubkey": KEYS[2], "signed_blocks": [{"slot": "1"}]}]
    root = bytes.fromhex(ROOT[2:])
    merged = merge(root, [history(INTERCHANGE), history(other)])
    assert merged == merge(root, [history(other), history(INTERCHANGE), history(other)])
    by_key = {signed.pubkey.hex()[:2]: signed for signed in merged.data}
    # Two blocks of one slot, as they were signed.
    assert [block.slot for block in by_key["0a"].signed_blocks] == [81951, 81952, 81952]
    assert len(by_key["0a"].signed_attestations) == 2 and by_key["0c"].signed_blocks[0].slot == 1
    # A key that is there twice counts once.
    twice = copy.deepcopy(INTERCHANGE)
    twice["data"] += other["data"]
    assert history(twice) == merged


@pytest.mark.parametrize(
    ("change", "text"),
    (
        (lambda value: value["metadata"].update(interchange_format_version="4"), 'interchange_format_version is "4"; wanted: "5"'),
        (lambda value: value["metadata"].pop("genesis_validators_root"), "does not say of which chain it is"),
        (lambda value: value["metadata"].update(genesis_validators_root="0xab"), "has 1 bytes"),
        (lambda value: value["data"][0].pop("pubkey"), "does not say of which key"),
        (lambda value: value["data"][0]["signed_blocks"][0].update(slot=81952), "slot is 81952; wanted: a string of decimal digits"),
        (lambda value: value["data"][0]["signed_blocks"][0].update(slot=str(2**64)), "an integer from 0 to"),
        (lambda value: value["data"][0]["signed_attestations"][0].update(source_epoch="-1"), "wanted: a string of decimal digits"),
        (lambda value: value.update(data={}), "wanted: a list"),
        (lambda value: value.pop("metadata"), "does not say of which chain it is"),
    ),
)
def test_refused(change, text):
    value = copy.deepcopy(INTERCHANGE)
    change(value)
    with pytest.raises(DvError, match=text):
        history(value)


def test_no_history_at_all():
    for text in ("", "x", "[]", "null", '"5"'):
        with pytest.raises(DvError):
            parse(text, "a history")
    assert not History(bytes(32), ()).keys
