# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Foreign programs as judges of the tests, built from the source that a small Go module pins: ``tests/<name>/go.mod``."""

import fcntl
import hashlib
import pathlib
import shutil
import subprocess

TESTS = pathlib.Path(__file__).resolve().parents[1]
CACHE = TESTS.parent / ".cache"


class NoGo(Exception):
    """The program is not built yet, and there is no Go to build it."""


class BuildError(Exception):
    """The build failed; holds the end of what Go said."""


#: The programs, each the package of the module ``tests/<name>``; what most tests want is first.
PROGRAMS = {
    "charon": "github.com/obolnetwork/charon",
    "age": "filippo.io/age/cmd/age",
    "prysm": "github.com/prysmaticlabs/prysm/v5/cmd/validator",
}


def binary(name):
    """The path of one of the :data:`PROGRAMS` as ``tests/<name>/go.mod`` pins it, built into ``.cache/<name>`` if it is not there.

    :raises NoGo: not built yet and no ``go`` on the path
    :raises BuildError: the build failed
    """
    module, cache = TESTS / name, CACHE / name
    pins = b"".join((module / each).read_bytes() for each in ("go.mod", "go.sum"))
    path = cache / ("%s-%s" % (name, hashlib.sha256(pins).hexdigest()[:16]))
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "build.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            _build(path, module, PROGRAMS[name])
    return path


def _build(path, module, package):
    go = shutil.which("go")
    if go is None:
        raise NoGo("%s is not built and there is no go on the PATH: install Go, https://go.dev/dl" % path)
    print("building %s with %s, once: %s" % (package, go, path), flush=True)
    temporary = path.with_suffix(".new")
    command = [go, "build", "-trimpath", "-o", str(temporary), package]
    built = subprocess.run(command, cwd=module, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if built.returncode:
        raise BuildError("%s failed in %s\n%s" % (" ".join(command), module, built.stderr[-4000:]))
    temporary.rename(path)
