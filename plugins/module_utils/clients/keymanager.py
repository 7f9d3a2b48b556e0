# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keymanager API of a validator client or a remote signer: what is asked, and what of the answers can be used.

Answers are no proof: a client that says ``imported`` may list nothing, and one that says ``error`` may have the key. What is listed
counts. Source: the Ethereum keymanager APIs v1; keymanager-and-chain §5, real-parts §2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ..encoding import go_json
from ..encoding.hex import from_hex, to_hex
from ..errors import DvError, show
from .http import Answer, HttpClient, NotReady, shorten
from .table import CLIENTS

_KEYSTORES, _REMOTE_KEYS = "/eth/v1/keystores", "/eth/v1/remotekeys"
_OF_VALIDATOR = "/eth/v1/validator/%s/%s"
#: How a setting is written.
_ADDRESS, _GAS_LIMIT = "(0x)?[0-9a-fA-F]{40}", "[0-9]{1,20}"


def parse_token(content: bytes, what: str) -> str:
    """The token in a file with that ``content``, called ``what`` in errors, which do not show it: its last line.

    :raises DvError: there is none that fits a header of HTTP
    """
    # Older files of Prysm have another secret in their first line.
    *first, last = content.strip().split(b"\n") if content.strip() else [b""]
    if len(first) > 1 or not re.fullmatch(rb"[!-~]{1,4096}", last):
        raise DvError(f"{what} holds no token", "one line of printable characters, as the client writes it")
    return last.decode()


class Status(NamedTuple):
    """What became of one key, in the client's words: ``imported``, ``duplicate``, ``error`` and so on, with its message."""

    status: str
    message: str


class Keymanager:
    """The keymanager API of a ``client`` (a name in :data:`.table.CLIENTS` or :data:`.table.SIGNERS`).

    :param secrets: what no text may show, whatever the client says
    """

    def __init__(self, http: HttpClient, client: str, secrets: Iterable[str] = ()) -> None:
        self.http, self.client = http, client
        self._secrets: set[str] = set()
        self.withhold(secrets)

    def withhold(self, secrets: Iterable[str]) -> None:
        """Show these ``secrets`` in no text either."""
        # As they are, and as JSON has them: it may quote the request.
        self._secrets |= {form for text in filter(None, secrets) for form in (text, json.dumps(text)[1:-1], go_json.dumps(text)[1:-1])}

    def __str__(self) -> str:
        return f"{self.client} at {self.http.endpoint}"

    def keystores(self) -> dict[bytes, bool]:
        """The public keys (48 bytes each) that are loaded, each with whether it is ``readonly``: not from a keystore that the API can delete,
        but a remote key for example. That it lists them is the only sign that it is ready.

        :raises DvError: it does not
        """
        return {key: bool(item.get("readonly")) for key, item in self._listed(_KEYSTORES, "validating_pubkey")}

    def import_keystores(self, keystores: Sequence[str], passwords: Sequence[str], history: str, timeout: float) -> list[Status]:
        """Load ``keystores`` (JSON texts) with their ``passwords``: what became of each.

        :param history: what their keys have signed, see :mod:`.slashing_protection`, or an empty text
        :raises DvError: no answer, or none that says so; some or all may be loaded
        """
        body: dict[str, Any] = {"keystores": list(keystores), "passwords": list(passwords)}
        if history:
            body["slashing_protection"] = history
        return self._statuses("POST", _KEYSTORES, body, len(keystores), timeout)[0]

    def delete_keystores(self, keys: Sequence[bytes], timeout: float) -> tuple[list[Status], str]:
        """Have the keystores with these public ``keys`` (48 bytes each) deleted: what became of each, and the text of what they have signed,
        which a client hands out of keys that are deleted already, too.

        :raises DvError: no answer; some or all may be deleted
        """
        answer = self._json(self._ask("DELETE", _KEYSTORES, _these(keys), timeout), "DELETE " + _KEYSTORES)
        history = answer.get("slashing_protection")
        try:
            statuses = self._told(answer, "DELETE " + _KEYSTORES, len(keys))
        except DvError as error:
            # It may tell the history once.
            statuses = [Status("error", str(error))]
        # Prysm's text for nothing at all.
        return statuses, history if isinstance(history, str) and history != "null" else ""

    def remote_keys(self) -> dict[bytes, str]:
        """The public keys (48 bytes each) that a remote signer holds for it, each with the URL of that.

        :raises DvError: it does not list them
        """
        return {key: str(item.get("url") or "") for key, item in self._listed(_REMOTE_KEYS, "pubkey")}

    def import_remote_keys(self, keys: Sequence[bytes], url: str, timeout: float) -> list[Status]:
        """Have the remote signer at ``url`` sign with these ``keys`` (48 bytes each): what became of each.

        :raises DvError: no answer, or none that says so; some or all may be loaded
        """
        body = {"remote_keys": [{"pubkey": to_hex(key), "url": url} for key in keys]}
        return self._statuses("POST", _REMOTE_KEYS, body, len(keys), timeout)[0]

    def delete_remote_keys(self, keys: Sequence[bytes], timeout: float) -> list[Status]:
        """Have no remote signer sign with these ``keys`` (48 bytes each) any more: what became of each.

        :raises DvError: no answer, or none that says so; some or all may be deleted
        """
        return self._statuses("DELETE", _REMOTE_KEYS, _these(keys), len(keys), timeout)[0]

    def _listed(self, path: str, name: str) -> list[tuple[bytes, dict[str, Any]]]:
        """The items of a list, each with the public key in its field ``name``."""
        what = "GET " + path
        data = self._data(self._json(self._ask("GET", path), what), what)
        try:
            listed = [(from_hex(item[name], 48, name), item) for item in data]
        except (DvError, KeyError, TypeError):
            listed = [(b"", {})]
        if not all(key for key, _item in listed):
            raise DvError(f"{self} lists what are no keys", f"a list with a {name} each")
        return listed

    def _statuses(self, method: str, path: str, body: Any, number: int, timeout: float) -> tuple[list[Status], dict[str, Any]]:
        """What became of each of so many keys, and the rest of the answer."""
        answer = self._json(self._ask(method, path, body, timeout), f"{method} {path}")
        return self._told(answer, f"{method} {path}", number), answer

    def _told(self, answer: dict[str, Any], what: str, number: int) -> list[Status]:
        """What became of each of so many keys."""
        data = self._data(answer, what)
        if len(data) != number or not all(isinstance(item, dict) for item in data):
            raise DvError(f"{self} tells of {len(data)} keys", f"of {number}, as many as it was asked for")
        return [Status(self._shown(item.get("status")), self._shown(item.get("message") or "")) for item in data]

    def fee_recipient(self, public_key: bytes) -> bytes:
        """The fee recipient (20 bytes) of a key that is loaded."""
        return from_hex(self._value(public_key, "feerecipient", "ethaddress", _ADDRESS), 20, "ethaddress")

    def set_fee_recipient(self, public_key: bytes, address: bytes) -> None:
        """Set the fee recipient (20 bytes) of a key that is loaded."""
        self._set(public_key, "feerecipient", {"ethaddress": to_hex(address)})

    def gas_limit(self, public_key: bytes) -> str:
        """The gas limit of a key that is loaded, in decimal digits."""
        return self._value(public_key, "gas_limit", "gas_limit", _GAS_LIMIT)

    def set_gas_limit(self, public_key: bytes, limit: int) -> None:
        """Set the gas limit of a key that is loaded."""
        self._set(public_key, "gas_limit", {"gas_limit": str(limit)})

    def _value(self, public_key: bytes, setting: str, name: str, form: str) -> str:
        """What the client has in the field ``name`` of a ``setting``: a text of that ``form``, or a number."""
        path = _OF_VALIDATOR % (to_hex(public_key), setting)
        data = self._json(self._ask("GET", path), "GET " + path).get("data")
        value = str(data.get(name)) if isinstance(data, dict) else ""
        if not re.fullmatch(form, value):
            raise DvError(f"{self} answers GET {path} without {name}")
        return value

    def _set(self, public_key: bytes, setting: str, body: dict[str, str]) -> None:
        self._ask("POST", _OF_VALIDATOR % (to_hex(public_key), setting), body)

    def _ask(self, method: str, path: str, body: Any = None, timeout: float = 10) -> Answer:
        """The answer to a request that was obeyed.

        :raises DvError: it was not
        """
        answer = self.http.request(method, path, body, timeout)
        if 200 <= answer.status < 300:
            return answer
        if answer.status in (401, 403) and self.client in CLIENTS:
            hint = f"it writes it to {CLIENTS[self.client].token_file}"
            raise DvError(f"{self} refuses the token, or what it allows ({answer.status})", "its own token in dv_keys_token_file", hint)
        text = self._shown(answer.body.decode("utf-8", "replace"))
        said = f"{self} answers {method} {path} with {answer.status}: {text}"
        if answer.status >= 500:
            raise NotReady(said, "200", "as long as it has no beacon node, a client may answer so")
        raise DvError(said, "200")

    def _json(self, answer: Answer, what: str) -> dict[str, Any]:
        value = answer.json(f"what {self} answers to {what}")
        return value if isinstance(value, dict) else {}

    def _data(self, value: dict[str, Any], what: str) -> list[Any]:
        """The list that an answer has."""
        # Go's empty list.
        data = [] if value.get("data", ()) is None else value.get("data")
        if not isinstance(data, list):
            raise DvError(f"{self} answers {what} without a list", '{"data": [...]}', "see what answers there: it is no keymanager API")
        return data

    def _shown(self, words: Any) -> str:
        """The client's own ``words``, as far as they may be shown: it may quote what it was given."""
        text = words if isinstance(words, str) else show(words)
        if any(secret in text for secret in self._secrets):
            return "(its words quote a secret)"
        return shorten(text)


def _these(keys: Iterable[bytes]) -> dict[str, list[str]]:
    """What asks for these public ``keys``: in lower case, for Lodestar does not find others, and keeps them."""
    return {"pubkeys": [to_hex(key) for key in keys]}
