# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store on an SFTP server that nobody trusts: a drop box.

The server's key has to be known beforehand. A file is uploaded aside and then renamed by the plain SFTP rename, which
fails where the name exists; ``posix-rename@openssh.com`` would replace it. What a killed run leaves aside, ``.*.part``, is no
file of the store.
"""

import contextlib
import logging
import os
import re
import secrets
import stat
import threading
import time

from ansible_collections.obol.dv.plugins.module_utils.errors import DvError

from . import names
from .base import Store

_LOCATION = re.compile(r"//(?:(?P<user>[^\s:@/]+)@)?(?P<host>[^\s:@/]+)(?::(?P<port>[0-9]{1,5}))?(?P<path>/[^@\x00-\x1f]*)")
_FOLDER = re.compile(r"[0-9a-z]+")

#: Seconds that the server may be silent, and that it may take for everything.
_SILENCE, _PATIENCE = 60, 600

# Paramiko logs what a server does wrong with tracebacks, and to stderr where nobody listens.
_LOG = logging.getLogger(__name__)
_LOG.addHandler(logging.NullHandler())
_LOG.propagate = False


class SftpStore(Store):
    """See :class:`.base.Store`. The location is ``//user@host:port`` and the path of the cluster's directory on the server."""

    OPTIONS = ("ssh_key_file", "known_hosts_file")

    def __init__(self, location, content=names.OF_CEREMONY, ssh_key_file=None, known_hosts_file=None):
        super().__init__("sftp:" + location, content)
        parts = _LOCATION.fullmatch(location)
        if not parts:
            raise DvError(
                "an SFTP store whose URL is none, or holds a password",
                "sftp://user@host:port and an absolute path",
                f"correct {content.variable}; keys are ssh_key_file in {content.variable}_options, or with the SSH agent",
            )
        self._user, self._host, port, self._path = parts.group("user", "host", "port", "path")
        self._port = int(port or 22)
        self._key_file, self._known_hosts = ssh_key_file, known_hosts_file or os.path.expanduser("~/.ssh/known_hosts")
        self._client = self._sftp = None
        self._patience, self._directories = _PATIENCE, set()

    def __enter__(self):
        try:
            import paramiko
        except ImportError:
            raise DvError("the Python of ansible-playbook lacks paramiko", "paramiko, for SFTP stores", "install it there") from None
        client = self._client = paramiko.SSHClient()
        client.set_log_channel(_LOG.name)
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        hint = f"see what `sftp -P {self._port} {'@'.join(filter(None, (self._user, self._host)))}` says"
        try:
            with self._asking("open", f"a server whose key is in {self._known_hosts}, and that lets this user in", hint):
                client.load_host_keys(self._known_hosts)
                client.connect(
                    self._host,
                    self._port,
                    self._user,
                    key_filename=self._key_file,
                    allow_agent=not self._key_file,
                    look_for_keys=not self._key_file,
                    timeout=_SILENCE,
                    banner_timeout=_SILENCE,
                    auth_timeout=_SILENCE,
                )
                self._sftp = client.open_sftp()
                self._sftp.get_channel().settimeout(_SILENCE)
        except DvError:
            client.close()
            raise
        return self

    def __exit__(self, *_error):
        self._client.close()

    def _entries(self):
        return self._walk()

    def _list_folder(self, folder):
        with self._asking(f"list {folder or 'files'} in"), contextlib.suppress(FileNotFoundError):
            for entry in self._sftp.listdir_iter(os.path.join(self._path, folder)):
                name, mode = entry.filename, entry.st_mode or 0
                yield name, stat.S_ISREG(mode), stat.S_ISDIR(mode) and _FOLDER.fullmatch(name)

    def _read(self, name, limit):
        path = os.path.join(self._path, name)
        with self._asking(f"read {name} in"):
            status = self._sftp.lstat(path)
            if not stat.S_ISREG(status.st_mode or 0):
                raise DvError(f"{name} in {self} is not a regular file", "a file", "take it away")
            with self._sftp.open(path, "rb") as file:
                file.prefetch(min(status.st_size or 0, limit + 1))
                content = file.read(limit + 1)
        if len(content) > limit:
            raise DvError(f"{name} in {self} has more than {limit} bytes", "a file of at most that size")
        return content

    def _add(self, contents):
        for name, content in contents.items():
            path = os.path.join(self._path, name)
            with self._asking(f"write {name} in"):
                put = not self._exists(path) and self._upload(path, content)
            if put:
                yield name

    def _upload(self, path, content):
        """Upload ``content`` aside, then rename it to ``path``. False if something is there."""
        self._make_directory(os.path.dirname(path))
        aside = os.path.join(os.path.dirname(path), f".{secrets.token_hex(8)}.part")
        try:
            with self._sftp.open(aside, "wbx") as file:
                # All at once, but for the last byte: the answer to it is waited for, and with it all others. Closing the file
                # would pass over them, and over a full disk.
                file.set_pipelined(True)
                file.write(content[:-1])
                file.set_pipelined(False)
                file.write(content[-1:])
            self._sftp.rename(aside, path)
            return True
        except OSError:
            with contextlib.suppress(OSError, EOFError):
                self._sftp.remove(aside)
            if not self._exists(path):
                raise
            return False

    def _make_directory(self, path):
        """Make the directory ``path`` and its missing parents. Within the store a link to one is none."""
        if path in self._directories:
            return
        inside = path.startswith(self._path.rstrip("/") + "/")
        if inside or (path != "/" and not self._exists(path)):
            self._make_directory(os.path.dirname(path))
        if not self._exists(path):
            with contextlib.suppress(OSError):  # Another run made it meanwhile.
                self._sftp.mkdir(path)
        if not stat.S_ISDIR((self._sftp.lstat if inside else self._sftp.stat)(path).st_mode or 0):
            raise NotADirectoryError(f"{path} is no directory")
        self._directories.add(path)

    def _exists(self, path):
        try:
            self._sftp.lstat(path)
            return True
        except FileNotFoundError:
            return False

    @contextlib.contextmanager
    def _asking(self, action, wanted="a server that answers, and lets this user read and write there", hint="run again when it does"):
        """Around all that asks the server: it does not take for ever, and whatever it causes is an error of ours."""
        begun = time.monotonic()
        watch = threading.Timer(self._patience, self._client.close)
        watch.daemon = True
        watch.start()
        try:
            yield
        except DvError:
            raise
        except Exception as error:
            late = f"it took more than {_PATIENCE} seconds" if time.monotonic() - begun >= self._patience else ""
            raise DvError(f"cannot {action} the store {self}: {late or _plain(error)}", wanted, hint) from None
        finally:
            watch.cancel()
            self._patience -= time.monotonic() - begun


def _plain(error):
    """What an error says, or its kind, as one line of printable characters."""
    return "".join(c if c.isprintable() else " " for c in str(error) or type(error).__name__)[:300]
