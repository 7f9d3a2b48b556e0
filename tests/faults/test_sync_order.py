# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a power cut would leave: contents are synced before they get their name, names before the next one is given and before
anything is told to others."""

import os

import pytest
from ansible_collections.obol.dv.tests.support import strace
from ansible_collections.obol.dv.tests.support.ceremony_group import ROUNDS, STEPS, name_of_place, step_of_round

PLACES = [
    *(STEPS.index(step) for step in (("wallet", 2), ("enr", 2), ("proposal", 1), ("approval", 2), ("definition", 2))),
    *(step_of_round(round, 1) for round in ROUNDS[:-1]),
]


def is_temporary(path):
    return path.endswith(".tmp")


class Disk:
    """What of a node's files would not outlast a power cut.

    ``contents`` are the files, ``names`` the directories with entries, that were changed and not synced since.
    """

    def __init__(self, node):
        self.node, self.contents, self.names = node, set(), set()
        self.given, self.told = [], 0

    def see(self, call):
        """Follow a :class:`strace.Call`; the order in which things happen is checked here."""
        if call.name == "write" and not call.below(self.node):
            self.told += 1
            assert not self.contents and not self.names, "told before these are synced: %s" % (self.contents | self.names)
        elif call.done and call.changes and call.below(self.node):
            getattr(self, "_" + call.name.removesuffix("at"))(*call.paths)

    def _open(self, path):
        if not is_temporary(path) and os.path.basename(path) != "lock":
            self.names.add(os.path.dirname(path))

    def _write(self, path):
        self.contents.add(path)

    def _fsync(self, path):
        self.contents.discard(path)
        self.names.discard(path)

    def _link(self, old, new):
        changed = {path for path in self.contents | self.names if path == old or path.startswith(old + "/")}
        assert not changed, "%s gets its name before these are synced: %s" % (new, changed)
        directory = os.path.dirname(new)
        # Messages that were received together get their names together: none depends on another.
        others = self.names - ({directory} if os.path.basename(os.path.dirname(directory)) == "in" else set())
        assert not others, "%s gets its name before others last: %s" % (new, others)
        self.names.add(directory)
        self.given.append(new)

    def _rename(self, old, new):
        self._link(old, new)
        if not is_temporary(old):
            self.names.add(os.path.dirname(old))

    def _mkdir(self, path):
        if not is_temporary(path):
            self.names.add(os.path.dirname(path))

    def _unlink(self, path):
        if not is_temporary(path):
            self.names.add(os.path.dirname(path))

    _rmdir = _unlink


@pytest.mark.parametrize("place", PLACES, ids=name_of_place)
def test_order(place, before, tmp_path, needs_strace):
    cluster, (name, node) = before(place).copy(tmp_path / "cluster"), STEPS[place]
    assert not cluster.run(name, node, strace.record(tmp_path / "log")).failed
    disk = Disk(cluster.nodes[node - 1])
    for call in strace.read(tmp_path / "log"):
        disk.see(call)
    assert disk.told
    # Whatever is there now got its name before our eyes.
    old, new = (cluster_then.artefacts(node) for cluster_then in (before(place), cluster))
    named = {os.path.relpath(path, disk.node) for path in disk.given}
    made = {path for path in new.keys() - old.keys() if "validator_keys" not in path}
    assert made and made <= named, made - named


@pytest.mark.parametrize("step", [("enr", 2), ("proposal", 1), ("approval", 2), ("dkg", 1)], ids="{0[0]}".format)
def test_names_that_a_killed_run_gave_last_before_anything_is_told(step, before, tmp_path, needs_strace):
    place, (name, node) = STEPS.index(step), step
    cluster, log = before(place).copy(tmp_path / "recorded"), tmp_path / "log"
    cluster.run(name, node, strace.record(log))
    calls = strace.read(log)
    own = cluster.nodes[node - 1]
    places = [number for number, call in enumerate(calls) if call.name == "link" and call.below(own)]
    for number in places:
        named = os.path.relpath(calls[number].paths[1], cluster.directory)
        synced = next(call for call in calls[number:] if call.name == "fsync")
        again = before(place).copy(tmp_path / "killed")
        assert again.run(name, node, strace.inject(log, synced, "signal=KILL")).killed
        assert (again.directory / named).exists()
        assert not again.run(name, node, strace.record(log)).failed
        directory, told = str((again.directory / named).parent), False
        for call in strace.read(log):
            told = told or call.name == "write" and not call.below(again.nodes[node - 1])
            if call.name == "fsync" and call.paths == (directory,):
                break
        assert not told, "%s was told of before its name lasts" % named
    assert places
