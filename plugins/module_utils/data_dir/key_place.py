# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of where a node's key shares are loaded: ``<data dir>/loading/place.json``. It is there before the first of them goes there,
and as long as it is there, none goes anywhere else: two validator clients with one key share get validators slashed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from ..encoding import go_json
from ..encoding.json_fields import lookup
from ..errors import DvError
from ..storage import files, run_lock
from .layout import LOADING, DataDir

FILE = LOADING + "/place.json"

# What tells this machine from others: machine-id(5). A container may have none, or an empty one.
_MACHINE_ID = "/etc/machine-id"

#: Some may be there; all are there, for a client that has to be started again; all are there, as its list said; key shares came out of a
#: backup, and nobody knows; some may still be there; none is.
STATES = STATE_LOADING, STATE_WRITTEN, STATE_LOADED, STATE_RESTORED, STATE_UNLOADING, STATE_UNLOADED = (
    *("loading", "written", "loaded", "restored"),
    *("unloading", "unloaded"),
)

_TEXTS, _NUMBERS = ("client", "url", "machine", "lock_hash", "state"), ("busy_until", "left_epoch", "resting_epochs", "number", "since")
# What a place has.
_OF_PLACE = ("client", "url", "signer")

#: What to do where they may be elsewhere.
CONFIRM = (
    "see that no validator client has any of them, on whatever machine, and none starts again with them; let two epochs pass, unless the "
    "history of its slashing protection comes along; then set dv_keys_nowhere_else to the node's name, for one run"
)


@dataclass(frozen=True)
class Place:
    """A validator client, and whose key shares it has, or had.

    :param client: its name, see :mod:`.clients.table`
    :param url: of its API, as the node reaches it, or of the directory that it reads
    :param machine: :func:`this_machine`, where that is what the URL leads to; empty elsewhere
    :param lock_hash: hex, of the cluster that the key shares are of
    :param state: one of :data:`STATES`
    :param busy_until: Unix seconds, until when it may go on with key shares that it was sent, as long as it has not answered
    :param left_epoch: unloaded: the epoch of the chain in which that was, or ``None`` where nobody could tell
    :param resting_epochs: unloaded: how many epochs have to pass from there before they go anywhere
    :param number: how often they were loaded or unloaded, and ``since`` (Unix seconds) when they were last: what others are told
    :param signer: URL of the remote signer's API that holds them for the client, or of the directory that it reads; empty where none does
    """

    client: str
    url: str
    machine: str
    lock_hash: str
    state: str
    busy_until: int = 0
    left_epoch: int | None = None
    resting_epochs: int = 0
    number: int = 0
    since: int = 0
    signer: str = ""

    def __str__(self) -> str:
        return (f"{self.client} at {self.url}" if self.client else "") + (f" by the signer at {self.signer}" if self.signer else "")

    def is_at(self, other: Place) -> bool:
        """Whether both are of the same client on the same machine, and of one lock."""
        return all(getattr(self, name) == getattr(other, name) for name in (*_OF_PLACE, "machine", "lock_hash"))


def this_machine() -> str:
    """What tells this machine from others, if anything does: a copy of the data directory may be on another one."""
    return (files.read_if_exists(_MACHINE_ID, 4096) or b"").decode("ascii", "replace").strip()


def read(data_dir: DataDir) -> Place | None:
    """The place on record, or ``None``.

    :raises DvError: the record is damaged
    """
    content, path = data_dir.read(FILE, 4096), data_dir.path(FILE)
    if content is None:
        return None
    record = go_json.loads(content, path)
    fields = {name: lookup(record, name, path) for name in _TEXTS}
    # A person who wrote it has no need of these.
    numbers = {name: record.get(name, Place.__dataclass_fields__[name].default) for name in _NUMBERS}
    fields["signer"] = record.get("signer", "")
    texts = all(isinstance(value, str) for value in fields.values()) and fields["state"] in STATES
    if not texts or not all(is_number(name, value) for name, value in numbers.items()):
        raise DvError(
            f"{path} does not say where the key shares are",
            "client, url, machine, lock_hash and state",
            "find out before you load them anywhere",
        )
    return Place(**fields, **numbers)


def is_number(name: str, value: object) -> bool:
    """Whether the field ``name`` may have that value."""
    return isinstance(value, int) and not isinstance(value, bool) or value is None and name == "left_epoch"


def write(data_dir: DataDir, place: Place) -> bool:
    """Put a place on record, durably. True if it was not there as it is."""
    if read(data_dir) == place:
        return False
    files.make_directory(data_dir.path(LOADING))
    files.replace(data_dir.path(FILE), go_json.dumps(asdict(place)).encode())
    return True


def note_restored(data_dir: DataDir) -> None:
    """Put on record that key shares came out of a backup, which does not know where they were loaded, unless there is a record; errors as of
    :func:`exclusive`."""
    with exclusive(data_dir):
        if not read(data_dir):
            write(data_dir, Place("", "", "", "", STATE_RESTORED))


def known(data_dir: DataDir, place: Place, nowhere_else: bool = False) -> Place | None:
    """The record, where key shares may go to that ``place``: they are there, or were taken from wherever they were. ``None`` where there is
    none, or another one that is over.

    :param nowhere_else: whether the operator confirms that no validator client has any of the key shares
    :raises DvError: they may be elsewhere
    """
    found = read(data_dir)
    if not found or found.is_at(place) and found.state != STATE_UNLOADING:
        return found
    # Of a copy of the data directory nobody knows what its own machine has done since.
    if found.state == STATE_UNLOADED and found.machine in ("", this_machine()):
        return found
    if found.lock_hash != place.lock_hash and found.state != STATE_RESTORED:
        raise DvError(
            f"{found} holds key shares of the lock {found.lock_hash}", place.lock_hash, "keep each cluster in a data directory of its own"
        )
    if nowhere_else:
        return None
    if found.state == STATE_UNLOADING:
        raise DvError(f"{found} still holds key shares of this node, or some of them", "none", "run obol.dv.unload_keys to its end first")
    if found.state == STATE_RESTORED:
        raise DvError(
            f"the key shares in {data_dir} are restored from a backup, which does not tell where they were loaded before",
            "to know that they are nowhere",
            CONFIRM,
        )
    if found.state == STATE_UNLOADED:
        raise DvError(
            f"the key shares of this node were taken from {found} on another machine than this, from which the data directory comes",
            "that machine",
            CONFIRM,
        )
    if any(getattr(found, name) != getattr(place, name) for name in _OF_PLACE):
        raise DvError(
            f"{found} holds the key shares of this node, or some of them",
            "the same validator client",
            "set dv_keys_client and the other variables back, or move them (obol.dv.move_keys): two validator clients with one key share get "
            f"validators slashed. If that client is gone for good, {CONFIRM}",
        )
    raise DvError(
        f"{found} holds the key shares of this node on another machine than this, from which the data directory comes",
        "that machine",
        CONFIRM,
    )


@contextlib.contextmanager
def exclusive(data_dir: DataDir) -> Iterator[None]:
    """Be the only run that loads key shares of this node.

    First what a killed run left is put right: its temporary files go, and its record is durable before anybody relies on it.

    :raises DvError: another one does
    """
    directory = data_dir.path(LOADING)
    files.make_directory(directory)
    with run_lock.exclusive(os.path.join(directory, "lock")):
        files.remove_temporary_files(directory)
        files.sync_directory(directory)
        yield
