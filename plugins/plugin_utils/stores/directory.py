# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store in a directory of the control node."""

import os

from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.storage import files
from ansible_collections.obol.dv.plugins.module_utils.storage.paths import absolute
from ansible_collections.obol.dv.plugins.plugin_utils.directories import check_directory

from . import names
from .base import Store


class DirectoryStore(Store):
    """See :class:`.base.Store`. The location is the path of the cluster's directory, made when first written."""

    #: What its location is, in errors, where the kind of content does not say it.
    WHAT = ""

    def __init__(self, location, content=names.OF_CEREMONY):
        super().__init__(absolute(location, self.WHAT or f"the store ({content.variable})"), content)

    def check(self):
        check_directory(self.location, "the store", self.content.variable)

    def _entries(self):
        return self._walk()

    def _list_folder(self, folder):
        try:
            with os.scandir(os.path.join(self.location, folder)) as entries:
                for entry in entries:
                    yield entry.name, entry.is_file(follow_symlinks=False), entry.is_dir(follow_symlinks=False)
        except OSError as error:
            pass_if_gone(error)

    def _read(self, name, limit):
        return files.read(self._path(name), limit)

    def _add(self, contents):
        for name, content in contents.items():
            path = self._path(name)
            files.make_directory(os.path.dirname(path))
            if files.write_if_absent(path, content, self.content.mode):
                yield name

    def _path(self, name):
        """The path of the file ``name``, which no link may lead away."""
        path = os.path.join(os.path.realpath(self.location), name)
        if os.path.realpath(path) != path:
            raise DvError(f"{path} is a link, or in a linked folder", "a file in a folder of the store", "take the link away")
        return path


def pass_if_gone(error):
    """Pass over the error of what is not there, refuse every other."""
    if not isinstance(error, FileNotFoundError):
        raise files.os_error(error, error.filename, "list")
