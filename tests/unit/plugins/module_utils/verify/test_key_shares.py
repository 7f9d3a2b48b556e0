# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key shares are judged by their public keys; what charon runs with, and what others left among them, is no error."""

import json
import shutil
from dataclasses import replace

import pytest
from ansible_collections.obol.dv.plugins.module_utils.cluster.definition import Creator, Operator, ValidatorAddresses, with_hashes
from ansible_collections.obol.dv.plugins.module_utils.data_dir import layout
from ansible_collections.obol.dv.plugins.module_utils.data_dir.validator_keys import ValidatorKeys
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum import enr
from ansible_collections.obol.dv.plugins.module_utils.verify.artefacts import verify_path
from ansible_collections.obol.dv.plugins.module_utils.verify.definition import is_from_before_edit
from ansible_collections.obol.dv.tests.support.dealt_cluster import DealtCluster, errors, texts, warnings

KEYS = layout.KEYS


def count(node):
    return len(list((node / KEYS).glob("keystore-*.json")))


def remove(node, *numbers):
    for number in numbers:
        for suffix in ("json", "txt"):
            (node / KEYS / ("keystore-%d.%s" % (number, suffix))).unlink()


def rename(node, names):
    """Rename keystores, ``{old number: new name}``, as if all at once."""
    for suffix in (".json", ".txt"):
        for old in names:
            (node / KEYS / ("keystore-%d%s" % (old, suffix))).rename(node / KEYS / ("moving-%d%s" % (old, suffix)))
        for old, new in names.items():
            (node / KEYS / ("moving-%d%s" % (old, suffix))).rename(node / KEYS / (new + suffix))


def new_findings(node, before):
    return [each for each in verify_path(str(node)).findings if each not in before]


@pytest.mark.parametrize("kept", [(), (0,), (1,), (0, 1)], ids=str)
def test_a_part_of_the_shares_is_counted(node, kept):
    before, all_of_them = verify_path(str(node)).findings, count(node)
    remove(node, *(number for number in range(all_of_them) if number not in kept))
    found = new_findings(node, [each for each in before if each.check != "mode"])
    found = [each for each in found if each.check == "key_shares"]
    if len(kept) == all_of_them:
        assert not found
    else:
        (finding,) = found
        assert finding.level == "warning" and finding.text.startswith("%d of %d key shares are here" % (len(kept), all_of_them))


NUMBERS = {
    "a gap": {1: "keystore-5"},
    "from one": {0: "keystore-7"},
    "a name": {1: "keystore-mine"},
    "of a path": {0: "keystore-m_12381_3600_0_0_0-1700000000"},
    "a browser's": {1: "keystore-1 (1)"},
}


@pytest.mark.parametrize("case", NUMBERS)
def test_numbers_are_a_warning_and_not_for_our_own_reading(node, case):
    before = [each for each in verify_path(str(node)).findings if each.check != "mode"]
    rename(node, NUMBERS[case])
    found = [each for each in new_findings(node, before) if each.check != "mode"]
    (finding,) = found
    assert finding.level == "warning" and "not numbered from 0 to %d" % (count(node) - 1) in finding.text
    with pytest.raises(DvError):
        ValidatorKeys(str(node / KEYS)).numbered_paths()


def test_a_number_with_a_zero_before_it_is_as_good_to_charon(node):
    before = [each for each in verify_path(str(node)).findings if each.check != "mode"]
    rename(node, {1: "keystore-01"})
    assert [each for each in new_findings(node, before) if each.check != "mode"] == []


@pytest.mark.parametrize("names", [{0: "keystore-1", 1: "keystore-0"}, {0: "keystore-insecure-1", 1: "keystore-insecure-0"}])
def test_another_order(node, names):
    rename(node, names)
    report = verify_path(str(node))
    assert report.ok and "in another order than the validators" in texts(report)


FOREIGN = ["._keystore-0.txt", "._keystore-0.json", ".DS_Store", "README.txt", "Thumbs.db", "desktop.ini", "notes", "x.json"]


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_files_among_the_keystores(node, name):
    before = verify_path(str(node)).findings
    (node / KEYS / name).write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X")
    (node / KEYS / name).chmod(0o600)
    assert verify_path(str(node)).findings == before


@pytest.mark.parametrize("pubkey", [None, ""])
def test_keystores_without_a_public_key(node, pubkey):
    before = verify_path(str(node)).findings
    for path in (node / KEYS).glob("keystore-*.json"):
        value = json.loads(path.read_text())
        value.pop("pubkey")
        path.write_text(json.dumps(value if pubkey is None else {**value, "pubkey": pubkey}))
    assert verify_path(str(node)).findings == before


@pytest.fixture
def pair(cluster, tmp_path):
    """The data directories of two nodes."""
    for number in (0, 1):
        cluster.write(tmp_path / str(number), number)
    return tmp_path / "0", tmp_path / "1"


@pytest.mark.parametrize("with_key", [True, False])
def test_another_operators_share_whatever_its_number(pair, with_key):
    """The first share is missing, and in its place, or in the next, is another operator's."""
    node, other = pair
    for place in (0, 1):
        for suffix in ("json", "txt"):
            shutil.copy(other / KEYS / ("keystore-%d.%s" % (place, suffix)), node / KEYS / ("keystore-9.%s" % suffix))
        if not with_key:
            (node / layout.NODE_KEY).unlink(missing_ok=True)
        report = verify_path(str(node))
        assert errors(report) == {"key_shares"}
        assert "keystore-9.json holds the share of operator 2 for validator %d" % place in texts(report)
    remove(node, 0)
    assert "holds the share of operator 2 for validator 1" in texts(verify_path(str(node)))


def test_without_the_first_share_another_operators_is_noticed(pair):
    node, other = pair
    remove(node, 0)
    for suffix in ("json", "txt"):
        shutil.copy(other / KEYS / ("keystore-1." + suffix), node / KEYS)
    report = verify_path(str(node))
    assert errors(report) == {"key_shares"} and "keystore-1.json holds the share of operator 2" in texts(report)


@pytest.mark.parametrize("case", ["shares of another node", "no passwords", "other passwords", "cut", "another cluster's"])
def test_one_cause_is_one_line(pair, case, tmp_path):
    node, other = pair
    for path in sorted((node / KEYS).iterdir()):
        if case == "shares of another node":
            shutil.copy(other / KEYS / path.name, path)
        elif case == "no passwords" and path.suffix == ".txt":
            path.unlink()
        elif case == "other passwords" and path.suffix == ".txt":
            path.write_text("0" * 32)
        elif case == "cut" and path.suffix == ".json":
            path.write_text(path.read_text()[:300])
    if case == "another cluster's":
        shutil.rmtree(node / KEYS)
        ValidatorKeys(str(node / KEYS)).write([12345, 54321])
    report = verify_path(str(node))
    (finding,) = report.findings
    assert finding.level == "error" and finding.check == "key_shares" and finding.text.endswith("(and 1 more like it)")


# After "charon alpha edit"


def stripped(found):
    operators = tuple(Operator(enr=operator.enr) for operator in found.operators)
    return with_hashes(replace(found, creator=Creator(), operators=operators))


def test_an_edited_cluster_beside_the_definition_of_before(tmp_path):
    made = DealtCluster()
    signed = made.lock.definition
    made.lock = made.seal(replace(made.lock, definition=stripped(signed)))
    made.write(tmp_path / "node")
    path = tmp_path / "node" / layout.DEFINITION
    path.write_bytes(signed.dump())
    report = verify_path(str(tmp_path / "node"))
    assert report.ok and warnings(report) == {"definition", "definition_signatures"}
    assert "is from before a charon alpha edit" in texts(report)
    path.write_bytes(with_hashes(replace(signed, name="another")).dump())
    assert errors(verify_path(str(tmp_path / "node"))) == {"definition"}


NEW = Operator(enr=enr.encode(b"\5" * 32))
MORE = ValidatorAddresses(fee_recipient_address="0x" + "11" * 20, withdrawal_address="0x" + "22" * 20)
EDITS = {
    "recreated": lambda d: {},
    "operator added": lambda d: {"operators": (*d.operators, NEW)},
    "operator replaced": lambda d: {"operators": (NEW, *d.operators[1:])},
    "operators removed": lambda d: {"operators": d.operators[1:], "threshold": 2},
    "validator added": lambda d: {"validators": (*d.validators, MORE), "num_validators": d.num_validators + 1},
}
NO_EDITS = {
    "order": lambda d: {"operators": d.operators[::-1]},
    "strangers only": lambda d: {"operators": (NEW,)},
    "threshold": lambda d: {"threshold": d.threshold - 1},
    "withdrawal": lambda d: {"validators": (MORE, *d.validators[1:])},
    "fewer validators": lambda d: {"validators": d.validators[:1], "num_validators": 1},
    "fork version": lambda d: {"fork_version": bytes(4)},
    "uuid": lambda d: {"uuid": "another"},
    "compounding": lambda d: {"compounding": not d.compounding},
    "creator": lambda d: {"creator": Creator(address="0x" + "11" * 20)},
    "an address": lambda d: {"operators": (replace(d.operators[0], address="0x" + "11" * 20), *d.operators[1:])},
}


@pytest.mark.parametrize("case", [*EDITS, *NO_EDITS])
def test_what_an_edit_can_change(cluster, case):
    before = cluster.lock.definition
    edited = stripped(before)
    edited = with_hashes(replace(edited, **{**EDITS, **NO_EDITS}[case](edited)))
    assert is_from_before_edit(before, edited) == (case in EDITS)
