# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Says, as JSON, what the Python that runs this is, and whether the directory it is given holds something else. Any Python 3."""

import importlib.util
import json
import os
import platform
import sys

path = sys.argv[1]
# What a virtual environment has, and the lock of install.py.
ours = {".gitignore", ".obol-dv.lock", "bin", "include", "lib", "lib64", "pyvenv.cfg", "share"}
free = not os.path.lexists(path) or os.path.isdir(path) and set(os.listdir(path)) <= ours
facts = {
    "version": "%d.%d" % sys.version_info[:2],
    "machine": platform.machine(),
    "venv": all(map(importlib.util.find_spec, ("venv", "ensurepip"))),
    "foreign": not free,
}
print(json.dumps(facts))
