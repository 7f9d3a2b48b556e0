# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node measures, and in which order."""

import pytest
from ansible_collections.obol.dv.plugins.module_utils.clients import beacon_health, charon_monitoring
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.ethereum.networks import Network
from ansible_collections.obol.dv.plugins.module_utils.readiness import layers, links, node
from ansible_collections.obol.dv.tests.support.dealt_cluster import DealtCluster
from ansible_collections.obol.dv.tests.support.stock_charon import free_addresses


@pytest.fixture
def nowhere():
    """A URL where nobody answers."""
    return "http://%s" % free_addresses(1)[0]


def test_a_slow_client_makes_no_link_dead(tmp_path, monkeypatch, nowhere):
    """The others answer for two minutes or so: they are asked before a beacon node that takes as long."""
    order = []
    monkeypatch.setattr(links, "measure", lambda *_arguments: order.append("links") or [])
    monkeypatch.setattr(layers, "look_at_beacon", lambda *_arguments: order.append("beacon") or [])
    lock = DealtCluster(validators=1).lock
    network = Network("hoodi", bytes.fromhex("10000910"), 560048, 1742213400)
    places = node.Places({}, charon_monitoring.at(nowhere), beacon_health.at(nowhere), None, [], dict(target=None), [], 0)
    node.measure(node.Node(DataDir(str(tmp_path)), lock, 1, network, b"", False), places, dry_run=True)
    assert order == ["links", "beacon"]
