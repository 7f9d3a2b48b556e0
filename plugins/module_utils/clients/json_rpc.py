# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ethereum's JSON-RPC over HTTP: a question, and its result or one clear error. Source: JSON-RPC 2.0, the Ethereum execution APIs."""

from __future__ import annotations

import re
from typing import Any

from ..errors import DvError
from .http import Answer, HttpClient

#: The code of an error: there is no such method.
NO_METHOD = -32601

_ID = 1
_QUANTITY = re.compile("0x(0|[1-9a-f][0-9a-f]{0,63})")
_DATA = re.compile("0x[0-9a-f]*")
# Seconds for an answer: logs of a year take long.
_PATIENCE = 60


class Refused(DvError):
    """A program answers that it does not do what it was asked.

    :param code: its number for why, if it tells one
    """

    def __init__(self, found: str, wanted: str, code: int | None) -> None:
        super().__init__(found, wanted)
        self.code = code


class JsonRpc:
    """The program behind ``http``. All methods raise :class:`~.errors.DvError` where it does not tell."""

    WHAT = "the program"

    def __init__(self, http: HttpClient) -> None:
        self.http = http

    def __str__(self) -> str:
        return f"{self.WHAT} at {self.http.endpoint}"

    def ask(self, method: str, *params: Any, timeout: float = _PATIENCE) -> Any:
        """The result of a call of ``method``.

        :raises Refused: it answers with an error
        :raises DvError: it does not answer, or with something else: nobody knows what became of it
        """
        answer = self.http.request("POST", "", dict(jsonrpc="2.0", id=_ID, method=method, params=params), timeout)
        value = self._object(method, answer)
        if (error := value.get("error")) is not None:
            told = error if isinstance(error, dict) else {"message": error}
            code, words = told.get("code"), self.http.shorten(told.get("message", "it says nothing of why"))
            raise Refused(f"{self} refuses {method}: {words}", "its result", code if isinstance(code, int) else None)
        if answer.status != 200:
            words = self.http.shorten(answer.body.decode("utf-8", "replace"))
            raise DvError(f"{self} answers {method} with {answer.status}: {words}", "200", "see whether it runs, and what it is")
        if "result" not in value or value.get("id") != _ID:
            raise self.strange(method)
        return value["result"]

    def _object(self, method: str, answer: Answer) -> dict[str, Any]:
        """The object in an ``answer``: empty, where there is none and its status says why."""
        try:
            value = answer.json(f"what {self} answers to {method}")
        except DvError:
            if answer.status == 200:
                raise
            value = None
        return value if isinstance(value, dict) else {}

    def quantity(self, method: str, found: Any) -> int:
        """The number that ``found`` is, in the answer to ``method``."""
        if isinstance(found, str) and _QUANTITY.fullmatch(found.lower()):
            return int(found, 16)
        raise self.strange(method)

    def data(self, method: str, found: Any) -> bytes:
        """The bytes that ``found`` is, in the answer to ``method``."""
        if isinstance(found, str) and len(found) % 2 == 0 and _DATA.fullmatch(found.lower()):
            return bytes.fromhex(found[2:])
        raise self.strange(method)

    def strange(self, method: str) -> DvError:
        """That the answer to ``method`` is none."""
        return DvError(f"{self} answers {method} with something else", "what the execution APIs say", "see what answers there")
