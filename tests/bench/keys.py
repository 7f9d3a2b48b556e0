# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key shares of a fleet into real validator clients: by one run of ours, and by one script that sends them and asks for nothing else.

Its figures are ``wall`` and ``cpu`` as of :mod:`.runs`, of the sender alone: what the clients do is the same.
"""

import contextlib
import json
from concurrent.futures import ThreadPoolExecutor

from ansible_collections.obol.dv.plugins.module_utils.key_loading.keystores import Keystores
from ansible_collections.obol.dv.tests.bench.measure import Failed, Stopwatch, apart
from ansible_collections.obol.dv.tests.support import go_build, playbook
from ansible_collections.obol.dv.tests.support.beacon_stub import Beacon
from ansible_collections.obol.dv.tests.support.dealt_cluster import DealtCluster
from ansible_collections.obol.dv.tests.support.validator_clients import Prysm

_FORKS = 20


def measure(directory, fleet):
    """The figures of a ``fleet`` (:class:`.rows.Keys`) by who sends them, below ``directory``: ``{"ours": ..., "plain": ...}``."""
    names = ["c%d-node%d" % (cluster, node) for cluster in range(fleet.clusters) for node in range(fleet.nodes)]
    for cluster in range(fleet.clusters):
        made = DealtCluster(validators=fleet.validators, operators=fleet.nodes)
        for node in range(fleet.nodes):
            (directory / names[cluster * fleet.nodes + node]).mkdir()
            made.write(_data_dir(directory, names[cluster * fleet.nodes + node]), node)
    figures = {}
    for who, send in (("ours", _ours), ("plain", _plain)):
        with _clients(directory / who, names) as clients:
            figures[who] = apart(send, directory, clients)
            if any(len(client.listed()) != fleet.validators for client in clients.values()):
                raise Failed("not all key shares are listed: nothing to compare")
    return figures


def _data_dir(directory, name):
    return directory / name / ".charon"


@contextlib.contextmanager
def _clients(directory, names):
    """A Prysm for each node."""
    binary = go_build.binary("prysm")
    with Beacon() as beacon, contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(Prysm(binary, directory / name, beacon.url)) for name in names}


def _ours(directory, clients):
    clusters = {}
    for name, client in clients.items():
        clusters.setdefault(name.partition("-")[0], {})[name] = client.variables
    variables = {
        "ansible_connection": "local",
        "ansible_pipelining": True,
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "dv_data_dir": "%s/{{ inventory_hostname }}/.charon" % directory,
        "dv_store": str(directory / "store"),
        "dv_keys_without_drill": "{{ inventory_hostname }}",
    }
    children = {cluster: {"hosts": hosts, "vars": {"dv_cluster": cluster}} for cluster, hosts in clusters.items()}
    inventory = directory / "hosts.yml"
    inventory.write_text(json.dumps({"dv_nodes": {"vars": variables, "children": children}}))
    with Stopwatch() as stopwatch:
        playbook.run(["playbooks/load_keys.yml"], directory, "--forks", str(_FORKS), inventory=inventory)
    return {"wall": stopwatch.wall, "cpu": stopwatch.cpu}


def _plain(directory, clients):
    def send(name, client):
        keys = sorted((_data_dir(directory, name) / "validator_keys").glob("keystore-*.json"))
        for first in range(0, len(keys), Keystores.batch):
            batch = keys[first : first + Keystores.batch]
            passwords = [path.with_suffix(".txt").read_text() for path in batch]
            client.ask("POST", "/eth/v1/keystores", {"keystores": [path.read_text() for path in batch], "passwords": passwords})

    with Stopwatch() as stopwatch, ThreadPoolExecutor(_FORKS) as pool:
        list(pool.map(send, clients.keys(), clients.values()))
    return {"wall": stopwatch.wall, "cpu": stopwatch.cpu}
