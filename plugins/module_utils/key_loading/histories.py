# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the key shares of a node have signed, as the validator clients told that they were taken from: ``<data dir>/loading/history-*.json``.
Each is kept as it came, for good: nobody may sign against any of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from hashlib import sha256

from ..data_dir.layout import LOADING, DataDir
from ..encoding.hex import to_hex
from ..errors import DvError
from ..ethereum import slashing_protection
from ..ethereum.slashing_protection import History
from ..storage import files

_BEGINNING, _END, _UNREAD = "history-", ".json", ".unread"
#: Largest history that is read, as an answer of a client is.
MAX_SIZE = 64 * 2**20


def keep(data_dir: DataDir, text: str) -> History:
    """Put the ``text`` of a history into the data directory, durably, whatever it is: the history that it holds.

    :raises DvError: it holds none; it is kept under a name of its own
    """
    content = text.encode("utf-8", "replace")
    name = f"{LOADING}/{_BEGINNING}{sha256(content).hexdigest()[:16]}"
    try:
        history = slashing_protection.parse(content, "the history of the slashing protection")
    except DvError:
        files.write_same(data_dir.path(name + _UNREAD), content)
        raise
    files.write_same(data_dir.path(name + _END), content)
    return history


def given(path: str | None) -> list[History]:
    """The history in the file ``path``, as a validator client exported it, if there is one.

    :raises DvError: it holds none
    """
    return [slashing_protection.parse(files.read(path, MAX_SIZE), path)] if path else []


def read(data_dir: DataDir, more: Iterable[History] = (), root: bytes = b"") -> History | None:
    """All that is known of what the key shares have signed, ``None`` if it is nothing.

    :param more: histories from elsewhere
    :param root: the genesis validators root (32 bytes) of the chain, if that is known
    :raises DvError: one of them cannot be read, or they are of different chains
    """
    directory = data_dir.path(LOADING)
    names = [name for name in files.names(directory) if name.startswith(_BEGINNING) and name.endswith(_END)]
    paths = [os.path.join(directory, name) for name in names]
    found = [slashing_protection.parse(files.read(path, MAX_SIZE), path) for path in paths] + [*more]
    roots = sorted({to_hex(each) for each in (root, *(history.genesis_validators_root for history in found)) if each})
    if len(roots) > 1:
        raise DvError(
            f"the histories of the slashing protection are of different chains, {' and '.join(roots)}",
            "of the cluster's network all",
            f"see those in {directory}: what is of another chain is of no use here, and moves elsewhere",
        )
    return slashing_protection.merge(found[0].genesis_validators_root, found) if found else None
