# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files in memory, read as those on disk: what was opened and must not lie in clear anywhere."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from typing import Protocol

from ..errors import DvError
from . import files


class Source(Protocol):
    """What files are read from: the module :mod:`.files`, or :class:`MemoryFiles`. The functions are those of that module."""

    def read(self, path: str, limit: int = ..., /) -> bytes: ...
    def read_if_exists(self, path: str, limit: int = ..., /) -> bytes | None: ...
    def exists(self, path: str, /) -> bool: ...
    def lexists(self, path: str, /) -> bool: ...
    def is_directory(self, path: str, /) -> bool: ...
    def list_directory(self, path: str, /) -> list[str]: ...


class MemoryFiles:
    """Files by their path; directories are what has files in it.

    :param root: the directory that all of them are in
    :param contents: content by path below ``root``
    """

    def __init__(self, root: str, contents: Mapping[str, bytes]) -> None:
        self._contents = {os.path.join(root, name): content for name, content in contents.items()}
        self._names: dict[str, set[str]] = {root: set()}
        for path in self._contents:
            while path != root:
                directory, name = os.path.split(path)
                self._names.setdefault(directory, set()).add(name)
                path = directory

    def read(self, path: str, limit: int = files.MAX_SIZE) -> bytes:
        content = self.read_if_exists(path, limit)
        if content is None:
            raise files.os_error(OSError(errno.ENOENT, ""), path, "read")
        return content

    def read_if_exists(self, path: str, limit: int = files.MAX_SIZE) -> bytes | None:
        content = self._contents.get(path)
        if content is not None and len(content) > limit:
            raise DvError(f"{path} has more than {limit} bytes", "a file of at most that size")
        return content

    def exists(self, path: str) -> bool:
        return path in self._contents or path in self._names

    lexists = exists

    def is_directory(self, path: str) -> bool:
        return path in self._names

    def list_directory(self, path: str) -> list[str]:
        if path not in self._names:
            raise files.os_error(OSError(errno.ENOENT, ""), path, "read")
        return sorted(self._names[path])
