# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How execution clients, and services in front of them, tell a chain: what they have not, or do not want to look up.

A dialect is a function of (ask, method, parameters), ``ask`` being the function of (method, parameters) that asks the chain. It returns the
result, or raises :class:`.json_rpc.RpcError`. Each function here makes one.
"""

from ansible_collections.obol.dv.tests.support.json_rpc import RpcError

#: Code and message with which logs of too many blocks are refused, by who does so: no two do it alike.
REFUSALS = {
    "infura": (-32005, "query returned more than 10000 results"),
    "publicnode": (-32701, "exceed maximum block range: 50000"),
    "quicknode": (-32614, "eth_getLogs is limited to a 10,000 range"),
    "reth": (-32602, "query exceeds max block range 100000"),
}
#: Where the parameters of a method have the block whose state it is asked for.
_STATE = {"eth_call": 1, "eth_getBalance": 1, "eth_getCode": 1, "eth_getStorageAt": 2, "eth_getTransactionCount": 1}


def log_range(most, refusal=REFUSALS["infura"]):
    """Logs of more than ``most`` blocks are refused."""

    def dialect(ask, method, parameters):
        if method == "eth_getLogs":
            first, last = _range(ask, parameters[0])
            if last - first + 1 > most:
                raise RpcError(*refusal)
        return ask(method, parameters)

    return dialect


def pruned(first):
    """Blocks before the one with the number ``first`` are there no more: neither they, nor their logs, nor the state after them."""

    def dialect(ask, method, parameters):
        if method == "eth_getLogs" and _range(ask, parameters[0])[0] < first:
            raise RpcError(4444, "pruned history unavailable")
        if method == "eth_getBlockByNumber" and _number(ask, parameters[0]) < first:
            raise RpcError(4444, "pruned history unavailable")
        place = _STATE.get(method)
        if place is not None and _number(ask, (parameters[place:] or ["latest"])[0]) < first:
            root = "5e" * 32
            raise RpcError(-32000, "missing trie node %s (path ) state 0x%s is not available, not found" % (root, root))
        return ask(method, parameters)

    return dialect


def forgetful(first):
    """Logs before the block with the number ``first`` are there no more, and nobody says so."""

    def dialect(ask, method, parameters):
        result = ask(method, parameters)
        return [log for log in result if int(log["blockNumber"], 16) >= first] if method == "eth_getLogs" else result

    return dialect


def without(*methods):
    """These ``methods`` are not there."""

    def dialect(ask, method, parameters):
        if method in methods:
            raise RpcError(-32601, "the method %s does not exist/is not available" % method)
        return ask(method, parameters)

    return dialect


def saying(**results):
    """A method has that result, whatever it is asked: ``eth_chainId="0x1"``."""

    def dialect(ask, method, parameters):
        return results[method] if method in results else ask(method, parameters)

    return dialect


def refusing(method, code, message):
    """A ``method`` is always answered with that error."""

    def dialect(ask, asked, parameters):
        if asked == method:
            raise RpcError(code, message)
        return ask(asked, parameters)

    return dialect


def _range(ask, wanted):
    """The numbers of the first and the last block of a filter of logs; one that has a block hash wants one block."""
    if "blockHash" in wanted:
        number = int(ask("eth_getBlockByHash", [wanted["blockHash"], False])["number"], 16)
        return number, number
    return tuple(_number(ask, wanted.get(name, "latest")) for name in ("fromBlock", "toBlock"))


def _number(ask, block):
    """The number of a block, of that as hex or of a tag."""
    return int(block, 16) if block.startswith("0x") else int(ask("eth_getBlockByNumber", [block, False])["number"], 16)
