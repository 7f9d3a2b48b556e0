# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ownership of the data directory: a charon that runs as another user, in a container say, must be able to read it.

Root gives it to that user once; what is made in it later belongs to its owner from the beginning, see
:func:`.as_owner.as_owner_of`.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat
from collections.abc import Callable
from typing import Any, NamedTuple

from ..errors import DvError
from . import files
from .as_owner import refuse_links

#: One more than the largest user or group number.
_END = 2**32 - 1


class Owner(NamedTuple):
    """Numbers of a user and a group."""

    uid: int
    gid: int


def parse(text: str, what: str) -> Owner:
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
        missing = f"user {user}" if uid is None or not colon else f"group {group}"
        raise DvError(
            f'{what} is "{text}", and this machine has no {missing}',
            'a user and a group, as names or numbers, in quotes: "1000:1000"',
        )
    return Owner(uid, gid)


def check(owner: Owner, what: str) -> None:
    """Refuse an ``owner`` that the user of this task cannot give files to."""
    own = Owner(os.geteuid(), os.getegid())
    if own.uid != 0 and owner != own:
        raise DvError(
            f"{what} is {owner.uid}:{owner.gid}, but the user of this task is {own.uid}:{own.gid}",
            "root, which alone can give files away, or the same user",
            f"set become, or leave {what} out",
        )


def give_to(owner: Owner, directory: str, dry_run: bool = False) -> bool:
    """Make all in ``directory`` that is not ``owner``'s theirs, the directory itself last. Whether there was anything.

    Links, sockets and the like are left alone.

    :param dry_run: nothing is changed
    :raises DvError: a file has a second name, which may be anywhere; it stays as it is
    """
    changed = False
    try:
        # The owner of a directory may exchange what is in it at any time: so nothing here goes by path.
        for walked, _folders, names, descriptor in os.fwalk(os.path.realpath(directory), topdown=False):
            try:
                for name in names:
                    changed |= _give_file(walked, name, descriptor, owner, dry_run)
                changed |= _give(descriptor, owner, dry_run)
            except OSError as error:
                raise files.os_error(error, walked, "give away") from None
    except (RecursionError, OSError) as error:
        # The walk holds a descriptor for each level.
        if isinstance(error, OSError) and error.errno != errno.EMFILE:
            raise files.os_error(error, error.filename or directory, "give away") from None
        raise DvError(f"{directory} holds hundreds of directories in one another", "what charon and we make", "take them away") from None
    return changed


def give_one(owner: Owner | None, path: str, mode: int, dry_run: bool = False) -> bool:
    """Make the file or directory ``path`` the ``owner``'s, if there is one, and take from a file what is wider than ``mode``. Whether there
    was anything to do.

    :param dry_run: nothing is changed
    :raises DvError: it is a link, or a file with a second name; it stays as it is
    """
    refuse_links(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            is_file, gives = stat.S_ISREG(status.st_mode), owner is not None and not _has(status, owner)
            wider = is_file and bool(stat.S_IMODE(status.st_mode) & ~mode)
            if is_file and gives:
                _check_one_name(status, path)
            if owner and gives:
                _give(descriptor, owner, dry_run)
            if wider and not dry_run:
                os.fchmod(descriptor, stat.S_IMODE(status.st_mode) & mode)
                os.fsync(descriptor)
            return gives or wider
        finally:
            os.close(descriptor)
    except OSError as error:
        raise files.os_error(error, path, "give away") from None


def _check_one_name(status: os.stat_result, path: str) -> None:
    if status.st_nlink > 1:
        raise DvError(f"{path} has a second name", "one name, before it is given away", "remove the other, or copy the file")


def _give_file(directory: str, name: str, parent: int, owner: Owner, dry_run: bool) -> bool:
    status = os.stat(name, dir_fd=parent, follow_symlinks=False)
    if not stat.S_ISREG(status.st_mode) or _has(status, owner):
        return False
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=parent)
    try:
        _check_one_name(os.fstat(descriptor), os.path.join(directory, name))
        return _give(descriptor, owner, dry_run)
    finally:
        os.close(descriptor)


def _give(descriptor: int, owner: Owner, dry_run: bool) -> bool:
    if _has(os.fstat(descriptor), owner):
        return False
    if not dry_run:
        os.fchown(descriptor, *owner)
        os.fsync(descriptor)
    return True


def _has(status: os.stat_result, owner: Owner) -> bool:
    return (status.st_uid, status.st_gid) == owner


def _account(text: str, by_name: Callable[[str], Any], by_number: Callable[[int], Any]) -> Any:
    """The entry of a user or group in this machine's tables, or ``None``."""
    try:
        return by_number(int(text)) if text.isdecimal() else by_name(text)
    except (KeyError, ValueError, OverflowError):
        return None


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and text.isascii() and int(text[:11]) < _END else None
