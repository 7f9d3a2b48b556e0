# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that several modules take, as argument specs, and what is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..ethereum.networks import Networks

#: Option of every module that checks signatures: a test network that the table of networks does not have.
TESTNET_SPEC = dict(
    type="dict",
    options=dict(
        name=dict(type="str", required=True),
        chain_id=dict(type="int", required=True),
        fork_version=dict(type="str", required=True),
        genesis_timestamp=dict(type="int", required=True),
    ),
)

#: Options of every module that may sign with a wallet. Both are paths: the password itself is never an argument.
WALLET_SPEC = dict(
    wallet_file=dict(type="path", required=True),
    wallet_password_file=dict(type="path", required=True, no_log=False),
)

#: Options of every module that signs terms, or sees whether they may be signed.
HAZARDS_SPEC = dict(
    accept=dict(type="list", elements="str", default=[]),
    demo=dict(type="bool", default=False),
)

#: Option of every module that runs on a node.
PROCESS_SPEC = dict(stay=dict(type="bool", default=False))

# What an SFTP server needs beside its name.
_SFTP_OPTIONS = dict(ssh_key_file=dict(type="path", no_log=False), known_hosts_file=dict(type="path"))

#: Options of every module whose action plugin meets the store.
STORE_SPEC = dict(
    store=dict(type="str"),
    store_options=dict(
        type="dict",
        options=dict(branch=dict(type="str"), push_branch=dict(type="str"), sign_commits=dict(type="bool"), **_SFTP_OPTIONS),
    ),
)

#: The same of every module that does nothing without the store, and what comes from there.
CARRIER_SPEC = dict(
    store=dict(type="str", required=True),
    store_options=STORE_SPEC["store_options"],
    inbox=dict(type="dict", default={}),
)

#: Options of every module whose action plugin meets the copies of a node's backups.
COPIES_SPEC = dict(
    dest=dict(type="str"),
    dest_options=dict(type="dict", options=_SFTP_OPTIONS),
)

#: Options of every module that is told where a node's key shares are, or go. All files are paths on the node: a token is never an argument.
KEYS_SPEC = dict(
    target=dict(type="str"),
    client=dict(type="str"),
    url=dict(type="str"),
    token_file=dict(type="path", no_log=False),
    certificate_file=dict(type="path"),
    directory=dict(type="path"),
    layout=dict(type="str"),
    owner=dict(type="str"),
    signer_url=dict(type="str", default="http://127.0.0.1:9000"),
    signer_url_for_client=dict(type="str"),
    beacon_url=dict(type="str"),
    genesis_validators_root=dict(type="str"),
)

#: Options of every module that opens backups. Both are paths: neither an identity nor a passphrase is ever an argument.
OPENER_SPEC = dict(
    identity_file=dict(type="path"),
    passphrase_file=dict(type="path", no_log=False),
)


def networks_of(params: dict[str, Any]) -> Networks:
    """The :class:`~.networks.Networks` of a run: those that are known, and the custom one of a module's ``testnet`` option."""
    from ..ethereum.networks import KNOWN, Networks, custom_network

    testnet = params.get("testnet")
    if not testnet:
        return KNOWN
    return Networks(custom_network(testnet["name"], testnet["chain_id"], testnet["fork_version"], testnet["genesis_timestamp"]))
