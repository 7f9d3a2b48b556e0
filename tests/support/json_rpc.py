# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One call over JSON-RPC."""

import json
import urllib.request


class RpcError(Exception):
    """What is answered instead of a result: a ``code`` (a number), and a ``message``."""

    def __init__(self, code, message):
        super().__init__("%s: %s" % (code, message))
        self.code, self.message = code, message


def call(url, method, parameters, timeout=30):
    """The result of a call (JSON) of the API at ``url``; ``parameters`` is a list.

    :raises RpcError: what is answered instead
    """
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "application/json"}), timeout=timeout) as response:
        answer = json.load(response)
    if "error" in answer:
        raise RpcError(answer["error"]["code"], answer["error"]["message"])
    return answer["result"]
