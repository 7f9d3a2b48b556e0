# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Times our DKG play beside stock ``charon dkg``: same machine, same run, same definition, same node keys.

Ours is one ``ansible-playbook playbooks/dkg.yml``, from the command to its end, Ansible's start included. Charon's is all
nodes at once with a relay of its own on loopback. CPU is that of all processes of all nodes, without the relay.
"""

import argparse
import pathlib
import resource
import shutil
import sys
import tempfile
import time
from typing import NamedTuple

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "collections"))

from ansible_collections.obol.dv.tests.support import playbook, stock_charon  # noqa: E402

ROWS = ["4x1", "4x10", "4x100", "10x10"]
DEADLINE = 3600


class Cost(NamedTuple):
    wall: float
    cpu: float


class Stopwatch:
    """Wall time, and the CPU of the processes that ended, within a ``with`` block."""

    def __enter__(self):
        self._start = self._now()
        return self

    def __exit__(self, *_error):
        self.cost = Cost(*(end - start for end, start in zip(self._now(), self._start)))

    @staticmethod
    def _now():
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.monotonic(), children.ru_utime + children.ru_stime


def whole_job(directory):
    """The cost of ``create-cluster.yml`` for 4 nodes and 1 validator, from nothing."""
    with Stopwatch() as stopwatch:
        playbook.run(["create-cluster.yml"], directory, "-e", "dv_num_validators=1")
    return stopwatch.cost


def our_dkg(directory, nodes, validators):
    """The cost of our DKG play, after the definition is there."""
    inventory = playbook.inventory_of(directory, nodes)
    terms = ["-e", "dv_num_validators=%d" % validators]
    before = directory / "before.yml"
    steps = (playbook.ROOT / "playbooks" / ("%s.yml" % step) for step in ("preflight", "demo", "enr", "definition"))
    before.write_text("".join("- import_playbook: %s\n" % step for step in steps))
    playbook.run([before], directory, *terms, inventory=inventory, deadline=DEADLINE)
    with Stopwatch() as stopwatch:
        playbook.run(["playbooks/dkg.yml"], directory, *terms, inventory=inventory, deadline=DEADLINE)
    _check_locks(playbook.data_dirs(directory, nodes))
    return stopwatch.cost


def stock_dkg(charon, directory, made):
    """The cost of ``charon dkg`` with the definition and the node keys of the data directories ``made``."""
    data_dirs = [directory / one.parent.name for one in made]
    for data_dir, ours in zip(data_dirs, made):
        data_dir.mkdir(parents=True)
        shutil.copy(ours / "charon-enr-private-key", data_dir)
    with charon.relay() as relay, Stopwatch() as stopwatch:
        charon.dkg(data_dirs, made[0] / "cluster-definition.json", relay, deadline=DEADLINE)
    _check_locks(data_dirs)
    return stopwatch.cost


def _check_locks(data_dirs):
    locks = {(data_dir / "cluster-lock.json").read_bytes() for data_dir in data_dirs}
    if len(locks) != 1:
        sys.exit("the nodes have %d different locks: nothing to compare" % len(locks))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="+", default=ROWS, metavar="NxV", help="nodes x validators (%(default)s)")
    rows = [(row, *map(int, row.split("x"))) for row in parser.parse_args().rows]
    binary = stock_charon.binary()

    with tempfile.TemporaryDirectory(prefix="obol-dv-bench-") as work:
        work = pathlib.Path(work)
        print("create-cluster.yml, 4x1, everything: %.1f s, %.1f CPU s\n" % whole_job(work / "whole"))
        print("DKG      | ours       s   CPU s | charon     s   CPU s | charon / ours    s     CPU")
        for row, nodes, validators in rows:
            directory = work / row
            ours = our_dkg(directory / "ours", nodes, validators)
            charon = stock_charon.Charon(binary, directory / "logs")
            stock = stock_dkg(charon, directory / "stock", playbook.data_dirs(directory / "ours", nodes))
            ratios = stock.wall / ours.wall, stock.cpu / ours.cpu
            print("%-8s | %12.1f %7.1f | %12.1f %7.1f | %15.2f x %5.2f x" % (row, *ours, *stock, *ratios), flush=True)


if __name__ == "__main__":
    main()
