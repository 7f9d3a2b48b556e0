# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose charon a validator client has for its beacon node: asked of stock charon, and found by the command line of a real Prysm."""

import contextlib
import shutil

import pytest
from ansible_collections.obol.dv.plugins.module_utils.clients.beacon import BeaconNode
from ansible_collections.obol.dv.plugins.module_utils.clients.http import HttpClient, parse_endpoint
from ansible_collections.obol.dv.plugins.module_utils.clients.table import CLIENTS
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.encoding.hex import from_hex, to_hex
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum.networks import KNOWN, validators_root_of
from ansible_collections.obol.dv.plugins.module_utils.key_loading import beacon_of_client, chain, charon, shares
from ansible_collections.obol.dv.tests.support import go_build, playbook
from ansible_collections.obol.dv.tests.support.charon_stub import CharonStub
from ansible_collections.obol.dv.tests.support.inventory import OperatorGroup
from ansible_collections.obol.dv.tests.support.stock_charon import Charon, free_addresses
from ansible_collections.obol.dv.tests.support.validator_clients import Prysm

from .conftest import built
from .test_restore import BY_CHARON

NAMES = ("alice", "bob", "carol")
LOAD = ["playbooks/load_keys.yml"]


@pytest.fixture(scope="module")
def nodes(charon_binary, tmp_path_factory):
    """The nodes of a cluster that runs. Their mock of a beacon node is on holesky."""
    directory = tmp_path_factory.mktemp("cluster")
    stock = Charon(charon_binary, directory / "charon")
    made = stock.create_cluster(directory / "cluster", **{**BY_CHARON, "network": "holesky"})
    with stock.relay() as relay, stock.run_nodes(made, relay) as running:
        yield running


def asked(url):
    return BeaconNode(HttpClient(parse_endpoint(url, "url")))


def test_each_knows_its_own_key_shares(nodes):
    for index, node in enumerate(nodes, 1):
        for other, its in enumerate(nodes, 1):
            theirs = shares.read(DataDir(str(its.data_dir)), KNOWN)[0]
            if index == other:
                charon.check(asked(node.validator_api), theirs)
                continue
            with pytest.raises(DvError, match="is the charon of operator %d of this cluster; wanted: that of operator %d" % (index, other)):
                charon.check(asked(node.validator_api), theirs)


def test_it_knows_no_other_cluster(nodes, charon_binary, tmp_path):
    (other, *_more) = Charon(charon_binary, tmp_path / "charon").create_cluster(tmp_path / "cluster", **BY_CHARON)
    with pytest.raises(DvError, match="knows no key share of this cluster"):
        charon.check(asked(nodes[0].validator_api), shares.read(DataDir(str(other)), KNOWN)[0])


def test_its_chain(nodes):
    """That of charon's own mock is of long ago, and never gets newer."""
    holesky, now = KNOWN.by_name("holesky").genesis_fork_version, 1_800_000_000
    root = validators_root_of(holesky)
    found = chain.check(asked(nodes[0].validator_api), holesky, root, now)
    assert found.epoch == 0 and ["is not in sync yet" in warning for warning in found.warnings] == [True]
    with pytest.raises(DvError, match="is on the network holesky; wanted: hoodi"):
        chain.check(asked(nodes[0].validator_api), KNOWN.by_name("hoodi").genesis_fork_version, b"", now)
    with pytest.raises(DvError, match="the clock of this node is at least"):
        chain.check(asked(nodes[0].validator_api), holesky, root, 1_000_000_000)
    with pytest.raises(DvError, match="on a chain with the genesis validators root 0x9143aa7c"):
        chain.check(asked(nodes[0].validator_api), holesky, from_hex("5a" * 32, 32, "it"), now)


def test_loading_behind_the_right_one_alone(charon, tmp_path):
    """Of each node: what its client was started with is asked, and has to be what the inventory says. (Prysm takes no mock of charon's.)"""
    made = charon.create_cluster(tmp_path / "cluster", **BY_CHARON)
    group = OperatorGroup(tmp_path / "group", names=NAMES, inventory="inventory.yml", keys_without_drill="{{ inventory_hostname }}")
    binary = built(lambda: go_build.binary("prysm"))
    for name, data_dir, path in zip(NAMES, group.data_dirs, made):
        shutil.copytree(path, data_dir)
        del group.hosts[name]["dv_operator_address"]
    own = [set(map(to_hex, shares.read(DataDir(str(path)), KNOWN)[0].wanted)) for path in made]
    with contextlib.ExitStack() as stack:
        alices, bobs = [stack.enter_context(CharonStub(keys)).url for keys in own[:2]]
        clients = {}
        for name, its in zip(NAMES, (alices, bobs, bobs)):
            client = clients[name] = stack.enter_context(Prysm(binary, tmp_path / "clients" / name, its))
            found = beacon_of_client.endpoints(parse_endpoint(client.url, "url"), CLIENTS["prysm"].beacon_flags)
            assert found == [parse_endpoint(its, "url")]
            group.hosts[name].update(client.variables)
        # The inventory is wrong in what it says of bob, and says nothing of the others.
        group.hosts["bob"]["dv_keys_beacon_url"] = alices
        done = group.attempt(playbooks=LOAD)
        said = " ".join(done.stdout.split())
        assert [counts["failed"] for counts in playbook.recap(done.stdout).values()] == [0, 1, 1]
        assert "prysm was started with the beacon node %s; wanted: %s," % (bobs, alices) in said
        assert "the beacon node at %s is the charon of operator 2 of this cluster; wanted: that of operator 3" % bobs in said
        # What stands before alice is right, and she waits for the others of her cluster.
        assert "bob, carol of this cluster cannot take the key shares" in said
        assert [client.listed() for client in clients.values()] == [set(), set(), set()]
        done = group.attempt("--limit", "alice", playbooks=LOAD)
        assert done.returncode == 0 and clients["alice"].listed() == own[0]
        group.hosts["bob"]["dv_keys_beacon_url"] = bobs
        done = group.attempt("--limit", "bob", playbooks=LOAD)
        assert done.returncode == 0 and "the beacon node" not in done.stdout + done.stderr and clients["bob"].listed() == own[1]
        # What does not answer there matters where the inventory says that it does.
        (gone,) = free_addresses(1)
        group.hosts["carol"]["dv_keys_beacon_url"] = "http://" + gone
        clients["carol"].stop()
        done = group.attempt("--limit", "carol", playbooks=LOAD)
        assert done.returncode != 0 and "http://%s gives no answer to GET /eth/v1/beacon/genesis" % gone in " ".join(done.stdout.split())
