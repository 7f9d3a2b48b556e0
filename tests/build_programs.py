# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds and installs the foreign programs of the tests that are not there yet, one after the other: a test that wants one waits for it
then."""

import pathlib
import sys
from functools import partial

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "collections"))

from ansible_collections.obol.dv.tests.support import go_build, npm_install  # noqa: E402


def main():
    """The first ones are wanted first; one that cannot be made keeps no other one back."""
    failed = []
    programs = [partial(go_build.binary, name) for name in go_build.PROGRAMS]
    for program in [*programs, *(partial(npm_install.program, name) for name in npm_install.PROGRAMS)]:
        try:
            print(program(), flush=True)
        except (go_build.NoGo, go_build.BuildError, npm_install.NoNpm, npm_install.InstallError) as error:
            failed.append(str(error))
    return "\n".join(failed) or None


if __name__ == "__main__":
    sys.exit(main())
