# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store: where the public files of a ceremony meet. It is never trusted; what comes from it is bounded here.

Each kind of store knows three things, :meth:`Store._entries`, :meth:`Store._read` and :meth:`Store._add`; everything
that has to be the same in all of them is here.
"""

import itertools
import os

from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.plugin_utils.stores import names

#: Most files that a store hands out, and most bytes of them at once.
MAX_FILES = 10_000
MAX_TOTAL = 512 * 2**20

_FULL = "take away what does not belong there: somebody filled it"


class Store:
    """A store, open as long as it is entered.

    :param location: what is behind the scheme of its name, see :mod:`.registry`
    :param content: what kind of files it takes; of :attr:`OPTIONS`, a kind takes those that are
        set as keyword arguments
    :raises DvError: it cannot be reached, also on entering it and in every method
    """

    #: The options that this kind of store takes, of those of the modules' ``store_options``.
    OPTIONS: tuple[str, ...] = ()

    def __init__(self, location: str, content: names.Content = names.OF_CEREMONY):
        self.location, self.content = location, content

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        pass

    def __str__(self):
        return self.location

    def check(self) -> None:
        """Refuse a store that this run could not use. Nothing is written."""
        self.list()

    def list(self) -> "list[str]":
        """The names of all files in the store, sorted. Links, and names that no store has, are passed over."""
        entries = list(itertools.islice(self._entries(), MAX_FILES + 1))
        if len(entries) > MAX_FILES:
            raise DvError(f"the store {self} holds more than {MAX_FILES} files", "no more", _FULL)
        return sorted({name for name in entries if self.content.max_size(name) is not None})

    def get(self, name: str) -> str:
        """The text of the file ``name``; what is not UTF-8 is replaced, its reader will refuse it."""
        return self._read(name, self._max_size(name)).decode("utf-8", "replace")

    def get_all(self, beginnings, but=()):
        """Name -> text of all files whose name begins with one of ``beginnings`` (a tuple), and with none of ``but``."""
        texts, total = {}, 0
        for name in self.list() if beginnings else ():
            if name.startswith(beginnings) and not name.startswith(but):
                texts[name] = self.get(name)
                total += len(texts[name])
                if total > MAX_TOTAL:
                    raise DvError(f"the store {self} holds more than {MAX_TOTAL} bytes", "no more", _FULL)
        return texts

    def put(self, texts, handed_on=()):
        """Put each of ``texts`` (name -> text) where there is no such file. The names that were put, sorted.

        :param handed_on: names of what is put for somebody else: another text that is there first is no matter
        :raises DvError: under another name there is another text, which stays; the others were put
        """
        contents = {name: text.encode() for name, text in texts.items()}
        for name, content in contents.items():
            if len(content) > self._max_size(name):
                raise DvError(f"{name} has {len(content)} bytes", f"at most {self._max_size(name)}")
        put = set(self._add(contents)) if contents else set()
        there = sorted(contents.keys() - put - set(handed_on))
        differ = [name for name in there if self._read(name, self._max_size(name)) != contents[name]]
        if differ:
            raise DvError(
                f"the store {self} holds another {', '.join(map(self.content.describe, differ))}",
                "that of this node, or none",
                f"see who put it there, take it away ({', '.join(differ)}), then run again",
            )
        return sorted(put)

    def awaited(self, name: str) -> str:
        """What the file ``name`` waits for, if it was put but others do not see it yet: a text, or empty."""
        del name
        return ""

    def _entries(self):
        """The name of every regular file; other names than a store's may be among them."""
        raise NotImplementedError

    def _walk(self, folder="", depth=None):
        """The entries of a kind that has folders, whose :meth:`_list_folder` tells what is in one. What is no file counts too, as a
        name with a slash: there may be no end of it."""
        depth = self.content.max_folders if depth is None else depth
        # A folder may be larger than memory.
        for name, is_file, is_folder in list(itertools.islice(self._list_folder(folder), MAX_FILES + 1)):
            path = os.path.join(folder, name)
            yield path if is_file else path + "/"
            if is_folder and depth:
                yield from self._walk(path, depth - 1)

    def _list_folder(self, folder):
        """(Name, whether it is a regular file, whether a folder to look into) of all in ``folder``; nothing if it is gone."""
        raise NotImplementedError

    def _read(self, name, limit):
        """The content (bytes) of the file ``name``.

        :raises DvError: there is none, it is no regular file, or has more than ``limit`` bytes
        """
        raise NotImplementedError

    def _add(self, contents):
        """Put each of ``contents`` (name -> bytes) where there is no such file, whole or not at all; the names of those."""
        raise NotImplementedError

    def _max_size(self, name: str) -> int:
        size = self.content.max_size(name)
        if size is None:
            raise DvError(f"{name[:200]!r} is no name of a file in a store")
        return size
