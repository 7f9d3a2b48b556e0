# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hex strings of whoever wrote them: bytes or one error, whatever their length."""

import tracemalloc

import pytest
from ansible_collections.obol.dv.plugins.module_utils.encoding.hex import from_hex
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError


def test_spellings():
    assert from_hex("0xaB", 1, "it") == from_hex("ab", None, "it") == b"\xab"
    assert from_hex("", 20, "it") == from_hex(None, 20, "it") == from_hex("0x", None, "it") == b""
    for text in ("0xa", "a", "0Xab", "ab\n", "0x0xab", "äb", "xx", 7, b"ab", ["ab"]):
        with pytest.raises(DvError, match="^it is "):
            from_hex(text, None, "it")


def test_a_long_one_takes_no_more_than_its_length():
    text = "ab" * 2**19
    tracemalloc.start()
    with pytest.raises(DvError, match="it has 524288 bytes; wanted: 48 bytes as hex"):
        from_hex(text, 48, "it")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * len(text)
