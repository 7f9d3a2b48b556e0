# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process that stays on a node when a module has answered: what it answers, who may ask, and when it ends."""

import json
import os
import pathlib
import signal
import socket
import stat
import subprocess
import sys
import time

import pytest

#: A module that counts the questions, and tells who answers.
PROGRAM = """
import json, os
from ansible_collections.obol.dv.plugins.module_utils.ansible_module import resident

resident.IDLE = %(idle)s
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

    def run(idle=60):
        environment = {**os.environ, "PYTHONPATH": collections_path, "SECRET": "in the environment"}
        command = [sys.executable, "-c", PROGRAM % {"idle": idle}]
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
