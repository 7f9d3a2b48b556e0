# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes out can be delivered and shown, whatever was found."""

import sys

import pytest
from ansible_collections.obol.dv.plugins.module_utils.errors import Collector, DvError, Problems, printable
from ansible_collections.obol.dv.plugins.module_utils.module import deliverable
from ansible_collections.obol.dv.plugins.module_utils.report import Report


@pytest.mark.parametrize("text", ["", "plain", "Zürich", "名前", "🚀 moon", "a\\u001b", "'\"<>&%s{}", "e\u0301"])
def test_what_is_shown_as_it_is(text):
    assert printable(text) == printable(text, lines=True) == text


@pytest.mark.parametrize(
    "text, shown",
    [
        ("\x1b[31mred", "\\u001b[31mred"),
        ("\x1b]8;;http://x\x07", "\\u001b]8;;http://x\\u0007"),
        ("\x9b2J", "\\u009b2J"),
        ("a\u202eb", "a\\u202eb"),
        ("\u2066\u2069\u200f\u061c", "\\u2066\\u2069\\u200f\\u061c"),
        ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),
        ("\r\t\x00\x7f", "\\u000d\\u0009\\u0000\\u007f"),
        ("\u2028\u2029\x85", "\\u2028\\u2029\\u0085"),
        ("\udcff.json", "\\udcff.json"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_is_escaped(text, shown):
    assert printable(text) == printable(text, lines=True) == shown
    assert str(DvError(text, text, text)) == "%s; wanted: %s; %s" % (shown, shown, shown)
    assert deliverable({text: [(text, {"a": text}), 1, None, True]}) == {shown: [[shown, {"a": shown}], 1, None, True]}
    report = Report()
    report.error("check", text)
    report.warning("check", text)
    with report.errors_of("check"):
        raise DvError(text)
    assert {finding.text for finding in report.findings} == {shown}


def test_every_character():
    """All there are: shown or escaped, once, and what comes out is printable UTF-8."""
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    shown = printable(every)
    assert shown.isprintable() and printable(shown) == shown
    assert shown.encode() and printable(every, lines=True).replace("\n", "").isprintable()


def test_lines():
    """The lines of an error are ours: what is put into them makes no more."""
    assert printable("a\nb") == "a\\u000ab" and printable("a\nb", lines=True) == "a\nb"
    error = DvError("these differ", "the same", "set them back", ["one\n- two", "three"])
    assert str(error) == "these differ:\n  one\\u000a- two\n  three; wanted: the same; set them back"
    problems = Collector()
    for text in ("a\n- b", "c"):
        with problems:
            raise DvError(text)
    with pytest.raises(Problems) as caught:
        problems.raise_any()
    assert str(caught.value) == "- a\\u000a- b\n- c"
    assert (caught.value.found, caught.value.wanted, caught.value.hint) == ("a\\u000a- b; c", "", "")
