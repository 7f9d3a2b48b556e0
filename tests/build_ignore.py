# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the patterns of galaxy.yml that keep everything but what is ours out of a package: ``make build-ignore``.

People keep their inventories, vaults, stores and backups in a clone. A list of what to leave out never has all of them; and the
list of what to take in that ansible-galaxy knows, ``manifest``, wants a package (distlib) wherever a collection is installed from
source. So the patterns are made from such a list: they match every name that is not on it.
"""

import pathlib
import subprocess
import textwrap
from collections import defaultdict

ROOT = pathlib.Path(__file__).resolve().parents[1]
#: What is packed: files, and directories with all that git lists in them.
PACKED = (
    "CONTRIBUTING.md",
    "COPYING",
    "README.md",
    "changelogs",
    "docs",
    "extensions",
    "inventories/example",
    "inventories/local",
    "meta",
    "playbooks",
    "plugins",
    "requirements-node.in",
    "requirements-node.txt",
    "requirements.in",
    "requirements.txt",
    "roles",
    "tests",
)
#: Where every name has to be known: the root, and all below these. It is where people put what is theirs.
GUARDED = ("inventories",)
#: Between these lines of galaxy.yml the patterns stand.
BEGIN, END = "  # Made by `make build-ignore`: all names but those of ours.\n", "  # What is left out wherever it lies.\n"


def packed():
    """The files that are packed, as git lists them."""
    done = subprocess.run(["git", "ls-files", *PACKED], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


def known(files):
    """Directory, with a slash at its end, to the names that may be in it: of the root and of those that are guarded."""
    found = defaultdict(set)
    for file in files:
        *parents, _name = parts = file.split("/")
        for depth in range(len(parts)):
            if not depth or parents[0] in GUARDED:
                found["".join(part + "/" for part in parts[:depth])].add(parts[depth])
    return found


def all_but(names, directory):
    """Patterns of fnmatch that match every path in a directory but those of ``names`` and what is below them."""
    for start in sorted({name[:length] for name in names for length in range(len(max(names, key=len)) + 1)}):
        after = {name[len(start)] for name in names if name.startswith(start) and name != start}
        if start in names:
            after.add("/")
        elif start:
            yield directory + start
        # A dash is itself only at the end.
        yield "%s%s[!%s]*" % (directory, start, "".join(sorted(after, key=lambda letter: (letter == "-", letter))))


def patterns():
    """The patterns for all directories that are guarded."""
    return [pattern for directory, names in sorted(known(packed()).items()) for pattern in all_but(names, directory)]


def section():
    """The lines of galaxy.yml."""
    return textwrap.fill(" ".join('"%s",' % pattern for pattern in patterns()), 158, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False) + "\n"


if __name__ == "__main__":
    path = ROOT / "galaxy.yml"
    head, begin, rest = path.read_text().partition(BEGIN)
    path.write_text(head + begin + section() + END + rest.partition(END)[2])
