# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths: whether one says where it leads, and whether a directory can be used: asked for, not tried. Nothing is written."""

import os

from ..errors import DvError


def absolute(path: str, what: str) -> str:
    """``path``, in which ``~`` may stand for a home directory, from the root of the file system on.

    :param what: what it is, in errors: the variable that names it
    :raises DvError: it is relative, so that each run could take it elsewhere
    """
    expanded = os.path.expanduser(path)
    if not os.path.isabs(expanded):
        raise DvError(
            f"{what} is the relative path {path}",
            "one that begins with / or ~",
            "name it whole, or begin with {{ inventory_dir }} on the control node, which is nothing for an inventory that is no file",
        )
    return os.path.normpath(expanded)


def check_directory(path: str) -> None:
    """Refuse a directory that neither is writable nor can be made.

    :raises DvError: it is so, by the permissions
    """
    parent = nearest(path)
    if not os.path.isdir(parent):
        raise DvError(f"{parent} is not a directory", "a directory", "move it away, or choose another path")
    if not os.access(parent, os.R_OK | os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        deed = "use" if parent == os.path.abspath(path) else f"make {path} in"
        raise DvError(
            f"the user of this task cannot {deed} {parent}",
            "a directory that it can read and write",
            "give the user access, set become, or choose another path",
        )


def nearest(path: str) -> str:
    """``path``, absolute, or the nearest of its parents that is there."""
    path = os.path.abspath(path)
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return path
