# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Searches for secrets where none may be: every secret in every form in which a program could have let it slip."""

import base64
import contextlib
import json
import pathlib
import threading
import time


def forms(secret):
    """The forms of ``secret`` (bytes) that are searched for: a set of bytes.

    Raw, as hex in both cases, as standard and URL-safe base64 at each of its three alignments, as Python and as JSON
    show it, and as a decimal number.
    """
    found = {secret, secret.hex().encode(), secret.hex().upper().encode()}
    found.add(repr(secret)[2:-1].encode())
    found.add(json.dumps(secret.decode("latin-1"))[1:-1].encode())
    found |= {str(int.from_bytes(secret, order)).encode() for order in ("big", "little")}
    for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
        for shift, cut in ((0, 0), (1, 2), (2, 3)):
            # Only the characters that the secret alone decides.
            found.add(encode(bytes(shift) + secret)[cut : (shift + len(secret)) * 8 // 6])
    return found


def search(secrets, contents):
    """Where secrets are: a list of (name of the secret, name of the content), empty if there is none.

    :param secrets: name -> bytes
    :param contents: name -> bytes
    """
    needles = {form: name for name, secret in secrets.items() for form in forms(secret)}
    return sorted({(needles[form], name) for name, content in contents.items() for form in needles if form in content})


def files_below(directory):
    """Name -> content of all files below ``directory``."""
    paths = [path for path in pathlib.Path(directory).rglob("*") if path.is_file() and not path.is_symlink()]
    return {str(path): path.read_bytes() for path in paths}


def marked(mark):
    """The directories below /proc of all processes with ``mark`` (bytes) in their environment."""
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended, or is another user's
            if mark in (process / "environ").read_bytes():
                yield process


class Watch:
    """Looks, as often as it can while it is entered, at the arguments and environments of processes, and at the seeds of nodes.

    :param find: a function that gives the directories below /proc of these processes
    :param data_dirs: those of the nodes
    """

    def __init__(self, find, data_dirs):
        self._find, self._data_dirs = find, data_dirs
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)
        #: All (arguments, environment) that were seen, and path -> content of the seeds.
        self.processes, self.seeds = set(), {}

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self._stop.set()
        self._thread.join()

    @property
    def seen(self):
        """Name -> all that was seen of the processes, to be searched."""
        arguments, environments = map(set, zip(*self.processes)) if self.processes else ((), ())
        return {"arguments": b"\n".join(sorted(arguments)), "environments": b"\n".join(sorted(environments))}

    def seeds_of(self, data_dir):
        """Attempt -> the seed that the node of ``data_dir`` had in it."""
        return {int(path.parent.name): seed for path, seed in self.seeds.items() if path.is_relative_to(data_dir)}

    def _look(self):
        while not self._stop.is_set():
            for process in self._find():
                with contextlib.suppress(OSError):
                    self.processes.add(((process / "cmdline").read_bytes(), (process / "environ").read_bytes()))
            for path in [path for data_dir in self._data_dirs for path in data_dir.glob("ceremony/*/*/seed")]:
                with contextlib.suppress(FileNotFoundError):
                    self.seeds.setdefault(path, path.read_bytes())
            time.sleep(0.02)
