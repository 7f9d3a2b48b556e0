# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose a data directory is: a charon that runs as another user, in a container say, must be able to read it.

Root gives it to that user once; what is made in it later belongs to its owner from the beginning, see
:func:`.files.like_owner`.
"""

import errno
import grp
import os
import pwd
import stat
from typing import NamedTuple

from ..errors import DvError
from . import files

#: One more than the largest user or group number.
_END = 2**32 - 1


class Owner(NamedTuple):
    """Numbers of a user and a group."""

    uid: int
    gid: int


def parse(text, what):
    """The :class:`Owner` of ``user:group``, names of this machine or numbers; ``user`` alone stands for its first group too.

    :param what: the text's name in errors
    """
    user, colon, group = text.partition(":")
    account = _account(user, pwd.getpwnam, pwd.getpwuid)
    uid = _number(user) if account is None else account.pw_uid
    if colon:
        entry = _account(group, grp.getgrnam, grp.getgrgid)
        gid = _number(group) if entry is None else entry.gr_gid
    else:
        gid = account and account.pw_gid
    if uid is None or gid is None:
        missing = "user %s" % user if uid is None or not colon else "group %s" % group
        raise DvError(
            '%s is "%s", and this machine has no %s' % (what, text, missing),
            'a user and a group, as names or numbers, in quotes: "1000:1000"',
        )
    return Owner(uid, gid)


def check(owner, what):
    """Refuse an ``owner`` that the user of this task cannot give files to."""
    own = Owner(os.geteuid(), os.getegid())
    if own.uid != 0 and owner != own:
        raise DvError(
            "%s is %d:%d, but the user of this task is %d:%d" % (what, *owner, *own),
            "root, which alone can give files away, or the same user",
            "set become, or leave %s out" % what,
        )


def give(data_dir, owner, really=True):
    """Make all in ``data_dir`` that is not ``owner``'s theirs, the directory itself last. Whether there was anything.

    Links, sockets and the like are left alone.

    :param really: ``False`` only tells
    :raises DvError: a file has a second name, which may be anywhere; it stays as it is
    """
    changed = False
    try:
        # The owner of a directory may exchange what is in it at any time: so nothing here goes by path.
        for directory, _folders, names, descriptor in os.fwalk(os.path.realpath(data_dir), topdown=False):
            try:
                for name in names:
                    changed |= _give_file(directory, name, descriptor, owner, really)
                changed |= _give(descriptor, owner, really)
            except OSError as error:
                raise files.os_error(error, directory, "give away") from None
    except (RecursionError, OSError) as error:
        # The walk holds a descriptor for each level.
        if isinstance(error, OSError) and error.errno != errno.EMFILE:
            raise files.os_error(error, error.filename or data_dir, "give away") from None
        raise DvError("%s holds hundreds of directories in one another" % data_dir, "what charon and we make", "take them away") from None
    return changed


def _give_file(directory, name, parent, owner, really):
    status = os.stat(name, dir_fd=parent, follow_symlinks=False)
    if not stat.S_ISREG(status.st_mode) or _has(status, owner):
        return False
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=parent)
    try:
        if os.fstat(descriptor).st_nlink > 1:
            path = os.path.join(directory, name)
            raise DvError("%s has a second name" % path, "one name, before it is given away", "remove the other, or copy the file")
        return _give(descriptor, owner, really)
    finally:
        os.close(descriptor)


def _give(descriptor, owner, really):
    if _has(os.fstat(descriptor), owner):
        return False
    if really:
        os.fchown(descriptor, *owner)
        os.fsync(descriptor)
    return True


def _has(status, owner):
    return (status.st_uid, status.st_gid) == owner


def _account(text, by_name, by_number):
    """The entry of a user or group in this machine's tables, or ``None``."""
    try:
        return by_number(int(text)) if text.isdecimal() else by_name(text)
    except (KeyError, ValueError, OverflowError):
        return None


def _number(text):
    return int(text) if text.isdecimal() and text.isascii() and int(text[:11]) < _END else None
