# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""inventories/example is true: both of its clusters are made with it, on hosts in the place of its machines."""

import json
import pathlib
import shutil
import subprocess
import sys

import pytest
from ansible_collections.obol.dv.plugins.module_utils.signers import key_file_wallet
from ansible_collections.obol.dv.tests.support import playbook

EXAMPLE = playbook.ROOT / "inventories" / "example"

#: Writes down a node's variables as they are once they are put together: those of the ceremony, and how it is reached.
TELL = """
- hosts: dv_nodes
  gather_facts: false
  tasks:
    - copy:
        content: "{{ dict(names | zip(query('vars', *names))) | to_json }}"
        dest: "{{ playbook_dir }}/{{ inventory_hostname }}.json"
      connection: local
      become: false
      vars:
        ansible_python_interpreter: "{{ ansible_playbook_python }}"
        names: "{{ query('varnames', '^dv_', '^vault_', '^ansible_host$', '^ansible_user$', '^ansible_become', '^ansible_pipelining$') }}"
"""


@pytest.fixture(scope="module")
def vault(tmp_path_factory):
    """The arguments that open the vault, which protects nothing: its password is in the README."""
    path = tmp_path_factory.mktemp("vault") / "password"
    path.write_text("example")
    return ["--vault-password-file", str(path)]


@pytest.fixture(scope="module")
def nodes(vault, tmp_path_factory):
    """Every node's variables, put together by Ansible: a mapping from its name."""
    directory = tmp_path_factory.mktemp("nodes")
    (directory / "tell.yml").write_text(TELL)
    playbook.run([directory / "tell.yml"], directory, *vault, inventory=EXAMPLE)
    return {path.stem: json.loads(path.read_text()) for path in sorted(directory.glob("*.json"))}


def machine(node):
    """The host in the place of a node's machine."""
    return node["ansible_host"].partition(".")[0]


def prepare(hosts, nodes):
    """Make hosts what the example takes for granted: users, and the passwords that sudo asks for."""
    for name, password in nodes["north-alice"]["vault_become_passwords"].items():
        name = name.partition(".")[0]
        hosts.path(name, "/etc/sudoers.d/deploy").write_text("deploy ALL = (root) PASSWD: ALL\n")
        hosts.run(name, ["chpasswd"], stdin=None, input="deploy:%s\n" % password)
    hosts.run("dave", ["useradd", "--create-home", "--password", "*", "charon"])


def bring(hosts, nodes):
    """What operators do by hand: wallet, password and policy beside the data directory. The address of each node's wallet."""
    addresses = {}
    for name, node in nodes.items():
        inside = str(pathlib.Path(node["dv_data_dir"]).parent)
        place = hosts.path(machine(node), inside)
        if name == "south-alice":
            place.mkdir()
            north = hosts.path("alice", pathlib.Path(nodes["north-alice"]["dv_data_dir"]).parent)
            for file in ("wallet.json", "wallet-password.txt"):
                shutil.copy(north / file, place)
        else:
            key_file_wallet.create(str(place / "wallet.json"), str(place / "wallet-password.txt"))
        addresses[name] = key_file_wallet.address(str(place / "wallet.json"))
    known = {node["dv_operator_address"]: addresses[name] for name, node in nodes.items()}
    for node in nodes.values():
        inside = str(pathlib.Path(node["dv_data_dir"]).parent)
        rules = {rule: node["dv_" + rule] for rule in ("withdrawal_addresses", "fee_recipient_addresses")}
        policy = dict(rules, networks=["hoodi"], operators=[known[address] for address in node["dv_operators"]])
        (hosts.path(machine(node), inside) / "policy.yml").write_text(json.dumps(policy))
        hosts.run(machine(node), ["chmod", "--recursive", "go=", inside])
        if not node["ansible_become"]:
            hosts.run(machine(node), ["chown", "--recursive", "%s:" % node["ansible_user"], inside])
    return addresses


def beside(hosts, nodes, addresses, directory):
    """An inventory to be given beside the example: only what no example can know. Its path."""
    new = {node["dv_operator_address"]: addresses[name] for name, node in nodes.items()}
    variables = {}
    for name, node in nodes.items():
        host = hosts.hosts[machine(node)]
        arguments = host["ansible_ssh_common_args"].replace("%h %p", "%s 22" % host["ansible_host"])
        variables[name] = {
            # The names of the machines lead to the hosts.
            "ansible_ssh_common_args": "%s -oHostKeyAlias=%s" % (arguments, host["ansible_host"]),
            "ansible_ssh_private_key_file": host["ansible_ssh_private_key_file"],
            "ansible_python_interpreter": sys.executable,
            "dv_operator_address": addresses[name],
            "dv_operators": [new[address] for address in node["dv_operators"]],
            "dv_store": str(directory / "store"),
        }
    path = directory / "beside.json"
    path.write_text(json.dumps({"dv_nodes": {"hosts": variables}}))
    return path


def test_every_variable_can_be_worked_out(nodes):
    assert len(nodes) == 8
    assert len({(node["ansible_host"], node["dv_data_dir"]) for node in nodes.values()}) == 8
    for cluster in ("north", "south"):
        members = {name: node for name, node in nodes.items() if node["dv_cluster"] == cluster}
        assert all(name.startswith(cluster) for name in members)
        assert {node["dv_operator_address"] for node in members.values()} == set(members[cluster + "-alice"]["dv_operators"])
    assert nodes["north-alice"]["ansible_host"] == nodes["south-alice"]["ansible_host"]
    assert {name for name, node in nodes.items() if not node["ansible_become"]} == {"north-dave"}


def test_listing_it_needs_the_vault_and_nothing_else(vault, nodes):
    command = [sys.executable, "-m", "ansible", "inventory", "-i", str(EXAMPLE), "--list"]
    options = {"cwd": playbook.ROOT, "stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 120}
    assert set(json.loads(subprocess.run([*command, *vault], check=False, **options).stdout)["_meta"]["hostvars"]) == set(nodes)
    assert subprocess.run(command, check=False, **options).returncode != 0


def test_both_clusters_in_one_run(netns_hosts, nodes, vault, tmp_path):
    with netns_hosts(*sorted({machine(node) for node in nodes.values()}), user="deploy") as hosts:
        prepare(hosts, nodes)
        given = ["-i", str(beside(hosts, nodes, bring(hosts, nodes), tmp_path)), *vault]
        printed = playbook.run(["create-cluster.yml"], tmp_path, *given, inventory=EXAMPLE)
        assert "Cluster North on hoodi is complete" in printed and "Cluster South on hoodi is complete" in printed

        for cluster in ("north", "south"):
            members = [node for node in nodes.values() if node["dv_cluster"] == cluster]
            locks = {(hosts.path(machine(node), node["dv_data_dir"]) / "cluster-lock.json").read_bytes() for node in members}
            assert len(locks) == 1
        owners = {name: (hosts.path(machine(node), node["dv_data_dir"]) / "cluster-lock.json").stat() for name, node in nodes.items()}
        dave = hosts.run("dave", ["id", "-u", "charon"]).stdout
        wanted = {"north-bob": 1000, "north-dave": int(dave)}
        assert {name: owner.st_uid for name, owner in owners.items()} == {name: wanted.get(name, 0) for name in nodes}

        again = playbook.recap(playbook.run(["create-cluster.yml"], tmp_path, *given, inventory=EXAMPLE))
        assert {counts["changed"] for counts in again.values()} == {0}
