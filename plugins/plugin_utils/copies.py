# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies of a node's backups outside of it: in a directory of the control node, or on an SFTP server. Whatever lies there is ciphertext,
its public record, or a signed statement; nothing is trusted."""

import contextlib

from ansible_collections.obol.dv.plugins.module_utils.backup import backups
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import NODE_KEY
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.plugin_utils.stores.names import OF_BACKUPS
from ansible_collections.obol.dv.plugins.plugin_utils.stores.registry import open_store


def open_copies(arguments):
    """The store of the backups of one node that the task's ``arguments`` (dict) name, to be entered; None without one."""
    dest = arguments.get("dest")
    return open_store(dest, arguments.get("dest_options"), OF_BACKUPS) if dest else None


def statements(store, folder=""):
    """The statements in the ``store`` of copies, or in that ``folder`` of the ceremony's, name to text; not those that are none."""
    found = {}
    for name in store.list():
        if name.startswith(folder + "drill-"):
            with contextlib.suppress(DvError):
                found[name.removeprefix(folder)] = store.get(name)
    return found


def records(store):
    """The records of the archives in the ``store`` of copies, oldest first; not those that are none."""
    found, there = [], set(store.list())
    for name in there:
        if name.endswith(".json") and name.removesuffix(".json") + ".age" in there:
            with contextlib.suppress(DvError):
                found.append(backups.Record.parse(store.get(name).encode(), name))
    return sorted((record for record in found if record.name in there), key=lambda record: record.created)


def newest(store):
    """Path and record of the newest good archive of each node in the ``store`` of copies, as the module status takes them."""
    found = {}
    for record in reversed(records(store)):
        with contextlib.suppress(DvError):
            if record.peer_id not in found:
                archive(store, record)
                found[record.peer_id] = dict(path=f"{store}/{record.name}", record=record.dump().decode())
    return [*found.values()]


def check_no_key_lost(arguments):
    """Refuse to go on with a node that has no ENR private key while there are copies of its backups: it would get another one.

    :raises DvError: there are
    """
    with open_copies(arguments) or contextlib.nullcontext() as store:
        names = map(backups.NAME.fullmatch, store.list() if store else [])
        # A statement alone brings nothing back.
        found = {match["peer_id"] for match in names if match and match["ending"] == "age"}
        if found:
            raise DvError(
                f"{arguments['data_dir']} has no {NODE_KEY} that can be read, and {store} holds backups with that of {', '.join(sorted(found))}",
                "the key restored, or no backups there",
                "obol.dv.restore brings it back; for a new cluster, move these backups away",
            )


def archive(store, record):
    """The text of the archive of ``record`` in the ``store`` of copies.

    :raises DvError: it is another
    """
    text = store.get(record.name)
    backups.check_pair(record, text.encode(), f"{store}/{record.name}")
    return text


def encrypted(name, text):
    """The ``text`` of one file that a node sends, as it may be copied: what it says is not trusted, neither with paths here nor with a
    key in clear."""
    beginning = {"age": backups.ARMOR.decode(), "json": "{", "jws": "ey"}.get(name.rpartition(".")[2])
    if backups.max_size(name) is None or not text.startswith(beginning) or len(text) > backups.max_size(name):
        raise DvError(f"the node sent {name[:200]!r}, which is no file of a backup", hint="nothing was copied")
    return text
