# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Root's work in a directory of another user: what it makes there is that user's from the beginning, and no link leads it elsewhere."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from ..errors import DvError

# As many links as Linux follows on one way.
_MAX_LINKS = 40


class _Owned(NamedTuple):
    """A directory of another user."""

    directory: str
    uid: int
    gid: int


# Where root works for another user, see as_owner_of.
_owned: _Owned | None = None


@contextlib.contextmanager
def as_owner_of(directory: str | None) -> Iterator[None]:
    """While this is entered, what root makes below ``directory`` belongs to the owner of ``directory``: before its content
    is written, and before it has its name. For any other user, and where ``directory`` is root's own or is not there,
    nothing is special.

    Links below it are refused then, since they would take root where their owner cannot go. Only those that are there
    are: the owner must not plant some at the same time.

    :raises DvError: root would get to ``directory``, there or not, by a link that another user can set
    """
    global _owned
    before, owned = _owned, None
    if directory and os.geteuid() == 0:
        _refuse_planted_links(directory)
        if os.path.isdir(directory):
            status = os.stat(directory)
            if (status.st_uid, status.st_gid) != (0, os.getegid()):
                owned = _Owned(os.path.abspath(directory), status.st_uid, status.st_gid)
    _owned = owned
    try:
        yield
    finally:
        _owned = before


def _owned_by_another(path: str) -> _Owned | None:
    """What :func:`as_owner_of` found, for a ``path`` below its directory."""
    return _owned if _owned and os.path.abspath(path).startswith(_owned.directory + os.sep) else None


def refuse_links(path: str) -> None:
    """Refuse a link on the way to ``path``, or in its place, below the directory of :func:`as_owner_of`.

    :raises DvError: there is one
    """
    owned = _owned_by_another(path)
    if not owned:
        return
    here = owned.directory
    for name in os.path.relpath(path, owned.directory).split(os.sep):
        here = os.path.join(here, name)
        if os.path.islink(here):
            raise DvError(
                f"{here} is a link, in a directory of the user with number {owned.uid}",
                "no links there: root would follow them anywhere",
                "put in its place what it leads to",
            )


def _refuse_planted_links(path: str) -> None:
    """Refuse a link on the way to ``path``, or in its place, that is not root's, or lies where another user may exchange it."""
    reached, names_left, links, roots = "/", os.path.abspath(path).split(os.sep), 0, True
    while names_left:
        name = names_left.pop(0)
        if name in ("", os.curdir, os.pardir):
            reached = os.path.dirname(reached) if name == os.pardir else reached
            continue
        here = os.path.join(reached, name)
        try:
            status = os.lstat(here)
            target = os.readlink(here) if stat.S_ISLNK(status.st_mode) else None
        except OSError:
            # Nothing is there, or root may not look: who goes there says so.
            return
        if target is None:
            reached, roots = here, roots and _only_roots(status)
            continue
        links += 1
        if not roots or status.st_uid != 0 or links > _MAX_LINKS:
            raise DvError(
                f"{here} is a link on the way to {path}, and another user than root can set it",
                "a way that only root can change",
                "set dv_data_dir to where it leads, if that is the right place",
            )
        reached = "/" if target.startswith(os.sep) else reached
        names_left = target.split(os.sep) + names_left


def _only_roots(status: os.stat_result) -> bool:
    """Whether a directory is root's, and nobody else can exchange what root has in it."""
    writable = status.st_mode & stat.S_IWOTH or (status.st_mode & stat.S_IWGRP and status.st_gid != 0)
    return status.st_uid == 0 and (not writable or bool(status.st_mode & stat.S_ISVTX))


def give(descriptor: int, path: str) -> None:
    """Give an open file or directory, just made at ``path``, to the owner that :func:`as_owner_of` found."""
    owned = _owned_by_another(path)
    if owned:
        status = os.fstat(descriptor)
        if (status.st_uid, status.st_gid) != (owned.uid, owned.gid):
            os.fchown(descriptor, owned.uid, owned.gid)


def give_directory(path: str) -> None:
    """The same for a directory that is not open."""
    if _owned_by_another(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            give(descriptor, path)
        finally:
            os.close(descriptor)
