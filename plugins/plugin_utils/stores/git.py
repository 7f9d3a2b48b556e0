# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store in a git repository that every operator can push to. Each change is one commit with a message for people.

Nothing is ever checked out: commits are made and read in a bare, shallow repository of this user's own (below Ansible's
home), so links, filters, attributes and hooks of the remote mean nothing here. It is a copy: what is wrong with it is made
anew.
"""

import contextlib
import fcntl
import hashlib
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time

from ansible import constants
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError, show
from ansible_collections.obol.dv.plugins.module_utils.storage import files
from ansible_collections.obol.dv.plugins.plugin_utils.stores import names

from .base import Store

_HOST = r"[0-9A-Za-z][0-9A-Za-z._-]*(?::[0-9]{1,5})?"
_LOCATION = re.compile(
    rf"(?P<url>(?:ssh://(?:[0-9A-Za-z_][0-9A-Za-z._-]*@)?{_HOST}|https://{_HOST}|file://)/[^\s\x00-\x1f@?#]+?\.git)"
    r"(?:/+(?P<folder>[0-9A-Za-z_][0-9A-Za-z._-]*))?/*"
)
_BRANCH = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]*([./][0-9A-Za-z_-]+)*")

#: How often a push is tried, while others push too; and how often the remote may refuse it although nobody did.
TRIES, REFUSALS = 30, 3
#: Seconds that a command of git may take; most bytes of its output.
_DEADLINE, _DEADLINES = 60, {"fetch": 300, "push": 300}
_MAX_OUTPUT = 16 * 2**20
# Bounds of what a remote can make git take: a file of 2 GiB (in blocks of 512 bytes), 2 GiB of memory (in KiB). Packs are
# written whole or not at all, and by one thread: each would take memory of its own.
_LIMITED = 'ulimit -S -f 4194304; ulimit -S -d 2097152; exec git "$@"'
_CONFIG = (
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "fetch.unpackLimit=1"),
    *("-c", "gc.autoDetach=false"),
    *("-c", "http.lowSpeedLimit=1"),
    *("-c", "http.lowSpeedTime=60"),
    *("-c", "pack.threads=1"),
)
_AUTHOR = {
    f"{role}_{part}": value
    for role in ("GIT_AUTHOR", "GIT_COMMITTER")
    for part, value in (("NAME", "obol.dv"), ("EMAIL", "obol.dv@localhost"))
}


class GitStore(Store):
    """See :class:`.base.Store`. The location is the URL of a repository that ends in ``.git``, and the cluster's folder in it."""

    OPTIONS = ("branch", "push_branch", "sign_commits", "ssh_key_file", "known_hosts_file")

    def __init__(
        self,
        location,
        content=names.OF_CEREMONY,
        branch="main",
        push_branch=None,
        sign_commits=False,
        ssh_key_file=None,
        known_hosts_file=None,
    ):
        super().__init__("git+" + location, content)
        parts = _LOCATION.fullmatch(location)
        if not parts:
            raise DvError(
                "a git store whose URL is none, or holds a password or token",
                "git+ssh://, git+https:// or git+file://, a repository that ends in .git, and the cluster's folder",
                "correct dv_store; passwords and tokens are for git's credential helper",
            )
        for name in (branch, push_branch or branch):
            if not _BRANCH.fullmatch(name) or name.endswith(".lock"):
                raise DvError(f"{show(name)} is no name of a branch", "e.g. main", "correct dv_store_options")
        self._url, self._folder = parts.group("url"), parts.group("folder") or ""
        self._branch, self._push_branch, self._sign = branch, push_branch or branch, sign_commits
        self._repository = os.path.join(
            os.path.expanduser(constants.config.get_config_value("ANSIBLE_HOME")),
            "obol_dv",
            hashlib.sha256(self._url.encode()).hexdigest()[:16] + ".git",
        )
        self._environment = _environment(ssh_key_file, known_hosts_file)
        # What was seen last, see _list: in the branch, and in both branches.
        self._merged = self._both = self._tips = None

    def __enter__(self):
        if not shutil.which("git"):
            raise DvError("there is no git on the control node", "git, for stores in a repository", "install it there")
        files.make_directory(os.path.dirname(self._repository))
        return self

    def check(self):
        with self._locked():
            self._refresh()
            # The commit of nothing shows whether signing is set up, and pushing it, dry, whether this user may.
            refused = self._push(self._commit(self._base(), {}), "--dry-run")
        if refused:
            raise self._refused(refused)

    def awaited(self, name):
        waits = name in self._files() and name not in self._merged
        return f"the merge of the branch {self._push_branch} into {self._branch}" if waits else ""

    def _entries(self):
        with self._locked():
            self._refresh()
        return (name for name, (blob, _size) in self._merged.items() if blob)

    def _read(self, name, limit):
        known = self._files()
        blob, size = known.get(name, (None, 0))
        if not blob:
            raise DvError(f"{name} in {self} {'is no regular file' if name in known else 'is not there'}", "a file")
        if size > limit:
            raise DvError(f"{name} in {self} has more than {limit} bytes", "a file of at most that size")
        return self._git("cat-file", "blob", blob, limit=limit)

    def _add(self, contents):
        if contents.keys() <= self._files().keys():
            return ()
        refusals, before, refused = 0, None, ""
        for number in range(TRIES):
            # Those who push at the same time must not meet again. The nodes of one run wait for each other.
            time.sleep(random.uniform(0, min(0.1 * number, 1)))
            with self._locked():
                self._refresh()
                new = {name: content for name, content in contents.items() if name not in self._both}
                if not new:
                    return ()
                refusals += number > 0 and before == self._tips
                if refusals == REFUSALS:
                    break
                before, refused = self._tips, self._push(self._commit(self._base(), new))
            if not refused:
                self._tips = None
                return new
        raise self._refused(refused)

    def _refused(self, reason):
        return DvError(
            f"the store {self} refuses the push to {self._push_branch}: {reason}",
            "a branch that this user can push to",
            "allow it there, or set push_branch in dv_store_options and ask for consent by pull request",
        )

    def _files(self):
        """The files of both branches, as they were seen last."""
        if self._tips is None:
            with self._locked():
                self._refresh()
        return self._both

    def _base(self):
        """The commit to build on; None in an empty repository."""
        return self._tips[self._push_branch] or self._tips[self._branch]

    def _refresh(self):
        """Read what the remote has now: the commits at the tips of our branches, and the files of our folder. To be :meth:`_locked`."""
        branches = sorted({self._branch, self._push_branch})
        try:
            self._read_remote(branches)
        except _CopyError:
            # A killed git leaves locks, a power cut empty objects.
            shutil.rmtree(self._repository, ignore_errors=True)
            self._read_remote(branches)

    def _read_remote(self, branches):
        if not os.path.isfile(os.path.join(self._repository, "HEAD")):
            self._git("init", "--quiet", "--bare", "--template=")
        lines = self._git("ls-remote", self._url, *map("refs/heads/{}".format, branches)).decode("utf-8", "replace").splitlines()
        listed = dict(reversed(line.split("\t", 1)) for line in lines if "\t" in line)
        tips = {branch: listed.get(f"refs/heads/{branch}") for branch in branches}
        missing = [branch for branch, tip in tips.items() if tip and not self._has(tip)]
        if missing:
            specs = [f"+refs/heads/{branch}:refs/store/{branch}" for branch in missing]
            self._git("fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", self._url, *specs)
            # They may have moved on meanwhile.
            fetched = self._git("rev-parse", *map("refs/store/{}".format, missing)).decode().split()
            tips.update(zip(missing, fetched))
        merged = self._list(tips[self._branch])
        pushed = merged if tips[self._push_branch] == tips[self._branch] else self._list(tips[self._push_branch])
        self._tips, self._merged, self._both = tips, merged, {**pushed, **merged}

    def _has(self, commit):
        return self._run("cat-file", "-e", commit + "^{commit}")[0] == 0

    def _list(self, commit):
        """Name -> (blob, size) of the files in our folder of ``commit``, which may be None; (None, 0) of links and submodules."""
        if not commit:
            return {}
        folder = [self._folder + "/"] if self._folder else []
        entries = self._git("ls-tree", "-r", "-l", "-z", commit, *folder).decode("utf-8", "replace").split("\0")[:-1]
        listing = {}
        for entry in entries:
            about, path = entry.split("\t", 1)
            mode, _kind, blob, size = about.split()
            regular = mode in ("100644", "100755")
            if regular and not size.isdecimal():
                raise _CopyError(f"the copy of {self} in {self._repository} lacks {_plain(path)}")
            listing[path.removeprefix("".join(folder))] = (blob, int(size)) if regular else (None, 0)
        return listing

    def _commit(self, base, contents):
        """A commit on top of ``base`` (or of nothing) that adds ``contents``."""
        with tempfile.TemporaryDirectory() as directory:
            index = {"GIT_INDEX_FILE": os.path.join(directory, "index")}
            self._git("read-tree", base or "--empty", environment=index)
            added = []
            for name, content in contents.items():
                blob = self._git("hash-object", "-w", "--stdin", stdin=content).decode().strip()
                added += ["--cacheinfo", f"100644,{blob},{os.path.join(self._folder, name)}"]
            self._git("update-index", "--add", *added, environment=index)
            tree = self._git("write-tree", environment=index).decode().strip()
        parent = ["-p", base] if base else []
        signed = "-S" if self._sign else "--no-gpg-sign"
        author = None if self._run("config", "user.email")[0] == 0 else _AUTHOR
        return self._git("commit-tree", signed, *parent, tree, stdin=self._message(contents), environment=author).decode().strip()

    def _message(self, contents):
        texts = [self.content.describe(name) for name in sorted(contents)] or ["nothing"]
        subject = texts[0] + (f" and {len(texts) - 1} more" if len(texts) > 1 else "")
        lines = [f"{self._folder}: {subject}" if self._folder else subject]
        return "\n".join(lines + ([""] + texts if len(texts) > 1 else []) + [""]).encode()

    def _push(self, commit, *options):
        """Push ``commit``; the text of the refusal, empty if there was none."""
        destination = f"{commit}:refs/heads/{self._push_branch}"
        code, stdout, stderr = self._run("push", "--porcelain", *options, self._url, destination)
        if code == 0:
            return ""
        refused = [line.split("\t")[-1] for line in stdout.decode("utf-8", "replace").splitlines() if line.startswith("!")]
        if not refused:
            raise self._failed("push", stderr)
        remarks = [line.removeprefix("remote:").strip() for line in stderr.splitlines() if line.startswith("remote:")]
        return _plain(" ".join(refused[:1] + remarks))

    @contextlib.contextmanager
    def _locked(self):
        """Around all that uses the repository: several nodes of one run share it."""
        path = self._repository + ".lock"
        try:
            file = open(path, "w", encoding="utf-8")
        except OSError as error:
            raise files.os_error(error, path, "write") from None
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _git(self, command, *arguments, limit=_MAX_OUTPUT, **options):
        """The standard output of git (bytes, at most ``limit``); the options are those of :meth:`_run`.

        :raises DvError: it failed
        """
        code, stdout, stderr = self._run(command, *arguments, limit=limit, **options)
        if code:
            raise self._failed(command, stderr)
        if len(stdout) > limit:
            raise DvError(f"git {command} with {self} said more than {limit} bytes", "at most that many")
        return stdout

    def _run(self, command, *arguments, stdin=b"", environment=None, limit=_MAX_OUTPUT):
        """Run git: exit code, standard output (bytes, cut behind ``limit``), standard error (text)."""
        deadline = _DEADLINES.get(command, _DEADLINE)
        try:
            with (
                tempfile.TemporaryFile() as stdout,
                tempfile.TemporaryFile() as stderr,
                subprocess.Popen(
                    # Named, not looked for: a directory above could be a repository too.
                    ["sh", "-c", _LIMITED, "git", f"--git-dir={self._repository}", *_CONFIG, command, *arguments],
                    stdin=subprocess.PIPE,
                    stdout=stdout,
                    stderr=stderr,
                    env={**self._environment, **(environment or {})},
                    start_new_session=True,
                ) as process,
            ):
                try:
                    process.communicate(stdin, deadline)
                except BaseException:
                    os.killpg(process.pid, signal.SIGKILL)
                    raise
                stdout.seek(0)
                stderr.seek(0)
                return process.returncode, stdout.read(limit + 1), stderr.read(_MAX_OUTPUT).decode("utf-8", "replace")
        except subprocess.TimeoutExpired:
            raise DvError(
                f"git {command} with {self} took more than {deadline} seconds", "an answer", "run again when it answers"
            ) from None
        except OSError as error:
            raise files.os_error(error, "git", "run") from None

    def _failed(self, command, stderr):
        """The error of a ``command`` that failed."""
        wanted, hint = {
            "commit-tree": (f"a commit{' that is signed' * self._sign}", "see whether this user's git can sign: `git commit -S`"),
            "update-index": ("folders of the store's own", "take away what is in their place"),
        }.get(command, ("a repository that this user can read and push to", f"see what `git ls-remote {self._url}` says"))
        kind = DvError if command in ("ls-remote", "push", "commit-tree", "update-index") else _CopyError
        return kind(f"git {command} with {self} failed: {_plain(stderr.replace('fatal: ', ''))}", wanted, hint)


class _CopyError(DvError):
    """Perhaps it is our copy of the repository that is damaged."""


def _environment(ssh_key_file, known_hosts_file):
    """The environment of git: it never asks, speaks no other protocols, and only to hosts whose key is known."""
    options = ["BatchMode=yes", "StrictHostKeyChecking=yes", "UpdateHostKeys=no", "ConnectTimeout=30", "ServerAliveInterval=15"]
    if ssh_key_file:
        options += ["IdentitiesOnly=yes", f'IdentityFile="{ssh_key_file}"']
    if known_hosts_file:
        options += [f'UserKnownHostsFile="{known_hosts_file}"', "GlobalKnownHostsFile=/dev/null"]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {
        **inherited,
        "GIT_ALLOW_PROTOCOL": "file:https:ssh",
        "GIT_ASKPASS": "",
        "GIT_SSH_COMMAND": shlex.join(["ssh", *(f"-o{option}" for option in options)]),
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


def _plain(text):
    """The last lines of what a remote or git said, as one line of printable characters."""
    return "".join(c if c.isprintable() else " " for c in text.strip())[-500:]
