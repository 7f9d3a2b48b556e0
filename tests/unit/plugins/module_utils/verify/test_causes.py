# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One cause is one line, and the line is about the cause: unfinished definitions, unreadable locks, old names, modes."""

import json
from dataclasses import replace

import pytest
from ansible_collections.obol.dv.plugins.module_utils.cluster.definition import Creator, Operator, with_hashes
from ansible_collections.obol.dv.plugins.module_utils.data_dir import layout
from ansible_collections.obol.dv.plugins.module_utils.ethereum import deposit
from ansible_collections.obol.dv.plugins.module_utils.verify.artefacts import verify_path
from ansible_collections.obol.dv.plugins.module_utils.verify.definition import verify_definition
from ansible_collections.obol.dv.tests.support.dealt_cluster import DealtCluster, errors, texts, warnings

# Unfinished definitions: what an operator has not done yet.
NOTHING = {"enr": "", "config_signature": b"", "enr_signature": b""}
UNSIGNED = {"config_signature": b"", "enr_signature": b""}
HALF = {"enr_signature": b""}


def unfinished(found, waiting, lacks):
    operators = tuple(replace(operator, **lacks) if index in waiting else operator for index, operator in enumerate(found.operators, 1))
    return with_hashes(replace(found, operators=operators))


@pytest.mark.parametrize("lacks", [NOTHING, UNSIGNED, HALF], ids=["nothing", "unsigned", "half"])
@pytest.mark.parametrize(
    "waiting, text",
    [((2, 3, 4), "operators 2, 3, 4 have yet"), ((3,), "operator 3 has yet"), ((1, 2, 3, 4), "operators 1, 2, 3, 4 have yet")],
)
def test_an_unfinished_definition_is_one_line(cluster, tmp_path, lacks, waiting, text):
    found = unfinished(cluster.lock.definition, waiting, lacks)
    for path in (tmp_path / "file.json", tmp_path / layout.DEFINITION):
        path.write_bytes(found.dump())
    for report in (verify_path(str(tmp_path / "file.json")), verify_path(str(tmp_path))):
        (finding,) = (each for each in report.findings if each.level == "error")
        assert finding.text == "the definition is not finished: %s to submit an ENR and sign" % text
        assert warnings(report) <= {"node_key", "mode", "other_files"}


def test_what_is_wrong_in_an_unfinished_definition_is_told_too(cluster):
    found = unfinished(cluster.lock.definition, (2, 3), NOTHING)
    first, *rest = found.operators
    found = with_hashes(replace(found, operators=(replace(first, config_signature=first.enr_signature), *rest)))
    report = verify_definition(found)
    assert errors(report) == {"definition_signatures"}
    assert len(report.findings) == 2 and "operator 1, config_signature" in texts(report)
    creator = replace(found.creator, config_signature=b"")
    assert "creator, config_signature: it is missing" in texts(verify_definition(with_hashes(replace(found, creator=creator))))


@pytest.mark.parametrize("creator", [True, False])
def test_one_without_operators_yet_is_only_doubtful(cluster, creator):
    found = replace(cluster.lock.definition, operators=(Operator(),) * 4)
    found = with_hashes(found if creator else replace(found, creator=Creator()))
    if creator:
        # Its creator signed the addresses too.
        assert "creator, config_signature" in texts(verify_definition(found))
    report = verify_definition(found)
    assert "operators 1, 2, 3, 4 have yet" in texts(report)
    assert creator or report.ok


# Locks that cannot be read

UNREADABLE = {
    "empty": lambda content: b"",
    "blank": lambda content: b"\n \n",
    "zeros": lambda content: bytes(4096),
    "cut": lambda content: content[:-10],
    "not UTF-8": lambda content: content.replace(b"v1", b"\xff\xfe"),
    "UTF-16": lambda content: content.decode().encode("utf-16"),
    "another version": lambda content: content.replace(b'"v1.10.0"', b'"v9.9.9"'),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_an_unreadable_lock_is_not_an_absent_one(node, case):
    path = node / layout.LOCK
    path.write_bytes(UNREADABLE[case](path.read_bytes()))
    report = verify_path(str(node))
    assert "there is no" not in texts(report) and "holds no" not in texts(report) and "without a lock" not in texts(report)
    (error,) = (each for each in report.findings if each.level == "error")
    assert error.check == "lock"
    (warning,) = (each for each in report.findings if each.level == "warning" and each.check != "mode")
    assert warning.text == "validator_keys and 2 more: not verified, since cluster-lock.json cannot be read"


@pytest.mark.parametrize("name", [layout.LOCK, layout.DEFINITION, "anything.json"])
def test_a_byte_order_mark_is_one_error_and_the_rest_is_verified(node, name):
    before = verify_path(str(node))
    path = node / name
    content = (node / layout.LOCK).read_bytes()
    if name == layout.DEFINITION:
        content = json.dumps(json.loads(content)["cluster_definition"]).encode()
    path.write_bytes(b"\xef\xbb\xbf" + content)
    report = verify_path(str(path if name == "anything.json" else node))
    (error,) = (each for each in report.findings if each.level == "error")
    assert "%s begins with a byte order mark" % path.name in error.text.replace(str(node) + "/", "")
    assert report.cluster == before.cluster


# Deposit data


def change_entries(node, change):
    for path in node.iterdir():
        if deposit.is_file_name(path.name):
            entries = json.loads(path.read_bytes())
            for entry in entries:
                change(entry)
            path.write_text(json.dumps(entries))


def test_an_old_name_of_the_network_is_one_warning(tmp_path):
    DealtCluster(network="goerli").write(tmp_path / "node")
    before = verify_path(str(tmp_path / "node")).findings
    change_entries(tmp_path / "node", lambda entry: entry.update(network_name="prater"))
    report = verify_path(str(tmp_path / "node"))
    (finding,) = (each for each in report.findings if each not in before)
    assert (finding.level, finding.check) == ("warning", "deposit_files")
    assert "network_name is the old name prater; wanted: goerli (and 3 more like it)" in finding.text
    change_entries(tmp_path / "node", lambda entry: entry.update(network_name="holesky"))
    assert errors(verify_path(str(tmp_path / "node"))) == {"deposit_files"}


CHANGES = {
    "network": lambda entry: entry.update(network_name="prater"),
    "fork version": lambda entry: entry.update(fork_version="00001020"),
    "roots": lambda entry: entry.update(deposit_data_root="11" * 32),
    "a key less": lambda entry: entry.pop("deposit_cli_version"),
    "a key more": lambda entry: entry.update(surprise=1),
}


@pytest.mark.parametrize("case", CHANGES)
def test_what_is_wrong_in_every_deposit_is_one_line(node, case):
    before = verify_path(str(node)).findings
    change_entries(node, CHANGES[case])
    report = verify_path(str(node))
    found = [each for each in report.findings if each not in before]
    assert len(found) == 1 and "more like it" in found[0].text, texts(report)
    keys = {"a key less": "lacks deposit_cli_version in ", "a key more": "do not know: surprise"}
    assert keys.get(case, "") in found[0].text
    assert report.ok == (case == "a key more")


# Modes


@pytest.mark.parametrize("name", [layout.CEREMONY, layout.KEYS, layout.KEYS + "/sub", ""])
def test_a_directory_wants_the_mode_of_a_directory(node, name):
    (node / name).mkdir(exist_ok=True)
    (node / name).chmod(0o755)
    (finding,) = (each for each in verify_path(str(node)).findings if each.check == "mode")
    assert finding.text.endswith("0755, better 0700")
