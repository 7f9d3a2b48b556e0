# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where figures come from: figures without it say nothing."""

import datetime
import importlib.metadata
import os
import pathlib
import platform
import re
import subprocess

from ansible_collections.obol.dv.tests.support.playbook import ROOT


def describe():
    """The machine, the programs and the day, as a mapping."""
    return {
        "cpu": _find(r"model name\s*: (.+)", "/proc/cpuinfo") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(_find(r"MemTotal: +(\d+) kB", "/proc/meminfo")) / 2**20),
        "python": platform.python_version(),
        "ansible_core": importlib.metadata.version("ansible-core"),
        "charon": _find(r"obolnetwork/charon (v\S+)", ROOT / "tests" / "charon" / "go.mod"),
        "commit": _commit(),
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
    }


def busy():
    """Whether others use the machine now, so that figures would be theirs too."""
    return os.getloadavg()[0] > 0.3


def _find(pattern, path):
    match = re.search(pattern, pathlib.Path(path).read_text())
    return match[1] if match else ""


def _commit():
    """The commit of the clone, with ``-dirty`` where it is not all."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
