# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key shares move from one real validator client to another one, with what they have signed, and never are in both."""

import json
import time

import pytest
from ansible_collections.obol.dv.plugins.module_utils.data_dir import key_place
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.tests.support import playbook
from ansible_collections.obol.dv.tests.support.charon_stub import GENESIS, CharonStub
from ansible_collections.obol.dv.tests.support.dealt_cluster import DealtCluster
from ansible_collections.obol.dv.tests.support.inventory import OperatorGroup
from ansible_collections.obol.dv.tests.support.validator_clients import Lodestar, Prysm

from .test_load_keys import LOAD, programs, shares_of, start

__all__ = ["programs", "start"]

UNLOAD, MOVE = ["playbooks/unload_keys.yml"], ["playbooks/move_keys.yml"]
NAMES = ["alice", "bob"]


@pytest.fixture
def group(tmp_path):
    """Two of the four nodes of a dealt cluster, whose key shares no drill proved."""
    group = OperatorGroup(tmp_path / "group", names=NAMES, inventory="inventory.yml", keys_without_drill="{{ inventory_hostname }}")
    cluster = DealtCluster(validators=2)
    for number, data_dir in enumerate(group.data_dirs):
        cluster.write(data_dir, number)
    return group


def goes_to(group, name, client, history=""):
    """The inventory says that the key shares of a node go to that client, with what they have signed before."""
    group.hosts[name].update(client.variables)
    path = group.directory / (name + "-history.json")
    path.write_text(history)
    group.hosts[name]["dv_keys_history_file"] = str(path) if history else ""


def signed(keys):
    """A history of these keys (hex), as a validator client exports it. (Of one without a block Prysm tells nothing.)"""
    both = {"signed_blocks": [{"slot": "99"}], "signed_attestations": [{"source_epoch": "3", "target_epoch": "4"}]}
    metadata = {"interchange_format_version": "5", "genesis_validators_root": GENESIS["genesis_validators_root"]}
    return json.dumps({"metadata": metadata, "data": [{"pubkey": key, **both} for key in sorted(keys)]})


def state_of(group, name):
    return key_place.read(DataDir(str(group.data_dirs[group.names.index(name)]))).state


def test_from_one_to_another(group, start, tree):
    """Prysm to Lodestar, and to another Prysm: with one that is away nothing is touched; then all go, and what the old one told is what
    the new one knows. Whoever runs it again changes nothing."""
    shares = {name: shares_of(group, name) for name in NAMES}
    old = {name: start(Prysm, "old-" + name) for name in NAMES}
    new = {"alice": start(Lodestar, "alice"), "bob": start(Prysm, "bob")}
    for name in NAMES:
        goes_to(group, name, old[name], signed(shares[name]))
    group.run(playbooks=LOAD)
    for name in NAMES:
        goes_to(group, name, new[name])
        group.hosts[name]["dv_keys_from_token_file"] = str(old[name].token_file)
    group.variables["dv_keys_resting_epochs"] = 0
    new["bob"].stop()
    done = group.attempt(playbooks=MOVE)
    assert [counts["failed"] for counts in playbook.recap(done.stdout).values()] == [0, 1]
    assert "bob of this cluster cannot take the key shares" in " ".join(done.stdout.split())
    assert [client.listed() for client in old.values()] == [*shares.values()] and not new["alice"].listed()
    new["bob"].start()
    plan = group.run("--check", "--diff", playbooks=MOVE)
    assert "-validator 0: key share 0x" in plan and [client.listed() for client in old.values()] == [*shares.values()]
    done = group.attempt("-vvv", "--diff", playbooks=MOVE)
    assert done.returncode == 0, done.stdout
    for name in NAMES:
        assert not old[name].listed() and new[name].listed() == shares[name] and state_of(group, name) == "loaded"
    secrets = [client.token_file.read_text().strip() for client in [*old.values(), *new.values()]]
    secrets += [path.read_text() for data_dir in group.data_dirs for path in data_dir.glob("validator_keys/*.txt")]
    assert not any(secret in done.stdout + done.stderr for secret in secrets)
    before = tree(group.directory)
    counts = playbook.recap(group.run(playbooks=MOVE))
    assert [each["changed"] for each in counts.values()] == [0, 0] and tree(group.directory) == before
    # Out of the new ones, too: they hand out what the old ones had signed.
    group.run(playbooks=UNLOAD)
    for name, data_dir in zip(NAMES, group.data_dirs):
        assert not new[name].listed() and state_of(group, name) == "unloaded"
        told = [json.loads(path.read_text())["data"] for path in data_dir.glob("loading/history-*.json")]
        assert len(told) >= 1 and all({each["pubkey"] for each in data} == shares[name] for data in told)
    counts = playbook.recap(group.run(playbooks=UNLOAD))
    assert [each["changed"] for each in counts.values()] == [0, 0]


def test_it_waits_for_the_chain(group, programs, tmp_path):
    """As many epochs as it takes. A run without time for that ends well, and the next one goes on."""
    shares = shares_of(group, "bob")
    with CharonStub(shares) as charon:
        charon.genesis["genesis_time"] = str(int(time.time()) - 1000)
        charon.spec.update(SECONDS_PER_SLOT="1", SLOTS_PER_EPOCH="20")
        with Prysm(programs[Prysm], tmp_path / "old", charon.url) as old, Prysm(programs[Prysm], tmp_path / "new", charon.url) as new:
            goes_to(group, "bob", old)
            group.run("--limit", "bob", playbooks=LOAD)
            goes_to(group, "bob", new)
            group.hosts["bob"]["dv_keys_from_token_file"] = str(old.token_file)
            said = group.run("--limit", "bob", "-e", "dv_keys_wait=0", playbooks=MOVE)
            assert "epochs have to pass before the key shares go anywhere" in said
            assert not old.listed() and not new.listed() and state_of(group, "bob") == "unloaded"
            # Nor does another playbook go on before its time, nor to where they were.
            assert playbook.recap(group.run("--limit", "bob", "-e", "dv_keys_wait=0", playbooks=LOAD))["bob"]["changed"] == 0
            charon.spec.update(SLOTS_PER_EPOCH="2")
            charon.genesis["genesis_time"] = str(int(time.time()) - 100)
            record = group.data_dirs[1] / "loading" / "place.json"
            place = json.loads(record.read_text())
            record.write_text(json.dumps({**place, "left_epoch": charon.head_slot // 2 + 1}))
            group.run("--limit", "bob", playbooks=MOVE)
            assert charon.head_slot // 2 >= json.loads(record.read_text())["number"] and new.listed() == shares and not old.listed()


def test_one_that_signed_no_block(group, start):
    """Prysm tells nothing of that, nor of any other one that it is asked for at once: what it tells of those alone is kept."""
    client, data_dir = start(Prysm, "old"), group.data_dirs[1]
    proposed, attested = sorted(shares_of(group, "bob"))
    history = json.loads(signed([proposed, attested]))
    history["data"][1]["signed_blocks"] = []
    goes_to(group, "bob", client, json.dumps(history))
    group.run("--limit", "bob", playbooks=LOAD)
    goes_to(group, "bob", client)
    for path in data_dir.glob("loading/history-*"):
        path.unlink()
    group.run("--limit", "bob", playbooks=UNLOAD)
    assert not client.listed() and state_of(group, "bob") == "unloaded"
    (told,) = [json.loads(path.read_text())["data"] for path in data_dir.glob("loading/history-*.json")]
    assert [each["pubkey"] for each in told] == [proposed] and told[0]["signed_blocks"] and told[0]["signed_attestations"]


def test_from_where_the_inventory_says(group, start):
    """What is on record counts: from anywhere else nothing is taken."""
    one, other = start(Prysm, "one"), start(Prysm, "other")
    goes_to(group, "bob", one)
    group.run("--limit", "bob", playbooks=LOAD)
    goes_to(group, "bob", other)
    done = group.attempt("--limit", "bob", playbooks=UNLOAD)
    assert done.returncode != 0 and "are on record at prysm at %s, not at prysm at %s" % (one.url, other.url) in " ".join(
        done.stdout.split()
    )
    done = group.attempt("--limit", "bob", playbooks=LOAD)
    assert done.returncode != 0 and "or move them (obol.dv.move_keys)" in " ".join(done.stdout.split())
    assert one.listed() == shares_of(group, "bob") and not other.listed()
