# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node's private key, ``charon-enr-private-key``, and the lock file that tells that a charon uses it.

Source: charon-formats §3.2. The key file holds 64 lower-case hex digits and nothing else.
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime

from ..crypto import secp256k1
from ..encoding import go_json
from ..errors import DvError, show
from ..storage import files
from .layout import CEREMONY, DEFINITION, LOCK, NODE_KEY, DataDir

LOCK_FILE = NODE_KEY + ".lock"

#: A running charon renews its lock file every second; after this many seconds it counts as gone.
FRESH = 5
#: For so many seconds (two epochs) a key that served another cluster lock must rest.
GRACE = 768

# What no node has before its key.
_WITH_KEY = (LOCK, DEFINITION, CEREMONY + "/approval.json")

# Both files are far smaller.
_MAX_SIZE = 4096


def exists(data_dir: DataDir) -> bool:
    """Whether there is anything at the key's place in ``data_dir``."""
    return data_dir.holds(NODE_KEY)


def read(data_dir: DataDir) -> bytes:
    """The private key (32 bytes) in ``data_dir``; white space around it is allowed.

    :raises DvError: not there, not readable, or not a key; the text shows nothing of it
    """
    path = data_dir.path(NODE_KEY)
    text = data_dir.source.read(path, _MAX_SIZE).strip()
    if not re.fullmatch(b"[0-9a-fA-F]{64}", text):
        raise DvError(f"{path} does not hold a key", "64 hex digits", "restore it from a backup")
    private_key = bytes.fromhex(text.decode())
    try:
        secp256k1.check_private_key(private_key)
    except DvError as error:
        raise DvError(f"{path}: {error.found}", error.wanted, "restore it from a backup") from None
    return private_key


def create(data_dir: DataDir) -> bytes:
    """Make a new private key (32 bytes) in ``data_dir``, durably and readable by its owner only, and return it.

    :raises DvError: there is one already (it stays untouched); it was lost, or a restoring that was cut off has not come to it yet; or
        the file cannot be written
    """
    if any(map(data_dir.holds, _WITH_KEY)):
        raise DvError(
            f"{data_dir} has no {NODE_KEY}, but it took part in a cluster",
            "the key that it took part with",
            "restore it from a backup, or choose a new data directory for a new cluster",
        )
    private_key = (1 + secrets.randbelow(secp256k1.ORDER - 1)).to_bytes(32, "big")
    files.write_new(data_dir.path(NODE_KEY), private_key.hex().encode())
    return private_key


def in_use(data_dir: DataDir, now: float) -> str | None:
    """Why another charon uses the key in ``data_dir``, as a text; ``None`` if none does.

    The rules are those by which charon itself starts: its lock file must be stale, and older still if it names another
    cluster lock than the one in ``data_dir``.

    :param now: Unix seconds
    :raises DvError: a file there cannot be read
    """
    content, path = data_dir.read(LOCK_FILE, _MAX_SIZE), data_dir.path(LOCK_FILE)
    if content is None:
        return None
    try:
        record = go_json.loads(content, path)
        written = _timestamp(record["timestamp"])
        lock_hash, command = record.get("cluster_lock_hash") or "", record.get("command")
    except (DvError, KeyError, TypeError, ValueError, AttributeError):
        return f"{path} cannot be understood, and charon would not start with it either"
    age = now - written
    if age < -FRESH:
        return (
            f"{path} is dated {int(-age)} s ahead of this node's clock, and charon would not start with it before then either: "
            f"set the clock right, or remove the file if no charon ({show(command)}) uses this key"
        )
    if age < FRESH:
        return f"{path} is {int(max(age, 0))} s old: charon ({show(command)}) is running with this key"
    if lock_hash and age < GRACE and _bare(lock_hash) != _bare(_own_lock_hash(data_dir)):
        return f"{path}: the key served another cluster lock {int(age)} s ago, and must rest for {GRACE} s"
    return None


def _timestamp(text: str) -> float:
    """Unix seconds of an RFC 3339 time. Go writes up to nine decimals, of which Python takes six.

    :raises ValueError: it is none
    """
    match = re.fullmatch(r"([0-9T:-]{19})(\.[0-9]{1,6})?[0-9]*(Z|[+-][0-9:]{5})", text)
    if not match:
        raise ValueError
    whole, decimals, zone = match.groups()
    zone = "+00:00" if zone == "Z" else zone
    return datetime.strptime(whole + (decimals or ".0") + zone, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()


def _own_lock_hash(data_dir: DataDir) -> str:
    content = data_dir.read(LOCK)
    found = None if content is None else go_json.loads(content, LOCK)
    return str(found.get("lock_hash", "")) if isinstance(found, dict) else ""


def _bare(lock_hash: object) -> str:
    return str(lock_hash).lower().removeprefix("0x")
