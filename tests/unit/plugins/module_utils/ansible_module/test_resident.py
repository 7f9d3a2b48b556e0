# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process that stays on a node when a module has answered: what it answers, who may ask, and when it ends."""

import contextlib
import json
import os
import pathlib
import pty
import signal
import socket
import stat
import subprocess
import sys
import time

import pytest
from ansible_collections.obol.dv.plugins.plugin_utils.node_module import _CLIENT

#: A module that counts the questions, and tells who answers.
PROGRAM = """
import json, os
from ansible_collections.obol.dv.plugins.module_utils.ansible_module import resident

resident.IDLE = %(idle)s
%(first)s
asked = []

def answer(params):
    asked.append(params)
    if params.get("fail"):
        raise RuntimeError
    return dict(params, asked=len(asked), pid=os.getpid(), files=os.listdir("/proc/self/fd"))

print(json.dumps(resident.start(answer)))
"""


@pytest.fixture
def left(collections_path):
    """A function that runs such a module, and gives what it left."""

    def run(idle=60, first=""):
        environment = {**os.environ, "PYTHONPATH": collections_path, "SECRET": "in the environment"}
        command = [sys.executable, "-c", PROGRAM % {"idle": idle, "first": first}]
        # It comes back although the process has not ended: that holds neither output nor errors.
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=30)
        return json.loads(done.stdout)

    return run


def ask(process, question):
    """The answer (bytes) to a question (bytes)."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(process["socket"])
        connection.sendall(question)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(4096), b""))


def answer(process, **params):
    return json.loads(ask(process, json.dumps(params).encode()))


def ends(process):
    """Whether it goes, with all that it made."""
    deadline = time.monotonic() + 20
    while pathlib.Path(process["socket"]).parent.exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_it_answers_again_and_again_to_the_last(left):
    process = left()
    first, second = answer(process, x="a"), answer(process, x="b" * 10**6)
    assert (first["x"], first["asked"]) == ("a", 1) and (second["asked"], len(second["x"])) == (2, 10**6)
    assert first["pid"] == second["pid"] != os.getpid()
    assert answer(process, last=True)["asked"] == 3
    assert ends(process)


def test_only_its_user_may_ask(left):
    process = left()
    directory = pathlib.Path(process["socket"]).parent
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700 and directory.stat().st_uid == os.geteuid()
    answer(process, last=True)
    assert ends(process)


def test_it_has_a_session_of_its_own_and_no_files_of_others(left):
    process = left()
    found = answer(process)
    assert os.getsid(found["pid"]) not in (os.getsid(0), os.getpid())
    # Standard input, output and errors, the socket, the connection, and the directory that is listed.
    assert len(found["files"]) <= 6
    answer(process, last=True)
    assert ends(process)


@pytest.mark.parametrize("question", [b"", b"{", b"[]", b'{"fail": true}', bytes(100)])
def test_a_question_that_it_cannot_answer_ends_it(left, question):
    process = left()
    assert ask(process, question) == b""
    assert ends(process)


def test_nobody_asks(left):
    assert ends(left(idle=0.2))


def test_killed_it_answers_nobody(left):
    process = left()
    os.kill(answer(process)["pid"], signal.SIGKILL)
    with pytest.raises(OSError):
        answer(process)


@pytest.mark.parametrize(
    "first",
    [
        "resident.tempfile.tempdir = '/not/there'",
        "resident.os.fork = lambda: open('/not/there')",
        # As on macOS and FreeBSD.
        "del resident.socket.SO_PEERCRED",
    ],
)
def test_where_it_cannot_stay_none_is_left(left, first):
    assert left(first=first) is None


@contextlib.contextmanager
def client(process, stdin):
    """The program that asks on the node, started."""
    command = [process["python"], "-I", "-S", "-c", _CLIENT, process["socket"]]
    with subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE) as started:
        try:
            yield started
        finally:
            started.kill()


def test_it_does_not_wait_until_its_answer_is_home(left):
    """The connection to the control node may be slow."""
    process = left(first="resident._PATIENCE = 1")
    with client(process, subprocess.PIPE) as slow:
        slow.stdin.write(json.dumps({"x": "a" * 10**7, "last": True}).encode())
        slow.stdin.close()
        assert ends(process)
        time.sleep(1.5)
        assert len(json.load(slow.stdout)["x"]) == 10**7


def test_nothing_is_asked_from_a_terminal(left):
    """Which has no end: ssh opens one if it is told to (-tt)."""
    process, (ours, terminal) = left(), pty.openpty()
    with client(process, terminal) as asking:
        assert asking.wait(20) == 1
    os.close(ours)
    os.close(terminal)
    answer(process, last=True)
    assert ends(process)


def test_the_client_is_one_line():
    """For users whose shell is csh."""
    assert "\n" not in _CLIENT
