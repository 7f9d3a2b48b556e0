# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the main job refuses so that no cluster is harmed: other terms, other clusters' files, what a carrier slips in."""

import dataclasses
import json
import re
import shutil
from functools import partial

import pytest
from ansible_collections.obol.dv.plugins.module_utils.agreement import approval, proposal
from ansible_collections.obol.dv.plugins.module_utils.agreement.config import parse_config
from ansible_collections.obol.dv.plugins.module_utils.cluster.definition import Definition, with_hashes
from ansible_collections.obol.dv.plugins.module_utils.crypto import secp256k1
from ansible_collections.obol.dv.plugins.module_utils.data_dir import layout
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.ethereum import eip712, enr, networks
from ansible_collections.obol.dv.plugins.module_utils.signers import key_file_wallet
from ansible_collections.obol.dv.tests.support import playbook
from ansible_collections.obol.dv.tests.support.inventory import DEAD, OperatorGroup

OTHER = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
UP_TO_DEFINITION = ["playbooks/%s.yml" % name for name in ("preflight", "enr", "definition")]


@pytest.fixture(scope="module")
def signed_group(tmp_path_factory):
    """Four operators that have approved a definition; the DKG has not begun. Not to be changed."""
    group = OperatorGroup(tmp_path_factory.mktemp("signed") / "group")
    group.run(playbooks=UP_TO_DEFINITION)
    return group


@pytest.fixture
def signed(signed_group, tmp_path):
    """A copy of it to change."""
    return signed_group.copy(tmp_path / "group")


@pytest.fixture
def group(tmp_path):
    """Four operators that have done nothing yet."""
    return OperatorGroup(tmp_path / "group")


def proposed(group, **changes):
    """A proposal of other terms, or of the same once more, with the signature of its creator: node1's operator."""
    names = ("name", "network", "withdrawal_addresses", "fee_recipient_addresses", "operators")
    given = {name: group.variables["dv_" + name] for name in names}
    terms = parse_config({**given, "num_validators": 1, "creator": given["operators"][0], **changes})
    place = group.directory / "node1"
    wallet = key_file_wallet.KeyFileWallet(str(place / "wallet.json"), str(place / "wallet-password.txt"))
    made, _new = proposal.propose(DataDir(group.directory.parent / "forger"), terms, wallet, "ANOTHER", "2026-01-02T03:04:05Z")
    return made.dump()


def failures(done):
    """What the nodes that failed have told, by node; nothing has crashed."""
    assert "Traceback" not in done.stdout + done.stderr and "unforeseen" not in done.stdout, done.stdout + done.stderr
    # As YAML wraps and quotes them.
    texts = [" ".join(text.partition("\nTASK [")[0].split()).replace("''", "'") for text in done.stdout.split("fatal: [")[1:]]
    return {text.partition("]")[0]: text for text in texts}


def approvals(group):
    return [data_dir.parent.name for data_dir in group.data_dirs if (data_dir / "ceremony" / "approval.json").exists()]


# Before anything is done: the preflight


CHANGED = {
    "dv_num_validators": (2, "dv_num_validators: the definition has 1, the terms say 2"),
    "dv_threshold": (4, "dv_threshold: the definition has 3, the terms say 4"),
    "dv_withdrawal_addresses": ([OTHER], "dv_withdrawal_addresses: the definition has"),
}


@pytest.mark.parametrize("state", ["signed", "finished"])
def test_changed_terms(state, signed_group, our_cluster, check_refused):
    """All differences are told, once for all nodes; on finished clusters too."""
    variables = {name: value for name, (value, _text) in CHANGED.items()}
    texts = [text for _value, text in CHANGED.values()]
    arguments = ("-e", json.dumps(variables))
    if state == "signed":
        done = check_refused(signed_group.directory, [], lambda: signed_group.attempt(*arguments))
    else:
        directory = our_cluster[0].parents[1]
        texts[0] = "dv_num_validators: the definition has 2, the terms say"
        variables["dv_num_validators"] = 3
        arguments = ("-e", json.dumps(variables))
        done = check_refused(directory, [], lambda: playbook.attempt(["create-cluster.yml"], directory, *arguments))
    for text in texts:
        assert text in done.stdout
    assert "set the variables back" in done.stdout


def test_nodes_that_hold_something_else(signed, our_cluster, check_refused):
    """Another ENR private key, another definition, key shares of another cluster, and a cluster beside no definition."""
    nodes = signed.data_dirs
    (nodes[0] / layout.NODE_KEY).write_text("11" * 32)
    (nodes[1] / "cluster-definition.json").unlink()
    shutil.copy(our_cluster[0] / "cluster-definition.json", nodes[1])
    shutil.copytree(our_cluster[2] / "validator_keys", nodes[2] / "validator_keys")
    shutil.rmtree(nodes[3])
    nodes[3].mkdir()
    shutil.copytree(our_cluster[3] / "validator_keys", nodes[3] / "validator_keys")
    texts = [
        "- node1: charon-enr-private-key is not the key of any operator of the cluster in %s" % nodes[0],
        "- node2: %s holds a cluster with other terms" % nodes[1],
        "- node2: ceremony/accepted.json (accepted) in %s is of the definition 0x" % nodes[1],
        "- node2: charon-enr-private-key is not the key of any operator of the cluster in %s" % nodes[1],
        "- node3: %s holds validator_keys of a cluster that is not known here" % nodes[2],
        "- node4: %s holds validator_keys, but neither definition nor lock" % nodes[3],
    ]
    check_refused(signed.directory, texts, signed.attempt)


def test_two_nodes_with_one_key(group, check_refused):
    for data_dir in group.data_dirs[1:3]:
        data_dir.mkdir(mode=0o700)
        (data_dir / layout.NODE_KEY).write_text("11" * 32)
    group.write_inventory()
    check_refused(group.directory, ["- node2, node3: hold the same charon-enr-private-key"], group.attempt)


# What a carrier slips in, or an operator has to confirm


def test_a_proposal_of_other_terms_in_the_store(group, check_refused):
    """Not even where creator, carrier and control node are in league: the policy of every node forbids it, and nobody signs."""
    group.store.mkdir(parents=True)
    (group.store / "proposal.json").write_bytes(proposed(group, withdrawal_addresses=[OTHER]))
    other = 'dv_withdrawal_addresses[0]: the definition has "%s", the terms say "%s"' % (OTHER, DEAD)
    group.write_inventory()
    for arguments in ((), ("--check",)):
        check_refused(group.directory, [other], partial(group.attempt, *arguments))
    told = failures(group.attempt(playbooks=UP_TO_DEFINITION[1:]))
    assert "holds a proposal that is not of this node" in told.pop("node1")
    assert set(told) == {"node2", "node3", "node4"} and all(other in text for text in told.values()), told
    group.variables["dv_withdrawal_addresses"] = [OTHER]
    told = failures(group.attempt(playbooks=UP_TO_DEFINITION[1:]))
    for name in ("node2", "node3", "node4"):
        policy = group.directory / name / "policy.yml"
        assert "the withdrawal address of validator 0 is %s; %s allows" % (OTHER, policy) in told[name]
    assert approvals(group) == []
    assert [path.name for path in group.store.rglob("*")] == ["proposal.json"]


def test_a_proposal_that_its_creator_did_not_sign(group):
    made = Definition.parse(proposed(group))
    digest = eip712.digest(eip712.creator_config(made.config_hash, networks.KNOWN.by_name("hoodi").chain_id))
    creator = dataclasses.replace(made.creator, config_signature=secp256k1.sign(b"\x51" * 32, digest))
    forged = with_hashes(dataclasses.replace(made, creator=creator))
    group.store.mkdir(parents=True)
    (group.store / "proposal.json").write_bytes(forged.dump())
    told = failures(group.attempt())
    assert all("the creator's signature is not by" in told[name] for name in ("node2", "node3", "node4")), told
    assert approvals(group) == []


def test_another_store_after_the_approvals(signed, tree):
    """Same terms and operators, another proposal: each node has approved one cluster and stays with it."""
    for data_dir in signed.data_dirs:
        (data_dir / "cluster-definition.json").unlink()
        (data_dir / "ceremony" / "accepted.json").unlink()
    shutil.rmtree(signed.store)
    signed.store.mkdir()
    (signed.store / "proposal.json").write_bytes(proposed(signed))
    signed.write_inventory()
    before = tree(signed.directory)
    told = failures(signed.attempt())
    assert "the store %s holds a proposal that is not of this node" % signed.store in told.pop("node1")
    assert set(told) == {"node2", "node3", "node4"}
    assert all("approval.json is for the proposal with the config hash" in text for text in told.values()), told
    assert tree(signed.directory) == before


# What the carrier makes of an old ENR of node2's operator, whose private key it has, and what it is told.
THEFTS = {
    "an approval without binding": (
        lambda given, old: {"approvals/2.json": dataclasses.replace(old, binding_signature=b"").dump()},
        "waits for: no approval binds the ENR of operator 2 to this cluster",
    ),
    "an approval with the binding of the right ENR": (
        lambda given, old: {"approvals/2.json": dataclasses.replace(old, binding_signature=given.binding_signature).dump()},
        "operator 2, or whoever carried it, binding_signature: it is not by",
    ),
    # The creator sends its proposal again, and the nodes make the definition by themselves.
    "a definition": (lambda given, old: {"proposal.json": None}, "holds another cluster definition"),
}


@pytest.mark.parametrize("theft, text", THEFTS.values(), ids=THEFTS)
def test_an_old_enr_in_an_operators_place(theft, text, signed):
    """Its wallet signed it once, for another cluster; with charon's signatures alone the place would be the carrier's."""
    for data_dir in signed.data_dirs:
        (data_dir / "cluster-definition.json").unlink()
        (data_dir / "ceremony" / "accepted.json").unlink()
        shutil.rmtree(data_dir / "ceremony" / "approvals")
    place = signed.directory / "node2"
    wallet = key_file_wallet.KeyFileWallet(str(place / "wallet.json"), str(place / "wallet-password.txt"))
    given = approval.read(DataDir(signed.data_dirs[1]))
    old_enr = enr.encode(b"\x42" * 32)
    old = dataclasses.replace(
        given, enr=old_enr, enr_signature=wallet.sign(eip712.operator_enr(old_enr, networks.KNOWN.by_name("hoodi").chain_id))
    )
    made = Definition.parse((signed.store / "cluster-definition.json").read_bytes())
    operators = list(made.operators)
    operators[1] = dataclasses.replace(operators[1], enr=old.enr, enr_signature=old.enr_signature)
    stolen = with_hashes(dataclasses.replace(made, operators=tuple(operators)))
    (signed.store / "cluster-definition.json").write_bytes(stolen.dump())
    for name, content in theft(given, old).items():
        (signed.store / name).unlink()
        if content:
            (signed.store / name).write_text(content)
    done = signed.attempt(playbooks=["playbooks/definition.yml"])
    assert "Traceback" not in done.stdout + done.stderr and "unforeseen" not in done.stdout
    told = failures(done)
    for name in ("node1", "node3", "node4"):
        if text.startswith("waits for: "):
            assert name not in told
        else:
            assert text in told[name]
    status = signed.run(playbooks=["playbooks/status.yml"])
    if text.startswith("waits for: "):
        assert text.removeprefix("waits for: ") in " ".join(status.split())
        for name in ("node1", "node3", "node4"):
            assert re.search("%s +waiting +approval +2 " % name, status), status
    held = [data_dir / "cluster-definition.json" for data_dir in signed.data_dirs]
    assert not any(path.exists() and Definition.parse(path.read_bytes()) == stolen for path in held)


def test_without_a_policy_the_config_hash_is_confirmed(group):
    (group.directory / "node4" / "policy.yml").unlink()
    refused = group.attempt()
    assert "- node4: there is no policy at" in refused.stdout
    assert not group.data_dirs[0].exists()

    told = failures(group.attempt(playbooks=UP_TO_DEFINITION[1:]))
    assert set(told) == {"node4"}
    config_hash = "0x" + Definition.parse((group.store / "proposal.json").read_bytes()).config_hash.hex()
    assert "set dv_accept_config_hash to the config hash that the creator and the others tell you" in told["node4"]
    assert config_hash not in told["node4"] and all(address in told["node4"] for address in group.variables["dv_operators"])
    assert approvals(group) == ["node1", "node2", "node3"]

    group.hosts["node4"]["dv_accept_config_hash"] = "0x" + 64 * "1"
    told = failures(group.attempt(playbooks=UP_TO_DEFINITION[1:]))
    assert "other terms than those that were confirmed for this node" in told["node4"] and config_hash not in told["node4"]
    assert approvals(group) == ["node1", "node2", "node3"]

    group.hosts["node4"]["dv_accept_config_hash"] = config_hash
    group.run(playbooks=UP_TO_DEFINITION)
    made = {(data_dir / "cluster-definition.json").read_bytes() for data_dir in group.data_dirs}
    assert len(made) == 1
    assert DEAD in made.pop().decode()
