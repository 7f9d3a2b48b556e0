# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Times: there and back, one spelling."""

import pytest
from ansible_collections.obol.dv.plugins.module_utils.encoding.utc import from_utc, to_utc


@pytest.mark.parametrize("seconds", [0, 1_777_636_800, 253_402_300_799])
def test_there_and_back(seconds):
    assert from_utc(to_utc(seconds)) == from_utc(to_utc(seconds + 0.9)) == seconds
    assert to_utc(1_777_636_800) == "2026-05-01T12:00:00Z"


OTHERS = [
    "",
    "x",
    "2026-5-01T12:00:00Z",
    "2026-05-01T12:00:60Z",
    "2026-05-01 12:00:00Z",
    " 2026-05-01T12:00:00Z",
    "2026-05-01T12:00:00+00:00",
]


@pytest.mark.parametrize("text", OTHERS)
def test_anything_else(text):
    with pytest.raises(ValueError, match="is no UTC time|does not match format"):
        from_utc(text)
