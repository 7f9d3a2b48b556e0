# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the virtual environment of a node, unless it has become complete meanwhile: nodes that are one machine come at once,
and so do control nodes.

    install.py PATH SOURCES PROBE PACKAGE==VERSION...

PATH is where it is to be. SOURCES has requirements.txt, and a directory wheelhouse where no index is to be asked. PROBE is the
text of packages.py. What came out of it is printed as JSON: ``changed``, and what went wrong in ``step``: ``place`` or ``pip``,
with its ``error``.

Always made anew: what was interrupted, or made from a Python that an upgrade of the system took away, is no ground to build on.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys

LOCK = ".obol-dv.lock"


class Failure(Exception):
    """Something went wrong: the step and the error."""


def locked(path):
    """The lock on ``path``, which is made if it is not there. It ends with this process and all that it has started."""
    os.makedirs(path, exist_ok=True)
    lock = os.open(os.path.join(path, LOCK), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def complete(python, probe, wanted):
    """Whether ``python`` runs and has all packages."""
    try:
        command = [python, "-I", "-c", probe]
        found = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return set(wanted) <= set(found.stdout.splitlines())


def clear(path):
    """Delete all in ``path`` but the lock."""
    for entry in os.scandir(path):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        elif entry.name != LOCK:
            os.unlink(entry.path)


def run(step, lock, *command):
    """Run a command, which holds the lock as well: it may outlive this process."""
    options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "errors": "replace", "pass_fds": [lock]}
    done = subprocess.run(command, check=False, **options)
    if done.returncode:
        lines = (done.stderr + done.stdout).strip().splitlines()
        raise Failure(step, ([line for line in lines if "ERROR" in line] or lines or ["it ended with %d" % done.returncode])[-1])


def install(path, sources, probe, *wanted):
    """See above; whether anything was changed."""
    python = os.path.join(path, "bin", "python")
    lock = locked(path)
    if complete(python, probe, wanted):
        return False
    os.chmod(path, 0o755)
    clear(path)
    run("place", lock, sys.executable, "-I", "-m", "venv", path)
    pip = [python, "-I", "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps"]
    pip += ["--only-binary", ":all:", "--require-hashes", "--requirement", os.path.join(sources, "requirements.txt")]
    wheelhouse = os.path.join(sources, "wheelhouse")
    run("pip", lock, *pip, *(["--no-index", "--find-links", wheelhouse] if os.path.isdir(wheelhouse) else []))
    return True


def main():
    # The user of the ceremony is another one than root, whose umask may let nobody read what it makes.
    os.umask(0o022)
    try:
        print(json.dumps({"changed": install(*sys.argv[1:])}))
    except OSError as error:
        print(json.dumps({"changed": False, "step": "place", "error": str(error)}))
    except Failure as failure:
        print(json.dumps(dict(zip(("step", "error"), failure.args), changed=True)))


main()
