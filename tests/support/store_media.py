# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stores lie on, one class for each kind: it opens the store, and does to it what a stranger with access could do."""

import gzip
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import time

from ansible_collections.obol.dv.plugins.plugin_utils.stores.registry import open_store


class DirectoryMedium:
    """A directory of the control node."""

    def __init__(self, directory):
        self.place = directory / "store"
        self.name, self.options, self._dug = str(self.place), {}, []

    def open(self, **options):
        """The store, to be entered."""
        return open_store(self.name, {**self.options, **options})

    def plant(self, name, content):
        """Put ``content`` (bytes) under ``name``, whatever it is."""
        path = self.place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def plant_link(self, name, target):
        """Put a symbolic link under ``name``."""
        path = self.place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)

    def plant_folders(self, name, depth):
        """Put as many folders into one another below the folder ``name``, with a file in the last."""
        place = self.place / name
        place.mkdir(parents=True, exist_ok=True)
        dig(place, depth)
        # Python's own clean-up would not come to the end of it.
        self._dug.append(place / "d")

    def close(self):
        """Stop what was started for it, and take away what Python cannot."""
        if self._dug:
            subprocess.run(["rm", "-rf", "--", *self._dug], check=True)


class BundleMedium(DirectoryMedium):
    """A USB stick."""

    def __init__(self, directory):
        super().__init__(directory)
        self.name = "bundle:%s" % self.place

    def plant(self, name, content):
        super().plant(_bundle(name), gzip.compress(content))

    def plant_link(self, name, target):
        super().plant_link(_bundle(name), target)


class GitMedium(DirectoryMedium):
    """A repository; what a stranger does is pushed from a clone of its own."""

    def __init__(self, directory):
        super().__init__(directory / "clone")
        self.repository = directory / "ceremonies.git"
        self.place = directory / "clone" / "mine"
        self.name = "git+file://%s/mine" % self.repository
        git(directory, "init", "--quiet", "--bare", "--initial-branch=main", self.repository)

    def plant(self, name, content):
        with self._pushed():
            super().plant(name, content)

    def plant_link(self, name, target):
        with self._pushed():
            super().plant_link(name, target)

    def plant_folders(self, name, depth):
        # Nobody needs them on a disk: such a path would be too long for a checkout.
        path = "/".join(filter(None, ["mine", name, "d/" * depth + "x"]))
        lines = ["commit refs/heads/main", "committer x <x@localhost> 0 +0000", "data 0", "M 100644 inline %s" % path, "data 0", ""]
        command = ["git", "-C", str(self.repository), "fast-import", "--quiet", "--force"]
        subprocess.run(command, check=True, input="\n".join(lines), text=True)

    def _pushed(self):
        return _Pushed(self.repository, self.place.parent)


class _Pushed:
    def __init__(self, repository, clone):
        self._repository, self._clone = repository, clone

    def __enter__(self):
        git(self._clone.parent, "clone", "--quiet", self._repository, self._clone)

    def __exit__(self, *_error):
        git(self._clone, "add", "--all")
        git(self._clone, "-c", "user.name=x", "-c", "user.email=x@localhost", "commit", "--quiet", "--message=planted")
        git(self._clone, "push", "--quiet", "origin", "HEAD:main")
        shutil.rmtree(self._clone)


class SftpMedium(DirectoryMedium):
    """A directory behind an :class:`Sshd`."""

    def __init__(self, directory, **settings):
        super().__init__(directory)
        self.server = Sshd(directory, **settings)
        self.name = "sftp://127.0.0.1:%d%s" % (self.server.port, self.place)
        self.options = self.server.options

    def close(self):
        super().close()
        self.server.close()


class GitSshMedium(GitMedium):
    """A repository behind an :class:`Sshd`."""

    def __init__(self, directory):
        super().__init__(directory)
        self.server = Sshd(directory)
        user = pwd.getpwuid(os.geteuid()).pw_name
        self.name = "git+ssh://%s@127.0.0.1:%d%s/mine" % (user, self.server.port, self.repository)
        self.options = self.server.options

    def close(self):
        super().close()
        self.server.close()


MEDIA = {"bundle": BundleMedium, "directory": DirectoryMedium, "git": GitMedium, "sftp": SftpMedium}


def git(directory, *arguments):
    """Run git in ``directory``; what it said (str)."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(directory), *map(str, arguments)]
    return subprocess.run(command, check=True, env=clean, stdout=subprocess.PIPE, text=True).stdout


class Sshd:
    """A real sshd of this user's own on a free port, with the key of one user.

    Its files in ``directory``: ``host`` (its key), ``user`` (who may come in), ``known_hosts``, ``sshd.log``.

    :param settings: of its configuration, more or others
    """

    def __init__(self, directory, **settings):
        for name in ("host", "user"):
            make_key(directory / name)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        known_hosts = directory / "known_hosts"
        known_hosts.write_text("[127.0.0.1]:%d %s" % (self.port, (directory / "host.pub").read_text()))
        #: The store options that it takes.
        self.options = {"ssh_key_file": str(directory / "user"), "known_hosts_file": str(known_hosts)}
        lines = {
            "AuthorizedKeysFile": directory / "user.pub",
            "HostKey": directory / "host",
            "ListenAddress": "127.0.0.1:%d" % self.port,
            "PasswordAuthentication": "no",
            "PermitRootLogin": "prohibit-password",
            "PidFile": "none",
            "StrictModes": "no",
            "Subsystem": "sftp internal-sftp",
            "UsePAM": "no",
            **settings,
        }
        (directory / "sshd_config").write_text("".join("%s %s\n" % line for line in lines.items()))
        if os.geteuid() == 0:
            pathlib.Path("/run/sshd").mkdir(exist_ok=True)
        command = [shutil.which("sshd", path="/usr/sbin:/usr/bin:/sbin"), "-D", "-e", "-f", directory / "sshd_config"]
        with (directory / "sshd.log").open("w") as log:
            self._process = subprocess.Popen(command, stderr=log)
        for _attempt in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        self.close()
        raise RuntimeError((directory / "sshd.log").read_text())

    def kill_sessions(self):
        """Kill those who serve somebody."""
        found = _children(self._process.pid)
        for process in [*found, *(child for each in found for child in _children(each))]:
            os.kill(process, signal.SIGKILL)

    def close(self):
        """Stop it."""
        self._process.terminate()
        self._process.wait()


def dig(place, depth):
    """Make as many directories in one another in ``place``, with a file in the last: deeper than any path can name."""
    descriptor = os.open(place, os.O_RDONLY)
    for _step in range(depth):
        os.mkdir("d", dir_fd=descriptor)
        below = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(os.open("x", os.O_WRONLY | os.O_CREAT, dir_fd=descriptor))
    os.close(descriptor)


def make_key(path):
    """Make an SSH key, ``path`` and its public half ``path.pub``."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], check=True)


def _children(process):
    """The processes that ``process`` started."""
    return [int(child) for child in pathlib.Path("/proc/%d/task/%d/children" % (process, process)).read_text().split()]


def _bundle(name):
    return name.replace("/", ".") + ".gz"
