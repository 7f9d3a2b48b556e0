# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Foreign programs of the tests that npm installs, as ``tests/<name>/package-lock.json`` pins them."""

import fcntl
import hashlib
import pathlib
import shutil
import subprocess

TESTS = pathlib.Path(__file__).resolve().parents[1]
CACHE = TESTS.parent / ".cache"


class NoNpm(Exception):
    """There is no Node to run the program with, or it is not installed yet and there is no npm to install it."""


class InstallError(Exception):
    """The installation failed; holds the end of what npm said."""


#: The programs, each of the package ``tests/<name>``: where it is among the installed packages. Of anvil's, one is there for each machine.
PROGRAMS = {"lodestar": ".bin/lodestar", "anvil": "@foundry-rs/anvil-*/bin/anvil"}


def program(name):
    """The path of one of the :data:`PROGRAMS` as ``tests/<name>`` pins it, installed into ``.cache/<name>`` if it is not there.

    :raises NoNpm: no ``node`` on the path; or not installed yet and no ``npm`` on it
    :raises InstallError: npm failed, or had none for this machine
    """
    package, cache = TESTS / name, CACHE / name
    # Some packages are compiled, for the binary interface of this very Node.
    pins = [(package / "package-lock.json").read_bytes(), _node("process.versions.modules + process.arch").encode()]
    directory = cache / ("%s-%s" % (name, hashlib.sha256(b"".join(pins)).hexdigest()[:16]))
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "install.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not directory.exists():
            _install(directory, package)
    for path in (directory / "node_modules").glob(PROGRAMS[name]):
        return path
    raise InstallError("%s has no %s: there is none for this machine" % (directory, PROGRAMS[name]))


def _install(directory, package):
    npm = shutil.which("npm")
    if npm is None:
        raise NoNpm("%s is not there and there is no npm on the PATH: install Node.js with npm, https://nodejs.org" % directory)
    print("installing %s with %s, once: %s" % (package.name, npm, directory), flush=True)
    temporary = directory.with_suffix(".new")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(package / name, temporary)
    command = [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error", *_headers()]
    done = subprocess.run(command, cwd=temporary, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InstallError("%s failed in %s\n%s" % (" ".join(command), temporary, (done.stdout + done.stderr)[-4000:]))
    temporary.rename(directory)


def _headers():
    """Where node-gyp finds Node's headers: beside Node, as Debian's libnode-dev has them too; otherwise it downloads them."""
    prefix = pathlib.Path(_node("process.execPath")).parents[1]
    return ["--nodedir=%s" % prefix] if (prefix / "include" / "node" / "node.h").exists() else []


def _node(expression):
    """What Node says that a JavaScript expression is."""
    node = shutil.which("node")
    if node is None:
        raise NoNpm("there is no node on the PATH: install Node.js with npm, https://nodejs.org")
    return subprocess.run(
        [node, "--print", expression], check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True
    ).stdout.strip()
