# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stock charon over a cluster that our main job made: it names our nodes, gives back the whole keys, and runs."""

import itertools
import json
import shutil

import pytest
from ansible_collections.obol.dv.plugins.module_utils.cluster.lock import ClusterLock
from ansible_collections.obol.dv.plugins.module_utils.crypto.bls.signatures import bls
from ansible_collections.obol.dv.plugins.module_utils.data_dir import node_key
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.data_dir.validator_keys import ValidatorKeys
from ansible_collections.obol.dv.plugins.module_utils.ethereum import enr
from ansible_collections.obol.dv.tests.support import playbook, stock_charon


@pytest.fixture
def lock(our_cluster):
    return ClusterLock.parse((our_cluster[0] / "cluster-lock.json").read_bytes())


def test_the_enrs(charon, our_cluster, lock):
    enrs = [charon.enr(data_dir) for data_dir in our_cluster]
    assert enrs == [enr.encode(node_key.read(DataDir(data_dir))) for data_dir in our_cluster]
    assert sorted(enrs) == sorted(operator.enr for operator in lock.definition.operators)


@pytest.mark.parametrize("places", [(0, 1, 2, 3), *itertools.combinations(range(4), 3)], ids=str)
def test_combine_gives_back_every_key(charon, our_cluster, lock, places):
    whole = ValidatorKeys(charon.combine([our_cluster[place] for place in places])).read()
    assert [bls.secret_to_public(key) for key in whole] == [validator.public_key for validator in lock.validators]


def test_combine_needs_a_threshold(charon, our_cluster):
    with pytest.raises(stock_charon.CharonError, match="insufficient"):
        charon.combine(our_cluster[:2])


def test_combine_with_shares_of_the_wrong_node(charon, our_cluster, tmp_path):
    """The judge is not blind: the first node's shares in place of the second's are noticed."""
    mixed = tmp_path / "mixed"
    shutil.copytree(our_cluster[0], mixed)
    with pytest.raises(stock_charon.CharonError, match="unexpected resulting combined validator public key"):
        charon.combine([our_cluster[0], mixed, our_cluster[2]])


def test_four_nodes_run_and_broadcast_duties(charon, our_cluster, tmp_path):
    """On copies: a running charon leaves a lock file beside its key."""
    copies = [shutil.copytree(data_dir, tmp_path / data_dir.parent.name) for data_dir in our_cluster]
    with charon.relay() as relay, charon.run_nodes(copies, relay) as nodes:
        stock_charon.wait_for(lambda: all(node.broadcasts().get("attester") for node in nodes), "every node broadcasts an attestation")


def test_the_definition_goes_through_a_stock_dkg(charon, our_cluster, tmp_path):
    """The definition and the node keys of our cluster, once more through charon's own DKG, in full verification."""
    nodes = [tmp_path / data_dir.parent.name for data_dir in our_cluster]
    for node, data_dir in zip(nodes, our_cluster):
        node.mkdir()
        shutil.copy(data_dir / "charon-enr-private-key", node)
    with charon.relay() as relay:
        charon.dkg(nodes, our_cluster[0] / "cluster-definition.json", relay)
    ours, theirs = (json.loads((one / "cluster-lock.json").read_text()) for one in (our_cluster[0], nodes[0]))
    assert theirs["cluster_definition"] == ours["cluster_definition"]


def test_other_terms(charon, tmp_path):
    """A network of one's own, compounding validators, amounts and gas limit other than the defaults."""
    testnet = {"name": "devnet-7", "chain_id": 7007, "fork_version": "0x70000000", "genesis_timestamp": 1700000000}
    terms = {
        "dv_network": None,
        **{"dv_testnet_" + name: value for name, value in testnet.items()},
        "dv_num_validators": 1,
        "dv_compounding": True,
        "dv_deposit_amounts": [1, 2047],
        "dv_target_gas_limit": 36000000,
    }
    playbook.run(["create-cluster.yml"], tmp_path / "ours", "-e", json.dumps(terms))
    data_dirs = playbook.data_dirs(tmp_path / "ours")
    lock = ClusterLock.parse((data_dirs[0] / "cluster-lock.json").read_bytes())
    assert [each.amount for each in lock.validators[0].deposits] == [10**9, 2047 * 10**9]
    assert lock.validators[0].registration.gas_limit == 36000000
    flags = {"testnet_" + name: value for name, value in testnet.items()}
    whole = ValidatorKeys(charon.combine(data_dirs[1:], **flags)).read()
    assert [bls.secret_to_public(key) for key in whole] == [lock.validators[0].public_key]
