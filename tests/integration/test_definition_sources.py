# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A definition that was made elsewhere: what the main job takes instead of terms, wallets and policies, and what it refuses."""

import dataclasses

import pytest
from ansible_collections.obol.dv.plugins.module_utils.cluster.definition import (
    Creator,
    Definition,
    Operator,
    ValidatorAddresses,
    with_hashes,
)
from ansible_collections.obol.dv.plugins.module_utils.crypto import secp256k1
from ansible_collections.obol.dv.plugins.module_utils.data_dir import layout, node_key
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.ethereum import eip712, enr, networks
from ansible_collections.obol.dv.plugins.module_utils.ethereum.address import checksum_address
from ansible_collections.obol.dv.plugins.module_utils.storage import files
from ansible_collections.obol.dv.tests.support import playbook
from ansible_collections.obol.dv.tests.support.inventory import DEAD

HOODI = networks.KNOWN.by_name("hoodi")
CREATOR = b"\x51" * 32


def unsigned(enrs):
    """What ``charon create dkg`` writes for these ENRs: nobody has signed it."""
    return with_hashes(
        Definition(
            name="made elsewhere",
            uuid="5B0C0B4E-7E7E-4B9C-8C5C-2B8C1C3F5A77",
            timestamp="2026-11-23T12:00:00+01:00",
            num_validators=1,
            threshold=3,
            fork_version=HOODI.genesis_fork_version,
            target_gas_limit=60_000_000,
            validators=(ValidatorAddresses(fee_recipient_address=DEAD, withdrawal_address=DEAD),),
            operators=tuple(Operator(enr=text) for text in enrs),
        )
    )


def solo(definition):
    """The same, signed by a creator alone."""
    address = checksum_address(secp256k1.address_of(secp256k1.public_key(CREATOR)))
    definition = with_hashes(dataclasses.replace(definition, creator=Creator(address=address)))
    digest = eip712.digest(eip712.creator_config(definition.config_hash, HOODI.chain_id))
    creator = dataclasses.replace(definition.creator, config_signature=secp256k1.sign(CREATOR, digest))
    return with_hashes(dataclasses.replace(definition, creator=creator))


@pytest.fixture
def nodes(tmp_path):
    """The data directories of four nodes that have nothing but their keys."""
    directories = playbook.data_dirs(tmp_path / "nodes")
    for directory in directories:
        files.make_directory(str(directory))
        node_key.create(DataDir(directory))
    return directories


def run(nodes, definition, *arguments):
    """The main job, with ``definition`` (bytes) in a file."""
    directory = nodes[0].parents[1]
    path = directory.parent / "definition.json"
    path.write_bytes(definition)
    return playbook.attempt(["create-cluster.yml"], directory, "-e", "dv_definition_file=%s" % path, *arguments)


def confirmed(definition):
    return ("-e", "dv_accept_definition_hash=0x%s" % definition.definition_hash.hex())


def made(nodes):
    """The definition of these nodes that nobody signed."""
    return unsigned([enr.encode(node_key.read(DataDir(node))) for node in nodes])


@pytest.mark.parametrize("sign", [lambda definition: definition, solo], ids=["unsigned", "solo"])
def test_confirmed_it_is_used(nodes, check_complete, tree, sign):
    definition = sign(made(nodes))
    directory = nodes[0].parents[1]
    before = tree(directory)
    refused = run(nodes, definition.dump())
    assert refused.returncode != 0
    assert "set dv_accept_definition_hash to the definition hash that the others tell you" in refused.stdout
    assert definition.definition_hash.hex() not in refused.stdout
    assert all("operator %d: %s" % (index, each.enr) in refused.stdout for index, each in enumerate(definition.operators, 1))
    assert tree(directory) == before

    done = run(nodes, definition.dump(), *confirmed(definition))
    assert done.returncode == 0, done.stdout
    check_complete(nodes)
    for node in nodes:
        assert (node / "cluster-definition.json").read_bytes() == definition.dump()
        assert not (node.parent / "wallet.json").exists()
    again = run(nodes, definition.dump(), *confirmed(definition))
    assert {counts["changed"] for counts in playbook.recap(again.stdout).values()} == {0}


def other_hash(definition):
    return dataclasses.replace(definition, definition_hash=bytes(32)).dump()


def other_terms(definition):
    return dataclasses.replace(definition, threshold=2).dump()


def two_nodes_with_one_key(definition):
    first, _second, *others = definition.operators
    return with_hashes(dataclasses.replace(definition, operators=(first, first, *others))).dump()


def forged(definition):
    """The creator's signature is of something else."""
    signed = solo(definition)
    creator = dataclasses.replace(signed.creator, config_signature=secp256k1.sign(CREATOR, bytes(32)))
    return with_hashes(dataclasses.replace(signed, creator=creator)).dump()


# How the definition is damaged, and what is said of it.
REFUSED = {
    "no JSON": (lambda definition: b"not JSON", "is not JSON"),
    "fields missing": (lambda definition: b'{"version": "v1.10.0"}', "config_hash is missing"),
    "newer version": (lambda definition: definition.dump().replace(b"v1.10.0", b"v1.12.0"), "v1.12.0"),
    "wrong hash": (other_hash, "definition_hash is 0x0000"),
    "changed terms": (other_terms, "config_hash is 0x"),
    "signature of someone else": (forged, "creator, config_signature"),
    "two operators with one ENR": (two_nodes_with_one_key, "the ENRs of operators 1 and 2 have the same node key"),
}


@pytest.mark.parametrize("damage, text", REFUSED.values(), ids=REFUSED)
def test_damaged_it_is_refused(nodes, check_refused, damage, text):
    check_refused(nodes[0].parents[1], [text], lambda: run(nodes, damage(made(nodes)), "-vvv"))


def test_another_hash_is_refused(nodes, check_refused):
    definition = made(nodes)
    wrong = ("-e", "dv_accept_definition_hash=0x%s" % (b"\x11" * 32).hex())
    check_refused(nodes[0].parents[1], ["as dv_accept_definition_hash says"], lambda: run(nodes, definition.dump(), *wrong))


def test_without_the_keys_of_its_enrs_it_is_refused(nodes, check_refused):
    definition = made(nodes)
    (nodes[1] / layout.NODE_KEY).unlink()
    (nodes[2] / layout.NODE_KEY).unlink()
    node_key.create(DataDir(nodes[2]))
    texts = ["node2: %s has no charon-enr-private-key" % nodes[1], "node3: this node is not in the definition"]
    check_refused(nodes[0].parents[1], texts, lambda: run(nodes, definition.dump(), *confirmed(definition)))


def test_another_definition_in_the_store_is_refused(nodes, check_refused):
    definition = made(nodes)
    store = nodes[0].parents[1] / "store" / "local"
    store.mkdir(parents=True)
    (store / "cluster-definition.json").write_bytes(solo(definition).dump())
    texts = ["holds another definition than"]
    check_refused(nodes[0].parents[1], texts, lambda: run(nodes, definition.dump(), *confirmed(definition)))


def test_a_file_that_is_not_there_is_refused(nodes, check_refused):
    arguments = ("-e", "dv_definition_file=/nowhere/definition.json")
    directory = nodes[0].parents[1]
    check_refused(
        directory,
        ["cannot read /nowhere/definition.json: No such file"],
        lambda: playbook.attempt(["create-cluster.yml"], directory, *arguments),
    )
