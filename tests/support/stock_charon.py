# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stock charon as the judge of what we make: drives the commands of the pinned release on loopback.

Every process ends with the context that started it, every wait has a deadline, every command leaves a log.
"""

import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from ansible_collections.obol.dv.tests.support import go_build

#: Seconds that one command or one wait may take on a busy machine. A deadline, never a measure of speed.
DEADLINE = 180


class CharonError(Exception):
    """charon failed, or did not get where it was wanted in time; holds the end of the logs."""


def binary():
    """The path of the charon binary; see :func:`go_build.binary`."""
    return go_build.binary("charon")


def wait_for(condition, what, seconds=DEADLINE):
    """Call ``condition`` until it returns something true, which is returned.

    :raises CharonError: that ``what`` did not happen within ``seconds``
    """
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise CharonError("not within %d s: %s" % (seconds, what))
        time.sleep(0.1)


def http_get(url):
    """``(status, text)`` of a GET; ``(0, "")`` where nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def free_addresses(count):
    """``count`` different ``127.0.0.1:port`` that were free a moment ago."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for dummy in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return ["127.0.0.1:%d" % one.getsockname()[1] for one in sockets]


def arguments(flags):
    """The command line of keyword arguments: ``num_validators=2`` is ``--num-validators=2``, a list is joined by commas."""
    texts = []
    for name, value in flags.items():
        if isinstance(value, bool):
            value = str(value).lower()
        elif isinstance(value, (list, tuple)):
            value = ",".join(str(item) for item in value)
        texts.append("--%s=%s" % (name.replace("_", "-"), value))
    return texts


class Node:
    """One ``charon run``: its data directory, the URL of its validator API, and what its monitoring API says."""

    def __init__(self, data_dir, validator_api_address, monitoring_address):
        self.data_dir, self.validator_api = data_dir, "http://%s" % validator_api_address
        self.url = "http://%s" % monitoring_address

    def is_ready(self):
        return http_get(self.url + "/readyz")[0] == 200

    def broadcasts(self):
        """The number of duties that this node has broadcast, by duty: ``{"attester": 3}``."""
        counts = {}
        for labels, value in self._metric("core_bcast_broadcast_total"):
            counts[labels["duty"]] = counts.get(labels["duty"], 0) + value
        return counts

    def signers(self, duty):
        """The share indices of which this node has met partial signatures for that ``duty``."""
        metric = self._metric("core_parsigdb_store_count")
        return {int(labels["peer_idx"]) + 1 for labels, value in metric if labels["duty"] == duty and value}

    def _metric(self, name):
        """``(labels, value)`` of each line of a metric."""
        for line in http_get(self.url + "/metrics")[1].splitlines():
            if line.startswith(name + "{"):
                labels, value = line.rsplit(" ", 1)
                yield dict(re.findall(r'(\w+)="([^"]*)"', labels)), float(value)


class Charon:
    """The commands of one charon binary. Logs and scratch files go to ``work``, one log per process."""

    def __init__(self, path, work):
        self.path, self.work = path, pathlib.Path(work)
        self.work.mkdir(parents=True, exist_ok=True)

    def call(self, *words, deadline=DEADLINE, **flags):
        """Run one command to its end and return what it printed (stdout).

        :raises CharonError: exit code other than 0, or the deadline passed
        """
        with self._start("-".join(words), [*words, *arguments(flags)]) as process:
            self._wait([process], deadline)
            return process.out.read_text()

    def create_enr(self, data_dir):
        """Make a node key in ``data_dir`` (made if missing)."""
        self.call("create", "enr", data_dir=data_dir)

    def enr(self, data_dir):
        """The ENR text of the node key in ``data_dir``."""
        return self.call("enr", data_dir=data_dir).strip()

    def create_cluster(self, directory, **flags):
        """``charon create cluster`` in ``directory``; the data directories of its nodes, in operator order."""
        self.call("create", "cluster", cluster_dir=directory, **flags)
        return sorted(pathlib.Path(directory).glob("node*"), key=lambda path: int(path.name.removeprefix("node")))

    def create_dkg(self, directory, **flags):
        """``charon create dkg``; the path of the definition file in ``directory``."""
        self.call("create", "dkg", output_dir=directory, **flags)
        return pathlib.Path(directory) / "cluster-definition.json"

    def combine(self, data_dirs, **flags):
        """``charon combine`` over copies of the ``data_dirs``; the directory with the whole keys."""
        parent, output = self._scratch("combine"), self._scratch("combined")
        for index, data_dir in enumerate(data_dirs):
            # It looks one level below its parent directory and follows no links.
            node = parent / ("node%d" % index)
            node.mkdir()
            shutil.copy(pathlib.Path(data_dir) / "cluster-lock.json", node)
            shutil.copytree(pathlib.Path(data_dir) / "validator_keys", node / "validator_keys")
        self.call("combine", cluster_dir=parent, output_dir=output, force=True, **flags)
        return output

    @contextlib.contextmanager
    def relay(self):
        """A relay of our own on loopback; gives its URL."""
        http, p2p = free_addresses(2)
        flags = {
            "data_dir": self._scratch("relay"),
            "http_address": http,
            "p2p_tcp_address": p2p,
            "p2p_advertise_private_addresses": True,
            "p2p_relays": "",
        }
        with self._start("relay", ["relay", *arguments(flags)]) as process:
            self._wait_while([process], lambda: http_get("http://%s/enr" % http)[0] == 200, "the relay answers")
            yield "http://%s" % http

    def dkg(self, data_dirs, definition, relay, deadline=DEADLINE, **flags):
        """``charon dkg`` of all nodes at once, to the end: each node of ``data_dirs`` has its key and gets its lock.

        :param definition: the definition file that all of them are given
        :param relay: the URL of a relay
        """
        common = {"definition_file": definition, "p2p_relays": relay, "shutdown_delay": "0s", "timeout": "1h", **flags}
        with contextlib.ExitStack() as stack:
            processes = []
            for data_dir, p2p in zip(data_dirs, free_addresses(len(data_dirs))):
                own = arguments({"data_dir": data_dir, "p2p_tcp_address": p2p, **common})
                processes.append(stack.enter_context(self._start("dkg-node%d" % len(processes), ["dkg", *own])))
            self._wait(processes, deadline)

    def edit(self, command, data_dirs, relay, output, **flags):
        """``charon alpha edit`` of all nodes at once, to the end: each has the result in its directory ``output``."""
        common = {"p2p_relays": relay, "shutdown_delay": "0s", "timeout": "3m", **flags}
        with contextlib.ExitStack() as stack:
            processes = []
            for data_dir, p2p in zip(map(pathlib.Path, data_dirs), free_addresses(len(data_dirs))):
                own = {
                    "lock_file": data_dir / "cluster-lock.json",
                    "private_key_file": data_dir / "charon-enr-private-key",
                    "validator_keys_dir": data_dir / "validator_keys",
                    "output_dir": data_dir / output,
                    "p2p_tcp_address": p2p,
                }
                words = ["alpha", "edit", command, *arguments({**own, **common})]
                processes.append(stack.enter_context(self._start("edit-node%d" % len(processes), words)))
            self._wait(processes, DEADLINE)

    @contextlib.contextmanager
    def run_nodes(self, data_dirs, relay, **flags):
        """``charon run`` of all nodes over a mock beacon chain with 2 s slots; gives a list of :class:`Node`, all ready."""

        def mocks(data_dir):
            keys = {"simnet_validator_keys_dir": data_dir / "validator_keys"}
            return {**keys, "simnet_beacon_mock": True, "simnet_validator_mock": True, "simnet_slot_duration": "2s", **flags}

        with self._run(data_dirs, relay, mocks) as (nodes, processes):
            self._wait_while(processes, lambda: all(node.is_ready() for node in nodes), "every node is ready")
            yield nodes

    @contextlib.contextmanager
    def run_on_chain(self, data_dirs, relay, beacons, **flags):
        """``charon run`` of all nodes over the beacon nodes at the URLs ``beacons``; gives a list of :class:`Node`, which answer validator
        clients, but are not ready before these are there."""

        def answer(node):
            return http_get(node.validator_api + "/eth/v1/node/version")[0] == 200

        with self._run(data_dirs, relay, lambda _data_dir: {"beacon_node_endpoints": beacons, **flags}) as (nodes, processes):
            self._wait_while(processes, lambda: all(answer(node) for node in nodes), "every node answers validator clients")
            yield nodes

    @contextlib.contextmanager
    def _run(self, data_dirs, relay, more):
        """``charon run`` of all nodes with the flags ``more(data_dir)``; gives the :class:`Node` of each and the processes."""
        with contextlib.ExitStack() as stack:
            nodes, processes = [], []
            addresses = free_addresses(3 * len(data_dirs))
            for number, data_dir in enumerate(map(pathlib.Path, data_dirs)):
                p2p, validator_api, monitoring = addresses[3 * number : 3 * number + 3]
                own = {
                    "lock_file": data_dir / "cluster-lock.json",
                    "private_key_file": data_dir / "charon-enr-private-key",
                    "p2p_relays": relay,
                    "p2p_tcp_address": p2p,
                    "validator_api_address": validator_api,
                    "monitoring_address": monitoring,
                }
                command = ["run", *arguments({**own, **more(data_dir)})]
                processes.append(stack.enter_context(self._start("run-node%d" % number, command)))
                nodes.append(Node(data_dir, validator_api, monitoring))
            yield nodes, processes

    def logs(self):
        """``[(name, text)]`` of all processes so far, oldest first; of a long log its end."""
        paths = sorted(self.work.glob("*.log"), key=lambda path: path.stat().st_mtime)
        return [(path.name, path.read_text(errors="replace")[-6000:]) for path in paths]

    def _scratch(self, name):
        """A new empty directory below ``work``."""
        return pathlib.Path(tempfile.mkdtemp(prefix=name + "-", dir=self.work))

    @contextlib.contextmanager
    def _start(self, name, command):
        """A process of charon, ended with the context. Its logs: ``NAME-<number>.log`` (stderr) and ``.out`` (stdout)."""
        number = len(list(self.work.glob("*.log")))
        log = self.work / ("%s-%d.log" % (name, number))
        environment = {key: value for key, value in os.environ.items() if not key.startswith("CHARON_")}
        environment["CHARON_LOG_COLOR"] = "disable"
        with open(log, "wb") as stderr, open(log.with_suffix(".out"), "wb") as stdout:
            # In a directory without a charon.yaml, which charon would read.
            process = subprocess.Popen(
                [self.path, *command],
                cwd=self.work,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
            )
        process.log, process.out = log, log.with_suffix(".out")
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _wait(self, processes, deadline):
        """Wait until all processes have ended well."""
        self._wait_while(processes, lambda: all(p.poll() == 0 for p in processes), "charon ends", deadline)

    def _wait_while(self, processes, condition, what, deadline=DEADLINE):
        """Wait for ``condition`` as long as no process fails."""

        def look():
            for process in processes:
                if process.poll():
                    raise CharonError("charon ended with %d: %s" % (process.returncode, " ".join(map(str, process.args[1:]))))
            return condition()

        try:
            wait_for(look, what, deadline)
        except CharonError as error:
            ends = "".join("\n--- %s\n%s" % (p.log.name, p.log.read_text(errors="replace")[-3000:]) for p in processes)
            raise CharonError(str(error) + ends) from None
