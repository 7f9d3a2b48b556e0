# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keystores of a validator client, or of a remote signer, with a keymanager API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..clients.keymanager import Keymanager, Status
from ..ethereum.slashing_protection import History
from .shares import Share

#: Seconds that a client may take for one key share, of which it derives a key, and for a request. With scrypt it took 4.3 s.
_FOR_EACH, _FOR_REQUEST = 10, 10
#: Nobody measured how long one goes on whose answer was not waited for: as often as that.
CAUTION = 3
_READONLY = "it is readonly there, as a remote key, or a file that the API cannot delete"


class Keystores:
    """Those of the ``api``, a :class:`.target.Holder`."""

    #: A client that stops in the middle of a request for all would begin anew each time.
    batch = 20

    def __init__(self, api: Keymanager) -> None:
        self.api = api

    def __str__(self) -> str:
        return str(self.api)

    def listed(self) -> Mapping[bytes, str]:
        return {key: _READONLY if readonly else "" for key, readonly in self.api.keystores().items()}

    def seconds(self, number: int) -> int:
        return CAUTION * seconds_for(number)

    def send(self, keys: Sequence[bytes], here: Mapping[bytes, Share], history: History | None) -> list[str]:
        shares = [here[key] for key in keys]
        # Of these alone: for one that it cannot use, a client refuses all.
        signed = history.of(keys) if history else None
        text = signed.dump() if signed and signed.data else ""
        passwords = [share.password for share in shares]
        self.api.withhold(passwords)
        found = self.api.import_keystores([share.keystore for share in shares], passwords, text, seconds_for(len(keys)))
        return words(found, "imported", "duplicate")

    def take_away(self, keys: Sequence[bytes]) -> tuple[list[str], list[str]]:
        found, history = self.api.delete_keystores(keys, seconds_for(len(keys)))
        told = [history]
        if not history and len(keys) > 1:
            # Prysm tells nothing of any of them where one has attested, and signed no block: of those that have it tells alone.
            told = [self.api.delete_keystores([key], seconds_for(1))[1] for key in keys]
        return words(found, "deleted", "not_active", "not_found"), [*filter(None, told)]


def seconds_for(number: int) -> int:
    """How long a client may take for so many key shares."""
    return _FOR_REQUEST + _FOR_EACH * number


def words(found: Sequence[Status], *fine: str) -> list[str]:
    """What the client says of those whose status is not ``fine``."""
    return [status.message or status.status for status in found if status.status not in fine]
