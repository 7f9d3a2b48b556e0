# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps 1 to 7 together: a validator whose key we generated and whose key shares we loaded attests on a real chain, behind stock charon."""

import contextlib
import itertools
import json

import pytest
from ansible_collections.obol.dv.plugins.module_utils.encoding.hex import to_hex
from ansible_collections.obol.dv.plugins.module_utils.ethereum import deposit
from ansible_collections.obol.dv.tests.support import deposits, devnet, playbook
from ansible_collections.obol.dv.tests.support.devnet import Devnet
from ansible_collections.obol.dv.tests.support.inventory import OperatorGroup
from ansible_collections.obol.dv.tests.support.validator_clients import Prysm

from .conftest import built
from .test_load_keys import LOAD, prove, shares_of
from .test_restore import with_identity

#: In how many epochs the validator has to attest, and in how many that may fail before, on a machine with no time for it.
ATTESTED, MISSED = 2, 20


@pytest.fixture
def binaries():
    """The paths of the chain's programs."""
    return built(devnet.binaries)


@pytest.fixture
def chain(binaries, tmp_path):
    """The chain, which gets to its first final epoch while the cluster is made."""
    with Devnet(binaries, tmp_path / "chain") as chain:
        yield chain


@pytest.fixture
def group(chain, tmp_path):
    """Four operators with a complete cluster of one validator, and a backup of each that a drill proved."""
    identity, recipient = with_identity(tmp_path)
    group = OperatorGroup(tmp_path / "group", num_validators=1, backup_recipients=[recipient])
    group.variables["ansible_pipelining"] = True
    group.identity = identity
    group.run()
    prove(group)
    return group


@pytest.fixture
def nodes(chain, group, charon):
    """The charon of each operator."""
    with charon.relay() as relay, charon.run_on_chain(group.data_dirs, relay, chain.beacons) as nodes:
        yield nodes


@pytest.fixture
def clients(binaries, chain, group, nodes, tmp_path):
    """The Prysm of each operator, on the operator's charon."""
    with contextlib.ExitStack() as stack:
        clients = []
        for name, node in zip(group.names, nodes, strict=True):
            client = Prysm(
                built(devnet.binaries)["prysm"], tmp_path / "clients" / name, node.validator_api, chain_config=chain.chain_config
            )
            group.hosts[name].update(client.variables)
            clients.append(stack.enter_context(client))
        yield clients


def check_loaded(group, clients):
    assert [client.listed() for client in clients] == [shares_of(group, name) for name in group.names]


def test_a_validator_of_ours_attests(chain, group, nodes, clients):
    """Its deposit makes it active, its attestations are on the chain, all operators sign them; and there is nothing more to load."""
    group.variables["dv_keys_genesis_validators_root"] = chain.beacon("/eth/v1/beacon/genesis")["genesis_validators_root"]
    group.run(playbooks=LOAD)
    check_loaded(group, clients)

    (entry,) = deposit.parse_file((group.data_dirs[0] / "deposit-data.json").read_bytes())
    deposits.send(chain, [entry])
    key = to_hex(entry.pubkey)
    chain.wait_for(lambda: (chain.validator(key) or {}).get("status") == "active_ongoing", "the validator is active")
    counts = playbook.recap(group.run(playbooks=LOAD))
    assert [each["changed"] for each in counts.values()] == [0] * len(group.names)
    check_loaded(group, clients)

    validator = chain.validator(key)
    first = int(validator["validator"]["activation_epoch"])

    def rewards(epoch):
        return chain.wait_for(lambda: chain.rewards(epoch, validator["index"]), "the rewards of epoch %d are known" % epoch)

    attested = (each for each in map(rewards, range(first, first + ATTESTED + MISSED)) if each["source"] > 0 and each["target"] > 0)
    assert len(list(itertools.islice(attested, ATTESTED))) == ATTESTED
    everybody = set(range(1, 1 + len(nodes)))
    chain.wait_for(lambda: all(node.signers("attester") == everybody for node in nodes), "each node has signatures of all operators")

    # One operator's client lets its key share go, and tells what that has signed.
    group.run("--limit", group.names[0], playbooks=["playbooks/unload_keys.yml"])
    assert not clients[0].listed()
    kept = [json.loads(path.read_text()) for path in group.data_dirs[0].glob("loading/history-*.json")]
    # Prysm tells nothing of a key that has signed no block.
    assert kept or not nodes[0].broadcasts().get("proposer")
    for history in kept:
        (signed,) = history["data"]
        assert {signed["pubkey"]} == shares_of(group, group.names[0]) and signed["signed_attestations"]
        assert history["metadata"]["genesis_validators_root"] == group.variables["dv_keys_genesis_validators_root"]
