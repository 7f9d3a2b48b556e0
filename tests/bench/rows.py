# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is measured, by name.

``NxV`` is the DKG of N nodes and V validators, ours beside stock charon's; ``NxV,forks=F`` and ``NxV,ssh`` are ours otherwise: with F
nodes at once, and over ssh with become. ``create-cluster`` is the main job; ``fleet-N`` a run over N nodes with nothing to do; ``keys-CxNxV``
the key shares of C clusters of N nodes and V validators, into a validator client of each node.
"""

import re
from typing import NamedTuple

#: In this order. Clusters of 4 nodes, and those of 10 validators, make the chart.
NAMES = (
    "create-cluster",
    *("4x1", "4x10", "4x100", "7x10", "10x10", "7x50", "20x10", "4x1000"),
    *("10x10,forks=5", "10x10,ssh"),
    *("30x100", "100x10", "4x5000"),
    *("fleet-4", "fleet-16", "fleet-50"),
    "keys-5x4x50",
)
#: Where charon is left out: its users report that it times out.
CHARON_TIMES_OUT = {"30x100", "100x10", "4x5000"}


class Row(NamedTuple):
    """A DKG. ``forks`` is None for those of ansible.cfg."""

    nodes: int
    validators: int
    forks: int | None = None
    ssh: bool = False

    @property
    def plain(self):
        """Whether it is run as the clone's own configuration has it."""
        return not self.forks and not self.ssh


class Fleet(NamedTuple):
    """A run with nothing to do."""

    nodes: int


class Keys(NamedTuple):
    """Key shares into validator clients."""

    clusters: int
    nodes: int
    validators: int


class CreateCluster(NamedTuple):
    """The main job."""


def parse(name):
    """What a name stands for: a :class:`Row`, :class:`Fleet`, :class:`Keys` or :class:`CreateCluster`.

    :raises ValueError: nothing
    """
    if name == "create-cluster":
        return CreateCluster()
    if match := re.fullmatch(r"fleet-([1-9]\d*)", name):
        return Fleet(int(match[1]))
    if match := re.fullmatch(r"keys-([1-9]\d*)x([1-9]\d*)x([1-9]\d*)", name):
        return Keys(*map(int, match.groups()))
    if match := re.fullmatch(r"([1-9]\d*)x([1-9]\d*)(?:,forks=([1-9]\d*)|(,ssh))?", name):
        nodes, validators, forks, ssh = match.groups()
        return Row(int(nodes), int(validators), int(forks) if forks else None, bool(ssh))
    raise ValueError("%r is none of create-cluster, fleet-N, keys-CxNxV, NxV, NxV,forks=F, NxV,ssh" % name)
