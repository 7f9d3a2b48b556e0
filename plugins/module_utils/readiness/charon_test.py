# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``charon alpha test`` where no charon runs: further rows of what a node finds. All nodes of a run have it at the same time, each in a process that
is left, so that they meet; what it wrote is collected later."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ..charon_cli import alpha_test
from ..charon_cli.alpha_test import Row
from ..cluster.definition import Definition
from ..cluster.operators import numbered
from ..data_dir.layout import READINESS, DataDir
from ..errors import DvError, show
from ..storage import files
from .finding import Finding, failed, measured, not_measured

_CHECK = "charon_test"
#: How the process is left: it ends what takes longer than it was told to.
_PROGRAM = """
import subprocess
nothing = subprocess.DEVNULL
try:
    subprocess.run({command!r}, cwd={directory!r}, timeout={seconds!r}, stdin=nothing, stdout=nothing, stderr=nothing)
finally:
    open({done!r}, "w").close()
"""
#: Seconds that it may take longer than charon was told to.
_LONGER = 10


def check(words: Collection[str], suites: Mapping[str, Any]) -> None:
    """Refuse ``suites`` (flags by the name of each) that are none.

    :raises DvError: they are
    """
    for suite, flags in suites.items():
        if suite not in alpha_test.SUITES:
            raise DvError(
                f"dv_test_charon names {show(suite)}", f"one of {', '.join(alpha_test.SUITES)}", "they are those of charon alpha test"
            )
        if not isinstance(flags, list) or not all(isinstance(flag, str) and flag.startswith("--") for flag in flags):
            raise DvError(f"dv_test_charon has flags for {suite} that are none", 'a list, for example ["--load-test-duration=1s"]')
    if suites and not words:
        raise DvError("dv_test_charon names suites, and dv_charon_command is empty", "how charon is called on the node, a list of words")


def start(
    words: list[str], suites: Mapping[str, list[str]], data_dir: DataDir, seconds: int, leave: Callable[[Collection[int], str], None]
) -> None:
    """Have each of the ``suites`` run by a process that is left, for so many ``seconds``."""
    directory = data_dir.path(READINESS)
    files.erase_directory(directory)
    files.make_directory(directory)
    for suite, flags in suites.items():
        path = _path(data_dir, suite)
        command = alpha_test.command(words, suite, flags, data_dir, path, seconds)
        leave((), _PROGRAM.format(command=command, directory=directory, seconds=seconds + _LONGER, done=path + ".done"))


def collect(suites: Collection[str], data_dir: DataDir, share_index: int, definition: Definition, seconds: int) -> list[Finding]:
    """What they found, once they have, or so many ``seconds`` are over; of none, that none was asked for."""
    if not suites:
        return [not_measured(_CHECK, "dv_test_charon is empty")]
    if not os.path.isdir(data_dir.path(READINESS)):
        return [not_measured(_CHECK, "it was not started: charon runs, or it is check mode")]
    end, findings = time.monotonic() + seconds + 2 * _LONGER, []
    for suite in suites:
        while not os.path.exists(_path(data_dir, suite) + ".done") and time.monotonic() < end:
            threading.Event().wait(0.2)
        findings += _found(suite, data_dir, share_index, definition)
    files.erase_directory(data_dir.path(READINESS))
    return findings


def _path(data_dir: DataDir, suite: str) -> str:
    return os.path.join(data_dir.path(READINESS), f"{suite}.json")


def _found(suite: str, data_dir: DataDir, share_index: int, definition: Definition) -> list[Finding]:
    try:
        rows = alpha_test.parse(files.read(_path(data_dir, suite), alpha_test.MAX_SIZE), suite)
    except DvError as error:
        return [failed(_CHECK, error, suite)]
    found = []
    for row in rows:
        target = _operator(row.target, definition)
        if target != share_index:
            found.append(_finding(suite, f"operator {target}" if target else row.target, row))
    return found or [failed(_CHECK, "it tells of nothing", suite)]


def _operator(target: str, definition: Definition) -> int | None:
    """The share index of the operator that a target is, which charon calls by the beginning and the end of its ENR."""
    beginning, _dots, end = target.rpartition(" ")[2].partition("...")
    if target.startswith("peer ") and beginning and end:
        for share_index, operator in numbered(definition).items():
            if operator.enr.startswith(beginning) and operator.enr.endswith(end):
                return share_index
    return None


def _finding(suite: str, target: str, row: Row) -> Finding:
    rank, about = alpha_test.RANKS[row.verdict], f"{suite}, {target}, {row.name}"[:200]
    return not_measured(_CHECK, row.text, about) if rank is None else measured(_CHECK, rank, about, row.text)
