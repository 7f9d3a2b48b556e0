# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One playbook from terms to key shares in validator clients: these are asked before the ceremony, and get nothing before a drill."""

import pytest
from ansible_collections.obol.dv.tests.support import playbook
from ansible_collections.obol.dv.tests.support.inventory import OperatorGroup
from ansible_collections.obol.dv.tests.support.validator_clients import Prysm

from .test_load_keys import NAMES, programs, prove, shares_of, start
from .test_restore import with_identity

__all__ = ["programs", "start"]

VERIFY = ["playbooks/verify.yml"]


@pytest.fixture
def clients(start):
    return {name: start(Prysm, name) for name in NAMES}


@pytest.fixture
def group(tmp_path, clients):
    """Three operators without a cluster, whose nodes have these clients."""
    identity, recipient = with_identity(tmp_path)
    group = OperatorGroup(tmp_path / "group", names=NAMES, inventory="inventory.yml", num_validators=1, backup_recipients=[recipient])
    group.variables["ansible_pipelining"] = True
    group.identity = identity
    for name, client in clients.items():
        group.hosts[name].update(client.variables)
    return group


def changed(group, *arguments, **more):
    return [counts["changed"] for counts in playbook.recap(group.run(*arguments, **more)).values()]


def test_from_terms_to_loaded_key_shares(group, clients, tree):
    """Refused with a wrong token; complete, and green, without a drill, as it is while a client waits for its charon; loaded with the next
    run; then there is nothing to do."""
    token = clients["carol"].token_file.read_text()
    clients["carol"].token_file.write_text("0x" + "5a" * 32)
    clients["carol"].stop()
    clients["carol"].start()
    wrong = group.directory / "wrong"
    wrong.write_text(token)
    group.hosts["carol"]["dv_keys_token_file"] = str(wrong)
    done = group.attempt()
    assert done.returncode != 0 and "refuses the token" in " ".join(done.stdout.split()) and token not in done.stdout + done.stderr
    assert not any(data_dir.exists() for data_dir in group.data_dirs)
    group.hosts["carol"].update(clients["carol"].variables)
    clients["carol"].stop()
    said = group.run()
    (first,) = (after for before, _title, after in [said.partition("What comes next\n")])
    first = first.strip().splitlines()[0]
    assert first.startswith("- alice: no drill has proved a backup of the key shares of alice") and "run this again" in first
    clients["carol"].start()
    assert not any(client.listed() for client in clients.values())
    prove(group)
    said = group.run()
    for name, client in clients.items():
        assert client.listed() == shares_of(group, name)
        assert "    %-5s   prysm at %s\n" % (name, client.url) in said
    before = tree(group.directory)
    assert changed(group) == [0, 0, 0] and tree(group.directory) == before
    # The keystores may go, since a drill proved what brings them back.
    group.variables["dv_keys_keep"] = False
    assert all(changed(group)) and changed(group) == [0, 0, 0]
    for name, data_dir, client in zip(NAMES, group.data_dirs, clients.values()):
        assert not (data_dir / "validator_keys").exists() and client.listed() == shares_of(group, name)
    assert "they are elsewhere" not in group.run(playbooks=VERIFY)
    # A client that is away stops nothing that is complete but its own node.
    clients["carol"].stop()
    done = group.attempt()
    assert [counts["failed"] for counts in playbook.recap(done.stdout).values()] == [0, 0, 1]
