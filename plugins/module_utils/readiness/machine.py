# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine that a node runs on: its disk, its memory, its processors. Source: proc(5)."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import time
from statistics import median

from ..storage.paths import nearest
from .finding import Finding, failed, measured, not_measured

#: How often, and how much, is written to the disk.
_TIMES, _SIZE = 20, 4096
_MB = 10**6
_MEMORY = re.compile(r"^(MemTotal|MemAvailable):\s+(\d+) kB$", re.MULTILINE)


def look(path: str, dry_run: bool) -> list[Finding]:
    """What the machine tells, and the disk that has ``path``; with ``dry_run`` nothing is written."""
    directory = nearest(path)
    return [_sync(directory, dry_run), _free(directory), *_memory(), _load()]


def _sync(directory: str, dry_run: bool) -> Finding:
    if dry_run:
        return not_measured("disk_sync", "nothing is written in check mode")
    took, content = [], os.urandom(_SIZE)
    try:
        # It has no name: whatever ends this, nothing is left.
        with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
            for _each in range(_TIMES):
                began = time.monotonic()
                file.write(content)
                os.fsync(file.fileno())
                took.append((time.monotonic() - began) * 1e6)
    except OSError as error:
        return failed("disk_sync", f"{directory}: {error.strerror}")
    return measured("disk_sync", median(took), directory)


def _free(directory: str) -> Finding:
    status = os.statvfs(directory)
    return measured("disk_free", status.f_bavail * status.f_frsize / _MB, directory)


def _memory() -> list[Finding]:
    with contextlib.suppress(OSError):
        with open("/proc/meminfo", encoding="ascii", errors="replace") as file:
            found = dict(_MEMORY.findall(file.read()))
        if len(found) == 2:
            total, available = (int(found[name]) * 1024 / _MB for name in ("MemTotal", "MemAvailable"))
            return [measured("memory", total), measured("memory_free", available)]
    return [not_measured(check, "/proc/meminfo does not tell") for check in ("memory", "memory_free")]


def _load() -> Finding:
    processors = os.cpu_count() or 1
    return measured("load", os.getloadavg()[0] / processors * 100, text=f"{processors} processors")
