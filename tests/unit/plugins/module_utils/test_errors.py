# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes out can be delivered and shown, whatever was found."""

import json
import sys

import pytest
from ansible_collections.obol.dv.plugins.module_utils.agreement.policy_schema import POLICY
from ansible_collections.obol.dv.plugins.module_utils.ansible_module.runner import deliverable
from ansible_collections.obol.dv.plugins.module_utils.cluster.definition import Definition
from ansible_collections.obol.dv.plugins.module_utils.encoding import json_schema
from ansible_collections.obol.dv.plugins.module_utils.encoding.hex import from_hex
from ansible_collections.obol.dv.plugins.module_utils.errors import Collector, DvError, Problems, printable, show
from ansible_collections.obol.dv.plugins.module_utils.ethereum import address, deposit, enr, keystore, networks
from ansible_collections.obol.dv.plugins.module_utils.verify.artefacts import verify_path
from ansible_collections.obol.dv.plugins.module_utils.verify.report import Report


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


SECRETS = ["ab" * 32, "0x" + "ab" * 32, "cd" * 31, "AGE-SECRET-KEY-1" + "Q" * 58, "correct horse battery staple and then some more"]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_key_in_the_wrong_place_is_not_shown(secret):
    """Only how it begins: in whatever is read as hex, address, ENR, network, or a field of a file."""
    readers = [
        show,
        lambda text: address.parse_address(text, "an address"),
        lambda text: address.parse_checksum_address(text, "an address"),
        lambda text: enr.parse(text, "an ENR"),
        lambda text: from_hex(text, 20, "a hash"),
        networks.KNOWN.by_name,
        lambda text: networks.custom_network(text + "!", 1, "0x10004242", 1),
        lambda text: networks.custom_network("x", 1, text, 1),
        lambda text: networks.custom_network("x", text, "0x10004242", 1),
        lambda text: Definition.parse({"version": text}, "the file"),
        lambda text: Definition.parse({"version": "v1.10.0", "name": "x", "num_validators": text}, "the file"),
        lambda text: keystore.parse(json.dumps({"version": text}), "the file"),
        lambda text: json_schema.check_shape({text: 1}, POLICY, "the file"),
        lambda text: json_schema.check_shape({"networks": [text], "threshold": text}, POLICY, "the file"),
    ]
    for read in readers:
        try:
            said = str(read(secret))
        except DvError as error:
            said = str(error)
        assert secret[:12] not in said and secret.removeprefix("0x")[:12] not in said, said


@pytest.mark.parametrize(
    "content", ["12345678", '"hunter2"', "hunter2", "null", "[12345678]", '["hunter2"]', "1234.5678", "true", '{"hunter2": 12345678}']
)
def test_a_file_that_was_named_by_mistake_keeps_its_content(content, tmp_path):
    for name in ("password", "cluster-lock.json", "cluster-definition.json", "deposit-data.json"):
        (tmp_path / name).write_text(content)
        report = verify_path(tmp_path / name)
        for finding in report.findings:
            assert "12345678" not in finding.text and "1234.5678" not in finding.text
            assert "hunter2" not in finding.text
        with pytest.raises(DvError) as caught:
            deposit.parse_file(content)
        assert "12345678" not in str(caught.value) and "hunter2" not in str(caught.value)


def test_show():
    values = {
        "0x" + "a" * 40: '"0x%s"' % ("a" * 40),
        "a" * 43: '"aaaaaa..." (43 characters)',
        'a"b': '"a\\"b"',
        "\x1b[2J": '"\\u001b[2J"',
        "\ud800" * 50: '"%s..." (50 characters)' % ("\\ud800" * 6),
        True: "true",
        7: "7",
        10**30: "a number of more than 20 digits",
        0.5: "0.5",
        2.0: "2.0",
        1e300: "1e+300",
        None: "empty",
        b"x": "binary data",
    }
    assert {value: show(value) for value in values} == values
    assert (show([1]), show({"a": 1}), show((1,))) == ("a list", "a mapping", "a tuple")
