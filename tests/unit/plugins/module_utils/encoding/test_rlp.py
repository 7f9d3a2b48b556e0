# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""RLP: as another library has it, and in its shortest form alone."""

import pytest
import rlp as other
from ansible_collections.obol.dv.plugins.module_utils.encoding import rlp
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from hypothesis import given
from hypothesis import strategies as st

nested = st.recursive(st.binary(max_size=70), lambda inner: st.lists(inner, max_size=5), max_leaves=20)


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_lists_of_strings(strings):
    raw = rlp.encode_list(strings)
    assert raw == other.encode(strings) and rlp.decode_list(raw) == strings


@given(st.lists(nested, max_size=5))
def test_items(items):
    raw = other.encode(items)
    each = [other.encode(item) for item in items]
    assert rlp.decode_items(raw) == each and rlp.encode_items(each) == raw


@given(st.binary(max_size=300))
def test_a_string(string):
    assert rlp.decode_string(rlp.encode_string(string)) == string == other.decode(rlp.encode_string(string))


def understood(decode, raw):
    """Whether that function decodes ``raw``; it raises nothing but its own errors."""
    try:
        decode(raw)
    except (DvError, other.exceptions.RLPException):
        return False
    return True


@given(st.binary(max_size=80))
def test_any_bytes(raw):
    """What is taken is what another library takes, too."""
    strings = understood(rlp.decode_list, raw)
    assert strings == understood(lambda each: other.decode(each, other.sedes.CountableList(other.sedes.binary)), raw)
    assert understood(rlp.decode_string, raw) == understood(lambda each: other.decode(each, other.sedes.binary), raw)


WRONG = {
    "nothing": "",
    "a string": "80",
    "cut off": "c2",
    "too long": "c000",
    "a string that is cut off": "c181",
    "a string longer than its list": "c28300",
    "a byte with a head": "c28100",
    "a long head for a short list": "f80100",
    "zeros in a length": "f9000100",
    "a length of 2^64": "ffffffffffffffffff",
    "a string of 2^64 bytes": "c9bfffffffffffffffff",
    "a length that is not there": "bf",
}


@pytest.mark.parametrize("raw", WRONG.values(), ids=WRONG)
def test_what_is_none(raw):
    with pytest.raises(DvError, match="it is not RLP; wanted: a list of strings, in its shortest form"):
        rlp.decode_list(bytes.fromhex(raw))


@pytest.mark.parametrize("raw", ["", "80", "c2", "c000", "f80100", "f9000100", "ff" + 8 * "ff"])
def test_what_is_no_list_of_items(raw):
    with pytest.raises(DvError, match="it is not RLP"):
        rlp.decode_items(bytes.fromhex(raw))


@pytest.mark.parametrize("raw", ["", "c0", "8100", "b80100", "8200", "0000", "bf", "bfffffffffffffffff"])
def test_what_is_no_string(raw):
    with pytest.raises(DvError, match="it is not RLP"):
        rlp.decode_string(bytes.fromhex(raw))
