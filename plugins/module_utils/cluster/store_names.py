# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names in a cluster's store, made and parsed. Definition and lock are called as in a data directory, see :mod:`.layout`."""

from __future__ import annotations

import re
from typing import NamedTuple

PROPOSAL = "proposal.json"
#: Folder of the approvals, of the DKG's messages, of the statements of drills, which are called as beside the backups, of those about
#: key shares that were loaded, of those about deposits that are going to be paid, of what was
#: measured, and of those that a cluster is ready.
APPROVALS, DKG, DRILLS, KEYS, ACTIVATION = "approvals/", "dkg/", "drills/", "keys/", "activation/"
MEASURED, READINESS = "measured/", "readiness/"

_MESSAGE = re.compile(DKG + r"([0-9a-f]{64})/([1-9][0-9]{0,6})/([a-z]+)/([1-9][0-9]{0,2})(?:-by-([1-9][0-9]{0,2}))?\.(?:json|jws)")

_ABOUT_KEYS = re.compile(KEYS + r"[0-9a-f]{64}/[1-9][0-9]{0,2}-[1-9][0-9]{0,5}\.jws")

_ABOUT_READINESS = re.compile(f"(?:{MEASURED}|{READINESS})[0-9a-f]{{64}}/[1-9][0-9]{{0,2}}-[0-9a-f]{{16}}-([1-9][0-9]{{0,10}})\\.jws")

_ABOUT_ACTIVATION = re.compile(ACTIVATION + r"([0-9a-f]{64})/([1-9][0-9]{0,5})\.jws")


class MessageName(NamedTuple):
    """What a message's name says: ``share_index`` is its author, ``host`` who hands it on. A lock's round is "lock", its author a host."""

    definition_hash: bytes
    attempt: int
    round_name: str
    share_index: int
    host: int | None


def approval_name(share_index: int) -> str:
    """The name of the approval of the operator with that share index."""
    return f"{APPROVALS}{share_index}.json"


def keys_name(lock_hash: bytes, share_index: int, number: int) -> str:
    """The name of the statement of the operator with that share index about its key shares of the lock with that hash (32 bytes)."""
    return f"{KEYS}{lock_hash.hex()}/{share_index}-{number}.jws"


def is_about_keys(name: str) -> bool:
    """Whether a name is one of :func:`keys_name`."""
    return bool(_ABOUT_KEYS.fullmatch(name))


def readiness_name(folder: str, lock_hash: bytes, share_index: int, machine: str, made: float) -> str:
    """The name of a statement of the operator with that share index, ``made`` then (Unix seconds) on that ``machine`` (16 hex digits), about the
    cluster with that lock (its hash, 32 bytes): in :data:`MEASURED`, or in :data:`READINESS`."""
    return f"{folder}{lock_hash.hex()}/{share_index}-{machine}-{int(made)}.jws"


def readiness_made(name: str) -> int | None:
    """When the statement called ``name`` was made, as that says, in Unix seconds; ``None`` of a name that is none of :func:`readiness_name`."""
    match = _ABOUT_READINESS.fullmatch(name)
    return int(match[1]) if match else None


def activation_name(lock_hash: bytes, number: int) -> str:
    """The name of the statement that is that ``number`` about deposits for the lock with that hash (32 bytes): nobody can take it twice."""
    return f"{ACTIVATION}{lock_hash.hex()}/{number}.jws"


def activation_number(name: str, lock_hash: bytes) -> int | None:
    """The number in a ``name`` of :func:`activation_name` for that lock; ``None`` of any other name."""
    match = _ABOUT_ACTIVATION.fullmatch(name)
    return int(match[2]) if match and match[1] == lock_hash.hex() else None


def is_about_activation(name: str) -> bool:
    """Whether a name is one of :func:`activation_name`."""
    return bool(_ABOUT_ACTIVATION.fullmatch(name))


def dkg_folder(definition_hash: bytes) -> str:
    """The folder of all messages for the definition with that hash (32 bytes)."""
    return f"{DKG}{definition_hash.hex()}/"


def round_folder(attempt: int, round_name: str) -> str:
    """The folder, below :func:`dkg_folder`, of a round."""
    return f"{attempt}/{round_name}/"


def message_name(attempt: int, round_name: str, author: int, host: int | None = None) -> str:
    """The name, below :func:`dkg_folder`, of a message; with ``host`` where something else has its author's name."""
    return f"{round_folder(attempt, round_name)}{author}{f'-by-{host}' if host else ''}.jws"


def lock_name(attempt: int, host: int) -> str:
    """The name, below :func:`dkg_folder`, of the lock that the operator ``host`` hands on."""
    return f"{round_folder(attempt, 'lock')}{host}.json"


def parse_message(name: str) -> MessageName | None:
    """What a name in :func:`dkg_folder` says, of whatever round; None of a strange one."""
    match = _MESSAGE.fullmatch(name)
    if not match:
        return None
    at = MessageName(bytes.fromhex(match[1]), int(match[2]), match[3], int(match[4]), int(match[5]) if match[5] else None)
    made = lock_name(at.attempt, at.share_index) if at.round_name == "lock" else message_name(*at[1:])
    return at if name == dkg_folder(at.definition_hash) + made else None
