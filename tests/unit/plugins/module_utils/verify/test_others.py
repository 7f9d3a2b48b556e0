# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has the form of an artefact is verified whatever its name, or named as not verified."""

import json
import os
import re
import shutil
from dataclasses import replace

import pytest
from ansible_collections.obol.dv.plugins.module_utils.cluster.lock import ClusterLock, DepositData
from ansible_collections.obol.dv.plugins.module_utils.crypto.bls.signatures import bls
from ansible_collections.obol.dv.plugins.module_utils.data_dir import layout
from ansible_collections.obol.dv.plugins.module_utils.ethereum import builder_registration, deposit, keystore
from ansible_collections.obol.dv.plugins.module_utils.verify import file_forms
from ansible_collections.obol.dv.plugins.module_utils.verify.artefacts import verify_path
from ansible_collections.obol.dv.tests.support.dealt_cluster import GWEI, errors, texts, warnings

FETCHED = "deposit-data-2026-01-02T03:04:05+02:00"
STRANGER = 5

# Names of other tools, browsers and people; in a directory of its own as "charon deposit fetch" has it.
NAMES = [
    "deposit_data-1700000000.json",
    "deposit-data (1).json",
    "deposit-data-20230102150405.json",
    "Copy of DEPOSIT-DATA.JSON",
    "deposit-data.json.bak",
    "to the launchpad",
    "validator_keys/deposit_data-1700000000.json",
    FETCHED + "/deposit-data-%seth.json",
    "deposits/mine.txt",
]


def deposit_files(node):
    return sorted(path for path in node.iterdir() if deposit.is_file_name(path.name))


def move(node, name):
    """The first deposit file, moved to ``name``."""
    first = deposit_files(node)[0]
    target = node / (name % first.name.split("-")[2].removesuffix("eth.json") if "%" in name else name)
    target.parent.mkdir(mode=0o700, exist_ok=True)
    return first.rename(target)


def rewrite(path, change):
    value = json.loads(path.read_bytes())
    change(value)
    path.write_text(json.dumps(value))


@pytest.mark.parametrize("name", NAMES)
def test_right_deposits_of_any_name(node, name):
    before = verify_path(str(node)).findings
    move(node, name)
    assert verify_path(str(node)).findings == before


def last_digit(field):
    def change(entries):
        entries[1][field] = entries[1][field][:-1] + "%x" % (int(entries[1][field][-1], 16) ^ 1)

    return change


WRONG = {
    "signature": last_digit("signature"),
    "withdrawal": last_digit("withdrawal_credentials"),
    "root": last_digit("deposit_data_root"),
    "fork version": last_digit("fork_version"),
    "a stranger": lambda entries: entries[1].update(pubkey=bls.secret_to_public(STRANGER).hex()),
    "amount": lambda entries: entries[1].update(amount=3 * GWEI),
    "another validator's": lambda entries: entries[1].update(pubkey=entries[0]["pubkey"]),
    "twice": lambda entries: entries.append(entries[0]),
    "a key less": lambda entries: entries[0].pop("signature"),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_deposit_of_any_name(node, name, case):
    path = move(node, name)
    rewrite(path, WRONG[case])
    report = verify_path(str(node))
    assert errors(report) == {"deposit_files"}, texts(report)
    assert path.name in texts(report)


@pytest.mark.parametrize("name", NAMES)
def test_a_part_of_the_deposits_is_counted(node, name):
    path = move(node, name)
    count = len(json.loads(path.read_bytes()))
    rewrite(path, lambda entries: entries.pop(0))
    report = verify_path(str(node))
    assert report.ok and "%s has deposits of %d of %d validators" % (path.name, count - 1, count) in texts(report)


@pytest.fixture
def dealt(cluster, tmp_path):
    cluster.write(tmp_path / "dealt")
    return tmp_path / "dealt"


def other_withdrawal(cluster, amount):
    """Deposits of all validators of the dealt cluster, signed with their keys, that let another address withdraw."""
    fork_version, credentials = cluster.network.genesis_fork_version, deposit.withdrawal_credentials(b"\xee" * 20, False)
    deposits = []
    for key in cluster.keys:
        pubkey = bls.secret_to_public(key)
        signature = bls.sign(key, deposit.signing_root(pubkey, credentials, amount, fork_version))
        deposits.append(DepositData(pubkey=pubkey, withdrawal_credentials=credentials, amount=amount, signature=signature))
    return deposit.dump_file(deposits, fork_version, cluster.network.name)


@pytest.mark.parametrize("amount", [8 * GWEI, 32 * GWEI])
def test_what_operators_signed_for_another_withdrawal(dealt, cluster, amount):
    content = other_withdrawal(cluster, amount)
    (dealt / FETCHED).mkdir()
    (dealt / FETCHED / deposit.file_name(amount)).write_bytes(content)
    report = verify_path(str(dealt))
    assert report.ok and warnings(report) == {"deposit_files"}
    (finding,) = report.findings
    assert "it lets 0x01%s%s withdraw" % ("00" * 11, "ee" * 20) in finding.text and "(and 1 more like it)" in finding.text
    # Where charon puts the cluster's own, it is no deposit of this cluster.
    for name in (deposit.file_name(amount), "deposit_data-1700000000.json", "validator_keys/deposit_data.json"):
        before = (dealt / name).read_bytes() if (dealt / name).exists() else None
        (dealt / name).write_bytes(content)
        assert errors(verify_path(str(dealt))) == {"deposit_files"}
        if before:
            (dealt / name).write_bytes(before)
        else:
            (dealt / name).unlink()


# Copies


COPIES = ["cluster-lock.json.bak", "cluster-lock (1).json", "old.txt", "validator_keys/lock", "deposit-data-x/lock.json"]


def of_definition(found):
    return found.definition.dump()


@pytest.mark.parametrize("name", COPIES)
@pytest.mark.parametrize("write", [ClusterLock.dump, of_definition], ids=["lock", "definition"])
def test_copies(node, name, write):
    found = ClusterLock.parse((node / layout.LOCK).read_bytes())
    before = verify_path(str(node)).findings
    path = node / name
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_bytes(write(found))
    path.chmod(0o600)
    assert verify_path(str(node)).findings == before
    for change in ({"lock_hash": bytes(32)}, {"definition": replace(found.definition, config_hash=bytes(32))}):
        changed = write(replace(found, **change))
        if changed != write(found):
            path.write_bytes(changed)
            report = verify_path(str(node))
            assert report.ok and warnings(report) >= {"other_files"}
            assert "%s has the form of a " % name in texts(report) and "was not verified" in texts(report)


def test_many_copies_are_one_line(node):
    found = ClusterLock.parse((node / layout.LOCK).read_bytes())
    before = verify_path(str(node)).findings
    for number in range(5):
        (node / ("cluster-lock (%d).json" % number)).write_bytes(replace(found, lock_hash=bytes([number] * 32)).dump())
    (finding,) = [each for each in verify_path(str(node)).findings if each not in before]
    assert finding.text.endswith("(and 4 more like it)")


def test_copies_where_there_is_nothing_else(dealt):
    (dealt / layout.LOCK).rename(dealt / "cluster-lock (1).json")
    report = verify_path(str(dealt))
    assert {"data_dir", "key_shares", "deposit_files"} == errors(report)
    assert "cluster-lock (1).json has the form of a lock and was not verified" in texts(report)


@pytest.mark.parametrize("name", ["keystore-0.json", "mine.json", "validator_keys/validator-7.json", "deposits/keystore"])
def test_keystores_elsewhere(node, name):
    (node / name).parent.mkdir(mode=0o700, exist_ok=True)
    shutil.copy(node / layout.KEYS / "keystore-0.json", node / name)
    report = verify_path(str(node))
    assert report.ok and "%s has the form of a keystore and was not verified" % name in texts(report)


@pytest.mark.parametrize("name", ["distributed_validator", "backup", "deposit-data-x"])
def test_a_cluster_within(node, name):
    (node / name).mkdir(mode=0o700)
    shutil.copy(node / layout.LOCK, node / name)
    report = verify_path(str(node))
    assert report.ok and "%s: a cluster of its own, which was not verified" % name in texts(report)


def test_the_ceremony_is_passed_over(node):
    before = verify_path(str(node)).findings
    (node / layout.CEREMONY).mkdir(mode=0o700)
    for path in (*deposit_files(node), node / layout.LOCK):
        shutil.copy(path, node / layout.CEREMONY)
    rewrite(node / layout.CEREMONY / deposit_files(node)[0].name, WRONG["signature"])
    assert verify_path(str(node)).findings == before


# Damaged, and other encodings


def utf_16(content):
    return content.decode().encode("utf-16")


DAMAGED = {
    "cut": lambda content: content[: len(content) * 2 // 3],
    "with a byte order mark": lambda content: b"\xef\xbb\xbf" + content,
    "UTF-16": utf_16,
    "twice": lambda content: content * 2,
}
SOURCES = {
    file_forms.LOCK: lambda node: node / layout.LOCK,
    file_forms.KEYSTORE: lambda node: node / layout.KEYS / "keystore-0.json",
    file_forms.DEPOSIT_DATA: lambda node: deposit_files(node)[0],
}


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_copies_are_named(node, kind, damage):
    content = DAMAGED[damage](SOURCES[kind](node).read_bytes())
    assert file_forms.form_of(content) == kind
    (node / "x").write_bytes(content)
    report = verify_path(str(node))
    same = kind == file_forms.LOCK and damage == "with a byte order mark"
    assert same or [each for each in report.findings if each.text.startswith("x ") and each.check in ("other_files", "deposit_files")]


NO_FORM = [
    b"",
    b"notes",
    b"[]",
    b"{}",
    b"[1, 2]",
    b'{"timestamp": "2026", "cluster_lock_hash": "0x", "command": "run"}',
    b'{"version": 3, "id": "x", "address": "", "crypto": {"kdf": "scrypt", "cipher": "aes-128-ctr", "mac": ""}}',
    b'My deposit had "pubkey": 1, "signature": 2, "withdrawal_credentials": 3',
    b"\xff" * 100,
    b"[" * 100000,
]


@pytest.mark.parametrize("content", NO_FORM, ids=lambda content: repr(content[:20]))
def test_no_form(node, content):
    before = verify_path(str(node)).findings
    (node / "x.json").write_bytes(content)
    assert file_forms.form_of(content) is None and verify_path(str(node)).findings == before


def test_escaped_keys_hide_nothing(node):
    path = move(node, "x")
    rewrite(path, WRONG["signature"])
    path.write_text(path.read_text().replace('"pubkey"', '"\\u0070ubkey"').replace('"s', '"\\u0073').replace('"deposit', '"\\u0064eposit'))
    assert errors(verify_path(str(node))) == {"deposit_files"}


def test_what_cannot_be_looked_at(node, monkeypatch):
    os.symlink("nowhere", node / "link.json")
    report = verify_path(str(node))
    assert report.ok and "link.json was not looked at" in texts(report)
    os.symlink("nowhere", node / "deposit-data-3eth.json")
    assert errors(verify_path(str(node))) == {"other_files"}
    monkeypatch.setattr(file_forms, "MAX_FILES", 2)
    assert "there are more than 2 files" in texts(verify_path(str(node)))
    monkeypatch.setattr(file_forms, "MAX_FILES", 100)
    monkeypatch.setattr(file_forms, "MAX_TOTAL", 10)
    assert "has more than" in texts(verify_path(str(node)))


# The definition beside the lock

STORED = {
    "config hash": {"config_hash": bytes(32)},
    "definition hash": {"definition_hash": b"\1" * 32},
    "no config hash": {"config_hash": b""},
    "no definition hash": {"definition_hash": b""},
}


@pytest.mark.parametrize("case", STORED)
def test_stored_hashes_of_the_definition_beside_the_lock(node, case):
    found = ClusterLock.parse((node / layout.LOCK).read_bytes()).definition
    (node / layout.DEFINITION).write_bytes(replace(found, **STORED[case]).dump())
    report = verify_path(str(node))
    assert errors(report) == {"definition"}
    (name,) = STORED[case]
    assert "%s is " % name in texts(report)


# Overrides


def override(cluster, place=0, **fields):
    """An entry as charon writes it; ``fields`` take the place of the right ones."""
    values = {"timestamp": cluster.network.genesis_time + 1, **fields}
    made = cluster.registration(place, cluster.lock.definition, **values)
    message = {
        "fee_recipient": "0x" + made.fee_recipient.hex(),
        "gas_limit": str(made.gas_limit),
        "timestamp": str(made.timestamp),
        "pubkey": "0x" + made.pubkey.hex(),
    }
    return {"version": "v1", "v1": {"message": message, "signature": "0x" + made.signature.hex()}}


def write_overrides(node, entries):
    path = node / layout.OVERRIDES
    path.write_text(json.dumps(entries, indent=2))
    path.chmod(0o644)


def stranger(cluster):
    entry = override(cluster)
    public = bls.secret_to_public(STRANGER)
    message = entry["v1"]["message"]
    root = builder_registration.signing_root(
        bytes.fromhex(message["fee_recipient"][2:]),
        int(message["gas_limit"]),
        int(message["timestamp"]),
        public,
        cluster.network.genesis_fork_version,
    )
    message["pubkey"] = "0x" + public.hex()
    entry["v1"]["signature"] = "0x" + bls.sign(STRANGER, root).hex()
    return entry


OTHER_FEES = {"fee_recipient": b"\xee" * 20}

# (entries, text of a warning or None)
OVERRIDES = {
    "none": (lambda cluster: [], None),
    "null": (lambda cluster: None, None),
    "the same, newer": (lambda cluster: [override(cluster), override(cluster, 1)], None),
    "another gas limit": (lambda cluster: [override(cluster, gas_limit=36_000_000)], None),
    "other fees": (
        lambda cluster: [override(cluster, place, **OTHER_FEES) for place in (0, 1)],
        "the fees of validator 0 .* go to 0x%s; wanted: .*and 1 more like it" % ("ee" * 20),
    ),
    "not newer": (lambda cluster: [override(cluster, timestamp=cluster.network.genesis_time, **OTHER_FEES)], "is not newer"),
    "a stranger": (lambda cluster: [stranger(cluster)], "which is no validator of the lock"),
}


@pytest.mark.parametrize("case", OVERRIDES)
def test_right_overrides(dealt, cluster, case):
    entries, text = OVERRIDES[case]
    write_overrides(dealt, entries(cluster))
    report = verify_path(str(dealt))
    assert report.ok, texts(report)
    assert warnings(report) == ({"overrides"} if text else set())
    assert re.search(text or "", texts(report))


def in_message(**fields):
    def change(cluster):
        entry = override(cluster)
        entry["v1"]["message"].update(fields)
        return [override(cluster, 1), entry]

    return change


def in_entry(**fields):
    return lambda cluster: [override(cluster, 1), {**override(cluster), **fields}]


WRONG_OVERRIDES = {
    "fees": in_message(fee_recipient="0x" + "ee" * 20),
    "no fees": in_message(fee_recipient=""),
    "gas limit": in_message(gas_limit="1"),
    "gas limit a number": in_message(gas_limit=60000000),
    "timestamp": in_message(timestamp="1900000000"),
    "pubkey": lambda cluster: in_message(pubkey="0x" + cluster.lock.validators[1].public_key.hex())(cluster),
    "pubkey no point": in_message(pubkey="0x" + "11" * 48),
    "pubkey short": in_message(pubkey="0x11"),
    "version": in_entry(version="v2"),
    "no registration": in_entry(v1=None),
    "null": lambda cluster: [None],
    "an object": lambda cluster: {},
    "signature of another": lambda cluster: [
        {**override(cluster), "v1": {**override(cluster)["v1"], "signature": override(cluster, 1)["v1"]["signature"]}}
    ],
    "no signature": lambda cluster: [{**override(cluster), "v1": {**override(cluster)["v1"], "signature": ""}}],
}


@pytest.mark.parametrize("case", WRONG_OVERRIDES)
def test_wrong_overrides(dealt, cluster, case):
    write_overrides(dealt, WRONG_OVERRIDES[case](cluster))
    report = verify_path(str(dealt))
    assert errors(report) == {"overrides"}, texts(report)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"\xef\xbb\xbf[]", b"7"], ids=repr)
def test_unreadable_overrides(dealt, content):
    (dealt / layout.OVERRIDES).write_bytes(content)
    assert errors(verify_path(str(dealt))) == {"overrides"}


@pytest.mark.parametrize("name", ["overrides.json", layout.OVERRIDES + ".bak", "validator_keys/registrations"])
def test_overrides_elsewhere(dealt, cluster, name):
    (dealt / name).write_text(json.dumps([override(cluster, **OTHER_FEES)]))
    report = verify_path(str(dealt))
    assert report.ok and "%s has the form of builder registrations and was not verified" % name in texts(report)


def test_a_whole_key_on_a_node(dealt, cluster):
    password = (dealt / layout.KEYS / "keystore-0.txt").read_text()
    content = keystore.encrypt(cluster.keys[0].to_bytes(32, "big"), bls.secret_to_public(cluster.keys[0]), password)
    (dealt / layout.KEYS / "keystore-0.json").write_bytes(content)
    report = verify_path(str(dealt))
    assert errors(report) == {"key_shares"} and "holds the whole key of validator 0" in texts(report)
