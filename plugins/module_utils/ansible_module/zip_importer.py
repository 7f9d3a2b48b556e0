# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of a zip, compiled once each.

Ansible brings the core to a node as a zip file, and Python's own importer of zips compiles every file in it twice: once to
learn its path, once to run it. Without the first the imports of a round take two thirds of the time (0.08 s, not 0.12).
"""

import os
import sys
import zipimport


class Importer(zipimport.zipimporter):
    """Python's importer of zips, which knows the path of a module without its code."""

    def get_filename(self, fullname: str) -> str:
        """The path of the module ``fullname`` of this zip.

        :raises ZipImportError: there is none
        """
        name = fullname.rpartition(".")[2]
        file = os.path.join(name, "__init__.py") if self.is_package(fullname) else name + ".py"
        return os.path.join(self.archive, self.prefix, file)


def install() -> None:
    """If this collection came as a zip, let what is imported from now on come by :class:`Importer`."""
    if isinstance(__spec__.loader, zipimport.zipimporter) and Importer not in sys.path_hooks:
        sys.path_hooks.insert(0, Importer)
        sys.path_importer_cache.clear()
