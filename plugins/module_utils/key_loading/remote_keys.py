# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The remote keys of a validator client: key shares that a remote signer holds for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..clients.keymanager import Keymanager
from ..clients.table import CLIENTS
from ..ethereum.slashing_protection import History
from .keystores import CAUTION, seconds_for, words
from .shares import Share


class RemoteKeys:
    """Those of the ``api`` that the signer at ``url`` holds, a :class:`.target.Holder`."""

    batch = 100

    def __init__(self, api: Keymanager, url: str) -> None:
        self.api, self.url = api, url

    def __str__(self) -> str:
        return str(self.api)

    def listed(self) -> Mapping[bytes, str]:
        remote = {key: "" if url.rstrip("/") == self.url else f"it is a remote key of {url}" for key, url in self.api.remote_keys().items()}
        # Some list remote keys there too, as readonly.
        loaded = self.api.keystores() if CLIENTS[self.api.client].keystores else {}
        return remote | {key: "the client has its keystore" for key, readonly in loaded.items() if not readonly}

    def seconds(self, number: int) -> int:
        return CAUTION * seconds_for(number)

    def send(self, keys: Sequence[bytes], here: Mapping[bytes, Share], history: History | None) -> list[str]:
        return words(self.api.import_remote_keys(keys, self.url, seconds_for(len(keys))), "imported", "duplicate")

    def take_away(self, keys: Sequence[bytes]) -> tuple[list[str], list[str]]:
        # Who signed with them has what was signed.
        return words(self.api.delete_remote_keys(keys, seconds_for(len(keys))), "deleted", "not_active", "not_found"), []
