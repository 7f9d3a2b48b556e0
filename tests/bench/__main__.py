# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures what our ceremonies cost, beside stock charon's: same machine, same run, same definition, same node keys."""

import argparse
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "collections"))

from ansible_collections.obol.dv.tests.bench import keys, machine, page, rows, runs, table  # noqa: E402
from ansible_collections.obol.dv.tests.bench.measure import Failed  # noqa: E402
from ansible_collections.obol.dv.tests.support import stock_charon  # noqa: E402
from ansible_collections.obol.dv.tests.support.go_build import NoGo  # noqa: E402
from ansible_collections.obol.dv.tests.support.netns_hosts import HostsError  # noqa: E402


def measure(name, directory, charon):
    """The figures of what has that ``name``, by who or when: ``{"ours": ..., "charon": ...}``; ``charon`` is the path of the binary."""
    wanted = rows.parse(name)
    if isinstance(wanted, rows.CreateCluster):
        return runs.create_cluster(directory)
    if isinstance(wanted, rows.Fleet):
        with runs.hosts(directory, wanted.nodes) as hosts:
            return {"ours": runs.fleet(runs.SshNodes(directory / "ours", hosts))}
    if isinstance(wanted, rows.Keys):
        return keys.measure(directory, wanted)
    if wanted.ssh:
        with runs.hosts(directory, wanted.nodes) as hosts:
            return {"ours": runs.dkg(runs.SshNodes(directory / "ours", hosts, wanted.validators))}
    nodes = runs.Nodes(directory / "ours", wanted.nodes, wanted.validators, wanted.forks)
    figures = {"ours": runs.dkg(nodes)}
    if wanted.plain and name not in rows.CHARON_TIMES_OUT:
        commands = stock_charon.Charon(charon, directory / "logs")
        try:
            figures["charon"] = runs.charon_dkg(commands, directory / "charon", nodes.data_dirs)
        except Failed as error:
            _tell("charon has no figures for %s: %s" % (name, error))
    return figures


def _tell(text):
    print(text, file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__, epilog="Names: %s." % " ".join(rows.NAMES))
    parser.add_argument("--only", nargs="+", default=rows.NAMES, metavar="NAME", help="these of them, or others like them: 13x40")
    parser.add_argument("--save", action="store_true", help="keep the figures, as docs/performance.*, for a commit")
    parser.add_argument("--draw", action="store_true", help="measure nothing: write table and chart again, of the figures kept")
    given = parser.parse_args()
    if given.draw:
        page.save(page.read())
        return
    try:
        charon = stock_charon.binary()
        for name in given.only:
            rows.parse(name)
    except (NoGo, ValueError) as error:
        sys.exit(str(error))
    if machine.busy():
        _tell("others use this machine now: the figures will be theirs too")
    measured = {"machine": machine.describe(), "runs": {}}
    for name in given.only:
        _tell("%s ..." % name)
        with tempfile.TemporaryDirectory(prefix="obol-dv-bench-") as work:
            try:
                measured["runs"][name] = page.rounded(measure(name, pathlib.Path(work), charon))
            except (Failed, HostsError) as error:
                _tell("%s has no figures: %s" % (name, error))
        # After each: the next may take an hour.
        if given.save:
            page.save(measured)
    print(table.draw(measured))


if __name__ == "__main__":
    main()
