# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first line of a file, whatever editor wrote it."""

import pytest
from ansible_collections.obol.dv.plugins.module_utils.encoding.first_line import first_line


@pytest.mark.parametrize(
    "content, line", [(b"", ""), (b"a b ", "a b "), (b"a\n", "a"), (b"a\r\nb", "a"), (b"\na", ""), ("ä\n".encode(), "ä"), (b"\xff\n", "")]
)
def test_first_line(content, line):
    assert first_line(content) == line
