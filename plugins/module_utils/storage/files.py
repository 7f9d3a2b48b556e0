# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Durable files: what is written is whole, has its mode before its content, and survives a power cut.

Nothing here overwrites a file with other content: :func:`write_new` refuses an existing file, :func:`write_same`
refuses a different one. The only exception is :func:`replace`, for the few files that are not artefacts.
"""

import contextlib
import errno
import fcntl
import os
import re
import secrets
import stat

from ..errors import DvError

#: Largest file that is read at all, in bytes. A lock of 1000 validators and 10 operators has 4 MB.
MAX_SIZE = 64 * 1024 * 1024

# As many links as Linux follows on one way.
_MAX_LINKS = 40

# Where root works for another user: directory, uid and gid. See like_owner.
_owned = None


@contextlib.contextmanager
def like_owner(directory):
    """While this is entered, what root makes below ``directory`` belongs to the owner of ``directory``: before its content
    is written, and before it has its name. For any other user, and where ``directory`` is root's own or is not there,
    nothing is special.

    Links below it are refused then, since they would take root where their owner cannot go. Only those that are there
    are: the owner must not plant some at the same time.

    :raises DvError: root would get to ``directory``, there or not, by a link that another user can set
    """
    global _owned
    roots = directory and os.geteuid() == 0
    if roots:
        _refuse_planted_links(directory)
    before, _owned = _owned, None
    if roots and os.path.isdir(directory):
        status = os.stat(directory)
        if (status.st_uid, status.st_gid) != (0, os.getegid()):
            _owned = os.path.abspath(directory), status.st_uid, status.st_gid
    try:
        yield
    finally:
        _owned = before


def read(path, limit=MAX_SIZE, check=None):
    """Return the content of the regular file ``path`` (bytes), at most ``limit`` bytes of it being accepted.

    :param check: function that is given the ``os.stat_result`` of the very file that is read, and raises what it dislikes
    :raises DvError: not there, not readable, not a regular file, or larger than ``limit``
    """
    _refuse_links(path)
    try:
        # O_NONBLOCK: a FIFO in the place of a file must not block us.
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise DvError("%s is not a regular file" % path, "a file", "remove it or name another path")
            if check:
                check(status)
            content = file.read(limit + 1)
    except OSError as error:
        raise os_error(error, path, "read") from None
    if len(content) > limit:
        raise DvError("%s has more than %d bytes" % (path, limit), "a file of at most that size")
    return content


def read_if_exists(path, limit=MAX_SIZE):
    """Like :func:`read`, but ``None`` where there is nothing at ``path``."""
    _refuse_links(path)
    return read(path, limit) if os.path.lexists(path) else None


def exists(path):
    """Whether there is anything at ``path``."""
    _refuse_links(path)
    return os.path.exists(path)


def is_directory(path):
    """Whether there is a directory at ``path``."""
    _refuse_links(path)
    return os.path.isdir(path)


def names(directory):
    """The names in ``directory``, sorted; none where it is not there.

    :raises DvError: it is no directory, or not readable
    """
    _refuse_links(directory)
    try:
        return sorted(os.listdir(directory))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise os_error(error, directory, "read") from None


def write_new(path, content, mode=0o600):
    """Write the new file ``path``: temporary file beside it, mode, content, fsync, link into place, fsync of the directory.

    :raises DvError: something is there already (it stays untouched), or the system refuses
    """
    if not write_if_absent(path, content, mode):
        raise DvError("%s exists already" % path, "no such file", "nothing was written")


def write_if_absent(path, content, mode=0o600):
    """Like :func:`write_new`; False if something is at ``path``, however late it came."""
    _refuse_links(path)
    if os.path.lexists(path):
        return False
    with _temporary(path, content, mode) as temporary:
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        except FileNotFoundError:
            # Whoever was quicker has swept our temporary file away.
            if os.path.lexists(path):
                return False
            raise
        except OSError as error:
            raise os_error(error, path, "make a hard link at") from None
    sync_directory(os.path.dirname(path))
    return True


def write_same(path, content, mode=0o600):
    """Make sure that ``path`` holds ``content``. True if it was written, False if it was there already.

    Several processes may do so at once.

    :raises DvError: it holds something else (it stays untouched), or the system refuses
    """
    if write_if_absent(path, content, mode):
        return True
    if read(path) != content:
        raise DvError(
            "%s exists with other content" % path,
            "the same content (%d bytes) or no file" % len(content),
            "nothing was written: move the old file away if it is no longer needed, after a backup",
        )
    return False


def replace(path, content, mode=0o600):
    """Write ``path`` whole, in place of what is there: for records that are not artefacts."""
    with _temporary(path, content, mode) as temporary:
        os.rename(temporary, path)
    sync_directory(os.path.dirname(path))


def make_directory(path, mode=0o700):
    """Make the directory ``path`` and its missing parents, all of them durably with ``mode``. True if ``path`` was made."""
    path = os.path.abspath(path)
    if is_directory(path):
        return False
    make_directory(os.path.dirname(path), mode)
    try:
        os.mkdir(path, mode)
        _give_directory(path)
    except FileExistsError:
        if os.path.isdir(path):
            return False
        raise _no_directory(path) from None
    except OSError as error:
        raise os_error(error, path, "make the directory") from None
    sync_directory(os.path.dirname(path))
    return True


def erase(path):
    """Remove the file ``path`` durably; True if it was there.

    The blocks are not overwritten: on a journal, a snapshot or an SSD that would promise more than it does.
    """
    _refuse_links(os.path.dirname(path))
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise os_error(error, path, "remove") from None
    sync_directory(os.path.dirname(path))
    return True


def erase_directory(path):
    """Remove the directory ``path`` durably with the files in it, as :func:`write_directory` makes it; True if it was there.

    :raises DvError: no directory is there, or one with a directory in it, which stays; or the system refuses
    """
    if not is_directory(path) or os.path.islink(path):
        if os.path.lexists(path):
            raise _no_directory(path)
        return False
    try:
        for name in names(path):
            os.unlink(os.path.join(path, name))
        sync_directory(path)
        os.rmdir(path)
    except OSError as error:
        raise os_error(error, error.filename or path, "remove") from None
    sync_directory(os.path.dirname(path))
    return True


def move_directory(path, target):
    """Rename the directory ``path`` to ``target`` durably, where only an empty directory may be.

    :raises DvError: something else is there (it stays untouched), or the system refuses
    """
    for each in (path, target):
        _refuse_links(each)
    try:
        os.rename(path, target)
    except OSError as error:
        raise os_error(error, target, "move a directory to") from None
    for each in (path, target):
        sync_directory(os.path.dirname(each))


def write_directory(path, contents, mode=0o600):
    """Make the directory ``path`` (0700) of files whole: written beside it, then renamed into place.

    One caller at a time: what an interrupted call left beside it is removed.

    :param contents: dict from file name to content (bytes)
    :raises DvError: something other than an empty directory is there (it stays untouched), or the system refuses
    """
    parent, temporary = os.path.dirname(os.path.abspath(path)), _temporary_directory(path)
    make_directory(parent)
    _refuse_links(path)
    erase_directory(temporary)
    try:
        os.mkdir(temporary, 0o700)
        _give_directory(temporary)
        try:
            for file_name, content in contents.items():
                _write(os.path.join(temporary, file_name), content, mode)
            sync_directory(temporary)
            os.rename(temporary, path)
        finally:
            # It is renamed, or cannot be removed for the same reason as it cannot be written, which is told.
            with contextlib.suppress(DvError):
                erase_directory(temporary)
    except OSError as error:
        raise os_error(error, path, "write") from None
    sync_directory(parent)


def sweep(directory):
    """Erase the temporary files that killed runs left in ``directory``: they may hold secrets. For a caller that alone
    writes there."""
    _sweep(directory, ".+")


def sweep_directory(path):
    """Erase what a killed :func:`write_directory` left of ``path``. For a caller that alone writes there."""
    erase_directory(_temporary_directory(path))


def sweep_beside(path):
    """Erase the temporary files that killed runs left of ``path``, which is there: whoever else writes it comes too late."""
    directory, name = os.path.split(os.path.abspath(path))
    _sweep(directory, re.escape(name))


def _sweep(directory, name):
    # What a temporary file of ours is called, see _temporary.
    left_over = re.compile(r"\.%s\.[0-9a-f]{16}\.tmp" % name, re.DOTALL)
    for path in [os.path.join(directory, each) for each in names(directory) if left_over.fullmatch(each)]:
        # Whatever else has such a name, nobody of us made it.
        if stat.S_ISREG(os.lstat(path).st_mode):
            erase(path)


@contextlib.contextmanager
def exclusive(path):
    """Hold the lock file ``path`` (0600): one process at a time.

    :raises DvError: another process holds it
    """
    _refuse_links(path)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        _give(descriptor, path)
    except OSError as error:
        raise os_error(error, path, "write") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise os_error(error, path, "lock") from None
            raise DvError(
                "%s is held by another run on this node" % path, "one run at a time", "wait for it to end, then run again"
            ) from None
        yield
    finally:
        os.close(descriptor)


def sync_directory(path):
    """fsync the directory ``path``: names in it are durable afterwards."""
    _refuse_links(path)
    try:
        descriptor = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise os_error(error, path, "sync") from None


def os_error(error, path, deed):
    """The :class:`DvError` that says of an ``OSError`` what could not be done with ``path``, and what to do."""
    hints = {
        errno.ENOENT: "check the path",
        errno.EACCES: "give the user of this task access, or set become",
        errno.EPERM: "give the user of this task access, or set become",
        errno.EROFS: "choose a directory on a writable file system",
        errno.ENOSPC: "free some space, then run again: it goes on from here",
        errno.EDQUOT: "free some space, then run again: it goes on from here",
    }
    return DvError("cannot %s %s: %s" % (deed, path, os.strerror(error.errno)), hint=hints.get(error.errno, ""))


def _no_directory(path):
    return DvError("%s is not a directory" % path, "a directory or nothing", "move it away")


def _temporary_directory(path):
    """Where :func:`write_directory` makes ``path``."""
    parent, name = os.path.split(os.path.abspath(path))
    return os.path.join(parent, ".%s.tmp" % name)


@contextlib.contextmanager
def _temporary(path, content, mode):
    """A durable file with ``content`` beside ``path``; gone again afterwards unless it was renamed.

    :raises DvError: the system refuses, here or what is done with it
    """
    _refuse_links(path)
    directory, name = os.path.split(path)
    temporary = os.path.join(directory, ".%s.%s.tmp" % (name, secrets.token_hex(8)))
    try:
        try:
            _write(temporary, content, mode)
            yield temporary
        finally:
            # It is renamed, or cannot be removed for the same reason as it cannot be written, which is told.
            with contextlib.suppress(OSError):
                os.unlink(temporary)
    except OSError as error:
        raise os_error(error, path, "write") from None


def _write(path, content, mode):
    """Write the new file ``path``; its name is durable only after :func:`sync_directory`."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "wb") as file:
        _give(file.fileno(), path)
        os.fchmod(file.fileno(), mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _below(path):
    """The names from the directory of :func:`like_owner` down to ``path``: none outside of it."""
    inside = _owned and os.path.abspath(path).startswith(_owned[0] + os.sep)
    return os.path.relpath(path, _owned[0]).split(os.sep) if inside else []


def _refuse_links(path):
    """Refuse a link on the way to ``path``, or in its place, below the directory of :func:`like_owner`."""
    place = _owned[0] if _owned else ""
    for name in _below(path):
        place = os.path.join(place, name)
        if os.path.islink(place):
            raise DvError(
                "%s is a link, in a directory of the user with number %d" % (place, _owned[1]),
                "no links there: root would follow them anywhere",
                "put in its place what it leads to",
            )


def _refuse_planted_links(path):
    """Refuse a link on the way to ``path``, or in its place, that is not root's, or lies where another user may exchange it."""
    place, names_left, links, roots = "/", os.path.abspath(path).split(os.sep), 0, True
    while names_left:
        name = names_left.pop(0)
        if name in ("", os.curdir, os.pardir):
            place = os.path.dirname(place) if name == os.pardir else place
            continue
        here = os.path.join(place, name)
        try:
            status = os.lstat(here)
            target = os.readlink(here) if stat.S_ISLNK(status.st_mode) else None
        except OSError:
            # Nothing is there, or root may not look: who goes there says so.
            return
        if target is None:
            place, roots = here, roots and _only_roots(status)
            continue
        links += 1
        if not roots or status.st_uid != 0 or links > _MAX_LINKS:
            raise DvError(
                "%s is a link on the way to %s, and another user than root can set it" % (here, path),
                "a way that only root can change",
                "set dv_data_dir to where it leads, if that is the right place",
            )
        place = "/" if target.startswith(os.sep) else place
        names_left = target.split(os.sep) + names_left


def _only_roots(status):
    """Whether a directory is root's, and nobody else can exchange what root has in it."""
    writable = status.st_mode & stat.S_IWOTH or (status.st_mode & stat.S_IWGRP and status.st_gid != 0)
    return status.st_uid == 0 and (not writable or bool(status.st_mode & stat.S_ISVTX))


def _give(descriptor, path):
    """Give an open file or directory, just made at ``path``, to the owner that :func:`like_owner` found."""
    if _below(path):
        status = os.fstat(descriptor)
        if (status.st_uid, status.st_gid) != _owned[1:]:
            os.fchown(descriptor, *_owned[1:])


def _give_directory(path):
    if _below(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            _give(descriptor, path)
        finally:
            os.close(descriptor)
