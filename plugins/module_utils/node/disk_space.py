# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Room on a node's disk for a ceremony."""

import os

from ..errors import DvError
from ..storage.paths import nearest

#: Free space that a ceremony wants, in bytes: for itself, for each validator, and for each share of each validator
#: (keystore and password take a block each; messages, keys, deposits and lock come on top).
BASE_SIZE, VALIDATOR_SIZE, SHARE_SIZE = 8 * 2**20, 16 * 2**10, 2 * 2**10

#: New files of a ceremony beside the two of each validator.
BASE_FILES = 500


def check_space(path: str, validators: int, operators: int) -> None:
    """Refuse a file system without room for a ceremony of that size.

    :param path: the data directory, there or not
    :raises DvError: too few bytes, or files, are free
    """
    directory = nearest(path)
    size_wanted = BASE_SIZE + validators * (VALIDATOR_SIZE + operators * SHARE_SIZE)
    files_wanted = BASE_FILES + 2 * validators
    status = os.statvfs(directory)
    free = status.f_bavail * status.f_frsize
    if free < size_wanted:
        raise DvError(
            f"{directory} has {free / 1e6:.1f} MB of free space",
            f"{size_wanted / 1e6:.1f} MB for {validators} validators and {operators} operators",
            "free some, or choose a data directory on a larger disk",
        )
    # Some file systems do not count them, and say 0 of 0.
    if status.f_files and status.f_favail < files_wanted:
        raise DvError(
            f"{directory} has room for {status.f_favail} files",
            f"{files_wanted} for {validators} validators",
            "free some, or choose a data directory on a larger disk",
        )
