# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps 1 to 9 together: validators whose keys we generated, whose key shares we loaded, whose cluster we tested and whose deposits we paid attest
on a real chain, behind stock charon."""

import contextlib
import itertools
import json
import re
import subprocess

import pytest
from ansible_collections.obol.dv.plugins.module_utils.cluster.lock import ClusterLock
from ansible_collections.obol.dv.plugins.module_utils.encoding.hex import to_hex
from ansible_collections.obol.dv.tests.support import deposits, devnet, paying, playbook
from ansible_collections.obol.dv.tests.support.anvil import contract_of
from ansible_collections.obol.dv.tests.support.dealt_cluster import GWEI
from ansible_collections.obol.dv.tests.support.devnet import Devnet
from ansible_collections.obol.dv.tests.support.inventory import OperatorGroup
from ansible_collections.obol.dv.tests.support.validator_clients import Prysm

from .conftest import built
from .test_activate_play import PAY, plan_of
from .test_load_keys import LOAD, prove, shares_of
from .test_readiness import OF_MACHINE, TEST
from .test_restore import BACKUP, with_identity

#: In which one of its epochs a validator has attested at the latest, on a machine with no time for it.
EPOCHS = 20

#: What a machine with no time, and a chain of two beacon nodes and one execution client, have other figures of than a real one.
OF_CHAIN = {
    **dict.fromkeys(("beacon_head", "beacon_ping", "execution_ping", "client_ping", "execution_peers", "round_trip"), [None, None]),
    "beacon_peers": [1, None],
}

#: What is chosen of the deposits: of the first validator all at once, of the second one in parts.
AT_ONCE = {"dv_activate_validators": [0]}
IN_PARTS = {"dv_activate_validators": [1], "dv_activate_amounts": [1, 31]}

#: What a run tells while it waits, after which it is killed: the first part is sent, or the second one.
KILLED_AT = (r"1 not sent, 1 (pending|mined)", r"1 (pending|mined), 1 final")


@pytest.fixture
def binaries():
    """The paths of the chain's programs."""
    return built(devnet.binaries)


@pytest.fixture
def chain(binaries, anvil_program, tmp_path):
    """The chain, which gets to its first final epoch while the cluster is made."""
    with Devnet(binaries, tmp_path / "chain", contract_of(anvil_program)) as chain:
        yield chain


@pytest.fixture
def group(chain, tmp_path):
    """Four operators with a complete cluster of two validators, and a backup of each that a drill proved, as the others know. The first one
    has an account to pay from."""
    identity, recipient = with_identity(tmp_path)
    group = OperatorGroup(tmp_path / "group", num_validators=2, deposit_amounts=[1, 31, 32], backup_recipients=[recipient])
    group.variables["ansible_pipelining"] = True
    group.identity = identity
    group.run()
    prove(group)
    group.run(playbooks=BACKUP)
    group.hosts[group.names[0]].update(paying.write_wallet(group.directory, "payer", chain.funded_key))
    group.variables.update(
        dv_execution_url=chain.url,
        dv_beacon_url=chain.beacons[0],
        dv_keys_genesis_validators_root=chain.beacon("/eth/v1/beacon/genesis")["genesis_validators_root"],
        dv_test_thresholds={**OF_MACHINE, **OF_CHAIN},
        dv_test_dir=str(group.directory / "reports"),
    )
    return group


@pytest.fixture
def nodes(chain, group, charon):
    """The charon of each operator."""
    with charon.relay() as relay, charon.run_on_chain(group.data_dirs, relay, chain.beacons) as nodes:
        for name, node in zip(group.names, nodes, strict=True):
            group.hosts[name]["dv_charon_monitoring_url"] = node.url
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


def fails(group):
    """What fails where the cluster is tested: the share indices of the operators, by check."""
    done = group.attempt(playbooks=TEST)
    reports = sorted((group.directory / "reports" / group.cluster).glob("*.json"))
    judgement = json.loads(reports[-1].read_text())
    assert judgement["passed"] == (done.returncode == 0), done.stdout
    found = {}
    for each in judgement["checks"]:
        if each["verdict"] == "fail":
            found.setdefault(each["check"], []).append(each["share_index"])
    return found


def pay(group, chosen, confirm="", wait="15m"):
    """What a run of the playbook printed, and how many things it changed on the node that pays."""
    text = group.run(*chosen_by(chosen, confirm, wait), playbooks=PAY)
    return text, playbook.recap(text)[group.names[0]]["changed"]


def chosen_by(chosen, confirm="", wait="15m"):
    """The arguments of a run."""
    return "-e", json.dumps({**chosen, "dv_activate_confirm": confirm, "dv_activate_wait": wait})


def killed_while_it_waits(group, chosen, confirm, told):
    """A run that is killed, with SIGKILL, as soon as it tells what ``told`` matches."""
    options = {"inventory": group.write_inventory(), "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with playbook.killed_on_exit(PAY, group.directory, *chosen_by(chosen, confirm), **options) as process:
        lines = list(itertools.takewhile(lambda line: not re.search(told, line), process.stderr))
        assert process.poll() is None, lines


def paid(chain):
    """Public key (hex) and amount (ETH) of each deposit on the chain, in order."""
    return [(to_hex(event.pubkey), event.amount // GWEI) for event in deposits.events(chain)]


def attests(chain, key):
    """Whether a validator attested, to its source and target, in one of its first epochs."""
    validator = chain.validator(key)
    first = int(validator["validator"]["activation_epoch"])

    def rewards(epoch):
        return chain.wait_for(lambda: chain.rewards(epoch, validator["index"]), "the rewards of epoch %d are known" % epoch)

    return any(each["source"] > 0 and each["target"] > 0 for each in map(rewards, range(first, first + EPOCHS)))


def test_validators_of_ours_attest(chain, group, nodes, clients):
    """Their deposits, each of which is paid once, make them active; their attestations are on the chain, all operators sign them; and there is
    nothing more to pay or to load."""
    everybody = [*range(1, 1 + len(nodes))]
    assert fails(group)["client_keys"] == everybody
    group.run(playbooks=LOAD)
    check_loaded(group, clients)
    chain.wait_for(lambda: not fails(group), "the cluster is ready")

    lock = ClusterLock.parse((group.data_dirs[0] / "cluster-lock.json").read_bytes())
    at_once, in_parts = keys = [to_hex(validator.public_key) for validator in lock.validators]
    plan, _changed = pay(group, IN_PARTS)
    assert "deposits by node1: unconfirmed" in plan and not paid(chain)
    killed_while_it_waits(group, IN_PARTS, plan_of(plan), KILLED_AT[0])
    _text, changed = pay(group, AT_ONCE, plan_of(pay(group, AT_ONCE)[0]), wait="0")
    assert changed
    killed_while_it_waits(group, IN_PARTS, "", KILLED_AT[1])
    for chosen in (IN_PARTS, AT_ONCE):
        text, changed = pay(group, chosen)
        assert "deposits by node1: final" in text and not changed
    assert paid(chain) == [(in_parts, 1), (at_once, 32), (in_parts, 31)]

    for key in keys:
        chain.wait_for(lambda key=key: (chain.validator(key) or {}).get("status") == "active_ongoing", "the validator %s is active" % key)
    counts = playbook.recap(group.run(playbooks=LOAD))
    assert [each["changed"] for each in counts.values()] == [0] * len(group.names)
    check_loaded(group, clients)
    assert "on the beacon chain: 2 active_ongoing" in group.run(playbooks=["playbooks/status.yml"])

    assert all(attests(chain, key) for key in keys)
    chain.wait_for(lambda: all(node.signers("attester") == {*everybody} for node in nodes), "each node has signatures of all operators")

    # The execution client stands still: its beacon nodes say for a while that all is well.
    with chain.standing_still("geth"):
        assert fails(group)["execution_ping"] == everybody
    chain.wait_for(lambda: not fails(group), "the cluster is ready again")

    # One operator's client lets its key shares go, and tells what these have signed.
    group.run("--limit", group.names[0], playbooks=["playbooks/unload_keys.yml"])
    assert not clients[0].listed() and fails(group)["client_keys"] == [1]
    kept = [json.loads(path.read_text()) for path in group.data_dirs[0].glob("loading/history-*.json")]
    # Prysm tells nothing of a key that has signed no block.
    assert kept or 1 not in nodes[0].signers("proposer")
    for history in kept:
        assert {signed["pubkey"] for signed in history["data"]} <= shares_of(group, group.names[0])
        assert history["data"] and all(signed["signed_attestations"] for signed in history["data"])
        assert history["metadata"]["genesis_validators_root"] == group.variables["dv_keys_genesis_validators_root"]
