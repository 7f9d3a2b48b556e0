# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds the foreign programs of the tests that are not built yet, one after the other: a test that wants one waits for it then."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "collections"))

from ansible_collections.obol.dv.tests.support import go_build  # noqa: E402

if __name__ == "__main__":
    try:
        for program in go_build.PROGRAMS:
            print(go_build.binary(program))
    except (go_build.NoGo, go_build.BuildError) as error:
        sys.exit(str(error))
