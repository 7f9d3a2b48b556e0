# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module ``activate`` does on a node."""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from datetime import datetime
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..ansible_module.argument_specs import CARRIER_SPEC, PROCESS_SPEC, TESTNET_SPEC, networks_of
from ..ansible_module.runner import failure, packages

with packages():
    from ..activation import followed, guards, networks, payers
    from ..activation.activation import CLAIMING, Activation, Asked, Outcome
    from ..activation.line_states import UNDER_WAY
    from ..activation.plan import Plan, eth, lines, remarks
    from ..activation.stated import Statements
    from ..agreement import policy
    from ..clients import beacon_states
    from ..clients.execution import DELEGATION, ExecutionNode
    from ..clients.http import connect
    from ..cluster.definition import address_bytes
    from ..cluster.lock import ClusterLock
    from ..cluster.operators import index_of_key
    from ..crypto import secp256k1
    from ..data_dir import layout, node_key
    from ..data_dir.layout import DataDir
    from ..encoding.hex import from_hex, to_hex
    from ..errors import DvError, raise_all
    from ..ethereum.address import checksum_address
    from ..ethereum.networks import validators_root_of
    from ..storage import files
    from ..verify.data_dir import check_data_dir
    from ..verify.report import Report

ARGUMENT_SPEC = dict(
    data_dir=dict(type="path", required=True),
    validators=dict(type="list", elements="str", default=[]),
    first=dict(type="int"),
    amounts=dict(type="list", elements="str", default=[]),
    withdrawal_addresses=dict(type="list", elements="str", default=[]),
    policy_file=dict(type="path"),
    execution_url=dict(type="str"),
    execution_url_file=dict(type="path", no_log=False),
    beacon_url=dict(type="str", required=True),
    genesis_validators_root=dict(type="str"),
    max_fee=dict(type="float", default=50),
    batch=dict(type="int", default=10),
    bump=dict(type="bool", default=False),
    max_age=dict(type="int", default=168),
    without=dict(type="dict", default={}),
    confirm=dict(type="str", default=""),
    wallet_file=dict(type="path"),
    wallet_password_file=dict(type="path", no_log=False),
    wallet_url=dict(type="str"),
    payer=dict(type="str"),
    unsigned_file=dict(type="path"),
    signed_file=dict(type="path"),
    safe=dict(type="str"),
    safe_file=dict(type="path"),
    testnet=TESTNET_SPEC,
    **CARRIER_SPEC,
    **PROCESS_SPEC,
)

# What chooses a kind of payer, see :mod:`.activation.payers`: what that needs, and what else it takes.
_KINDS = {
    "wallet_file": (("wallet_password_file",), ()),
    "wallet_url": (("payer",), ()),
    "unsigned_file": (("payer",), ("signed_file",)),
    "safe": (("safe_file",), ()),
}

_HOUR = 3600
# Longest URL in a file, in bytes.
_MAX_URL = 4096


def run_module(module: AnsibleModule) -> dict[str, Any]:
    params, data_dir = module.params, DataDir(module.params["data_dir"])
    _check_options(params)
    guards.check_names(params["without"])
    if params["batch"] < 1:
        raise DvError(f"dv_activate_batch is {params['batch']}", "1 or more")
    lock, known = _verified(data_dir, params), networks_of(params)
    network, private_key = known.of(lock.definition), node_key.read(data_dir)
    node = _execution_node(params)
    beacon = beacon_states.at(params["beacon_url"])
    contract = networks.contract_of(network, beacon)
    root = from_hex(params["genesis_validators_root"], 32, "dv_keys_genesis_validators_root") or validators_root_of(
        network.genesis_fork_version
    )
    raise_all([*networks.check(network, contract, root or b"", node, beacon, time.time())])
    payer = payers.of(params, node)
    plan = Plan(
        lock_hash=to_hex(lock.lock_hash),
        chain_id=network.chain_id,
        contract=to_hex(contract),
        payer=to_hex(payer.address),
        without=params["without"],
        lines=lines(lock, params["validators"], params["first"], params["amounts"]),
    )
    share_index = index_of_key(lock.definition, secp256k1.public_key(private_key))
    stated = Statements(lock, params["inbox"].values(), params["max_age"] * _HOUR)
    asked = Asked(
        *(lock, share_index, plan, _since(lock), stated, params["inbox"], params["max_fee"], params["batch"], params["bump"]),
        addresses=_addresses(params),
    )
    activation = Activation(data_dir, asked, node, beacon, payer)
    # Before something is sent: after that, no question may keep anybody from being told so.
    withdrawal = _withdrawal(plan, lock, node)
    outcome = activation.run(params["confirm"], module.check_mode)
    claims = outcome.state == CLAIMING and not outcome.error and not module.check_mode
    result = dict(
        _result(plan, lock, outcome),
        network=network.name,
        withdrawal=withdrawal,
        share_index=share_index,
        outbox=activation.claim(private_key) if claims else {},
    )
    error = outcome.error
    return failure(str(error), **result) if error else result


def _check_options(params: dict[str, Any]) -> None:
    """Refuse options that do not go together, by the names of their variables, which is what people set."""
    _one_of(params, ("beacon_url",), "dv_", "the beacon node")
    _one_of(params, ("execution_url", "execution_url_file"), "dv_", "the execution client")
    kind = _one_of(params, _KINDS, "dv_activate_", "what pays")
    needed, optional = _KINDS[kind]
    for name in sorted({name for parts in _KINDS.values() for names in parts for name in names}):
        variable, beside = f"dv_activate_{name}", f"dv_activate_{kind}"
        if name in needed and not params[name]:
            raise DvError(f"{variable} is not set", f"it, beside {beside}")
        if name not in (*needed, *optional) and params[name]:
            raise DvError(f"{variable} is set beside {beside}", "what belongs to one way to pay", "take out what is of the other one")


def _one_of(params: dict[str, Any], names: Collection[str], prefix: str, what: str) -> str:
    """Which of the options is set, of those of which one has to be, since it says ``what``."""
    given = [name for name in names if params[name]]
    if len(given) != 1:
        wanted, found = (", ".join(prefix + name for name in each) for each in (names, given))
        raise DvError(f"{found} are set" if given else f"{what} is not set", f"one of {wanted}")
    return given[0]


def _verified(data_dir: DataDir, params: dict[str, Any]) -> ClusterLock:
    """The lock, with all that belongs to it verified."""
    content = data_dir.read(layout.LOCK)
    if content is None:
        raise DvError(f"{data_dir} has no {layout.LOCK}", "a complete cluster", "pay when it is there")
    report = Report()
    check_data_dir(report, data_dir, networks_of(params))
    report.raise_errors()
    return ClusterLock.parse(content, layout.LOCK)


def _addresses(params: dict[str, Any]) -> dict[str, list[str]]:
    """The withdrawal addresses that inventory and policy have, where there are such."""
    path, in_inventory = params["policy_file"], params["withdrawal_addresses"]
    found = {"dv_withdrawal_addresses": in_inventory} if in_inventory else {}
    return {**found, path: policy.read(path).rules["withdrawal_addresses"]} if path and os.path.lexists(path) else found


def _execution_node(params: dict[str, Any]) -> ExecutionNode:
    path = params["execution_url_file"]
    return ExecutionNode(connect(files.read(path, _MAX_URL), path) if path else connect(params["execution_url"], "dv_execution_url"))


def _since(lock: ClusterLock) -> int:
    """When the definition was made: no key of its validators is older."""
    text = lock.definition.timestamp
    try:
        made = datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise DvError(
            f"the definition was made at {text[:40]}", "a time", "nobody knows from where on to look for earlier deposits"
        ) from None
    if made > time.time():
        raise DvError(f"the definition was made at {text}, which is to come", "a time that is over", "see the clock of this node")
    return int(made)


def _withdrawal(plan: Plan, lock: ClusterLock, node: ExecutionNode) -> list[dict[str, str]]:
    addresses = sorted({(lock.definition.validators or ())[line.position].withdrawal_address for line in plan.lines})
    return [dict(address=address, kind=_kind(node.code(address_bytes(address)))) for address in addresses]


def _result(plan: Plan, lock: ClusterLock, outcome: Outcome) -> dict[str, Any]:
    validators = {line.position: line.pubkey for line in plan.lines}
    pending = {each.pubkey for each in outcome.sighting.pending}
    unpaid = [each.line.amount for each in outcome.lines if each.state not in UNDER_WAY]
    done = "".join(f"{text}\n" for text in outcome.done)
    return dict(
        changed=outcome.changed,
        state=outcome.state,
        detail=outcome.detail,
        plan=plan.hash,
        payer=checksum_address(from_hex(plan.payer, 20, "payer")),
        contract=checksum_address(from_hex(plan.contract, 20, "contract")),
        amount=eth(plan.amount),
        unpaid=f"{eth(sum(unpaid))} ETH, {len(unpaid)} {'deposit' if len(unpaid) == 1 else 'deposits'}",
        remarks=[*remarks(plan, lock.definition.compounding)],
        lines=[dict(line=str(each.line), state=each.state.value, transaction=to_hex(each.hash) or None) for each in outcome.lines],
        guards=[each._asdict() for each in outcome.guards],
        validators=followed.describe(validators, outcome.sighting.at_head, pending),
        sent=[to_hex(each) for each in outcome.sent],
        diff=dict(before="", after=done),
    )


def _kind(code: bytes) -> str:
    """What kind of account has that code."""
    if code.startswith(DELEGATION):
        return "an account with a key, that acts by a contract (EIP-7702)"
    return "a contract" if code else "an account with a key, or nobody's"
