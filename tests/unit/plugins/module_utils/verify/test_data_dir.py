# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files around a lock, one change at a time: the table says which check must notice, or only warn."""

import json
import os
import re
import shutil
from dataclasses import replace

import pytest
from ansible_collections.obol.dv.plugins.module_utils.cluster.definition import with_hashes
from ansible_collections.obol.dv.plugins.module_utils.cluster.lock import ClusterLock
from ansible_collections.obol.dv.plugins.module_utils.crypto.bls.signatures import bls
from ansible_collections.obol.dv.plugins.module_utils.data_dir import layout
from ansible_collections.obol.dv.plugins.module_utils.ethereum import deposit, keystore
from ansible_collections.obol.dv.plugins.module_utils.verify.artefacts import verify_path
from ansible_collections.obol.dv.tests.support.dealt_cluster import GWEI, DealtCluster, errors, texts, warnings

KEYS = layout.KEYS


def in_json(name, change):
    """A change of the value in the JSON file ``name``."""

    def changed(node):
        path = node / name
        value = json.loads(path.read_bytes())
        change(value)
        path.write_text(json.dumps(value))

    return changed


def content(name, data):
    return lambda node: (node / name).write_bytes(data)


def secret(name, data=b"0"):
    """A new file that only its owner reads."""

    def changed(node):
        (node / name).write_bytes(data)
        (node / name).chmod(0o600)

    return changed


def remove(name):
    return lambda node: (node / name).unlink()


def rename(old, new):
    return lambda node: (node / old).rename(node / new)


def swap(first, second):
    def changed(node):
        for suffix in (".json", ".txt"):
            one, other = node / KEYS / (first + suffix), node / KEYS / (second + suffix)
            one_content = one.read_bytes()
            one.write_bytes(other.read_bytes())
            other.write_bytes(one_content)

    return changed


def _deposit_files(node):
    return sorted(path for path in node.iterdir() if deposit.is_file_name(path.name))


def in_deposits(change):
    """A change of the list in the first deposit data file."""
    return lambda node: in_json(_deposit_files(node)[0].name, change)(node)


def entry(**fields):
    return in_deposits(lambda entries: entries[1].update(fields))


def _hex(name, digits):
    """A change of the last digits of a hex field of a deposit."""
    return in_deposits(lambda entries: entries[1].update({name: entries[1][name][: -len(digits)] + digits}))


def _swap_signatures(entries):
    entries[0]["signature"], entries[1]["signature"] = entries[1]["signature"], entries[0]["signature"]


def _stranger(node):
    """The keystore of a share that nobody knows, with its right password."""
    password = (node / KEYS / "keystore-1.txt").read_text()
    (node / KEYS / "keystore-1.json").write_bytes(keystore.encrypt(bytes(31) + b"\5", bls.secret_to_public(5), password))


def _one_more(node):
    for suffix in (".json", ".txt"):
        last = max(int(path.stem.split("-")[1]) for path in (node / KEYS).glob("*.json"))
        shutil.copy(
            node / KEYS / ("keystore-0" + suffix),
            node / KEYS / ("keystore-%d%s" % (last + (suffix == ".json"), suffix)),
        )


def _insecure(node):
    for path in list((node / KEYS).iterdir()):
        path.rename(path.with_name(path.name.replace("keystore-", "keystore-insecure-")))


def _definition(change):
    """The lock's definition as a file, after ``change`` (dataclass fields)."""

    def changed(node):
        found = ClusterLock.parse((node / layout.LOCK).read_bytes()).definition
        (node / layout.DEFINITION).write_bytes(with_hashes(replace(found, **change)).dump())

    return changed


def _without_lock(node):
    _definition({})(node)
    (node / layout.LOCK).unlink()


FIRST = KEYS + "/keystore-0"

# name: (change, check that must find an error, part of its text)
WRONG = {
    "node key is no hex": (content(layout.NODE_KEY, b"secret"), "node_key", "does not hold a key"),
    "node key is zero": (content(layout.NODE_KEY, b"0" * 64), "node_key", "no secp256k1 private key"),
    "node key is short": (content(layout.NODE_KEY, b"12" * 31), "node_key", "does not hold a key"),
    "node key is empty": (content(layout.NODE_KEY, b""), "node_key", "does not hold a key"),
    "node key of a stranger": (content(layout.NODE_KEY, b"12" * 32), "node_key", "wanted: that of an operator"),
    "lock is cut": (lambda node: os.truncate(node / layout.LOCK, 3000), "lock", "not JSON"),
    "lock is empty": (content(layout.LOCK, b""), "lock", "not JSON"),
    "lock is a directory": (
        lambda n: (n / layout.LOCK).unlink() or (n / layout.LOCK).mkdir(),
        "lock",
        "cannot read",
    ),
    "no lock but keystores": (remove(layout.LOCK), "key_shares", "none without a lock"),
    "no lock but deposits": (remove(layout.LOCK), "deposit_files", "no lock that it belongs to"),
    "no lock, no definition": (remove(layout.LOCK), "data_dir", "holds no cluster-lock.json"),
    "definition only, but keystores": (_without_lock, "key_shares", "none without a lock"),
    "definition is not JSON": (content(layout.DEFINITION, b"{"), "definition", "not JSON"),
    "definition of another cluster": (_definition({"name": "another"}), "definition", "has the definition hash"),
    "definition with another threshold": (_definition({"threshold": 4}), "definition", "has the definition hash"),
    "definition with another ENR": (
        lambda node: _definition({"operators": ClusterLock.parse((node / layout.LOCK).read_bytes()).definition.operators[::-1]})(node),
        "definition",
        "has the definition hash",
    ),
    "password wrong": (content(FIRST + ".txt", b"0" * 32), "key_shares", "does not fit"),
    "password empty": (content(FIRST + ".txt", b""), "key_shares", "does not fit"),
    "password not text": (content(FIRST + ".txt", b"\xff"), "key_shares", "not UTF-8"),
    "password missing": (remove(FIRST + ".txt"), "key_shares", "cannot read"),
    "keystore cut": (lambda node: os.truncate(node / (FIRST + ".json"), 100), "key_shares", "not JSON"),
    "keystore with a strange name": (content(KEYS + "/keystore-x.json", b"{}"), "key_shares", "keystore-x.json"),
    "keystore of a stranger": (_stranger, "key_shares", "not in the lock"),
    "keystore ciphertext": (
        in_json(FIRST + ".json", lambda value: value["crypto"]["cipher"].update(message="00" * 32)),
        "key_shares",
        "does not fit",
    ),
    "keystore IV": (
        in_json(FIRST + ".json", lambda value: value["crypto"]["cipher"]["params"].update(iv="00" * 16)),
        "key_shares",
        "not in the lock|no BLS secret|another key",
    ),
    "keystore salt": (
        in_json(FIRST + ".json", lambda value: value["crypto"]["kdf"]["params"].update(salt="00" * 32)),
        "key_shares",
        "does not fit",
    ),
    "keystore rounds": (
        in_json(FIRST + ".json", lambda value: value["crypto"]["kdf"]["params"].update(c=1 << 30)),
        "key_shares",
        "rounds of PBKDF2",
    ),
    "keystore checksum": (
        in_json(FIRST + ".json", lambda value: value["crypto"]["checksum"].update(message="00" * 32)),
        "key_shares",
        "does not fit",
    ),
    "keystore pubkey": (
        in_json(FIRST + ".json", lambda value: value.update(pubkey=bls.secret_to_public(5).hex())),
        "key_shares",
        "another key than the one in it",
    ),
    "keystore version": (in_json(FIRST + ".json", lambda value: value.update(version=3)), "key_shares", "version 3"),
    "deposit pubkey": (entry(pubkey=bls.secret_to_public(5).hex()), "deposit_files", "one for each of the lock"),
    "deposit credentials": (_hex("withdrawal_credentials", "00"), "deposit_files", "deposit_message_root is"),
    "deposit amount": (entry(amount=9 * GWEI), "deposit_files", "deposit of 9000000000 Gwei"),
    "deposit signature": (_hex("signature", "00"), "deposit_files", "deposit_data_root is"),
    "deposit signatures swapped": (in_deposits(_swap_signatures), "deposit_files", "deposit_data_root is"),
    "deposit message root": (_hex("deposit_message_root", "00"), "deposit_files", "deposit_message_root is"),
    "deposit data root": (_hex("deposit_data_root", "00"), "deposit_files", "deposit_data_root is"),
    "deposit fork version": (entry(fork_version="00000000"), "deposit_files", "fork_version is 00000000"),
    "deposit network": (entry(network_name="mainnet"), "deposit_files", "network_name is mainnet; wanted: hoodi"),
    "deposit missing": (in_deposits(lambda entries: entries.pop()), "deposit_files", "one for each of the lock"),
    "deposit twice": (
        in_deposits(lambda entries: entries.append(entries[0])),
        "deposit_files",
        "one for each of the lock",
    ),
    "deposit file is no list": (
        lambda node: _deposit_files(node)[0].write_bytes(b"{}"),
        "deposit_files",
        "a list of deposits",
    ),
    "deposit file with another name": (
        lambda node: _deposit_files(node)[0].rename(node / "deposit-data.json"),
        "deposit_files",
        "deposit-data.json has a deposit of",
    ),
    "deposit file of another cluster": (
        lambda node: (node / "deposit-data-8eth.json").write_bytes(_FOREIGN),
        "deposit_files",
        "one for each of the lock",
    ),
}
_OTHER = DealtCluster(validators=1)
_FOREIGN = deposit.dump_file(_OTHER.lock.validators[0].deposits[:1], _OTHER.network.genesis_fork_version, "hoodi")


@pytest.mark.parametrize("case", WRONG)
def test_wrong(node, cluster, case):
    change, check, text = WRONG[case]
    secrets = [path.read_text() for path in (node / layout.NODE_KEY, *(node / KEYS).glob("*.txt"))]
    secrets += [form % shares[0] for shares in cluster.shares for form in ("%x", "%d")]
    change(node)
    report = verify_path(str(node))
    assert check in errors(report), texts(report)
    assert re.search(text, "\n".join(finding.text for finding in report.findings if finding.check == check))
    assert not [secret for secret in secrets if secret in texts(report).lower()]


def _modes(directory, file):
    def changed(node):
        for path in (node, node / KEYS):
            path.chmod(directory)
        for path in (*node.glob("*"), *(node / KEYS).glob("*")):
            if path.is_file():
                path.chmod(file)

    return changed


DOUBTFUL = {
    "no node key": (remove(layout.NODE_KEY), "node_key"),
    "no key shares": (lambda node: shutil.rmtree(node / KEYS), "key_shares"),
    "insecure keystores": (_insecure, "key_shares"),
    "a keystore missing": (remove(FIRST + ".json"), "key_shares"),
    "all keystores missing": (lambda node: [path.unlink() for path in (node / KEYS).iterdir()], "key_shares"),
    "keystore too many": (_one_more, "key_shares"),
    "keystores swapped": (swap("keystore-0", "keystore-1"), "key_shares"),
    "password without keystore": (secret(KEYS + "/keystore-9.txt"), "key_shares"),
    "a deposit file missing": (lambda node: _deposit_files(node)[0].unlink(), "deposit_files"),
    "no deposit files": (lambda node: [path.unlink() for path in _deposit_files(node)], "deposit_files"),
    "directories of 0755": (_modes(0o755, 0o600), "mode"),
    "files of 0444": (_modes(0o700, 0o444), "mode"),
    "files of 0666": (_modes(0o700, 0o666), "mode"),
    "a key nobody knows": (in_json(layout.LOCK, lambda value: value.update(surprise=1)), "lock"),
}


@pytest.mark.parametrize("case", DOUBTFUL)
def test_doubtful(node, case):
    before = warnings(verify_path(str(node)))
    change, check = DOUBTFUL[case]
    change(node)
    report = verify_path(str(node))
    assert report.ok, texts(report)
    assert warnings(report) - before == {check}


RIGHT = {
    "the same definition": _definition({}),
    "other files": content("notes.txt", b"mine"),
    "a ceremony directory": lambda node: (node / layout.CEREMONY).mkdir(mode=0o700),
    "read-only files": _modes(0o500, 0o400),
    "white space around the node key": lambda node: (node / layout.NODE_KEY).write_bytes(
        b"\n%s \n" % (node / layout.NODE_KEY).read_bytes()
    ),
    "another order of deposits": in_deposits(lambda entries: entries.reverse()),
}


@pytest.mark.parametrize("case", RIGHT)
def test_right(node, case):
    before = verify_path(str(node)).findings
    RIGHT[case](node)
    assert verify_path(str(node)).findings == before


def test_key_shares_of_another_node(cluster, tmp_path):
    cluster.write(tmp_path / "node1", 0)
    cluster.write(tmp_path / "node2", 1)
    shutil.rmtree(tmp_path / "node1" / KEYS)
    shutil.copytree(tmp_path / "node2" / KEYS, tmp_path / "node1" / KEYS)
    report = verify_path(str(tmp_path / "node1"))
    assert errors(report) == {"key_shares"}
    assert "the share of operator 2 for validator 0" in texts(report)
    # Without the node key the shares alone say whose directory it is.
    (tmp_path / "node1" / layout.NODE_KEY).unlink()
    assert verify_path(str(tmp_path / "node1")).ok


def test_key_shares_of_two_nodes(cluster, tmp_path):
    cluster.write(tmp_path / "node1", 0)
    cluster.write(tmp_path / "node2", 1)
    for suffix in ("json", "txt"):
        shutil.copy(tmp_path / "node2" / KEYS / ("keystore-1." + suffix), tmp_path / "node1" / KEYS)
    (tmp_path / "node1" / layout.NODE_KEY).unlink()
    report = verify_path(str(tmp_path / "node1"))
    assert errors(report) == {"key_shares"} and "operator 2 for validator 1" in texts(report)


def test_definition_only(cluster, tmp_path):
    (tmp_path / layout.DEFINITION).write_bytes(cluster.lock.definition.dump())
    (tmp_path / layout.NODE_KEY).write_text(cluster.node_keys[2].hex())
    report = verify_path(str(tmp_path))
    assert report.ok and report.cluster["lock_hash"] is None
    assert warnings(report) <= {"mode"}


def test_deposits_that_only_the_files_have(tmp_path):
    """A lock without deposit data, as some of charon's: the files' signatures are verified themselves."""
    made = DealtCluster()
    full = made.lock
    made.lock = made.seal(replace(full, validators=tuple(replace(each, deposits=()) for each in full.validators)))
    made.write(tmp_path / "node")
    network = made.network
    for amount, place in ((8 * GWEI, 0), (24 * GWEI, 1)):
        deposits = [validator.deposits[place] for validator in full.validators]
        path = tmp_path / "node" / deposit.file_name(amount)
        path.write_bytes(deposit.dump_file(deposits, network.genesis_fork_version, network.name))
        path.chmod(0o600)
    report = verify_path(str(tmp_path / "node"))
    assert report.ok and warnings(report) == {"deposit_data"}
    swapped = [replace(deposits[0], signature=deposits[1].signature), deposits[1]]
    path.write_bytes(deposit.dump_file(swapped, network.genesis_fork_version, network.name))
    report = verify_path(str(tmp_path / "node"))
    assert errors(report) == {"deposit_files"} and "validator 0" in texts(report)
