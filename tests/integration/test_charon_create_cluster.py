# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our ``verify`` over what ``charon create cluster`` makes: it accepts that, and refuses it with any one field changed."""

import json
import shutil

import pytest
from ansible_collections.obol.dv.plugins.module_utils import networks
from ansible_collections.obol.dv.plugins.module_utils.verify import verify_path
from ansible_collections.obol.dv.tests import charon_tool, mutations

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
TESTNET = networks.custom("devnet-7", 7007, "0x70000000", 1700000000)
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
        report = verify_path(node, custom_networks=(TESTNET,))
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
    return charon_tool.Charon(charon_binary, work / "charon").create_cluster(work / "cluster", **flags)[1]


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


def test_unchanged_it_is_accepted(node, lock, tmp_path):
    """What the mutations are of, as they write it."""
    path = tmp_path / "cluster-lock.json"
    path.write_text(json.dumps(mutations.resealed(lock)))
    assert errors(verify_path(path)) == errors(verify_path(node)) == []
