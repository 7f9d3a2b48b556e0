# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module ``load_keys`` does on a node."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..ansible_module.argument_specs import COPIES_SPEC, PROCESS_SPEC, TESTNET_SPEC, networks_of
from ..ansible_module.runner import packages
from ..clients.table import CLIENTS

with packages():
    from ..backup.backups import Backups
    from ..backup.status import proves_key_shares
    from ..clients.beacon import BeaconNode, NoFacts
    from ..clients.http import Endpoint, HttpClient, parse_certificate, parse_endpoint
    from ..clients.keymanager import Keymanager, parse_token
    from ..data_dir.layout import DataDir
    from ..encoding.hex import from_hex, to_hex
    from ..errors import Collector, DvError
    from ..key_loading import beacon_of_client, chain, charon
    from ..key_loading import shares as key_shares
    from ..key_loading.load import load
    from ..key_loading.shares import Shares
    from ..storage import files

ARGUMENT_SPEC = dict(
    data_dir=dict(type="path", required=True),
    client=dict(type="str", required=True, choices=list(CLIENTS)),
    url=dict(type="str"),
    token_file=dict(type="path", required=True, no_log=False),
    certificate_file=dict(type="path"),
    beacon_url=dict(type="str"),
    genesis_validators_root=dict(type="str"),
    backup_dir=dict(type="path", required=True),
    node=dict(type="str", required=True),
    without_drill=dict(type="str"),
    nowhere_else=dict(type="str"),
    statements=dict(type="dict", default={}),
    testnet=TESTNET_SPEC,
    **COPIES_SPEC,
    **PROCESS_SPEC,
)

# Both files are far smaller.
_MAX_SIZE = 64 * 1024
# Where charon's validator API is by default.
_BEACON_URL = "http://127.0.0.1:3600"


def run_module(module: AnsibleModule) -> dict[str, Any]:
    params, data_dir = module.params, DataDir(module.params["data_dir"])
    problems = Collector()
    with problems:
        endpoint, certificate = _endpoint(params)
    with problems:
        token = _token(params["token_file"], data_dir)
    with problems:
        shares, warnings = key_shares.read(data_dir, networks_of(params))
        _check_proven(params, shares)
    problems.raise_any()
    warnings += _check_beacon_node(params, endpoint, shares)
    secrets = [token, *(share.password for share in shares.here)]
    client = Keymanager(HttpClient(endpoint, token, certificate), params["client"], secrets)
    loaded = load(data_dir, shares, client, module.check_mode, params["nowhere_else"] == params["node"])
    was = [key for key in shares.wanted if key not in loaded.sent]
    return dict(
        changed=loaded.changed,
        place=str(loaded.place),
        loaded=len(was if module.check_mode else shares.wanted),
        sent=[to_hex(key) for key in loaded.sent],
        settings=loaded.set,
        share_index=shares.share_index,
        peer_id=shares.peer_id,
        warnings=warnings + loaded.warnings,
        diff=dict(before=_lines(shares, was), after=_lines(shares, shares.wanted) + "".join(f"{each}\n" for each in loaded.set)),
    )


def _token(path: str, data_dir: DataDir) -> str:
    """The token in the file ``path``, which is none of the node's own secrets: it goes to the client."""
    if os.path.realpath(path).startswith(os.path.realpath(data_dir.root) + os.sep):
        raise DvError(
            f"dv_keys_token_file is {path}, in the data directory",
            "the file with the client's own token",
            "a key or a password of this node would be sent to the client",
        )
    return parse_token(files.read(path, _MAX_SIZE), path)


def _endpoint(params: dict[str, Any]) -> tuple[Endpoint, bytes | None]:
    """Where the client's API is, and the certificate that it has to show."""
    endpoint = parse_endpoint(params["url"] or CLIENTS[params["client"]].url, "dv_keys_url")
    if not endpoint.secure and not endpoint.is_loopback:
        raise DvError(
            f"dv_keys_url is {endpoint}, and leads off the node",
            "an address of the node itself, as 127.0.0.1, or https:// with dv_keys_certificate_file",
            "the token and the passwords of the key shares would travel in clear",
        )
    if endpoint.secure and not params["certificate_file"]:
        raise DvError(
            f"dv_keys_url is {endpoint}, without dv_keys_certificate_file", "the certificate of the client, a PEM file on the node"
        )
    if not endpoint.secure:
        return endpoint, None
    return endpoint, parse_certificate(files.read(params["certificate_file"], _MAX_SIZE), params["certificate_file"])


def _check_beacon_node(params: dict[str, Any], api: Endpoint, shares: Shares) -> list[str]:
    """Refuse a client whose beacon node is not this node's charon, or is on another chain, as far as that can be known: warnings.

    :param api: the client's own
    """
    root = from_hex(params["genesis_validators_root"], 32, "dv_keys_genesis_validators_root")
    named = parse_endpoint(params["beacon_url"], "dv_keys_beacon_url") if params["beacon_url"] else None
    started = beacon_of_client.endpoints(api, CLIENTS[params["client"]].beacon_flags)
    if named and started and not any(map(named.is_same, started)):
        raise DvError(
            f"{params['client']} was started with the beacon node {started[0]}",
            f"{named}, as dv_keys_beacon_url says",
            "one of the two is not this node's charon: correct it",
        )
    # What the client has counts, where nobody says what it should have.
    endpoint = named or (started or [parse_endpoint(_BEACON_URL, "the default")])[0]
    beacon, warnings = BeaconNode(HttpClient(endpoint)), []
    try:
        warnings += chain.check(beacon, shares.fork_version, root, time.time()).warnings
        charon.check(beacon, shares)
    except NoFacts as error:
        if named:
            raise
        warnings.append(f"whether the validator client is behind this node's charon, on the right chain, is not known: {error}")
    return warnings


def _check_proven(params: dict[str, Any], shares: Shares) -> None:
    """Refuse key shares of which nobody knows whether they could be restored."""
    if params["without_drill"] == params["node"]:
        return
    texts = [*Backups(params["backup_dir"], shares.peer_id).statements.values(), *params["statements"].values()]
    if not proves_key_shares(texts, shares.peer_id, shares.lock_hash, len(shares.wanted)):
        raise DvError(
            f"no drill has proved a backup of the key shares of {params['node']}",
            f"the statement of one, in {params['backup_dir']} or beside the copies of the backups",
            f"obol.dv.drill makes it; or, for those who can lose the key shares, dv_keys_without_drill: {params['node']}",
        )


def _lines(shares: Shares, keys: Iterable[bytes]) -> str:
    return "".join(f"validator {shares.wanted[key].position}: key share {to_hex(key)}\n" for key in keys)
