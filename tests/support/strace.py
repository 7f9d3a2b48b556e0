# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""strace: the system calls that a process makes, and the kills and errors that it is made to meet at one of them."""

import re
import time
from typing import NamedTuple

#: The calls by which a node's files change, and those that make the changes durable.
CALLS = (
    *("openat", "write", "ftruncate", "fsync", "fdatasync", "rename", "renameat", "renameat2", "link", "linkat"),
    *("unlink", "unlinkat", "mkdir", "mkdirat", "rmdir"),
)
_LINE = re.compile(r"(?P<process>\d+) +(?P<name>\w+)\((?P<rest>.*)")
_DESCRIPTOR = re.compile(r"\d+<(?P<path>[^>]*)>")
_TEXT = re.compile(r'"(?P<path>[^"]*)"')
_RESULT = re.compile(r".*\) += (-?\d+)")


class Call(NamedTuple):
    """A system call: its name, the how manieth of this name of the process it is (from 1), the paths it is about, whether
    it makes or changes something, and whether it succeeded."""

    name: str
    number: int
    paths: tuple
    changes: bool
    done: bool

    def __str__(self):
        return "%s %d of %s" % (self.name, self.number, ", ".join(self.paths))

    def below(self, directory):
        """Whether it is about something in ``directory``."""
        return any(path == str(directory) or path.startswith("%s/" % directory) for path in self.paths)


def record(log):
    """The command line that runs another one and writes its calls to ``log``."""
    return ["strace", "-f", "--seccomp-bpf", "-y", "-s", "4096", "-o", str(log), "-e", "trace=%s" % ",".join(CALLS)]


def inject(log, call, fault):
    """The same for one that meets ``fault``, e.g. ``error=EIO``, instead of making ``call``."""
    # A signal is not injected with --seccomp-bpf.
    where = "inject=%s:%s:when=%d" % (call.name, fault, call.number)
    return ["strace", "-f", "-y", "-o", str(log), "-e", "trace=%s" % call.name, "-e", where]


def stopped(log, process):
    """Wait for the traced process to stop at a call, where ``signal=STOP`` is its fault; its id.

    :param process: the ``subprocess.Popen`` of strace
    """
    while True:
        found = re.search(r"^(\d+) +--- stopped by SIGSTOP ---$", log.read_text() if log.exists() else "", re.MULTILINE)
        if found:
            return int(found[1])
        assert process.poll() is None, "it ended without meeting the call"
        time.sleep(0.005)


def read(log):
    """The calls of the first process in ``log``, in their order. What other threads do is not looked at, but for files."""
    counts, found, process = {}, [], None
    for line in log.read_text(errors="replace").splitlines():
        match = _LINE.match(line)
        if not match:
            continue
        process = process or match["process"]
        name, rest = match["name"], match["rest"]
        if match["process"] != process:
            raise AssertionError("another thread or process makes system calls: %s" % line)
        counts[name] = counts.get(name, 0) + 1
        if name in ("write", "ftruncate", "fsync", "fdatasync"):
            paths = (_DESCRIPTOR.match(rest)["path"],)
        else:
            paths = tuple(_TEXT.findall(rest))[:2]
        changes = name != "openat" or bool(re.search("O_WRONLY|O_RDWR|O_CREAT", rest))
        result = _RESULT.match(rest)
        found.append(Call(name, counts[name], paths, changes, bool(result) and int(result[1]) >= 0))
    return found
