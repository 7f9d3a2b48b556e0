# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store on an SFTP server that nobody trusts: a drop box.

The server's key has to be known beforehand. A file is uploaded aside and then renamed by the plain SFTP rename, which
fails where the name exists; ``posix-rename@openssh.com`` would replace it.
"""

import contextlib
import itertools
import os
import re
import secrets
import stat

from ansible_collections.obol.dv.plugins.module_utils.errors import DvError

from .base import MAX_FILES, Store

_LOCATION = re.compile(r"//(?:(?P<user>[^\s:@/]+)@)?(?P<host>[^\s:@/]+)(?::(?P<port>[0-9]{1,5}))?(?P<path>/[^\x00-\x1f]*)")

_FOLDER = re.compile(r"[0-9a-z]+")

#: Seconds that the server may take for an answer; deepest folder that is looked into.
_DEADLINE, _DEPTH = 60, 5


class SftpStore(Store):
    """See :class:`.base.Store`. The location is ``//user@host:port`` and the path of the cluster's directory on the server."""

    OPTIONS = ("ssh_key_file", "known_hosts_file")

    def __init__(self, location, ssh_key_file=None, known_hosts_file=None):
        super().__init__("sftp:" + location)
        parts = _LOCATION.fullmatch(location)
        if not parts:
            raise DvError(
                "an SFTP store whose URL is none, or holds a password",
                "sftp://user@host:port and an absolute path",
                "correct dv_store; keys are ssh_key_file in dv_store_options, or with the SSH agent",
            )
        self._user, self._host, port, self._path = parts.group("user", "host", "port", "path")
        self._port = int(port or 22)
        self._key_file, self._known_hosts = ssh_key_file, known_hosts_file or "~/.ssh/known_hosts"
        self._client = self._sftp = None

    def __enter__(self):
        try:
            import paramiko
        except ImportError:
            raise DvError("the Python of ansible-playbook lacks paramiko", "paramiko, for SFTP stores", "install it there") from None
        client = self._client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        try:
            client.load_host_keys(os.path.expanduser(self._known_hosts))
            client.connect(
                self._host,
                self._port,
                self._user,
                key_filename=self._key_file and os.path.expanduser(self._key_file),
                allow_agent=not self._key_file,
                look_for_keys=not self._key_file,
                timeout=_DEADLINE,
                banner_timeout=_DEADLINE,
                auth_timeout=_DEADLINE,
            )
            self._sftp = client.open_sftp()
            self._sftp.get_channel().settimeout(_DEADLINE)
        except (paramiko.SSHException, OSError, EOFError) as error:
            client.close()
            raise DvError(
                "cannot open the store %s: %s" % (self, _plain(error)),
                "a server whose key is in %s, and that lets this user in" % self._known_hosts,
                "see what `sftp -P %d %s` says" % (self._port, "@".join(filter(None, (self._user, self._host)))),
            ) from None
        return self

    def __exit__(self, *_error):
        self._client.close()

    def _entries(self):
        return self._walk("", _DEPTH)

    def _walk(self, folder, depth):
        try:
            listing = self._sftp.listdir_iter(os.path.join(self._path, folder))
            # A folder may be larger than memory.
            entries = list(itertools.islice(listing, MAX_FILES + 1))
        except FileNotFoundError:
            return
        except Exception as error:
            raise self._failed("list", folder, error) from None
        for entry in entries:
            name, mode = os.path.join(folder, entry.filename), entry.st_mode or 0
            if stat.S_ISREG(mode):
                yield name
            elif stat.S_ISDIR(mode) and depth and _FOLDER.fullmatch(entry.filename):
                # It counts too: there may be no end of them.
                yield name + "/"
                yield from self._walk(name, depth - 1)

    def _read(self, name, limit):
        path = os.path.join(self._path, name)
        try:
            status = self._sftp.lstat(path)
            if not stat.S_ISREG(status.st_mode or 0):
                raise DvError("%s in %s is not a regular file" % (name, self), "a file", "take it away")
            with self._sftp.open(path, "rb") as file:
                file.prefetch(min(status.st_size or 0, limit + 1))
                content = file.read(limit + 1)
        except DvError:
            raise
        except Exception as error:
            raise self._failed("read", name, error) from None
        if len(content) > limit:
            raise DvError("%s in %s has more than %d bytes" % (name, self, limit), "a file of at most that size")
        return content

    def _add(self, contents):
        for name, content in contents.items():
            path = os.path.join(self._path, name)
            try:
                if not self._exists(path):
                    self._make_directories(self._path)
                    for place, letter in enumerate(name):
                        if letter == "/":
                            self._make_directory(os.path.join(self._path, name[:place]))
                    if self._upload(path, content):
                        yield name
            except Exception as error:
                raise self._failed("write", name, error) from None

    def _upload(self, path, content):
        """Upload ``content`` aside, then rename it to ``path``. False if something is there."""
        aside = os.path.join(os.path.dirname(path), ".%s.part" % secrets.token_hex(8))
        try:
            with self._sftp.open(aside, "wbx") as file:
                file.set_pipelined(True)
                file.write(content)
            self._sftp.rename(aside, path)
            return True
        except OSError:
            if not self._exists(path):
                raise
            return False
        finally:
            if self._exists(aside):
                self._sftp.remove(aside)

    def _make_directories(self, path):
        if not self._exists(path):
            self._make_directories(os.path.dirname(path))
            self._make_directory(path)

    def _make_directory(self, path):
        """Make the directory ``path`` unless it is there; a link to one is none."""
        if not self._exists(path):
            with contextlib.suppress(OSError):  # Another run made it meanwhile.
                self._sftp.mkdir(path)
        if not stat.S_ISDIR(self._sftp.lstat(path).st_mode or 0):
            raise NotADirectoryError("%s is no directory" % path)

    def _exists(self, path):
        try:
            self._sftp.lstat(path)
            return True
        except FileNotFoundError:
            return False

    def _failed(self, deed, name, error):
        return DvError(
            "cannot %s %s in %s: %s" % (deed, name or "files", self, _plain(error)),
            "a server that answers, and lets this user read and write there",
            "run again",
        )


def _plain(error):
    """What an error says, or its kind, as one line of printable characters."""
    return "".join(c if c.isprintable() else " " for c in str(error) or type(error).__name__)[:300]
