# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clusters other than the four local nodes: numbers, orders, creators, networks, one operator with several nodes."""

from ansible_collections.obol.dv.plugins.module_utils.cluster.definition import Definition
from ansible_collections.obol.dv.plugins.module_utils.ethereum import networks
from ansible_collections.obol.dv.plugins.module_utils.verify.artefacts import verify_path
from ansible_collections.obol.dv.tests.support import playbook
from ansible_collections.obol.dv.tests.support.inventory import OperatorGroup

TESTNET = networks.custom_network("devnet-7", 7007, "0x70000007", 1700000000)
OTHER = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


def test_three_nodes_of_the_local_inventory(tmp_path, check_complete):
    inventory = playbook.inventory_of(tmp_path, 3)
    printed = playbook.run(["create-cluster.yml"], tmp_path / "nodes", "-e", "dv_num_validators=1", inventory=inventory)
    check_complete(playbook.data_dirs(tmp_path / "nodes", 3))
    assert "2 of 3 operators" in printed


def test_a_creator_who_is_no_operator_on_a_testnet_of_ones_own(tmp_path):
    """The operators are in another order than the nodes; the creator's wallet is on the second node; nothing is a default."""
    group = OperatorGroup(
        tmp_path / "group",
        3,
        name="Grüße <&>",
        network=None,
        testnet_name=TESTNET.name,
        testnet_chain_id=TESTNET.chain_id,
        testnet_fork_version="0x" + TESTNET.genesis_fork_version.hex(),
        testnet_genesis_timestamp=TESTNET.genesis_time,
        num_validators=2,
        threshold=3,
        compounding=True,
        deposit_amounts=[8, 2040],
        consensus_protocol="qbft",
        target_gas_limit=36_000_000,
        creator_node="node2",
    )
    addresses = group.variables["dv_operators"]
    order = [addresses[2], addresses[0], addresses[1]]
    creator = group.make_wallet("creator")
    group.variables.update(
        dv_operators=order,
        dv_creator=creator,
        dv_creator_wallet_file=str(group.directory / "creator" / "wallet.json"),
        dv_creator_wallet_password_file=str(group.directory / "creator" / "wallet-password.txt"),
        dv_withdrawal_addresses=[OTHER, order[0]],
    )
    for name in group.names:
        group.write_policy(name, networks=["0x70000007"], withdrawal_addresses=[OTHER, order[0]], compounding=True, threshold=3)
    printed = group.run()
    for index, name in enumerate(("node3", "node1", "node2")):
        assert "  %d             %s   %s" % (index + 1, name, order[index]) in printed
    locks = set()
    for data_dir in group.data_dirs:
        report = verify_path(data_dir, networks=networks.Networks(TESTNET))
        assert report.ok, report.findings
        assert not verify_path(data_dir).ok  # a network that nobody knows
        locks.add(report.cluster["lock_hash"])
        assert sorted(path.name for path in data_dir.glob("deposit-data*.json")) == [
            "deposit-data-2040eth.json",
            "deposit-data-8eth.json",
        ]
    assert len(locks) == 1
    made = Definition.parse((group.data_dirs[0] / "cluster-definition.json").read_bytes())
    assert (made.creator.address, made.name, made.threshold) == (creator, "Grüße <&>", 3)
    assert (made.compounding, made.consensus_protocol, made.target_gas_limit) == (True, "qbft", 36_000_000)
    assert [operator.address for operator in made.operators] == order
    verified = group.run(playbooks=["playbooks/verify.yml"])
    assert {counts["changed"] for counts in playbook.recap(verified).values()} == {0}


def test_seven_nodes_of_which_one_operator_has_three(tmp_path, check_complete, check_refused):
    group = OperatorGroup(tmp_path / "group", 7, allow_shared_operator_address=True)
    shared = ("node1", "node4", "node7")
    for name in shared[1:]:
        for file in ("wallet.json", "wallet-password.txt"):
            (group.directory / name / file).write_bytes((group.directory / "node1" / file).read_bytes())
        group.hosts[name] = dict(group.hosts["node1"])
    group.variables["dv_operators"] = [host["dv_operator_address"] for host in group.hosts.values()]
    for name in group.names:
        group.write_policy(name)
    group.write_inventory()
    refused = check_refused(group.directory, ["- node1, node4, node7: dv_share_index is not set"], group.attempt)
    assert "one of 1, 4, 7, the places of" in refused.stdout
    for name, index in zip(shared, (4, 7, 1)):
        group.hosts[name]["dv_share_index"] = index
    printed = group.run()
    check_complete(group.data_dirs)
    assert "5 of 7 operators" in printed
    for name, index in zip(shared, (4, 7, 1)):
        assert "  %d             %s   " % (index, name) in printed
