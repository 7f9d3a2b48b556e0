# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings the encrypted backup of a node's ENR private key to the control node."""

import os

from ansible_collections.obol.dv.plugins.module_utils.backup import enr_key
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.storage import files
from ansible_collections.obol.dv.plugins.module_utils.storage.paths import absolute
from ansible_collections.obol.dv.plugins.plugin_utils import answers
from ansible_collections.obol.dv.plugins.plugin_utils.node_module import NodeModule


class ActionModule(NodeModule):
    """See the module of the same name."""

    def _work(self, arguments, result, task_vars):
        answer, dest = self._answer(arguments, task_vars), arguments.get("dest")
        outbox = answers.outbox(answer, lambda _name: True)
        result.update(answer)
        if result.get("failed"):
            return
        result["copy"] = None
        if dest and outbox:
            directory = absolute(dest, "dv_backup_dest")
            contents = {os.path.join(directory, name): _encrypted(name, text) for name, text in outbox.items()}
            result["changed"] = self._copy(directory, contents) or bool(result.get("changed"))
            result["copy"] = next((path for path in contents if path.endswith(".age") and os.path.lexists(path)), None)

    def _copy(self, directory, contents):
        """Make sure that ``directory`` has files of these ``contents``, path to bytes; whether one was missing."""
        if self._task.check_mode:
            return not all(map(os.path.lexists, contents))
        files.make_directory(directory)
        written = [files.write_same(path, content) for path, content in contents.items()]
        return any(written)


def _encrypted(name, text):
    """The bytes of one file that a node sends: what it says is not trusted, neither with paths here nor with a key in clear."""
    content = text.encode()
    beginning = b"-----BEGIN AGE ENCRYPTED FILE-----\n" if name.endswith(".age") else b"{"
    if not enr_key.NAME.fullmatch(name) or not content.startswith(beginning) or len(content) > enr_key.MAX_SIZE:
        raise DvError(f"the node sent {name[:200]!r}, which is no file of a backup", hint="nothing was copied")
    return content
