# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our ``verify`` over what ``charon create cluster`` makes: it accepts that, and refuses it with any one field changed."""

import json
import shutil

import pytest
from ansible_collections.obol.dv.plugins.module_utils.cluster.lock import ClusterLock
from ansible_collections.obol.dv.plugins.module_utils.crypto.bls.signatures import bls
from ansible_collections.obol.dv.plugins.module_utils.data_dir.validator_keys import ValidatorKeys
from ansible_collections.obol.dv.plugins.module_utils.ethereum import builder_registration, networks
from ansible_collections.obol.dv.plugins.module_utils.verify.artefacts import verify_path
from ansible_collections.obol.dv.tests.support import mutations, stock_charon

ADDRESSES = [
    "0x000000000000000000000000000000000000dEaD",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
]
TERMS = {
    "nodes": 4,
    "num_validators": 1,
    "network": "hoodi",
    "fee_recipient_addresses": ADDRESSES[0],
    "withdrawal_addresses": ADDRESSES[1],
}
TESTNET = networks.custom_network("devnet-7", 7007, "0x70000000", 1700000000)
TESTNET_FLAGS = {
    "testnet_name": TESTNET.name,
    "testnet_chain_id": TESTNET.chain_id,
    "testnet_fork_version": "0x" + TESTNET.genesis_fork_version.hex(),
    "testnet_genesis_timestamp": TESTNET.genesis_time,
}

# What differs from TERMS.
CLUSTERS = {
    "hoodi": {"num_validators": 2},
    "mainnet": {"network": "mainnet"},
    "gnosis": {"network": "gnosis"},
    "chiado": {"network": "chiado"},
    "sepolia": {"network": "sepolia"},
    "holesky": {"network": "holesky"},
    "custom-testnet": {**TESTNET_FLAGS, "network": ""},
    "compounding": {"compounding": True},
    "compounding-amounts": {"compounding": True, "deposit_amounts": [8, 1, 2048]},
    "partial-amounts": {"deposit_amounts": [1, 31]},
    "repeated-amounts": {"deposit_amounts": [16, 16]},
    "unsorted-amounts": {"deposit_amounts": [20, 4, 8]},
    "three-nodes": {"nodes": 3},
    "five-nodes": {"nodes": 5},
    "seven-nodes": {"nodes": 7},
    "ten-nodes": {"nodes": 10},
    "other-threshold": {"nodes": 5, "threshold": 3},
    "addresses-of-each": {
        "num_validators": 3,
        "fee_recipient_addresses": ADDRESSES,
        "withdrawal_addresses": ADDRESSES[::-1],
    },
    "ten-validators": {"num_validators": 10},
    "gas-limit": {"target_gas_limit": 36000000},
    "qbft": {"consensus_protocol": "qbft"},
    "name": {"name": "Grüße <&> \u2028 \U0001f600"},
    "insecure-keys": {"insecure_keys": True},
}


def errors(report):
    return [finding for finding in report.findings if finding.level == "error"]


@pytest.mark.parametrize("name", CLUSTERS)
def test_what_charon_makes_is_accepted(charon, tmp_path, name):
    flags = {**TERMS, **CLUSTERS[name]}
    nodes = charon.create_cluster(tmp_path / "cluster", **flags)
    assert len(nodes) == flags["nodes"]
    for node in (nodes[0], nodes[-1]):
        report = verify_path(node, networks=networks.Networks(TESTNET))
        assert errors(report) == []
        assert len(report.cluster["operators"]) == flags["nodes"]
        assert len(report.cluster["validators"]) == flags["num_validators"]


def test_without_its_network_a_custom_testnet_is_refused(charon, tmp_path):
    node = charon.create_cluster(tmp_path, **{**TERMS, **TESTNET_FLAGS, "network": ""})[0]
    assert not verify_path(node).ok


def test_split_keys_are_accepted(charon, tmp_path):
    dealt = charon.create_cluster(tmp_path / "dealt", **TERMS)
    whole = charon.combine(dealt)
    flags = {name: value for name, value in TERMS.items() if name != "num_validators"}
    split = charon.create_cluster(tmp_path / "split", **flags, split_existing_keys=True, split_keys_dir=whole)
    first, second = verify_path(dealt[0]), verify_path(split[0])
    assert errors(second) == []
    assert first.cluster["validators"] == second.cluster["validators"]


@pytest.fixture(scope="module")
def node(charon_binary, tmp_path_factory):
    """A data directory that charon made: 4 operators, 2 validators, deposits of 1 and 31 ETH. Not to be changed."""
    work = tmp_path_factory.mktemp("mutations")
    flags = {**TERMS, "num_validators": 2, "deposit_amounts": [1, 31], "name": "mutations"}
    return stock_charon.Charon(charon_binary, work / "charon").create_cluster(work / "cluster", **flags)[1]


@pytest.fixture
def lock(node):
    """The JSON value of its lock."""
    return json.loads((node / "cluster-lock.json").read_text())


def check_refused(path, check):
    """That ``verify`` refuses what is at ``path``, and says ``check``."""
    found = errors(verify_path(path))
    assert check in {finding.check for finding in found}, found


@pytest.mark.parametrize("mutation", mutations.PLAIN, ids=str)
def test_one_changed_field_is_refused(lock, tmp_path, mutation):
    path = tmp_path / "cluster-lock.json"
    path.write_text(json.dumps(mutations.mutated(lock, mutation)))
    check_refused(path, mutation.check)


@pytest.mark.parametrize("mutation", mutations.RESEALED, ids=str)
def test_one_changed_field_with_right_hashes_is_refused(lock, tmp_path, mutation):
    path = tmp_path / "cluster-lock.json"
    path.write_text(json.dumps(mutations.resealed(mutations.mutated(lock, mutation))))
    check_refused(path, mutation.check)


@pytest.mark.parametrize("mutation", mutations.BESIDE, ids=str)
def test_one_changed_field_beside_the_lock_is_refused(node, tmp_path, mutation):
    copy = shutil.copytree(node, tmp_path / "node")
    path = copy / mutation.file
    content = path.read_text()
    path.unlink()
    if path.suffix == ".json":
        path.write_text(json.dumps(mutations.mutated(json.loads(content), mutation)))
    else:
        path.write_text(mutations.mutated(content, mutation))
    check_refused(copy, mutation.check)


NAMES = ["deposit_data-1700000000.json", "deposit-data (1).json", "validator_keys/deposit_data.json", "deposits/1eth"]


@pytest.mark.parametrize("name", NAMES)
def test_one_changed_field_of_deposits_by_another_name_is_refused(node, tmp_path, name):
    copy = shutil.copytree(node, tmp_path / "node")
    content = json.loads((copy / mutations.DEPOSITS).read_text())
    (copy / mutations.DEPOSITS).unlink()
    path = copy / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))
    assert errors(verify_path(copy)) == []
    for mutation in mutations.ANY_NAME:
        path.write_text(json.dumps(mutations.mutated(content, mutation)))
        check_refused(copy, mutation.check)


def test_unchanged_it_is_accepted(node, lock, tmp_path):
    """What the mutations are of, as they write it."""
    path = tmp_path / "cluster-lock.json"
    path.write_text(json.dumps(mutations.resealed(lock)))
    assert errors(verify_path(path)) == errors(verify_path(node)) == []


# What charon runs with


def moved(keys, names):
    """Keystores and their passwords by other names, ``{old number: new name}``, where ``None`` takes them away."""
    for suffix in (".json", ".txt"):
        for old, new in names.items():
            path = keys / ("keystore-insecure-%d%s" % (old, suffix))
            path.unlink() if new is None else path.rename(keys / (new + suffix + ".new"))
        for path in keys.glob("*.new"):
            path.rename(path.with_suffix(""))


def foreign_files(keys):
    for name in ("._keystore-0.txt", "._keystore-0.json", ".DS_Store", "README.txt", "Thumbs.db", "keystore-9.txt"):
        (keys / name).write_bytes(b"\0\5")


def without_public_keys(keys):
    for path in keys.glob("*.json"):
        path.chmod(0o600)
        path.write_text(json.dumps({key: value for key, value in json.loads(path.read_text()).items() if key != "pubkey"}))


# change of validator_keys, whether charon combine takes it, and what we say of it
DIRECTORIES = {
    "foreign files": (foreign_files, True, None),
    "no public keys": (without_public_keys, True, None),
    "a part": (lambda keys: moved(keys, {2: None}), True, "2 of 3 key shares are here"),
    "a gap": (lambda keys: moved(keys, {1: None}), False, "2 of 3 key shares are here"),
    "without the first": (lambda keys: moved(keys, {0: None}), False, "2 of 3 key shares are here"),
    "a large number": (lambda keys: moved(keys, {1: "keystore-7"}), False, "not numbered from 0 to 2"),
    "a name": (lambda keys: moved(keys, {1: "keystore-mine"}), False, "not numbered from 0 to 2"),
    "another order": (lambda keys: moved(keys, {0: "keystore-1", 1: "keystore-0"}), False, "in another order"),
}


@pytest.mark.parametrize("case", DIRECTORIES)
def test_directories_of_keystores(charon, tmp_path, case):
    change, taken, text = DIRECTORIES[case]
    nodes = charon.create_cluster(tmp_path / "cluster", **{**TERMS, "num_validators": 3, "insecure_keys": True})
    change(nodes[0] / "validator_keys")
    # Of each validator that is left as many shares as it takes, one of them by this node.
    for node in nodes[1:]:
        if case == "a part":
            change(node / "validator_keys")
    if taken:
        charon.combine(nodes[:3])
    else:
        with pytest.raises(stock_charon.CharonError):
            charon.combine(nodes[:3])
    report = verify_path(nodes[0])
    assert errors(report) == []
    found = [finding.text for finding in report.findings if finding.check == "key_shares" and "insecure" not in finding.text]
    assert all(text and text in each for each in found if "keystore-9.txt" not in each) and (text is None or found)


# Overrides of builder registrations


def overrides(charon, nodes, **fields):
    """What ``charon feerecipient fetch`` would write, signed by the whole keys; ``fields`` as they are signed."""
    found = ClusterLock.parse((nodes[0] / "cluster-lock.json").read_bytes())
    entries = []
    for key, validator in zip(ValidatorKeys(charon.combine(nodes)).read(), found.validators):
        signed = {
            "fee_recipient": b"\xee" * 20,
            "gas_limit": 36_000_000,
            "timestamp": validator.registration.timestamp + 1,
            "pubkey": validator.public_key,
            **fields,
        }
        root = builder_registration.signing_root(**signed, fork_version=found.definition.fork_version)
        message = {name: str(value) if isinstance(value, int) else "0x" + value.hex() for name, value in signed.items()}
        entries.append({"version": "v1", "v1": {"message": message, "signature": "0x" + bls.sign(key, root).hex()}})
    return entries


def write_overrides(node, entries):
    (node / "builder_registrations_overrides.json").write_text(json.dumps(entries, indent=2))
    return verify_path(node)


def test_overrides_are_judged_as_charon_judges_them(charon, tmp_path):
    nodes = charon.create_cluster(tmp_path / "cluster", **{**TERMS, "nodes": 3, "insecure_keys": True})
    right = overrides(charon, nodes)
    report = write_overrides(nodes[0], right)
    assert errors(report) == [] and "the fees of validator 0" in str(report.findings)
    flags = {"overrides_file": nodes[0] / "builder_registrations_overrides.json"}
    with charon.relay() as relay:
        with charon.run_nodes(nodes, relay, **flags):
            pass
        for mutation in mutations.OVERRIDES:
            report = write_overrides(nodes[0], mutations.mutated(right, mutation))
            assert {finding.check for finding in errors(report)} == {"overrides"}, mutation
        with pytest.raises(stock_charon.CharonError, match="builder registration override"), charon.run_nodes(nodes, relay, **flags):
            pass


# What charon alpha edit writes

EDITS = {
    "recreate-private-keys": {},
    "add-validators": {"fee_recipient_addresses": ADDRESSES[0], "withdrawal_addresses": ADDRESSES[1]},
}


@pytest.mark.parametrize("command", EDITS)
def test_edited_clusters(charon, tmp_path, command):
    nodes = charon.create_cluster(tmp_path / "cluster", **{**TERMS, "nodes": 3, "insecure_keys": True})
    with charon.relay() as relay:
        charon.edit(command, nodes, relay, "distributed_validator", **EDITS[command])
    for node in nodes:
        assert errors(verify_path(node / "distributed_validator")) == []
        report = verify_path(node)
        assert errors(report) == [] and "distributed_validator: a cluster of its own" in str(report.findings)
    # The old shares are none of the new cluster, unless validators were added to them.
    for path in (nodes[0] / "validator_keys").iterdir():
        shutil.copy(path, nodes[0] / "distributed_validator" / "validator_keys" / path.name.replace("insecure-", ""))
    found = {finding.check for finding in errors(verify_path(nodes[0] / "distributed_validator"))}
    assert found == (set() if command == "add-validators" else {"key_shares"})
