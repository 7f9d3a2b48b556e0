# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of payers, each by the option that chooses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..clients.execution import DELEGATION, ExecutionNode
from ..clients.http import connect
from ..errors import DvError
from ..ethereum.address import checksum_address, parse_address, parse_checksum_address
from ..signers.json_rpc_wallet import JsonRpcWallet
from ..signers.key_file_wallet import KeyFileWallet
from .account import Account
from .offline import Offline
from .payer import Payer
from .safe import Safe

Params = dict[str, Any]


def of(params: Params, node: ExecutionNode) -> Payer:
    """The payer that a module's options choose.

    :raises DvError: there is no such one
    """
    return next(make(params, node) for name, make in KINDS.items() if params[name])


def _key_file(params: Params, node: ExecutionNode) -> Payer:
    wallet = KeyFileWallet(params["wallet_file"], params["wallet_password_file"], "dv_activate_wallet_")
    return Account(parse_address(wallet.address, "the wallet's address"), wallet, wallet.open)


def _json_rpc(params: Params, node: ExecutionNode) -> Payer:
    address = _payer(params)
    return Account(address, JsonRpcWallet(connect(params["wallet_url"], "dv_activate_wallet_url"), address))


def _offline(params: Params, node: ExecutionNode) -> Payer:
    return Offline(_payer(params), params["unsigned_file"], params["signed_file"])


def _safe(params: Params, node: ExecutionNode) -> Payer:
    address = parse_checksum_address(params["safe"], "dv_activate_safe")
    code = node.code(address)
    if not code:
        raise DvError(f"{checksum_address(address)} has no code", "a Safe on this chain", "correct dv_activate_safe")
    if code.startswith(DELEGATION):
        # The same plan could be paid with its key, too, which knows nothing of the file.
        raise DvError(f"{checksum_address(address)} is an account with a key", "a Safe on this chain", "pay by its key")
    return Safe(address, params["safe_file"])


def _payer(params: Params) -> bytes:
    return parse_checksum_address(params["payer"], "dv_activate_payer")


KINDS: dict[str, Callable[[Params, ExecutionNode], Payer]] = {
    "wallet_file": _key_file,
    "wallet_url": _json_rpc,
    "unsigned_file": _offline,
    "safe": _safe,
}
