# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A :class:`.fault_proxy.FaultProxy` that knows JSON-RPC: a fault may strike a call of one method, and a chain be told in a dialect."""

import functools
import json
import math
from typing import NamedTuple

from ansible_collections.obol.dv.tests.support import json_rpc
from ansible_collections.obol.dv.tests.support.fault_proxy import FAULTS, PATIENCE, Exchange, FaultProxy, Schedule, handed_on, http_answer


class Call(NamedTuple):
    """A call that came: the name of a method, and its parameters (a list)."""

    method: str
    parameters: list


class RpcSchedule(Schedule):
    """Which call has which of the :data:`RPC_FAULTS`: the one with that ``number``, from 1, among all, or among those of a ``method``.

    ``calls`` has each :class:`Call` that came since it begun.
    """

    def __init__(self):
        super().__init__()
        self.calls, self._method = [], None

    def begin(self, number=0, fault=None, method=None):
        """Count from 1 again, with another fault, or with none."""
        super().begin(number, fault)
        self.calls.clear()
        self._method = method

    def count(self, method=None):
        """How many calls came, of a method or at all."""
        return sum(method in (None, call.method) for call in self.calls)

    @property
    def patience(self):
        """Nobody knows which call comes next: an asker may wait so long for each, until the fault has come."""
        return PATIENCE if self._fault == "late" and self.count(self._method) < self._number else math.inf

    def next(self, exchange):
        self.requests.append(None)
        before = self.count(self._method)
        # Of one that is refused, too, all is read first: otherwise nobody knows what it asks.
        self.calls.append(exchange.call)
        return RPC_FAULTS[self._fault] if before < self._number == self.count(self._method) else handed_on


class RpcExchange(Exchange):
    """A request with one call: this product makes no lists of them."""

    @property
    def call(self):
        """The :class:`Call` in it."""
        value = self._value()
        return Call(value["method"], value.get("params", []))

    def hand_on(self, *_parts):
        """Ask the chain, as the dialects tell it: the answer."""
        method, parameters = self.call
        self.proxy.before(method, parameters)
        try:
            told = {"result": self.proxy.ask(method, parameters)}
        except json_rpc.RpcError as error:
            told = {"error": {"code": error.code, "message": error.message}}
        self.proxy.after(method, parameters)
        return http_answer("200 OK", "application/json", self._answer(told))

    def tell(self, told, status="200 OK"):
        """Give the asker an answer that is none of the chain's: these members of its object."""
        self.answer(status, "application/json", self._answer(told))

    def _answer(self, told):
        return json.dumps({"jsonrpc": "2.0", "id": self._value()["id"], **told})

    def _value(self):
        return json.loads(self.read()[1])


class RpcProxy(FaultProxy):
    """Serves in front of the JSON-RPC API at ``target`` (a URL) as long as it is entered; see :class:`FaultProxy`.

    ``dialects`` are what the chain is told in, of :mod:`.rpc_dialects`, the first one asked first; it may be changed at any time.
    ``before`` and ``after`` are called with a method and its parameters.
    """

    exchange = RpcExchange

    def __init__(self, target, schedule=None, dialects=()):
        super().__init__(target, schedule or RpcSchedule())
        self.dialects, self._api = list(dialects), target

    def ask(self, method, parameters):
        """The result of a call, as the dialects tell it.

        :raises RpcError: what they, or the chain, say instead
        """
        ask = functools.partial(json_rpc.call, self._api)
        for dialect in reversed(self.dialects):
            ask = functools.partial(dialect, ask)
        return ask(method, parameters)


def _told(told, status="200 OK"):
    """A fault: that answer, and the call is not handed on."""
    return lambda exchange: exchange.tell(told, status)


def _refused_but_done(exchange):
    exchange.hand_on()
    exchange.tell({"error": {"code": -32002, "message": "request timed out"}})


#: Those of any API, of which ``late`` hangs and is handed on only if the test says so. Then what comes in place of a result: an error; an
#: error, although it was handed on, as from services with nodes of their own behind them; that there were too many; nothing; no result
#: at all; a result of a type that no method has; an answer to another call.
RPC_FAULTS = {
    **FAULTS,
    "error": _told({"error": {"code": -32603, "message": "Internal error"}}),
    "timeout": _refused_but_done,
    "429": _told({"error": {"code": -32005, "message": "rate limit exceeded"}}, "429 Too Many Requests"),
    "null": _told({"result": None}),
    "no result": _told({}),
    "shape": _told({"result": {"what": ["is", "this"]}}),
    "id": _told({"id": 4711, "result": "0x1"}),
}
