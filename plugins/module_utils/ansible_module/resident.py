# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process that stays on the node when a module has answered, and answers for the next ones: the start of a module costs more than most
of them do.

It listens on a Unix socket in a directory of its own (0700). An exchange is one connection: the question as JSON, to the end of what is
written; then the answer as JSON. The process ends after a question that is the ``last``, when nobody asked for :data:`IDLE` seconds, or
when it fails. Nothing depends on it: who finds no process starts the module, and has the same result.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import shutil
import socket
import sys
import tempfile
import zipimport
from collections.abc import Callable, Collection
from itertools import pairwise
from typing import Any

#: Seconds without a question after which it ends.
IDLE = 600
#: Seconds that one who connected may take to ask, and to take the answer.
_PATIENCE = 60
#: Most bytes of a question.
_MAX_SIZE = 2**30
#: Bytes of a question that takes memory which is worth giving back.
_LARGE = 2**20


def start(answer: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, str] | None:
    """Leave a process that gives the ``answer`` (dict) to questions (dict).

    :returns: ``socket``, the path of its socket, and ``python``, an interpreter for who asks it; None where it cannot be left
    """
    if not hasattr(socket, "SO_PEERCRED"):
        # Who asks would not know whose process it is.
        return None
    try:
        if not tempfile.gettempdir().isprintable():
            # No answer could name it.
            return None
        directory = tempfile.mkdtemp(prefix="obol-dv-")
    except OSError:
        return None
    path, code = os.path.join(directory, "socket"), os.path.join(directory, "code.zip")
    try:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()
        archive = _archive()
        if archive:
            # AnsiballZ removes it when the module ends.
            shutil.copyfile(archive, code)
        if os.fork():
            return {"socket": path, "python": sys.executable}
    except OSError:
        shutil.rmtree(directory, ignore_errors=True)
        return None
    # From here on it is another process, which never returns.
    try:
        if archive:
            _import_from(code, archive)
        _detach(listener.fileno())
        _serve(listener, answer)
    except BaseException:  # pylint: disable=broad-exception-caught
        pass
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os._exit(0)


def leave(kept: Collection[int], program: str) -> None:
    """Leave a process that runs a ``program`` (Python, which needs nothing of ours) in an interpreter of its own, so that nothing of what is in the
    memory of this one is there, with nothing open but the file descriptors that are ``kept``."""
    if child := os.fork():
        # It ends at once; its own child does it.
        os.waitpid(child, 0)
        return
    try:
        source = os.memfd_create("program")
        os.write(source, program.encode())
        os.lseek(source, 0, os.SEEK_SET)
        _detach(source, *kept)
        os.dup2(source, 0)
        os.close(source)
        for descriptor in kept:
            os.set_inheritable(descriptor, True)
        os.execv(sys.executable, [sys.executable, "-I", "-S", "-"])
    except BaseException:  # pylint: disable=broad-exception-caught
        pass
    finally:
        os._exit(1)


def _archive() -> str | None:
    """The path of the zip that we came in, if we came in one."""
    return __spec__.loader.archive if isinstance(__spec__.loader, zipimport.zipimporter) else None


def _import_from(copy: str, archive: str) -> None:
    """Import what is not imported yet from the ``copy`` of an ``archive``, both paths."""
    for module in list(sys.modules.values()):
        places = getattr(module, "__path__", None)
        if isinstance(places, list):
            module.__path__ = [copy + place.removeprefix(archive) if place.startswith(archive) else place for place in places]


def _detach(*kept: int) -> None:
    """Be nobody's child, with nothing open but the file descriptors that are ``kept``; leave no core file, which would hold keys."""
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir("/")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    for first, last in pairwise((2, *sorted(kept), 4096)):
        os.closerange(first + 1, last)


def _serve(listener: socket.socket, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    listener.settimeout(IDLE)
    last = False
    while not last:
        connection = listener.accept()[0]
        connection.settimeout(_PATIENCE)
        with connection:
            size, last = _exchange(connection, answer)
        if size > _LARGE:
            _release()


def _exchange(connection: socket.socket, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> tuple[int, bool]:
    """Answer the question of who connected: how many bytes it had, and whether it is the last one."""
    written = _read(connection)
    if not written:
        # Another user, root, who saw whose it is.
        return 0, False
    question = json.loads(written)
    connection.sendall(json.dumps(answer(question)).encode())
    return len(written), bool(question.get("last"))


def _release() -> None:
    """Give back the memory of what was done, so that who waits takes no more than there is to keep."""
    import ctypes

    gc.collect()
    with contextlib.suppress(AttributeError, OSError):
        # glibc keeps it for the next time.
        ctypes.CDLL(None).malloc_trim(0)


def _read(connection: socket.socket) -> bytes:
    """All that is written to ``connection``, to its end."""
    parts, size = [], 0
    while part := connection.recv(2**20):
        parts.append(part)
        size += len(part)
        if size > _MAX_SIZE:
            raise ValueError
    return b"".join(parts)
