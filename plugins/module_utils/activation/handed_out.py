# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file of what others have to sign: as it should be now, or none where there is nothing to sign."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..encoding import go_json
from ..errors import DvError
from ..storage import files
from .payer import Deed

# Everybody may read it.
_MODE = 0o644


class HandedOut:
    """The file at ``path``, which holds JSON.

    :param is_ours: whether a value is such as we write: nothing else is overwritten or removed
    """

    def __init__(self, path: str, is_ours: Callable[[Any], bool]) -> None:
        self.path, self._is_ours = path, is_ours

    def found(self) -> Any:
        """What is there; ``None`` where nothing is.

        :raises DvError: it is something else
        """
        content = files.read_if_exists(self.path)
        if content is None:
            return None
        value = go_json.loads(content, self.path)
        if not self._is_ours(value):
            raise DvError(f"{self.path} holds something else than deposits to be signed", "such a file, or none", "name another path")
        return value

    def deeds(self, wanted: Any, text: str, before: Callable[[], None] = lambda: None) -> list[Deed]:
        """What makes it hold ``wanted``, or be gone where that is ``None``: nothing, where it is so.

        :param text: what it holds then, in words
        :param before: what has to be done first
        """
        if self.found() == wanted:
            return []

        def write() -> str:
            before()
            files.remove_temporary_files_of(self.path)
            files.replace(self.path, go_json.dumps(wanted).encode() + b"\n", _MODE)
            return f"{self.path}: {text}"

        def remove() -> str:
            files.erase(self.path)
            return f"{self.path}: removed"

        return [Deed(f"{self.path}: remove it", remove) if wanted is None else Deed(f"{self.path}: {text}", write)]
