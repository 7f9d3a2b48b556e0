# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps 4 to 7: keys are generated, backed up, drilled and loaded into a real validator client of each node, and read back there."""

import contextlib
import shutil
import signal

import pytest
from ansible_collections.obol.dv.plugins.module_utils.cluster.lock import ClusterLock
from ansible_collections.obol.dv.plugins.module_utils.encoding.hex import to_hex
from ansible_collections.obol.dv.tests.support import go_build, npm_install, playbook
from ansible_collections.obol.dv.tests.support.beacon_stub import Beacon
from ansible_collections.obol.dv.tests.support.dealt_cluster import DealtCluster
from ansible_collections.obol.dv.tests.support.inventory import OperatorGroup
from ansible_collections.obol.dv.tests.support.validator_clients import ClientDied, Lodestar, Prysm

from .conftest import built
from .test_restore import BY_CHARON, drill, with_identity

LOAD = ["playbooks/load_keys.yml"]
#: What each node has.
CLIENTS = {"alice": Lodestar, "bob": Prysm, "carol": Prysm}
NAMES = tuple(CLIENTS)


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
def programs():
    """The path of each validator client."""
    return {Lodestar: built(lambda: npm_install.program("lodestar")), Prysm: built(lambda: go_build.binary("prysm"))}


@pytest.fixture
def start(programs, tmp_path):
    """A function that starts a validator client of that class, and name."""
    with Beacon() as beacon, contextlib.ExitStack() as stack:
        yield lambda kind, name: stack.enter_context(kind(programs[kind], tmp_path / "clients" / name, beacon.url))


@pytest.fixture
def clients(start):
    """The validator client of each node, by its name."""
    return {name: start(kind, name) for name, kind in CLIENTS.items()}


@pytest.fixture
def group(made, clients, tmp_path):
    """A copy of the group, whose nodes have these clients."""
    copied = made.copy(tmp_path / "group")
    for name, client in clients.items():
        copied.hosts[name].update(client.variables)
    return copied


def shares_of(group, name):
    """The public keys (hex) of a node's key shares."""
    number = group.names.index(name)
    lock = ClusterLock.parse((group.data_dirs[number] / "cluster-lock.json").read_bytes())
    return {to_hex(validator.public_shares[number]) for validator in lock.validators}


def alone(directory, validators):
    """A node without the others of its cluster."""
    group = OperatorGroup(directory / "group", names=["alice"], inventory="inventory.yml", keys_without_drill="alice")
    DealtCluster(validators=validators).write(group.data_dirs[0])
    return group


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
    assert "  key shares\n    alice   lodestar at %s\n" % clients["alice"].url in group.run(playbooks=["playbooks/status.yml"])
    before = tree(group.directory)
    counts = playbook.recap(group.run(playbooks=LOAD))
    assert [each["changed"] for each in counts.values()] == [0, 0, 0] and tree(group.directory) == before


def test_clients_that_were_killed(group, clients):
    """Their keys are there when they are back; and while they are away those nodes alone fail."""
    group.variables["dv_keys_without_drill"] = "{{ inventory_hostname }}"
    group.run(playbooks=LOAD)
    for name in ("alice", "bob"):
        clients[name].stop(signal.SIGKILL)
    done = group.attempt(playbooks=LOAD)
    counts = playbook.recap(done.stdout)
    assert [counts[name]["failed"] for name in NAMES] == [1, 1, 0]
    for name in ("alice", "bob"):
        text = "%s gives no answer to GET /eth/v1/keystores: Connection refused" % clients[name].url
        assert text in " ".join(done.stdout.split())
    with pytest.raises(ClientDied, match="voting-keystore.json.lock"):
        clients["alice"].start()
    clients["alice"].start("--force")
    clients["bob"].start()
    for name, client in clients.items():
        assert client.listed() == shares_of(group, name)
    # Prysm forgets gas limits, and is told them again.
    counts = playbook.recap(group.run(playbooks=LOAD))
    assert [counts[name]["changed"] for name in ("alice", "carol")] == [0, 0]
    assert [each["changed"] for each in playbook.recap(group.run(playbooks=LOAD)).values()] == [0, 0, 0]


def test_refused(group, clients):
    """A wrong token, another client, the client of another operator: nothing is sent."""
    group.variables["dv_keys_without_drill"] = "{{ inventory_hostname }}"
    wrong = "0x" + "5a" * 32
    token_file = group.directory / "token"
    token_file.write_text(wrong)
    refused = ("dv_keys_token_file", str(token_file), "refuses the token")
    secure = clients["carol"].url.replace("http:", "https:")
    for wrongs in (
        (
            refused,
            ("dv_keys_token_file", str(group.directory / "none"), "No such file"),
            ("dv_keys_url", secure, "without dv_keys_certificate_file"),
        ),
        (
            ("dv_keys_token_file", str(group.data_dirs[0] / "charon-enr-private-key"), "in the data directory"),
            *(refused, ("dv_keys_url", "http://10.0.0.1:7500", "leads off the node")),
        ),
    ):
        for host, (name, value, _text) in zip(group.hosts.values(), wrongs):
            host[name] = value
        done = group.attempt(playbooks=LOAD)
        assert [each["failed"] for each in playbook.recap(done.stdout).values()] == [1, 1, 1] and wrong not in done.stdout + done.stderr
        for _name, _value, text in wrongs:
            assert text in " ".join(done.stdout.split())
        for name, client in clients.items():
            group.hosts[name].update(client.variables)
    assert not any(client.listed() for client in clients.values())
    group.run("--limit", "bob", playbooks=LOAD)
    for name, other, text in (
        ("bob", "alice", "prysm at %s holds the key shares of this node, or some of them" % clients["bob"].url),
        ("carol", "bob", "key shares of operator 2 of this cluster"),
    ):
        group.hosts[name].update(clients[other].variables)
        done = group.attempt("--limit", name, playbooks=LOAD)
        assert done.returncode != 0 and text in " ".join(done.stdout.split())
    assert clients["bob"].listed() == shares_of(group, "bob") and not clients["alice"].listed()


@pytest.mark.parametrize("kind", [Lodestar, Prysm])
def test_a_hundred(start, kind, tmp_path):
    """Of a node with 100 validators, in batches."""
    group = alone(tmp_path, validators=100)
    client = start(kind, "alice")
    group.hosts["alice"] = client.variables
    for changed in (1, 0):
        assert playbook.recap(group.run(playbooks=LOAD))["alice"]["changed"] == changed
    assert len(client.listed()) == 100 and client.listed() == shares_of(group, "alice")


def test_a_lock_that_is_left(start, tmp_path):
    """As of a Lodestar that was killed while it took the key share: that one is told, and sent again."""
    group = alone(tmp_path, validators=2)
    client = start(Lodestar, "alice")
    group.hosts["alice"] = client.variables
    first, *_others = sorted(shares_of(group, "alice"))
    lock = client.directory / "keystores" / first / "voting-keystore.json.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    done = group.attempt(playbooks=LOAD)
    assert done.returncode != 0 and client.listed() == shares_of(group, "alice") - {first}
    text = " ".join(done.stdout.split())
    assert "holds 1 of 2 key shares, not that of validator" in text and first in text and "EEXIST" in text
    lock.unlink()
    group.run(playbooks=LOAD)
    assert client.listed() == shares_of(group, "alice")


def test_a_cluster_that_charon_made(charon, clients, made, tmp_path):
    """Each keystore has a salt of its own there."""
    nodes = charon.create_cluster(tmp_path / "cluster", **BY_CHARON)
    group = OperatorGroup(tmp_path / "charons", names=NAMES, inventory="inventory.yml", keys_without_drill="{{ inventory_hostname }}")
    for name, path, data_dir, client in zip(NAMES, nodes, group.data_dirs, clients.values()):
        shutil.copytree(path, data_dir)
        del group.hosts[name]["dv_operator_address"]
        group.hosts[name].update(client.variables)
    for changed in (1, 0):
        counts = playbook.recap(group.run(playbooks=LOAD))
        assert [each["changed"] for each in counts.values()] == [changed] * 3
    for name, client in clients.items():
        assert client.listed() == shares_of(group, name)
