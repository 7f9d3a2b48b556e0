# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is right verifies: dealt clusters, charon's, the launchpad's. What cannot be read is a finding, not a crash."""

import json
import random

import pytest
from ansible_collections.obol.dv.plugins.module_utils.cluster.lock import ClusterLock
from ansible_collections.obol.dv.plugins.module_utils.crypto import secp256k1
from ansible_collections.obol.dv.plugins.module_utils.data_dir import layout
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum import enr
from ansible_collections.obol.dv.plugins.module_utils.ethereum.networks import Networks, custom_network
from ansible_collections.obol.dv.plugins.module_utils.verify.artefacts import verify_path
from ansible_collections.obol.dv.plugins.module_utils.verify.definition import verify_definition
from ansible_collections.obol.dv.plugins.module_utils.verify.lock import verify_lock
from ansible_collections.obol.dv.tests.support.dealt_cluster import GWEI, DealtCluster, errors, texts, warnings


def test_dealt_cluster(cluster, tmp_path):
    for index in range(4):
        cluster.write(tmp_path / str(index), index)
        report = verify_path(str(tmp_path / str(index)))
        assert report.ok and not report.findings
    definition = cluster.lock.definition
    assert report.cluster == {
        "name": "dealt <by> a test",
        "network": "hoodi",
        "threshold": 3,
        "terms": {
            "name": "dealt <by> a test",
            "network": "hoodi",
            "num_validators": len(cluster.lock.validators),
            "threshold": 3,
            "withdrawal_addresses": list(dict.fromkeys(each.withdrawal_address for each in definition.validators)),
            "fee_recipient_addresses": list(dict.fromkeys(each.fee_recipient_address for each in definition.validators)),
            "deposit_amounts": [8, 24],
            "compounding": definition.compounding,
            "target_gas_limit": definition.target_gas_limit,
            "consensus_protocol": definition.consensus_protocol,
            "operators": [operator.address for operator in definition.operators],
            "creator": definition.creator.address,
        },
        "config_hash": "0x" + definition.config_hash.hex(),
        "definition_hash": "0x" + definition.definition_hash.hex(),
        "lock_hash": "0x" + cluster.lock.lock_hash.hex(),
        "operators": [
            {
                "share_index": index,
                "address": operator.address,
                "peer_id": enr.peer_id(secp256k1.public_key(cluster.node_keys[index - 1])),
            }
            for index, operator in enumerate(definition.operators, 1)
        ],
        "validators": ["0x" + validator.public_key.hex() for validator in cluster.lock.validators],
    }
    report.raise_errors()


@pytest.mark.parametrize("operators, threshold", [(1, 1), (3, 2), (5, 2), (7, 5), (7, 7)])
def test_other_shapes(operators, threshold):
    assert verify_lock(DealtCluster(operators, threshold, validators=1).lock).ok


@pytest.mark.parametrize("version", ["v1.7.0", "v1.8.0", "v1.9.0", "v1.10.0", "v1.11.0"])
def test_versions(version):
    minor = int(version.split(".")[1])
    fields = {"deposit_amounts": None} if minor < 8 else {}
    made = DealtCluster(validators=1, version=version, target_gas_limit=60_000_000 if minor >= 10 else 0, **fields).lock
    for each in (made, ClusterLock.parse(made.dump())):
        assert not verify_lock(each).findings


def test_compounding_and_default_amounts():
    made = DealtCluster(validators=1, compounding=True, deposit_amounts=None).lock
    assert [each.amount // GWEI for each in made.validators[0].deposits] == [1, 8, 32, 256]
    assert not verify_lock(made).findings


def test_a_network_of_ones_own(cluster):
    network = custom_network("devnet", 3151908, "0x10000038", 1700000000)
    made = DealtCluster(validators=1, signed=False, fork_version=network.genesis_fork_version)
    assert errors(verify_lock(made.lock)) == {"network"}
    report = verify_lock(made.lock, Networks(network))
    assert report.ok and report.cluster["network"] == "devnet"
    assert warnings(report) == {"definition_signatures", "builder_registration"}


LOCKS = [
    "charon/examples/cluster-lock-000.json",
    "charon/examples/cluster-lock-001.json",
    "charon/examples/cluster-lock-002.json",
    "charon/examples/cluster-lock-003.json",
    "charon-1.10.3/signed-definition/cluster-lock.json",
    "charon-1.10.3/signed-definition",
    "charon-1.10.3/hoodi-4x3/node0",
    "charon-1.10.3/hoodi-4x3/node1",
    "charon-1.10.3/hoodi-4x3/node2",
    "charon-1.10.3/hoodi-4x3/node3",
    "obol-sdk/clusterLockV1X10.json",
    "charon-1.10.3/signed-definition/cluster-definition.json",
    *("charon/examples/cluster-definition-%03d.json" % number for number in (0, 2, 3, 4, 5, 6)),
]


@pytest.mark.parametrize("name", LOCKS)
def test_foreign_files_are_right(vectors, name):
    report = verify_path(str(vectors / name))
    assert not errors(report), texts(report)
    assert report.cluster["operators"]


@pytest.mark.parametrize("minor", range(12))
def test_charons_random_locks_are_wrong(vectors, minor):
    """Hashes are right there, keys and signatures are random bytes."""
    report = verify_path(str(vectors / ("charon/testdata/cluster_lock_v1_%d_0.json" % minor)))
    assert {"public_key", "public_shares", "threshold"} <= errors(report)
    assert not {"lock_hash", "definition_hashes"} & errors(report)


def test_example_without_real_enrs(vectors):
    assert errors(verify_path(str(vectors / "charon/examples/cluster-definition-001.json"))) == {"enr"}


# What cannot be read


def test_nothing_there(tmp_path):
    for path in (tmp_path / "none", tmp_path / "none" / "cluster-lock.json", "a\0b", ""):
        with pytest.raises(DvError, match="there is no"):
            verify_path(str(path))


UNREADABLE = {
    "empty": b"",
    "not JSON": b"{",
    "not UTF-8": b"\xff\xfe",
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "nothing": b"{}",
    "deep": b"[" * 50000,
    "a key twice": b'{"version": "v1.10.0", "version": "v1.10.0"}',
    "lock of nothing": b'{"cluster_definition": {}}',
    "lock of a list": b'{"cluster_definition": []}',
    "lock of a new version": b'{"cluster_definition": {"version": "v2.0.0"}}',
    "definition of a new version": b'{"version": "v1.12.0"}',
    "no fields": b'{"version": "v1.10.0"}',
    "lock without fields": b'{"cluster_definition": {"version": "v1.10.0"}}',
    "old lock without fields": b'{"cluster_definition": {"version": "v1.0.0"}}',
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_unreadable_files(tmp_path, case):
    path = tmp_path / "file.json"
    path.write_bytes(UNREADABLE[case])
    assert errors(verify_path(str(path)))
    (tmp_path / layout.LOCK).write_bytes(UNREADABLE[case])
    assert errors(verify_path(str(tmp_path)))


def test_definition_file(cluster, tmp_path):
    path = tmp_path / "terms.json"
    path.write_bytes(cluster.lock.definition.dump())
    report = verify_path(str(path))
    assert not report.findings and report.cluster["lock_hash"] is None and report.cluster["validators"] == []
    assert verify_definition(cluster.lock.definition).cluster == report.cluster


def test_unknown_keys_are_a_warning(cluster, tmp_path):
    for content in (cluster.lock.dump(), cluster.lock.definition.dump()):
        value = json.loads(content)
        value["surprise"] = 1
        path = tmp_path / "file.json"
        path.write_text(json.dumps(value))
        report = verify_path(str(path))
        assert report.ok and "surprise" in texts(report)


def test_fuzz_raises_nothing(tmp_path):
    """Bytes of a lock replaced at random: findings, whatever they are."""
    content = DealtCluster(validators=1, operators=3, threshold=2).lock.dump()
    rng = random.Random(4)
    path = tmp_path / "cluster-lock.json"
    wrong = 0
    for _dummy in range(150):
        damaged = bytearray(content)
        for _dummy in range(rng.randrange(1, 5)):
            damaged[rng.randrange(len(damaged))] = rng.choice(b'"{}[]:,0123456789abcx\\\xff')
        path.write_bytes(damaged)
        wrong += not verify_path(str(path)).ok
    assert wrong > 100


def _leaves(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _leaves(inner, (*path, key))


@pytest.mark.parametrize("strange", [None, 0, -1, 2**70, 1.5, True, "", "0x", "x", [], [[]], {}], ids=repr)
def test_strange_values_everywhere_raise_nothing(tmp_path, strange):
    content = DealtCluster(validators=1, operators=3, threshold=2).lock.dump()
    path = tmp_path / "cluster-lock.json"
    for place in list(_leaves(json.loads(content)))[1:]:
        value = json.loads(content)
        parent = value
        for key in place[:-1]:
            parent = parent[key]
        parent[place[-1]] = strange
        path.write_text(json.dumps(value))
        verify_path(str(path))
