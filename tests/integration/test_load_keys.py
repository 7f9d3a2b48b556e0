# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps 4 to 7: keys are generated, backed up, drilled and loaded into a real Prysm of each node, and read back there."""

import shutil
import signal

import pytest
from ansible_collections.obol.dv.plugins.module_utils.cluster.lock import ClusterLock
from ansible_collections.obol.dv.plugins.module_utils.encoding.hex import to_hex
from ansible_collections.obol.dv.tests.support import go_build, playbook
from ansible_collections.obol.dv.tests.support.inventory import OperatorGroup
from ansible_collections.obol.dv.tests.support.validator_clients import Beacon, Prysm

from .conftest import built
from .test_restore import BY_CHARON, drill, with_identity

LOAD = ["playbooks/load_keys.yml"]
NAMES = ("alice", "bob", "carol")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three operators with a complete cluster and backups of it. Not to be changed."""
    directory = tmp_path_factory.mktemp("made")
    identity, recipient = with_identity(directory)
    group = OperatorGroup(directory / "group", names=NAMES, inventory="inventory.yml", num_validators=2, backup_recipients=[recipient])
    group.variables["ansible_pipelining"] = True
    group.run()
    group.identity = identity
    return group


@pytest.fixture(scope="module")
def binary():
    return built(lambda: go_build.binary("prysm"))


@pytest.fixture
def clients(binary, tmp_path):
    """A Prysm for each node, by its name."""
    with Beacon() as beacon:
        started = {}
        try:
            for name in NAMES:
                started[name] = Prysm(binary, tmp_path / "clients" / name, beacon.url)
                started[name].start()
            yield started
        finally:
            for client in started.values():
                client.stop(signal.SIGKILL)


@pytest.fixture
def group(made, clients, tmp_path):
    """A copy of the group, whose nodes have these clients."""
    copied = made.copy(tmp_path / "group")
    for name, client in clients.items():
        copied.hosts[name].update(dv_keys_client="prysm", dv_keys_url=client.url, dv_keys_token_file=str(client.token_file))
    return copied


def shares_of(group, name):
    """The public keys (hex) of a node's key shares."""
    number = group.names.index(name)
    lock = ClusterLock.parse((group.data_dirs[number] / "cluster-lock.json").read_bytes())
    return {to_hex(validator.public_shares[number]) for validator in lock.validators}


def prove(group):
    drill(group.directory, [group.directory / "backups"], group.identity)


def test_the_whole_way(group, clients, tree):
    """Refused without a drill, planned, loaded, read back, and nothing to do then; the client lists exactly this node's key shares."""
    done = group.attempt(playbooks=LOAD)
    assert done.returncode != 0 and "no drill has proved a backup of the key shares of alice" in " ".join(done.stdout.split())
    assert not any(client.listed() for client in clients.values())
    prove(group)
    plan = group.run("--check", "--diff", playbooks=LOAD)
    assert "+validator 0: key share 0x" in plan and not any(client.listed() for client in clients.values())
    done = group.attempt("-vvv", "--diff", playbooks=LOAD)
    assert done.returncode == 0, done.stdout
    for name, client in clients.items():
        assert client.listed() == shares_of(group, name)
    secrets = [client.token_file.read_text().strip() for client in clients.values()]
    secrets += [path.read_text() for data_dir in group.data_dirs for path in data_dir.glob("validator_keys/*.txt")]
    assert not any(secret in done.stdout + done.stderr for secret in secrets)
    assert "  key shares\n    alice   prysm at %s\n" % clients["alice"].url in group.run(playbooks=["playbooks/status.yml"])
    before = tree(group.directory)
    counts = playbook.recap(group.run(playbooks=LOAD))
    assert [each["changed"] for each in counts.values()] == [0, 0, 0] and tree(group.directory) == before


def test_a_client_that_was_killed(group, clients):
    """Its keys are there when it is back; and while it is away that node alone fails."""
    prove(group)
    group.run(playbooks=LOAD)
    clients["bob"].stop(signal.SIGKILL)
    done = group.attempt(playbooks=LOAD)
    counts = playbook.recap(done.stdout)
    assert [counts[name]["failed"] for name in NAMES] == [0, 1, 0]
    assert "gives no answer to GET /eth/v1/keystores: Connection refused" in " ".join(done.stdout.split())
    clients["bob"].start()
    assert clients["bob"].listed() == shares_of(group, "bob")
    # It may have lost what was set, and is told again.
    group.run(playbooks=LOAD)
    assert [each["changed"] for each in playbook.recap(group.run(playbooks=LOAD)).values()] == [0, 0, 0]


def test_refused(group, clients, tree):
    """A wrong token, another client, the client of another operator: nothing is sent."""
    group.variables["dv_keys_without_drill"] = "{{ inventory_hostname }}"
    token, wrong = clients["bob"].token_file, "0x" + "5a" * 32
    (group.directory / "bob" / "token").write_text(wrong)
    for name, value, text in (
        ("dv_keys_token_file", str(group.directory / "bob" / "none"), "No such file"),
        ("dv_keys_token_file", str(group.directory / "bob" / "token"), "refuses the token"),
        ("dv_keys_token_file", str(group.data_dirs[1] / "charon-enr-private-key"), "in the data directory"),
        ("dv_keys_url", "http://10.0.0.1:7500", "leads off the node"),
        ("dv_keys_url", clients["bob"].url.replace("http:", "https:"), "without dv_keys_certificate_file"),
    ):
        kept = group.hosts["bob"][name]
        group.hosts["bob"][name] = value
        done = group.attempt("--limit", "bob", playbooks=LOAD)
        assert done.returncode != 0 and text in " ".join(done.stdout.split()) and wrong not in done.stdout + done.stderr
        group.hosts["bob"][name] = kept
    assert not clients["bob"].listed()
    group.run("--limit", "bob", playbooks=LOAD)
    group.hosts["bob"].update(dv_keys_url=clients["alice"].url, dv_keys_token_file=str(clients["alice"].token_file))
    done = group.attempt("--limit", "bob", playbooks=LOAD)
    assert done.returncode != 0 and "holds the key shares of this node, or some of them" in " ".join(done.stdout.split())
    group.hosts["carol"].update(dv_keys_url=clients["bob"].url, dv_keys_token_file=str(token))
    done = group.attempt("--limit", "carol", playbooks=LOAD)
    assert done.returncode != 0 and "key shares of operator 2 of this cluster" in " ".join(done.stdout.split())
    assert clients["bob"].listed() == shares_of(group, "bob") and not clients["alice"].listed()


def test_a_cluster_that_charon_made(charon, clients, made, tmp_path):
    """Each keystore has a salt of its own there."""
    nodes = charon.create_cluster(tmp_path / "cluster", **BY_CHARON)
    group = OperatorGroup(tmp_path / "charons", names=NAMES, inventory="inventory.yml", keys_without_drill="{{ inventory_hostname }}")
    for name, path, data_dir, client in zip(NAMES, nodes, group.data_dirs, clients.values()):
        shutil.copytree(path, data_dir)
        del group.hosts[name]["dv_operator_address"]
        group.hosts[name].update(dv_keys_client="prysm", dv_keys_url=client.url, dv_keys_token_file=str(client.token_file))
    for changed in (1, 0):
        counts = playbook.recap(group.run(playbooks=LOAD))
        assert [each["changed"] for each in counts.values()] == [changed] * 3
    for name, client in clients.items():
        assert client.listed() == shares_of(group, name)
