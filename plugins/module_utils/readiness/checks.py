# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is looked at, and from which value on it is worth a warning, or fails. Each threshold has its source beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import DvError, show


class Check(NamedTuple):
    """A row.

    :param title: what it is called for people
    :param unit: of its values: ``us``, ``s``, ``MB``, ``permille``, ``percent``, ``slots``, ``peers``; nothing where it is no number for people
    :param warn: from which value on it is worth a warning, if from any
    :param fail: from which value on it fails, if from any
    :param hint: what to do then
    :param rising: whether it gets worse with higher values; otherwise below these
    :param needed: whether it fails where nothing answers, whatever the thresholds
    """

    title: str
    unit: str
    warn: int | None
    fail: int | None
    hint: str
    rising: bool = True
    needed: bool = True


def _yes(title: str, hint: str, warns: bool = False) -> Check:
    """A check whose value is 1 where it is so, and 0 where it is not."""
    return Check(title, "", 1 if warns else None, None if warns else 1, hint, rising=False, needed=not warns)


_NEARER = "see what is between the two: another way, a nearer host, a direct connection in the place of a relay"
_CLOCK = "set the clock by NTP (timedatectl, chronyc tracking)"

#: Those of a link, from one node to another.
LINK_CHECKS = {
    # charon alpha test peers, v1.10.3: thresholdPeersMeasureAvg, thresholdPeersMeasurePoor.
    "round_trip": Check("round trip, median", "us", 50_000, 240_000, _NEARER),
    # charon v1.10.3, core/consensus/timer: the first round of a consensus has one second, which three messages share.
    "round_trip_p99": Check("round trip, 99 of 100", "us", 240_000, 500_000, _NEARER),
    "jitter": Check("jitter", "us", 50_000, None, _NEARER),
    # TCP repairs what is lost, which takes a round trip or two; of one in twenty none of charon's deadlines is sure.
    "loss": Check("loss", "permille", 10, 50, "see what loses packets between the two: the network, a firewall with limits"),
    # consensus-specs, phase0/p2p-interface: MAXIMUM_GOSSIP_CLOCK_DISPARITY is 500 ms.
    "clock_offset": Check("difference of the clocks", "us", 100_000, 500_000, _CLOCK),
}

#: Those of a node, in the order in which they are shown.
NODE_CHECKS = {
    "charon_running": _yes("charon runs", "start charon, or set dv_charon_monitoring_url to its --monitoring-address", warns=True),
    "charon_ready": _yes("charon is ready (/readyz)", "its words say what it lacks"),
    "charon_cluster": _yes("charon runs this cluster, as this operator", "see which lock and which ENR private key it was started with"),
    "charon_peers": _yes("versions of the other charons fit", "update the one that is behind", warns=True),
    # As charon says itself: 1 is what it calls average, 2 what it calls poor, or failed.
    "charon_test": Check("charon alpha test", "", 1, 2, "see what it suggests; charon alpha test --help"),
    "beacon_network": _yes("beacon node: the lock's network", "set dv_beacon_url to a node of the cluster's network"),
    "beacon_syncing": _yes("beacon node: in sync", "wait until it is; see its log"),
    # A client that lost the other layer says so late, or never: what it does not follow shows.
    "beacon_head": Check(
        "beacon node: slots behind the clock", "slots", 3, 5, "see its log, its peers and its execution client, and this node's clock"
    ),
    # charon alpha test beacon, v1.10.3.
    "beacon_ping": Check("beacon node: time to answer", "us", 40_000, 100_000, "a nearer beacon node, or a less loaded one"),
    "beacon_peers": Check("beacon node: peers", "peers", 50, 20, "open its p2p port; see its log", rising=False),
    "execution_network": _yes("execution client: the lock's network", "set dv_execution_url to a client of the cluster's network"),
    "execution_syncing": _yes("execution client: in sync", "wait until it is; see its log"),
    "execution_head": Check("execution client: age of its newest block", "s", 60, 120, "see its log, its peers and its beacon node"),
    "execution_ping": Check("execution client: time to answer", "us", 40_000, 100_000, "a nearer execution client, or a less loaded one"),
    "execution_peers": Check("execution client: peers", "peers", 10, 3, "open its p2p port; see its log", rising=False),
    # charon alpha test validator, v1.10.3.
    "client_ping": Check("validator client: time to answer", "us", 50_000, 240_000, "see how loaded its machine is"),
    "client_keys": _yes("validator client: all key shares", "ansible-playbook obol.dv.load_keys"),
    "client_fees": _yes("validator client: fee recipients of the lock", "ansible-playbook obol.dv.load_keys"),
    # charon alpha test mev, v1.10.3.
    "mev_ping": Check("MEV relay: time to answer", "us", 40_000, 100_000, "see whether it is up; a nearer one"),
    # What databases of slashing protection wait for at each signature; 10 ms is what etcd wants of a disk.
    "disk_sync": Check("disk: time until written", "us", 10_000, 50_000, "a faster disk, an SSD of its own"),
    "disk_free": Check("disk: free space", "MB", 10_000, 2_000, "free some, or use a larger disk", rising=False),
    # charon alpha test infra, v1.10.3.
    "memory": Check("memory", "MB", 8_000, 4_000, "a larger machine", rising=False),
    "memory_free": Check("memory: available", "MB", 4_000, 2_000, "see what takes it", rising=False),
    "load": Check("load for each processor", "percent", 200, None, "see what runs there"),
    "backup": _yes("a drill proved a backup of its key shares", "ansible-playbook obol.dv.backup, then obol.dv.drill", warns=True),
}

CHECKS = {**LINK_CHECKS, **NODE_CHECKS}


def with_thresholds(asked: Mapping[str, Any]) -> dict[str, Check]:
    """:data:`CHECKS`, with other thresholds for those that are ``asked`` for: name -> where a warning begins, and where it fails, either
    of them null.

    :raises DvError: there is no such check, or these are no thresholds
    """
    return {**CHECKS, **{name: _with(name, pair) for name, pair in asked.items()}}


def _with(name: str, pair: Any) -> Check:
    check = CHECKS.get(name)
    if not check:
        raise DvError(f"dv_test_thresholds names {show(name)}", "a check", f"they are {', '.join(CHECKS)}")
    if not isinstance(pair, list) or len(pair) != 2 or not all(map(_is_threshold, pair)):
        found = f"dv_test_thresholds has other thresholds for {name}: {show(pair)}"
        raise DvError(found, f"two whole numbers ({check.unit or 'counted'}): where a warning begins, and where it fails; null for none")
    return check._replace(warn=pair[0], fail=pair[1])


def _is_threshold(value: Any) -> bool:
    return value is None or isinstance(value, int) and not isinstance(value, bool)
