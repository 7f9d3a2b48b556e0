# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Operators with wallets and policies of their own, on nodes of this machine, in an inventory as one writes for real hosts."""

import copy
import json
import pathlib
import shutil
from functools import partial

from ansible_collections.obol.dv.plugins.module_utils.signers import key_file_wallet
from ansible_collections.obol.dv.tests.support import playbook

#: An address that nobody has the key of.
DEAD = "0x000000000000000000000000000000000000dEaD"


class OperatorGroup:
    """A group of operators. Tests change ``variables``, ``hosts`` and the files, then run playbooks.

    :param directory: where everything is: the inventory, the store, and for each node a directory ``node1`` ...
    :param nodes: how many
    :param names: their names, if not those; ``nodes`` does not count then
    :param cluster: the cluster's name
    :param inventory: the name of the inventory's file
    :param variables: variables of the cluster, without their prefix ``dv_``
    """

    def __init__(self, directory, nodes=4, names=(), cluster="tested", inventory="hosts.yml", **variables):
        self.directory, self.cluster, self.inventory = pathlib.Path(directory), cluster, inventory
        self.names = list(names) or ["node%d" % number for number in range(1, nodes + 1)]
        self.hosts = {name: {"dv_operator_address": self.make_wallet(name)} for name in self.names}
        self.variables = {
            "ansible_connection": "local",
            "ansible_pipelining": False,
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "dv_cluster": cluster,
            "dv_name": cluster,
            "dv_network": "hoodi",
            "dv_withdrawal_addresses": [DEAD],
            "dv_fee_recipient_addresses": [DEAD],
            "dv_operators": [host["dv_operator_address"] for host in self.hosts.values()],
            **{"dv_" + name: value for name, value in variables.items()},
        }
        for name in self.names:
            self.write_policy(name)

    def make_wallet(self, name):
        """Make a wallet in the directory of that name; its address."""
        place = self.directory / name
        return key_file_wallet.create(str(place / "wallet.json"), str(place / "wallet-password.txt"))

    def write_policy(self, name, **rules):
        """Write the policy of a node: what the group agrees on as it begins, with other ``rules``."""
        policy = {
            "networks": ["hoodi"],
            "withdrawal_addresses": [DEAD],
            "fee_recipient_addresses": [DEAD],
            "operators": self.variables["dv_operators"],
            **rules,
        }
        path = self.directory / name / "policy.yml"
        path.write_text(json.dumps(policy))
        path.chmod(0o600)

    def copy(self, directory):
        """The same group once more, as it is now, below ``directory``."""
        other = copy.copy(self)
        other.directory = pathlib.Path(shutil.copytree(self.directory, directory))
        other.hosts, other.variables = copy.deepcopy(self.hosts), copy.deepcopy(self.variables)
        other.write_inventory()
        return other

    @property
    def data_dirs(self):
        """The data directories of the nodes, in their order."""
        return [self.directory / name / ".charon" for name in self.names]

    @property
    def store(self):
        """The cluster's store."""
        return self.directory / "store" / self.cluster

    def run(self, *arguments, playbooks=("create-cluster.yml",)):
        """What a run printed, that must not fail; see :func:`.playbook.run`."""
        return self._run(playbook.run)(playbooks, self.directory, *arguments)

    def attempt(self, *arguments, playbooks=("create-cluster.yml",)):
        """A run that may fail; see :func:`.playbook.attempt`."""
        return self._run(playbook.attempt)(playbooks, self.directory, *arguments)

    def _run(self, run):
        return partial(run, inventory=self.write_inventory())

    def write_inventory(self, directory=None, names=None, **variables):
        """Write the inventory, as every run does; its path.

        :param directory: another one than the group's, e.g. of the control node of one operator
        :param names: its nodes, if not all
        :param variables: more of the cluster's, with their prefix
        """
        inventory = (directory or self.directory) / self.inventory
        paths = {
            "dv_data_dir": "%s/{{ inventory_hostname }}/.charon" % self.directory,
            "dv_store": str(self.directory / "store"),
        }
        group = {
            "vars": {**paths, **self.variables, **variables},
            "hosts": {name: self.hosts[name] for name in names or self.names},
        }
        text = json.dumps({"dv_nodes": {"children": {self.cluster: group}}})
        if not inventory.exists() or inventory.read_text() != text:
            inventory.write_text(text)
        return inventory
