# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Searches for secrets where none may be: every secret in every form in which a program could have let it slip."""

import base64
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


class Watch:
    """Looks, as often as it can while it is entered, at the arguments and environments of a run's processes, and at files.

    :param mark: what the environment of these processes holds (bytes)
    :param directory: where the files are
    :param pattern: which ones
    """

    def __init__(self, mark, directory, pattern):
        self._mark, self._directory, self._pattern = mark, pathlib.Path(directory), pattern
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)
        #: All (arguments, environment) that were seen, and path -> content of the files.
        self.processes, self.files = set(), {}

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self._stop.set()
        self._thread.join()

    def _look(self):
        while not self._stop.is_set():
            for process in pathlib.Path("/proc").glob("[0-9]*"):
                try:
                    environment = (process / "environ").read_bytes()
                    if self._mark in environment:
                        self.processes.add(((process / "cmdline").read_bytes(), environment))
                except OSError:  # it ended, or is another user's
                    continue
            for path in self._directory.glob(self._pattern):
                try:
                    self.files.setdefault(path, path.read_bytes())
                except FileNotFoundError:
                    continue
            time.sleep(0.02)
