# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module ``test_cluster`` does on a node."""

from __future__ import annotations

import re
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..ansible_module import resident
from ..ansible_module.argument_specs import CARRIER_SPEC, COPIES_SPEC, KEYS_SPEC, PROCESS_SPEC, TESTNET_SPEC, networks_of
from ..ansible_module.runner import packages

with packages():
    from ..backup.backups import Backups
    from ..backup.status import proves_key_shares
    from ..clients import beacon_health, charon_monitoring
    from ..clients.execution import ExecutionNode
    from ..clients.http import connect
    from ..cluster.lock import ClusterLock
    from ..cluster.operators import index_of_key
    from ..cluster.store_names import READINESS, readiness_name
    from ..crypto import secp256k1
    from ..data_dir import layout, node_key, statements
    from ..data_dir.layout import DataDir
    from ..encoding.hex import from_hex, to_hex
    from ..errors import DvError, show
    from ..ethereum import enr
    from ..ethereum.networks import Networks, validators_root_of
    from ..readiness import charon, charon_test, judgement, listener, measurement
    from ..readiness.checks import with_thresholds
    from ..readiness.node import Node, Places, identity, machine_of, measure
    from ..storage import files

ARGUMENT_SPEC = dict(
    data_dir=dict(type="path", required=True),
    step=dict(type="str", required=True, choices=["listen", "measure", "judge"]),
    port=dict(type="int", default=3610),
    p2p_address=dict(type="str", default=""),
    seconds=dict(type="int", default=120),
    stays=dict(type="bool", default=False),
    peers=dict(type="dict", default={}),
    charon_monitoring_url=dict(type="str", default="http://127.0.0.1:3620"),
    beacon_node_url=dict(type="str"),
    execution_url=dict(type="str"),
    execution_url_file=dict(type="path", no_log=False),
    charon_command=dict(type="list", elements="str", default=[]),
    charon_tests=dict(type="dict", default={}),
    charon_seconds=dict(type="int", default=30),
    mev_relays=dict(type="list", elements="str", default=[]),
    backup_dir=dict(type="path"),
    statements=dict(type="dict", default={}),
    thresholds=dict(type="dict", default={}),
    max_age=dict(type="int", default=60),
    testnet=TESTNET_SPEC,
    **KEYS_SPEC,
    **CARRIER_SPEC,
    **COPIES_SPEC,
    **PROCESS_SPEC,
)

#: Further arguments of AnsibleModule.
CONSTRAINTS = dict(mutually_exclusive=[("execution_url", "execution_url_file")])

_MINUTE = 60
# Longest URL in a file, in bytes.
_MAX_URL = 4096


def run_module(module: AnsibleModule) -> dict[str, Any]:
    data_dir = DataDir(module.params["data_dir"])
    content = data_dir.read(layout.LOCK)
    if content is None:
        raise DvError(f"{data_dir} has no {layout.LOCK}", "a complete cluster", "test it when it is there")
    lock, private_key = ClusterLock.parse(content, layout.LOCK), node_key.read(data_dir)
    share_index = index_of_key(lock.definition, secp256k1.public_key(private_key))
    result = _STEPS[module.params["step"]](module, data_dir, lock, private_key, share_index)
    return dict(result, share_index=share_index)


def _listen(module: AnsibleModule, data_dir: DataDir, lock: ClusterLock, _private_key: bytes, share_index: int) -> dict[str, Any]:
    leave = None if module.check_mode else resident.leave
    listens = listener.listen(module.params["port"], identity(lock, share_index), module.params["seconds"], leave)
    charon_test.check(module.params["charon_command"], module.params["charon_tests"])
    if module.params["charon_tests"] and leave and not charon.runs(charon_monitoring.at(module.params["charon_monitoring_url"]), data_dir):
        charon_test.start(module.params["charon_command"], module.params["charon_tests"], data_dir, module.params["charon_seconds"], leave)
    return dict(changed=False, listens=listens, p2p_address=module.params["p2p_address"])


def _measure(module: AnsibleModule, data_dir: DataDir, lock: ClusterLock, private_key: bytes, share_index: int) -> dict[str, Any]:
    params = module.params
    network = networks_of(params).of(lock.definition)
    root = from_hex(params["genesis_validators_root"], 32, "dv_keys_genesis_validators_root")
    root = root or validators_root_of(network.genesis_fork_version) or b""
    peer_id = enr.peer_id(secp256k1.public_key(private_key))
    node = Node(data_dir, lock, share_index, network, root, _is_proven(params, peer_id, lock))
    found = measure(node, _places(params, share_index, len(lock.definition.operators or ())), module.check_mode)
    return dict(
        changed=False,
        checks=[finding.json() for finding in found.findings],
        links=[link.json() for link in found.links],
        outbox={} if module.check_mode else measurement.state(private_key, lock, found),
    )


def _is_proven(params: dict[str, Any], peer_id: str, lock: ClusterLock) -> bool:
    here = Backups(params["backup_dir"], peer_id).statements.values() if params["backup_dir"] else ()
    texts = [*here, *params["statements"].values(), *params["inbox"].values()]
    return proves_key_shares(texts, peer_id, to_hex(lock.lock_hash), len(lock.validators or ()))


def _places(params: dict[str, Any], share_index: int, operators: int) -> Places:
    peers = dict(_peer(index, address, operators) for index, address in params["peers"].items())
    return Places(
        {index: address for index, address in peers.items() if index != share_index},
        charon_monitoring.at(params["charon_monitoring_url"]),
        beacon_health.at(params["beacon_node_url"]) if params["beacon_node_url"] else None,
        _execution_node(params),
        params["mev_relays"],
        params,
        [*params["charon_tests"]],
        params["charon_seconds"],
    )


def _execution_node(params: dict[str, Any]) -> ExecutionNode | None:
    url, path = params["execution_url"], params["execution_url_file"]
    if path:
        return ExecutionNode(connect(files.read(path, _MAX_URL), path))
    return ExecutionNode(connect(url, "dv_execution_url")) if url else None


def _peer(share_index: Any, address: Any, operators: int) -> tuple[int, tuple[str, int]]:
    """The share index and the address of a node, of so many ``operators``."""
    host, _colon, port = str(address).rpartition(":")
    if str(share_index) in map(str, range(1, operators + 1)) and host and re.fullmatch("[0-9]{1,5}", port) and 0 < int(port) < 2**16:
        return int(share_index), (host.strip("[]"), int(port))
    raise DvError(
        f"dv_test_peers names {show(str(address))} for {show(str(share_index))}",
        f"share index, 1 to {operators}: host:port",
        "for example {2: bob.example.com:3610}",
    )


def _judge(module: AnsibleModule, data_dir: DataDir, lock: ClusterLock, private_key: bytes, share_index: int) -> dict[str, Any]:
    params, now = module.params, time.time()
    if not params["stays"]:
        listener.stop(params["port"])
    found = measurement.read(lock, params["inbox"].values(), now, params["max_age"] * _MINUTE)
    network: Networks = networks_of(params)
    judged = judgement.judge(lock, network.of(lock.definition).name, found, with_thresholds(params["thresholds"]), now)
    outbox = {}
    if not module.check_mode:
        # That it is not is stated, too: it may have been before.
        facts = dict(lock_hash=to_hex(lock.lock_hash), share_index=share_index, passed=judged.passed, score=judged.json["score"])
        name = readiness_name(READINESS, lock.lock_hash, share_index, machine_of(data_dir), now)
        outbox = {name: statements.sign(private_key, statements.READINESS, facts, now)}
    return dict(changed=False, judgement=judged.json, passed=judged.passed, outbox=outbox)


_STEPS = {"listen": _listen, "measure": _measure, "judge": _judge}
