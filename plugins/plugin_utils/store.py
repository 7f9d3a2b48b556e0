# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stores: where the public files of a ceremony meet. A store is never trusted; what comes from it is bounded here."""

import os
import re

from ansible_collections.obol.dv.plugins.module_utils import files
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError

#: Names in a store: relative, of plain parts, e.g. ``approvals/2.json`` or ``dkg/<hash>/1/deal/3.jws``.
NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,79}(/[0-9A-Za-z][0-9A-Za-z_-]{0,79}){0,5}\.(json|jws)")

#: Largest file and largest number of files that a store hands out: far above what 255 operators and 65536 validators need.
MAX_FILE = 128 * 1024 * 1024
MAX_FILES = 10_000


class DirectoryStore:
    """A store in a directory of the control node.

    :param path: absolute path of the cluster's directory; made when first written
    """

    def __init__(self, path):
        self.path = os.path.abspath(os.path.expanduser(path))

    def list(self):
        """The names of all files in the store, sorted. Other entries, links and strange names are passed over."""
        names = []
        for directory, folders, entries in os.walk(self.path):
            folders[:] = [name for name in folders if not os.path.islink(os.path.join(directory, name))]
            for entry in entries:
                name = os.path.relpath(os.path.join(directory, entry), self.path)
                if NAME.fullmatch(name) and not os.path.islink(os.path.join(directory, entry)):
                    names.append(name)
        if len(names) > MAX_FILES:
            raise DvError("the store %s holds %d files" % (self.path, len(names)), "at most %d" % MAX_FILES)
        return sorted(names)

    def get(self, name):
        """The text of the file ``name``; what is not UTF-8 is replaced, its reader will refuse it."""
        return files.read(self._path(name), MAX_FILE).decode("utf-8", "replace")

    def put(self, name, text):
        """Put ``text`` as ``name`` if there is no such file. True if it was put, False if the same text is there.

        :raises DvError: another text is there; it stays
        """
        path = self._path(name)
        files.make_directory(os.path.dirname(path))
        return files.write_same(path, text.encode(), 0o644)

    def _path(self, name):
        if not NAME.fullmatch(name):
            raise DvError("%r is no name of a file in a store" % name[:200])
        return os.path.join(self.path, name)
