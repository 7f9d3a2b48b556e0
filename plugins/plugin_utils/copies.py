# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies of the backups of ENR private keys, on the control node."""

from ansible_collections.obol.dv.plugins.module_utils.backup import enr_key
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.storage.paths import absolute


class WithBackupCopies:
    """For action plugins whose module answers ``peer_id`` and ``enr_key_backup``, a path on the node: what lies in the argument
    ``backup_dest`` on the control node is the better backup, since it is not on the node's disk."""

    def _answer(self, arguments, task_vars):
        answer = super()._answer(arguments, task_vars)
        dest = arguments.get("backup_dest")
        if dest and not answer.get("failed"):
            answer["enr_key_backup"] = _newest(dest, answer.get("peer_id")) or answer.get("enr_key_backup") or ""
        return answer


def _newest(dest, peer_id):
    """As :func:`.enr_key.newest`; nowhere is none either, which is an error only where one is to be made."""
    try:
        return enr_key.newest(absolute(dest, "dv_backup_dest"), peer_id)
    except (DvError, ValueError):
        return ""
