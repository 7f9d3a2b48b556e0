# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store in a git repository that every operator can push to. Each change is one commit with a message for people.

Nothing is ever checked out: commits are made and read in a bare repository of this user's own (below Ansible's home), so
links, filters, attributes and hooks of the remote mean nothing here.
"""

import contextlib
import fcntl
import hashlib
import os
import random
import re
import resource
import shlex
import subprocess
import tempfile
import threading
import time

from ansible import constants

from ansible_collections.obol.dv.plugins.module_utils import files
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError

from . import names
from .base import Store

_LOCATION = re.compile(r"(?P<url>(?:ssh|https|file)://[^\s\x00-\x1f]+?\.git)(?:/+(?P<folder>[0-9A-Za-z_][0-9A-Za-z._-]*))?/*")
_BRANCH = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]*([./][0-9A-Za-z_-]+)*")
_PASSWORD = re.compile(r"//[^/@]*:[^/@]*@")

#: How often a push is tried, while others push too; and how often the remote may refuse it although nobody did.
TRIES, REFUSALS = 30, 3
#: Most bytes that git may say, e.g. of a tree; seconds that it may take; and most bytes of a file and of the memory that
#: it may take for what a remote sends.
_MAX_SAID, _DEADLINE = 64 * 2**20, 300
_CONFIG = ("-c", "gc.auto=0", "-c", "core.hooksPath=/dev/null")
_AUTHOR = {
    "%s_%s" % (role, part): value
    for role in ("GIT_AUTHOR", "GIT_COMMITTER")
    for part, value in (("NAME", "obol.dv"), ("EMAIL", "obol.dv@localhost"))
}
_LIMITS = ((resource.RLIMIT_FSIZE, 2 * 2**30), (resource.RLIMIT_AS, 8 * 2**30))


class GitStore(Store):
    """See :class:`.base.Store`. The location is the URL of a repository that ends in ``.git``, and the cluster's folder in it."""

    OPTIONS = ("branch", "push_branch", "sign_commits", "ssh_key_file", "known_hosts_file")

    def __init__(self, location, branch="main", push_branch=None, sign_commits=False, ssh_key_file=None, known_hosts_file=None):
        super().__init__("git+" + location)
        parts = _LOCATION.fullmatch(location)
        if not parts or _PASSWORD.search(location):
            raise DvError(
                "a git store whose URL %s" % ("holds a password" if parts else "is none"),
                "git+ssh://, git+https:// or git+file://, a repository that ends in .git, and the cluster's folder",
                "give passwords and tokens to git's credential helper" if parts else "correct dv_store",
            )
        for name in (branch, push_branch or branch):
            if not _BRANCH.fullmatch(name) or name.endswith(".lock"):
                raise DvError("%r is no name of a branch" % name, "e.g. main", "correct dv_store_options")
        self._url, self._folder = parts.group("url"), parts.group("folder") or ""
        self._branch, self._push_branch, self._sign = branch, push_branch or branch, sign_commits
        self._repository = os.path.join(
            os.path.expanduser(constants.config.get_config_value("ANSIBLE_HOME")),
            "obol_dv",
            hashlib.sha256(self._url.encode()).hexdigest()[:16] + ".git",
        )
        self._environment = _environment(ssh_key_file, known_hosts_file)
        self._blobs = self._pushed = None

    def __enter__(self):
        files.make_directory(os.path.dirname(self._repository))
        with self._alone():
            if not os.path.isdir(self._repository):
                self._git("init", "--quiet", "--bare", "--template=", self._repository)
        return self

    def check(self):
        self._look()
        tip = self._tips[self._push_branch] or self._tips[self._branch]
        if tip:
            self._git("push", "--quiet", "--dry-run", self._url, "%s:refs/heads/%s" % (tip, self._push_branch))

    def _entries(self):
        self._look()
        return iter(self._blobs)

    def _read(self, name, limit):
        if self._blobs is None:
            self._look()
        blob = self._blobs.get(name) or self._pushed.get(name)
        if blob is None:
            raise DvError("the store %s has no %s" % (self, name), "a file")
        return self._git("cat-file", "blob", blob, limit=limit)

    def _add(self, contents):
        refusals = 0
        for number in range(TRIES):
            # Those who push at the same time must not meet again.
            time.sleep(random.uniform(0, min(0.1 * number, 1)))
            before = number and self._tips[self._push_branch]
            self._look()
            base = self._tips[self._push_branch] or self._tips[self._branch]
            new = {name: content for name, content in contents.items() if name not in {**self._blobs, **self._pushed}}
            if not new:
                return ()
            refusals += number > 0 and before == self._tips[self._push_branch]
            refused = self._push(self._commit(base, new))
            if not refused:
                self._look()
                return new
            if refusals == REFUSALS:
                break
        raise DvError(
            "the store %s refuses the push to %s: %s" % (self, self._push_branch, refused),
            "a branch that this user can push to",
            "allow it there, or set push_branch in dv_store_options and ask for consent by pull request",
        )

    def _look(self):
        """See what the remote has now: the commits at the tips of our branches, and the blobs of our folder."""
        branches = {self._branch, self._push_branch}
        references = ["refs/heads/%s" % branch for branch in branches]
        lines = self._git("ls-remote", self._url, *references).decode("utf-8", "replace").splitlines()
        listed = dict(reversed(line.split("\t", 1)) for line in lines if "\t" in line)
        self._tips = {branch: listed.get("refs/heads/%s" % branch) for branch in branches}
        missing = [branch for branch, tip in self._tips.items() if tip and not self._has(tip)]
        if missing:
            with self._alone():
                specs = ["+refs/heads/%s:refs/store/%s" % (branch, branch) for branch in missing]
                self._git("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", self._url, *specs)
                for branch in missing:
                    self._tips[branch] = self._git("rev-parse", "refs/store/%s" % branch).decode().strip()
        self._blobs = self._list(self._tips[self._branch])
        self._pushed = self._blobs if self._push_branch == self._branch else self._list(self._tips[self._push_branch])

    def _has(self, commit):
        return self._git("cat-file", "-e", commit + "^{commit}", fails=(1, 128)) is not None

    def _list(self, commit):
        """Name -> blob of the regular files in our folder of ``commit``, which may be None."""
        tree = "%s:%s" % (commit, self._folder)
        if not commit or self._git("cat-file", "-t", tree, fails=(128,)) != b"tree\n":
            return {}
        entries = self._git("ls-tree", "-r", "-z", tree).decode("utf-8", "replace").split("\0")[:-1]
        found = ((name, *about.split(" ")) for about, name in (entry.split("\t", 1) for entry in entries))
        return {name: blob for name, mode, _kind, blob in found if mode in ("100644", "100755")}

    def _commit(self, base, contents):
        """A commit on top of ``base`` (or of nothing) that adds ``contents``."""
        with tempfile.TemporaryDirectory(dir=self._repository) as directory:
            index = {"GIT_INDEX_FILE": os.path.join(directory, "index")}
            self._git("read-tree", base or "--empty", environment=index)
            lines = []
            for name, content in contents.items():
                blob = self._git("hash-object", "-w", "--stdin", stdin=content).decode().strip()
                lines.append("100644 %s\t%s" % (blob, os.path.join(self._folder, name)))
            self._git("update-index", "--add", "--index-info", stdin="\n".join(lines).encode() + b"\n", environment=index)
            tree = self._git("write-tree", environment=index).decode().strip()
        parent = ["-p", base] if base else []
        signed = ["-S"] if self._sign else ["--no-gpg-sign"]
        author = {} if self._git("config", "user.email", fails=(1,)) else _AUTHOR
        commit = self._git("commit-tree", *signed, *parent, "-F", "-", tree, stdin=self._message(contents), environment=author)
        return commit.decode().strip()

    def _message(self, contents):
        first, *others = sorted(contents)
        subject = names.describe(first) + (" and %d more" % len(others) if others else "")
        lines = ["%s: %s" % (self._folder, subject) if self._folder else subject]
        return "\n".join(lines + [""] * bool(others) + [names.describe(name) for name in (first, *others) if others]).encode()

    def _push(self, commit):
        """Push ``commit``; the text of the refusal, empty if there was none."""
        said = self._git("push", "--porcelain", self._url, "%s:refs/heads/%s" % (commit, self._push_branch), says_no=True)
        refused = [line.split("\t")[-1] for line in said.decode("utf-8", "replace").splitlines() if line.startswith("!")]
        return _plain(refused[0]) if refused else ""

    @contextlib.contextmanager
    def _alone(self):
        """Hold the repository's lock: several nodes of one run share it."""
        with open(self._repository + ".lock", "w", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _git(self, *arguments, stdin=None, environment=None, limit=_MAX_SAID, fails=(), says_no=False):
        """What git said (bytes, at most ``limit``); None if it ended with one of ``fails``. With ``says_no`` 1 is no failure."""
        command = ["git", "-C", os.path.dirname(self._repository) if arguments[0] == "init" else self._repository]
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as errors:
            given.write(stdin or b"")
            given.seek(0)
            try:
                process = subprocess.Popen(
                    [*command, *_CONFIG, *arguments],
                    stdin=given,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    env={**self._environment, **(environment or {})},
                    preexec_fn=_limit,
                )
            except OSError as error:
                raise files.os_error(error, "git", "run") from None
            with process, _killed_after(process, _DEADLINE):
                said = process.stdout.read(limit + 1)
                if len(said) > limit:
                    process.kill()
            if len(said) > limit:
                raise DvError("what the store %s holds has more than %d bytes" % (self, limit), "at most that many")
            if process.returncode in fails:
                return None
            if process.returncode and not (says_no and process.returncode == 1):
                errors.seek(0)
                raise DvError(
                    "git %s with %s failed: %s" % (arguments[0], self, _plain(errors.read(4096).decode("utf-8", "replace"))),
                    "a repository that this user can read and push to",
                    "see what `git ls-remote %s` says" % self._url,
                )
        return said


def _environment(ssh_key_file, known_hosts_file):
    """The environment of git: it never asks, speaks no other protocols, and only to hosts whose key is known."""
    ssh = ["ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]
    if ssh_key_file:
        ssh += ["-o", "IdentitiesOnly=yes", "-i", os.path.expanduser(ssh_key_file)]
    if known_hosts_file:
        ssh += ["-o", "UserKnownHostsFile=%s" % os.path.expanduser(known_hosts_file), "-o", "GlobalKnownHostsFile=/dev/null"]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {
        **inherited,
        "GIT_ALLOW_PROTOCOL": "file:https:ssh",
        "GIT_SSH_COMMAND": shlex.join(ssh),
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


def _limit():
    for kind, most in _LIMITS:
        resource.setrlimit(kind, (most, most))


@contextlib.contextmanager
def _killed_after(process, seconds):
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _plain(text):
    """The last lines of what a remote or git said, as one line of printable characters."""
    return "".join(c if c.isprintable() else " " for c in text.strip())[-300:]
