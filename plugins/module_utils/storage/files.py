# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Durable files and directories: what is written is whole, has its mode before its content, and survives a power cut.

Nothing here overwrites a file with other content: :func:`write_new` refuses an existing file, :func:`write_same`
refuses a different one. The only exception is :func:`replace`, for the few files that are not artefacts.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..errors import DvError
from .as_owner import give, give_directory, refuse_links

#: Largest file that is read at all, in bytes. A lock of 1000 validators and 10 operators has 4 MB.
MAX_SIZE = 64 * 1024 * 1024
# How many files are synced at once, where there are at least twice as many: waiting for the disk costs no CPU, and disks serve many.
_AT_ONCE = 16


def read(path: str, limit: int = MAX_SIZE, check: Callable[[os.stat_result], Any] | None = None) -> bytes:
    """The content of the regular file ``path``, at most ``limit`` bytes.

    :param check: is given the status of the very file that is read, and raises what it dislikes
    :raises DvError: not there, not readable, not a regular file, or larger than ``limit``
    """
    refuse_links(path)
    try:
        # O_NONBLOCK: a FIFO in the place of a file must not block us.
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise DvError(f"{path} is not a regular file", "a file", "remove it or name another path")
            if check:
                check(status)
            content = file.read(limit + 1)
    except OSError as error:
        raise os_error(error, path, "read") from None
    if len(content) > limit:
        raise DvError(f"{path} has more than {limit} bytes", "a file of at most that size")
    return content


def read_if_exists(path: str, limit: int = MAX_SIZE) -> bytes | None:
    """Like :func:`read`, but ``None`` where there is nothing at ``path``."""
    return read(path, limit) if lexists(path) else None


def exists(path: str) -> bool:
    """Whether there is anything at ``path``."""
    refuse_links(path)
    return os.path.exists(path)


def lexists(path: str) -> bool:
    """Whether there is anything at ``path``, a broken link too."""
    refuse_links(path)
    return os.path.lexists(path)


def is_directory(path: str) -> bool:
    """Whether there is a directory at ``path``."""
    refuse_links(path)
    return os.path.isdir(path)


def names(directory: str) -> list[str]:
    """The names in ``directory``, sorted; none where it is not there.

    :raises DvError: it is no directory, or not readable
    """
    return list_directory(directory) if lexists(directory) else []


def list_directory(path: str) -> list[str]:
    """The names in the directory ``path``, sorted.

    :raises DvError: it is no directory, not there, or not readable
    """
    refuse_links(path)
    try:
        return sorted(os.listdir(path))
    except OSError as error:
        raise os_error(error, path, "read") from None


def write_new(path: str, content: bytes, mode: int = 0o600) -> None:
    """Write the new file ``path``: temporary file beside it, mode, content, fsync, link into place, fsync of the directory.

    :raises DvError: something is there already (it stays untouched), or the system refuses
    """
    if not write_if_absent(path, content, mode):
        raise _exists_already(path)


def write_all_new(contents: Mapping[str, bytes], mode: int = 0o600) -> None:
    """Like :func:`write_new`, for several files of one directory that nothing of one another depends on: they are synced together.

    :param contents: by path
    :raises DvError: something is at one of the paths already (it stays untouched; some others may be written), or the system refuses
    """
    with contextlib.ExitStack() as stack:
        temporaries = {path: stack.enter_context(_temporary(path, content, mode, sync=False)) for path, content in contents.items()}
        _sync_files(list(temporaries.values()))
        for path, temporary in temporaries.items():
            if not _link(temporary, path):
                raise _exists_already(path)
    for directory in {os.path.dirname(path) for path in contents}:
        sync_directory(directory)


def write_if_absent(path: str, content: bytes, mode: int = 0o600) -> bool:
    """Like :func:`write_new`; False if something is at ``path``, however late it came."""
    refuse_links(path)
    if os.path.lexists(path):
        return False
    with _temporary(path, content, mode) as temporary:
        if not _link(temporary, path):
            return False
    sync_directory(os.path.dirname(path))
    return True


def write_same(path: str, content: bytes, mode: int = 0o600) -> bool:
    """Make sure that ``path`` holds ``content``. True if it was written, False if it was there already.

    Several processes may do so at once.

    :raises DvError: it holds something else (it stays untouched), or the system refuses
    """
    if write_if_absent(path, content, mode):
        return True
    if read(path) != content:
        raise DvError(
            f"{path} exists with other content",
            f"the same content ({len(content)} bytes) or no file",
            "nothing was written: move the old file away if it is no longer needed, after a backup",
        )
    return False


def replace(path: str, content: bytes, mode: int = 0o600) -> None:
    """Write ``path`` whole, in place of what is there: for records that are not artefacts."""
    with _temporary(path, content, mode) as temporary:
        os.rename(temporary, path)
    sync_directory(os.path.dirname(path))


def make_directory(path: str, mode: int = 0o700) -> bool:
    """Make the directory ``path`` and its missing parents, all of them durably with ``mode``. True if ``path`` was made."""
    path = os.path.abspath(path)
    if is_directory(path):
        return False
    make_directory(os.path.dirname(path), mode)
    try:
        os.mkdir(path, mode)
        give_directory(path)
    except FileExistsError:
        if os.path.isdir(path):
            return False
        raise _no_directory(path) from None
    except OSError as error:
        raise os_error(error, path, "make the directory") from None
    sync_directory(os.path.dirname(path))
    return True


def erase(path: str) -> bool:
    """Remove the file ``path`` durably; True if it was there.

    The blocks are not overwritten: on a journal, a snapshot or an SSD that would promise more than it does.
    """
    refuse_links(os.path.dirname(path))
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise os_error(error, path, "remove") from None
    sync_directory(os.path.dirname(path))
    return True


def erase_directory(path: str) -> bool:
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


def move_directory(path: str, target: str) -> None:
    """Rename the directory ``path`` to ``target`` durably, where only an empty directory may be.

    :raises DvError: something else is there (it stays untouched), or the system refuses
    """
    for each in (path, target):
        refuse_links(each)
    try:
        os.rename(path, target)
    except OSError as error:
        raise os_error(error, target, "move a directory to") from None
    for each in (path, target):
        sync_directory(os.path.dirname(each))


def write_directory(path: str, contents: Mapping[str, bytes], mode: int = 0o600) -> None:
    """Make the directory ``path`` (0700) of files whole: written beside it, synced, then renamed into place.

    One caller at a time: what an interrupted call left beside it is removed.

    :param contents: by file name
    :raises DvError: something other than an empty directory is there (it stays untouched), or the system refuses
    """
    parent, temporary = os.path.dirname(os.path.abspath(path)), _temporary_directory(path)
    make_directory(parent)
    refuse_links(path)
    erase_directory(temporary)
    try:
        os.mkdir(temporary, 0o700)
        give_directory(temporary)
        try:
            for file_name, content in contents.items():
                _write(os.path.join(temporary, file_name), content, mode, sync=False)
            _sync_files([os.path.join(temporary, file_name) for file_name in contents])
            sync_directory(temporary)
            os.rename(temporary, path)
        finally:
            # It is renamed, or cannot be removed for the same reason as it cannot be written, which is told.
            with contextlib.suppress(DvError):
                erase_directory(temporary)
    except OSError as error:
        raise os_error(error, path, "write") from None
    sync_directory(parent)


def remove_temporary_files(directory: str, beginning: str = "") -> None:
    """Erase the temporary files that killed runs left in ``directory``, of files whose names have that ``beginning``: they may hold
    secrets. For a caller that alone writes such files there."""
    _remove_temporary_files(directory, re.escape(beginning) + ".+")


def remove_temporary_directory_of(path: str) -> None:
    """Erase what a killed :func:`write_directory` left of ``path``. For a caller that alone writes there."""
    erase_directory(_temporary_directory(path))


def remove_temporary_files_of(path: str) -> None:
    """Erase the temporary files that killed runs left of ``path``, which is there: whoever else writes it comes too late."""
    directory, name = os.path.split(os.path.abspath(path))
    _remove_temporary_files(directory, re.escape(name))


def is_temporary(path: str) -> bool:
    """Whether a file of that name is what a killed run of ours left."""
    return bool(_left_over(".+").fullmatch(os.path.basename(path)))


def _left_over(name: str) -> re.Pattern[str]:
    """What a temporary file of ours is called, of files whose names fit the pattern ``name``: see :func:`_temporary`."""
    return re.compile(rf"\.{name}\.[0-9a-f]{{16}}\.tmp", re.DOTALL)


def _remove_temporary_files(directory: str, name: str) -> None:
    left_over = _left_over(name)
    for path in [os.path.join(directory, each) for each in names(directory) if left_over.fullmatch(each)]:
        # Whatever else has such a name, nobody of us made it.
        if stat.S_ISREG(os.lstat(path).st_mode):
            erase(path)


def sync_directory(path: str) -> None:
    """fsync the directory ``path``: names in it are durable afterwards."""
    refuse_links(path)
    try:
        _sync(path or ".", os.O_DIRECTORY)
    except OSError as error:
        raise os_error(error, path, "sync") from None


def _sync_files(paths: Sequence[str]) -> None:
    """fsync the files at ``paths``: their contents are durable afterwards."""
    if len(paths) < 2 * _AT_ONCE:
        for path in paths:
            _sync(path)
        return
    # Imported where there are many only: a node of few validators never needs it.
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        # The first error is raised here.
        list(pool.map(_sync, paths))


def _sync(path: str, flags: int = os.O_NOFOLLOW) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def os_error(error: OSError, path: str, deed: str) -> DvError:
    """The :class:`DvError` that says of an ``OSError`` what could not be done with ``path``, and what to do."""
    hints = {
        errno.ENOENT: "check the path",
        errno.EACCES: "give the user of this task access, or set become",
        errno.EPERM: "give the user of this task access, or set become",
        errno.EROFS: "choose a directory on a writable file system",
        errno.ENOSPC: "free some space, then run again: it goes on from here",
        errno.EDQUOT: "free some space, then run again: it goes on from here",
    }
    number = error.errno or 0
    return DvError(f"cannot {deed} {path}: {os.strerror(number)}", hint=hints.get(number, ""))


def _no_directory(path: str) -> DvError:
    return DvError(f"{path} is not a directory", "a directory or nothing", "move it away")


def _temporary_directory(path: str) -> str:
    """Where :func:`write_directory` makes ``path``."""
    parent, name = os.path.split(os.path.abspath(path))
    return os.path.join(parent, f".{name}.tmp")


def _exists_already(path: str) -> DvError:
    return DvError(f"{path} exists already", "no such file", "nothing was written")


def _link(temporary: str, path: str) -> bool:
    """Give the file ``temporary`` the name ``path`` too; False if something is there."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except FileNotFoundError:
        # Whoever was quicker has removed our temporary file.
        if os.path.lexists(path):
            return False
        raise
    except OSError as error:
        raise os_error(error, path, "make a hard link at") from None
    return True


@contextlib.contextmanager
def _temporary(path: str, content: bytes, mode: int, sync: bool = True) -> Iterator[str]:
    """A file with ``content`` beside ``path``, durable if ``sync`` says so; gone again afterwards unless it was renamed.

    :raises DvError: the system refuses, here or what is done with it
    """
    refuse_links(path)
    directory, name = os.path.split(path)
    temporary = os.path.join(directory, f".{name}.{secrets.token_hex(8)}.tmp")
    try:
        try:
            _write(temporary, content, mode, sync)
            yield temporary
        finally:
            # It is renamed, or cannot be removed for the same reason as it cannot be written, which is told.
            with contextlib.suppress(OSError):
                os.unlink(temporary)
    except OSError as error:
        raise os_error(error, path, "write") from None


def _write(path: str, content: bytes, mode: int, sync: bool) -> None:
    """Write the new file ``path``. Its content is durable if ``sync`` says so, else after :func:`_sync_files`; its name after
    :func:`sync_directory`."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "wb") as file:
        give(file.fileno(), path)
        os.fchmod(file.fileno(), mode)
        file.write(content)
        if sync:
            # Not by its name: where several processes write the same file, the quickest removes what the others have begun.
            file.flush()
            os.fsync(file.fileno())
