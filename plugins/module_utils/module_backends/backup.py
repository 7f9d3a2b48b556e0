# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module ``backup`` does on a node."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..ansible_module.argument_specs import COPIES_SPEC, PROCESS_SPEC, STORE_SPEC
from ..ansible_module.runner import packages

with packages():
    from ..backup import archive, backups, contents, status
    from ..backup.backups import Backups, Record
    from ..backup.manifest import Manifest, check_whole
    from ..crypto import age
    from ..data_dir import layout, node_key
    from ..data_dir.layout import CEREMONY, DataDir
    from ..errors import DvError
    from ..storage import files

ARGUMENT_SPEC = dict(
    data_dir=dict(type="path", required=True),
    recipients=dict(type="list", elements="str", default=[]),
    passphrase_file=dict(type="path", no_log=False),
    backup_dir=dict(type="path", required=True),
    send=dict(type="bool", default=False),
    statements=dict(type="dict", default={}),
    **STORE_SPEC,
    **COPIES_SPEC,
    **PROCESS_SPEC,
)


def run_module(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    recipients, passphrase = backups.for_whom(params["recipients"], params["passphrase_file"])
    result: dict[str, Any] = dict(changed=True, backup=None, recipients=recipients, peer_id=None, sha256=None)
    data_dir = DataDir(params["data_dir"])
    if not node_key.exists(data_dir):
        if module.check_mode:
            return result
        raise DvError(f"{data_dir} has no {layout.NODE_KEY}", "a key to back up", "run obol.dv.enr first")
    with contextlib.ExitStack() as locks:
        # Nobody else writes there in the meantime. A directory that charon made stays as charon made it.
        if data_dir.holds(CEREMONY) and not module.check_mode:
            locks.enter_context(data_dir.exclusive())
        found = contents.read(data_dir)
        manifest = Manifest.of(found, data_dir.root)
        check_whole(found, data_dir.root)
        if not module.check_mode:
            locks.enter_context(backups.exclusive(params["backup_dir"], manifest.peer_id))
        here = Backups(params["backup_dir"], manifest.peer_id)
        result.update(peer_id=manifest.peer_id, warnings=list(map(str, here.damaged)))
        there = here.of(manifest, recipients)
        if contents.lacks_what_was_loaded(data_dir):
            there = there or here.with_key_shares(manifest.lock_hash, recipients)
        good = next((each for each in there if not passphrase or _opens(each[0], passphrase)), None)
        passed = status.verified_statements([*params["statements"].values(), *here.statements.values()], manifest.peer_id)
        result["changed"] = not good or not passed.keys() <= {*here.statements.values()}
        if not module.check_mode:
            here.keep_statements(passed)
            good = good or _make(here, manifest, found, recipients, passphrase)
    if not good:
        return result
    path, record = good
    outbox = {backups.statement_name(record.peer_id, text): text for text in passed}
    if params["send"]:
        outbox[record.name] = files.read(path, backups.MAX_SIZES["age"]).decode()
        outbox[backups.record_name(record.name)] = record.dump().decode()
    return dict(result, backup=status.evaluate(record.manifest_sha256, [good], passed.values()), sha256=record.sha256, outbox=outbox)


def _opens(path: str, passphrase: str) -> bool:
    """Whether it is this passphrase that the archive at ``path`` is for: its record does not tell."""
    try:
        age.Opener.of_passphrase(passphrase.encode(), "").open(files.read(path, backups.MAX_SIZES["age"]), path)
        return True
    except DvError:
        return False


def _make(here: Backups, manifest: Manifest, found: dict[str, bytes], recipients: list[str], passphrase: str | None) -> tuple[str, Record]:
    now = here.time_of_next(time.time())
    packed = archive.pack(manifest, found, now)
    encrypted = age.encrypt_with_passphrase(packed, passphrase) if passphrase else age.encrypt(packed, recipients)
    record = Record.of(encrypted, manifest, recipients, now)
    return here.add(encrypted, record), record
