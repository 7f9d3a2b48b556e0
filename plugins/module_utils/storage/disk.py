# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a path says where it leads, a directory can be used, and its disk has room for a ceremony: asked for, not tried. Nothing
is written."""

import os

from ..errors import DvError

#: Free space that a ceremony wants, in bytes: for itself, for each validator, and for each share of each validator
#: (keystore and password take a block each; messages, keys, deposits and lock come on top).
BASE_SIZE, VALIDATOR_SIZE, SHARE_SIZE = 8 * 2**20, 16 * 2**10, 2 * 2**10

#: New files of a ceremony beside the two of each validator.
BASE_FILES = 500


def absolute(path, what):
    """``path``, in which ``~`` may stand for a home directory, from the root of the file system on.

    :param what: what it is, in errors: the variable that names it
    :raises DvError: it is relative, so that each run could take it elsewhere
    """
    expanded = os.path.expanduser(path)
    if not os.path.isabs(expanded):
        raise DvError(
            "%s is the relative path %s" % (what, path),
            "one that begins with / or ~",
            "name it whole, or begin with {{ inventory_dir }} on the control node, which is nothing for an inventory that is no file",
        )
    return os.path.normpath(expanded)


def check_directory_of_control_node(path, what, variable):
    """:func:`check_directory` on the control node, for errors that say ``what`` it is and which ``variable`` names it."""
    try:
        check_directory(path)
    except DvError as error:
        hint = "let the user of ansible-playbook write there, or set %s" % variable
        raise DvError("%s: %s" % (what, error.found), error.wanted, hint) from None


def check_directory(path):
    """Refuse a directory that neither is writable nor can be made. Nothing is tried: the permissions are asked for."""
    place = _nearest(path)
    if not os.path.isdir(place):
        raise DvError("%s is not a directory" % place, "a directory", "move it away, or choose another path")
    if not os.access(place, os.R_OK | os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        deed = "use" if place == os.path.abspath(path) else "make %s in" % path
        raise DvError(
            "the user of this task cannot %s %s" % (deed, place),
            "a directory that it can read and write",
            "give the user access, set become, or choose another path",
        )


def check_space(path, validators, operators):
    """Refuse a file system without room for a ceremony of that size."""
    place = _nearest(path)
    wanted = BASE_SIZE + validators * (VALIDATOR_SIZE + operators * SHARE_SIZE)
    files_wanted = BASE_FILES + 2 * validators
    found = os.statvfs(place)
    free = found.f_bavail * found.f_frsize
    if free < wanted:
        raise DvError(
            "%s has %.1f MB of free space" % (place, free / 1e6),
            "%.1f MB for %d validators and %d operators" % (wanted / 1e6, validators, operators),
            "free some, or choose a data directory on a larger disk",
        )
    # Some file systems do not count them, and say 0 of 0.
    if found.f_files and found.f_favail < files_wanted:
        raise DvError(
            "%s has room for %d files" % (place, found.f_favail),
            "%d for %d validators" % (files_wanted, validators),
            "free some, or choose a data directory on a larger disk",
        )


def _nearest(path):
    """``path``, or the nearest of its parents that is there."""
    path = os.path.abspath(path)
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return path
