# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Says which packages the Python that runs this has: a line ``name==version`` for each; none where others cannot read them.

pip writes the RECORD of a package last: one without it was interrupted.
"""

import importlib.metadata
import os
import re
import sys
import sysconfig

places = (sys.prefix, sysconfig.get_path("purelib"))
if all(os.stat(place).st_mode & 0o005 == 0o005 for place in places):
    for package in importlib.metadata.distributions():
        if package.files:
            print("%s==%s" % (re.sub("[-_.]+", "-", package.metadata["Name"]).lower(), package.version))
