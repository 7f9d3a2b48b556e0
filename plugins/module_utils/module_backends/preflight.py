# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module ``preflight`` does on a node."""

from __future__ import annotations

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..ansible_module.argument_specs import (
    CARRIER_SPEC,
    COPIES_SPEC,
    HAZARDS_SPEC,
    KEYS_SPEC,
    PROCESS_SPEC,
    TESTNET_SPEC,
    WALLET_SPEC,
    networks_of,
)
from ..ansible_module.runner import failure, packages

with packages():
    from ..agreement import acceptance
    from ..data_dir import layout, node_key
    from ..data_dir.layout import DataDir
    from ..encoding.hex import from_hex
    from ..errors import Collector, DvError
    from ..ethereum import enr
    from ..node import preflight

ARGUMENT_SPEC = dict(
    data_dir=dict(type="path", required=True),
    terms=dict(type="dict", required=True),
    operator_address=dict(type="str"),
    share_index=dict(type="int"),
    wallet_create=dict(type="bool", default=False),
    policy_file=dict(type="path", required=True),
    accept_config_hash=dict(type="str"),
    definition_file=dict(type="str"),
    accept_definition_hash=dict(type="str"),
    owner=dict(type="str"),
    backup_recipients=dict(type="list", elements="str"),
    backup_passphrase_file=dict(type="path", no_log=False),
    backup_dir=dict(type="path"),
    keys=dict(type="dict", no_log=False),
    variables=dict(type="list", elements="str", default=[]),
    testnet=TESTNET_SPEC,
    **HAZARDS_SPEC,
    **WALLET_SPEC,
    **CARRIER_SPEC,
    **COPIES_SPEC,
    **PROCESS_SPEC,
)


#: Further arguments of AnsibleModule.
CONSTRAINTS = dict(required_by=dict(backup_recipients=["backup_dir"], backup_passphrase_file=["backup_dir"]))


def run_module(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    problems, confirmed = Collector(), {}
    for name in ("accept_config_hash", "accept_definition_hash"):
        with problems:
            confirmed[name] = from_hex(params[name], 32, "dv_" + name) or None
    node = preflight.Node(
        data_dir=DataDir(params["data_dir"]),
        wallet_file=params["wallet_file"],
        password_file=params["wallet_password_file"],
        policy_file=params["policy_file"],
        address=params["operator_address"],
        share_index=params["share_index"],
        wallet_create=params["wallet_create"],
        # One that is not a hash is said above: it needs no second error for want of a policy.
        confirmed_config_hash=confirmed.get("accept_config_hash", b""),
        confirmed_definition_hash=confirmed.get("accept_definition_hash"),
        demo=params["demo"],
        accept=params["accept"],
        owner=params["owner"],
        backup_recipients=params["backup_recipients"] or (),
        backup_passphrase_file=params["backup_passphrase_file"],
        backup_dir=params["backup_dir"],
    )
    definition = params["inbox"].get(layout.DEFINITION)
    given = preflight.Given(definition, params["definition_file"], networks_of(params)) if definition is not None else None
    problems.errors += preflight.check(node, params["terms"], time.time(), given, params["inbox"])
    warnings: list[str] = []
    if params["keys"] and not node.data_dir.holds(layout.LOCK):
        # Of a complete cluster it is seen where they are loaded. Most runs need none of this.
        from ..key_loading import choice

        with problems:
            warnings = choice.check({**dict.fromkeys(KEYS_SPEC), **params["keys"]}, node.data_dir)
    texts = [str(error) for error in problems.errors]
    # Of a finished definition its own hash is what everybody confirms.
    told = preflight.summarize(node, {} if given else params["terms"], params["inbox"])
    result = dict(told, changed=False, problems=texts, warnings=warnings, has_definition=_has_definition(node), enr=_enr(node))
    return failure("\n".join("- " + text for text in texts), **result) if texts else result


def _has_definition(node: preflight.Node) -> bool:
    try:
        return acceptance.is_accepted(node.data_dir)
    except DvError:
        return False


def _enr(node: preflight.Node) -> str | None:
    """The node's ENR, or None. Whatever is wrong with its key is among the problems already."""
    try:
        return enr.encode(node_key.read(node.data_dir))
    except DvError:
        return None
