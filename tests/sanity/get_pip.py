# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts pip into an empty virtual environment with the standard library instead of a download.

ansible-test fetches a get-pip script for each of its virtual environments unless its cache already holds one.
``make sanity`` puts this file there, so that only a package index has to be reachable.
"""

import subprocess
import sys

WANTED = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]

# A process of its own: inside this one ensurepip would hide pip's configuration from the call that follows.
subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"], stdout=subprocess.DEVNULL)
subprocess.check_call([sys.executable, "-m", "pip", "install", *WANTED])
