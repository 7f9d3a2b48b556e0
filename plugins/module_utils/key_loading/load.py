# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Loading a node's key shares into a validator client: what it lists is sent no more, what it does not list is sent again, and what it
lists in the end is what counts. So a run that was cut off anywhere goes on when it is run again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import NamedTuple

from ..clients.keymanager import Keymanager
from ..data_dir import key_place
from ..data_dir.key_place import Place
from ..data_dir.layout import DataDir
from ..encoding.hex import to_hex
from ..errors import DvError
from . import settings
from .shares import Share, Shares

#: Key shares in one request: a client that stops in the middle of one of all would begin anew each time.
BATCH = 20
#: Seconds that a client may take for one key share, of which it derives a key, and for a request. With scrypt it took 4.3 s.
_FOR_EACH, _FOR_REQUEST = 10, 10
#: How often what is missing is sent.
_ROUNDS = 3


class Loaded(NamedTuple):
    """What was done, or in check mode would be.

    :param sent: the public keys of the shares that went there
    :param set: what was set, a text each
    """

    place: Place
    changed: bool
    sent: list[bytes]
    set: list[str]
    warnings: list[str]


def load(data_dir: DataDir, shares: Shares, client: Keymanager, dry_run: bool = False, nowhere_else: bool = False) -> Loaded:
    """Load all ``shares`` into ``client``, which lists them in the end, with their settings.

    :param nowhere_else: whether the operator confirms that no other validator client has any of them
    :raises DvError: it does not; or they are elsewhere, or it is another operator's client
    """
    endpoint = client.http.endpoint
    machine = key_place.this_machine() if endpoint.is_loopback else ""
    place = Place(client.client, str(endpoint), machine, shares.lock_hash, key_place.STATE_LOADING)
    # Before anything is written.
    key_place.known(data_dir, place, nowhere_else)
    _check_listed(client, shares, client.keystores())
    with contextlib.nullcontext() if dry_run else key_place.exclusive(data_dir):
        # Another run may have been quicker.
        found = key_place.known(data_dir, place, nowhere_else)
        listed = client.keystores()
        _check_listed(client, shares, listed)
        missing = _missing(shares, listed)
        done, warnings = replace(place, state=key_place.STATE_LOADED), []
        if missing and found == done and not nowhere_else:
            raise DvError(
                f"{client} has lost {len(missing)} of {len(shares.wanted)} key shares: "
                f"{_validators(shares, [share.public_key for share in missing])}",
                "all that were loaded there",
                key_place.CONFIRM,
            )
        if not found and len(missing) < len(shares.wanted):
            warnings.append(
                f"{client} has {len(shares.wanted) - len(missing)} of the key shares already, and this node has no record of it"
            )
        if dry_run:
            changes, doubts = settings.apply(client, {key: shares.wanted[key] for key in shares.wanted if key in listed}, dry_run=True)
            changed = bool(missing or changes or found != done)
            return Loaded(place, changed, [share.public_key for share in missing], changes, warnings + doubts)
        if missing or not found:
            # What is there by somebody's hand, too, goes nowhere else.
            key_place.write(data_dir, place)
        if missing:
            _send(client, shares, missing)
        changes, doubts = settings.apply(client, shares.wanted)
        changed = key_place.write(data_dir, done) or bool(missing or changes)
        return Loaded(done, changed, [share.public_key for share in missing], changes, warnings + doubts)


def _check_listed(client: Keymanager, shares: Shares, listed: Collection[bytes]) -> None:
    others = [key for key in listed if key in shares.of_others]
    if others:
        raise DvError(
            f"{client} holds {len(others)} key shares of operator {shares.of_others[others[0]]} of this cluster",
            f"none but those of operator {shares.share_index}",
            "it is another operator's, or two nodes share it: each needs one of its own",
        )


def _missing(shares: Shares, listed: Collection[bytes]) -> list[Share]:
    """The shares that are not ``listed``, in the order of the validators.

    :raises DvError: one of them is not in the data directory either
    """
    here = {share.public_key: share for share in shares.here}
    wanted = [key for key in shares.wanted if key not in listed]
    lost = [key for key in wanted if key not in here]
    if lost:
        raise DvError(
            f"{len(lost)} of {len(shares.wanted)} key shares are neither in the data directory nor in the client: {_validators(shares, lost)}",
            "each in one of them",
            "restore them from the backup (dv_restore_parts), if they are in no other client",
        )
    return [here[key] for key in wanted]


def _send(client: Keymanager, shares: Shares, missing: list[Share]) -> None:
    """Send what is ``missing`` until it is listed.

    :raises DvError: it is not, whatever the client says
    """
    told: list[str] = []
    left = missing
    for _round in range(_ROUNDS):
        told = _send_once(client, left)
        listed = client.keystores()
        _check_listed(client, shares, listed)
        before, left = len(left), [share for share in left if share.public_key not in listed]
        if not left:
            return
        if len(left) == before:
            break
    raise DvError(
        f"{client} holds {len(shares.wanted) - len(left)} of {len(shares.wanted)} key shares, not "
        f"{_validators(shares, [share.public_key for share in left])}: {told[0] if told else 'it says that it does'}",
        "all",
        "what is missing is sent again by the next run: load them nowhere else",
    )


def _send_once(client: Keymanager, shares: list[Share]) -> list[str]:
    """Send ``shares`` in batches: what the client says of those that it did not take."""
    told: list[str] = []
    for first in range(0, len(shares), BATCH):
        batch = shares[first : first + BATCH]
        try:
            timeout = _FOR_REQUEST + _FOR_EACH * len(batch)
            found = client.import_keystores([share.keystore for share in batch], [share.password for share in batch], timeout)
            told += [status.message or status.status for status in found if status.status not in ("imported", "duplicate")]
        except DvError as error:
            # What became of them, the list tells.
            return [str(error), *told]
    return told


def _validators(shares: Shares, keys: Iterable[bytes]) -> str:
    """Which ones, for people."""
    first, *more = [f"validator {shares.wanted[key].position} ({to_hex(key)})" for key in keys]
    return f"that of {first}" + (f" and {len(more)} more" if more else "")
