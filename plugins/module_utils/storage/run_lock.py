# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One process at a time, by a lock file."""

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator

from ..errors import DvError
from .as_owner import give, refuse_links
from .files import os_error


@contextlib.contextmanager
def exclusive(path: str) -> Iterator[None]:
    """Hold the lock file ``path`` (0600): one process at a time.

    :raises DvError: another process holds it
    """
    refuse_links(path)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        give(descriptor, path)
    except OSError as error:
        raise os_error(error, path, "write") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise os_error(error, path, "lock") from None
            raise DvError(
                f"{path} is held by another run on this node", "one run at a time", "wait for it to end, then run again"
            ) from None
        yield
    finally:
        os.close(descriptor)
