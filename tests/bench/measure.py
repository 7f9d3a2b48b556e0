# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run costs: its time, and the CPU and memory of every process of it, those too that it leaves behind.

The process that stays on a node (:mod:`.resident`) is nobody's child, and would be in no account: here it becomes ours.
"""

import contextlib
import ctypes
import multiprocessing
import os
import pathlib
import resource
import signal
import time

_PR_SET_CHILD_SUBREAPER = 36
_TICKS = os.sysconf("SC_CLK_TCK")


class Stopwatch:
    """What happens within a ``with`` block costs; what it leaves running is ended with it, and counts.

    Read afterwards: ``wall`` and ``cpu`` (s, of all processes that ended), ``left_cpu`` (s, of those left behind alone), ``rss`` and
    ``left_rss`` (bytes, the peak of the largest process since this one began, and of the largest left behind).
    """

    def __enter__(self):
        # Orphans of ours come to us, not to the first process of the machine.
        if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "this system has no child subreaper")
        self._others = _children()
        self._cpu, self._start = _cpu(resource.getrusage(resource.RUSAGE_CHILDREN)), time.monotonic()
        return self

    def __exit__(self, *_error):
        self.wall = time.monotonic() - self._start
        left = [_end(pid) for pid in _children() - self._others]
        all_of_them = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu, self.rss = _cpu(all_of_them) - self._cpu, 1024 * all_of_them.ru_maxrss
        self.left_cpu = sum(map(_cpu, left))
        self.left_rss = 1024 * max((usage.ru_maxrss for usage in left), default=0)


class Failed(Exception):
    """What was to be measured failed. Why, it has said on standard error."""


def apart(function, *arguments):
    """What ``function(*arguments)`` returns, called in a process of its own: the peak of memory is that of its children alone.

    :raises Failed: it raised an error
    """
    context = multiprocessing.get_context("fork")
    result, end = context.Pipe(duplex=False)
    process = context.Process(target=lambda: end.send(function(*arguments)))
    process.start()
    end.close()
    try:
        return result.recv()
    except EOFError:
        raise Failed("it failed, see above") from None
    finally:
        process.join()


def cpu_below(proc):
    """The CPU (s) so far of all processes that ``proc``, a host's ``/proc``, shows, and of those that ended below them."""
    ticks = 0
    for status in _statuses(proc):
        ticks += sum(map(int, status[11:15]))
    return ticks / _TICKS


def _children():
    """The process ids of our children, the ended ones too."""
    return {int(status[-1]) for status in _statuses(pathlib.Path("/proc")) if int(status[1]) == os.getpid()}


def _statuses(proc):
    """The fields of each ``/proc/<pid>/stat`` behind the name, from the state on (proc(5) has it as the third), and the process id."""
    for path in proc.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            yield [*path.read_text().rpartition(")")[2].split(), path.parent.name]


def _end(pid):
    """End our child: what it used."""
    os.kill(pid, signal.SIGTERM)
    return os.wait4(pid, 0)[2]


def _cpu(usage):
    return usage.ru_utime + usage.ru_stime
