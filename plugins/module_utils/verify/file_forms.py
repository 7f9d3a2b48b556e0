# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The form of a file by its content, whatever its name: a copy, another tool's file and a damaged one have no name to go by.

The form is that of the JSON keys in the text, so it shows in a file that is cut or has a byte order mark too.
Source: charon-formats §1.2, §4.1, §5.2, §6, §7.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import NamedTuple

from ..data_dir import layout
from ..data_dir.validator_keys import is_keystore_name
from ..errors import DvError
from ..ethereum import deposit
from ..storage import files

LOCK, DEFINITION, KEYSTORE = "a lock", "a definition", "a keystore"
DEPOSIT_DATA, REGISTRATIONS = "deposit data", "builder registrations"

#: How many files of a directory are looked at, and how many bytes they may have together.
MAX_FILES = 1000
MAX_TOTAL = 4 * files.MAX_SIZE

# The form of a text that has so many of these keys, the first that fits: a lock holds a definition and deposits too.
_FORMS = (
    (LOCK, 2, {"cluster_definition", "distributed_validators", "signature_aggregate", "lock_hash"}),
    (DEFINITION, 3, {"config_hash", "definition_hash", "num_validators", "operators", "dkg_algorithm", "fork_version"}),
    # A wallet's key file has all but the checksum.
    (KEYSTORE, 3, {"crypto", "kdf", "checksum"}),
    (REGISTRATIONS, 3, {"fee_recipient", "gas_limit", "timestamp", "signature"}),
    (DEPOSIT_DATA, 3, {"pubkey", "withdrawal_credentials", "deposit_message_root", "deposit_data_root", "signature"}),
)
_KEY = re.compile(r'"([^"]{1,64})"\s*:')
_ESCAPE = re.compile(r"\\u00([0-7][0-9a-fA-F])")


def form_of(content: bytes) -> str | None:
    """The form of ``content``, or ``None`` for anything else."""
    # Without the zero bytes, UTF-16 is as good to read as UTF-8.
    text = content.replace(b"\0", b"").decode("utf-8", "replace").lstrip("\ufeff\ufffd \t\r\n")
    if not text.startswith(("{", "[")):
        return None
    text = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    keys = {key.lower() for key in _KEY.findall(text)}
    return next((name for name, enough, known in _FORMS if len(keys & known) >= enough), None)


class OtherFiles(NamedTuple):
    """What lies in a data directory beside lock, definition, node key and key shares; names are those below the directory.

    :param deposits: content by name of all deposit data, and of what has charon's name for it
    :param overrides: the same of charon's overrides, one at most
    :param others: (name, form, content) of all else that has a form
    :param unread: (name, :class:`.errors.DvError`) of what could not be looked at
    :param clusters: the directories with a lock of their own
    """

    deposits: dict[str, bytes]
    overrides: dict[str, bytes]
    others: list[tuple[str, str, bytes]]
    unread: list[tuple[str, DvError]]
    clusters: list[str]


def find_other_files(data_dir: layout.DataDir, names: Iterable[str]) -> OtherFiles:
    """The :class:`OtherFiles` of ``data_dir`` with ``names`` in it; ``ceremony`` is passed over."""
    other_files = OtherFiles({}, {}, [], [], [])
    named = (layout.LOCK, layout.DEFINITION, layout.NODE_KEY)
    _add_files(other_files, data_dir, "", [name for name in names if name not in named])
    for name in names:
        directory = data_dir.path(name)
        if name == layout.CEREMONY or not data_dir.source.is_directory(directory):
            continue
        if data_dir.source.exists(os.path.join(directory, layout.LOCK)):
            other_files.clusters.append(name)
        if name == layout.KEYS or name.startswith(layout.FETCHED_DEPOSITS):
            try:
                inside = data_dir.source.list_directory(directory)
            except DvError as error:
                other_files.unread.append((name, error))
                continue
            _add_files(other_files, data_dir, name + "/", [each for each in inside if name != layout.KEYS or not is_keystore_name(each)])
    return other_files


def _add_files(other_files: OtherFiles, data_dir: layout.DataDir, folder: str, names: Iterable[str]) -> None:
    """Add the files ``names`` of ``folder`` (``""``, or a name and a slash): :data:`MAX_FILES` of them, :data:`MAX_TOTAL` bytes in all."""
    paths = [folder + name for name in names if not data_dir.source.is_directory(data_dir.path(folder, name))]
    left = MAX_TOTAL
    for name in paths[:MAX_FILES]:
        try:
            content = data_dir.source.read(data_dir.path(name), min(files.MAX_SIZE, left))
        except DvError as error:
            other_files.unread.append((name, error))
            continue
        left -= len(content)
        form = form_of(content)
        if name == layout.OVERRIDES:
            other_files.overrides[name] = content
        elif form == DEPOSIT_DATA or deposit.is_file_name(name):
            other_files.deposits[name] = content
        elif form:
            other_files.others.append((name, form, content))
    for name in paths[MAX_FILES:]:
        other_files.unread.append((name, DvError(f"there are more than {MAX_FILES} files")))
