# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the clone's playbooks over nodes on this machine, as a user does, but below a directory of the caller's."""

import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOCAL = ROOT / "inventories" / "local"


class PlayError(Exception):
    """A playbook failed; holds what it printed."""


def play(playbooks, directory, *arguments, inventory=LOCAL, deadline=900):
    """Run ``playbooks`` (paths from the root of the clone, one after the other in one run); what they printed (stdout).

    :param directory: where the nodes and the store are
    :param arguments: more of ``ansible-playbook``'s arguments
    :raises PlayError: it failed
    """
    command = [sys.executable, "-m", "ansible", "playbook", "-i", str(inventory), "-e", "dv_local_dir=%s" % directory]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    done = subprocess.run(
        [*command, *arguments, *playbooks],
        cwd=ROOT,
        env={**environment, "ANSIBLE_NOCOLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=deadline,
        check=False,
    )
    if done.returncode:
        raise PlayError(
            "%s ended with %d\n%s\n%s"
            % (" ".join(map(str, playbooks)), done.returncode, done.stdout[-8000:], done.stderr[-2000:])
        )
    return done.stdout


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
