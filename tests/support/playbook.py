# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the clone's playbooks over nodes on this machine, as a user does, but below a directory of the caller's."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import uuid

from ansible_collections.obol.dv.tests.support import secret_scan

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOCAL = ROOT / "inventories" / "local"


class PlaybookError(Exception):
    """A playbook failed; holds what it printed."""


def run(playbooks, directory, *arguments, **options):
    """Run ``playbooks`` (paths from the root of the clone, one after the other in one run); what they printed (stdout).

    The parameters are those of :func:`attempt`.

    :raises PlaybookError: it failed
    """
    done = attempt(playbooks, directory, *arguments, **options)
    if done.returncode:
        raise PlaybookError(
            "%s ended with %d\n%s\n%s" % (" ".join(map(str, playbooks)), done.returncode, done.stdout[-8000:], done.stderr[-2000:])
        )
    return done.stdout


def attempt(playbooks, directory, *arguments, deadline=900, **options):
    """The same, where a failure is no surprise: the ``subprocess.CompletedProcess``.

    :param deadline: in seconds
    """
    with start(playbooks, directory, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options) as process:
        try:
            stdout, stderr = process.communicate(timeout=deadline)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def start(playbooks, directory, *arguments, inventory=LOCAL, environment=(), within=(), **options):
    """The process of ``ansible-playbook``, started.

    :param directory: where the nodes and the store are
    :param arguments: more of its arguments
    :param environment: more of its environment, a mapping
    :param within: the beginning of the command, e.g. ``("unshare", "--net")``
    :param options: of ``subprocess.Popen``
    """
    command = [sys.executable, "-m", "ansible", "playbook", "-i", str(inventory), "-e", "dv_local_dir=%s" % directory]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    return subprocess.Popen(
        [*within, *command, *map(str, arguments), *map(str, playbooks)],
        cwd=ROOT,
        env={**clean, "ANSIBLE_NOCOLOR": "1", **dict(environment)},
        stdin=subprocess.DEVNULL,
        text=True,
        **options,
    )


@contextlib.contextmanager
def killed_on_exit(playbooks, directory, *arguments, environment=(), **options):
    """The process of a run that is killed, with its workers and modules, when this is left; see :func:`start`."""
    mark = uuid.uuid4().hex
    with start(playbooks, directory, *arguments, environment={**dict(environment), "OBOL_DV_TEST": mark}, **options) as process:
        try:
            yield process
        finally:
            kill_all(mark.encode())


def kill_all(mark):
    """Kill every process with ``mark`` (bytes) in its environment: Ansible's workers are in sessions of their own."""
    while processes := list(secret_scan.marked(mark)):
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(process.name), signal.SIGKILL)


def recap(stdout):
    """The counts at the end of a run, e.g. ``{"node1": {"ok": 9, "changed": 0, ...}}``."""
    lines = re.findall(r"^(\S+) +: (ok=.*)$", stdout, re.MULTILINE)
    return {host: {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", counts)} for host, counts in lines}


def inventory_of(directory, nodes):
    """The path of a new inventory in ``directory``: inventories/local with ``nodes`` nodes."""
    inventory = pathlib.Path(directory) / "inventory"
    shutil.copytree(LOCAL, inventory)
    hosts = inventory / "hosts.yml"
    hosts.write_text(hosts.read_text().replace("node[1:4]", "node[1:%d]" % nodes))
    return inventory


def data_dirs(directory, nodes=4):
    """The data directories of the ``nodes`` nodes below ``directory``: node1 first."""
    return [pathlib.Path(directory) / ("node%d" % number) / ".charon" for number in range(1, nodes + 1)]
