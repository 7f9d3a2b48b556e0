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


#: The programs: the module ``tests/<module>`` that pins each, and its package there; what most tests want is first.
PROGRAMS = {
    "charon": ("charon", "github.com/obolnetwork/charon"),
    "age": ("age", "filippo.io/age/cmd/age"),
    "prysm": ("prysm", "github.com/prysmaticlabs/prysm/v5/cmd/validator"),
    "geth": ("geth", "github.com/ethereum/go-ethereum/cmd/geth"),
    "prysm-beacon-chain": ("prysm", "github.com/prysmaticlabs/prysm/v5/cmd/beacon-chain"),
    "prysmctl": ("prysm", "github.com/prysmaticlabs/prysm/v5/cmd/prysmctl"),
}

#: Without paths of this machine, and without symbols, which are a third of the size.
_FLAGS = ("-trimpath", "-ldflags=-s -w")


def binary(name):
    """The path of one of the :data:`PROGRAMS` as its module pins it, built into ``.cache/<module>`` if it is not there.

    :raises NoGo: not built yet and no ``go`` on the path
    :raises BuildError: the build failed
    """
    module, package = PROGRAMS[name]
    pinned, cache = TESTS / module, CACHE / module
    pins = b"".join((pinned / each).read_bytes() for each in ("go.mod", "go.sum"))
    path = cache / ("%s-%s" % (name, hashlib.sha256(pins).hexdigest()[:16]))
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "build.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            _build(path, pinned, package)
    return path


def _build(path, module, package):
    go = shutil.which("go")
    if go is None:
        raise NoGo("%s is not built and there is no go on the PATH: install Go, https://go.dev/dl" % path)
    print("building %s with %s, once: %s" % (package, go, path), flush=True)
    temporary = path.with_suffix(".new")
    command = [go, "build", *_FLAGS, "-o", str(temporary), package]
    built = subprocess.run(command, cwd=module, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if built.returncode:
        raise BuildError("%s failed in %s\n%s" % (" ".join(command), module, built.stderr[-4000:]))
    temporary.rename(path)
