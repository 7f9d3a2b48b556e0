# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks."""

import pytest
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum import networks


@pytest.mark.parametrize("network", networks.NETWORKS, ids=lambda network: network.name)
def test_found_by_both(network):
    assert networks.KNOWN.by_name(network.name) is network
    assert networks.KNOWN.by_fork_version(network.genesis_fork_version) is network
    assert len(network.genesis_fork_version) == len(network.capella_fork_version) == 4
    assert networks.validators_root_of(network.genesis_fork_version) == network.genesis_validators_root
    assert len(network.genesis_validators_root) == 32


def test_all_different():
    for attribute in ("name", "chain_id", "genesis_fork_version", "genesis_time", "capella_fork_version", "genesis_validators_root"):
        assert len({getattr(network, attribute) for network in networks.NETWORKS}) == len(networks.NETWORKS)
    assert networks.PRODUCTION <= {network.name for network in networks.NETWORKS}


@pytest.mark.parametrize("name", ["Mainnet", "", None, 5, ["hoodi"], "x" * 1000])
def test_unknown_name(name):
    with pytest.raises(DvError, match="mainnet, gnosis, .*dv_testnet_name"):
        networks.KNOWN.by_name(name)


@pytest.mark.parametrize("fork_version", [b"", b"\1\2\3\4", bytes(5)])
def test_unknown_fork_version(fork_version):
    with pytest.raises(DvError, match="0x00000000 .mainnet."):
        networks.KNOWN.by_fork_version(fork_version)


def test_custom():
    mine = networks.custom_network("devnet", 4242, "0x10004242", 1700000000)
    assert mine == networks.Network("devnet", 4242, bytes.fromhex("10004242"), 1700000000, None)
    assert networks.Networks(mine).by_fork_version(bytes.fromhex("10004242")) is mine
    assert networks.Networks(mine).by_name("devnet") is mine
    assert networks.validators_root_of(bytes.fromhex("10004242")) is None
    with pytest.raises(DvError, match="devnet"):
        networks.Networks(mine).by_fork_version(b"\0\0\0\1")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (("", 1, "0x10004242", 1), 'name is ""'),
        ((None, 1, "0x10004242", 1), "name is empty"),
        (("dev net", 1, "0x10004242", 1), 'name is "dev net"'),
        (("devnet", 1, "10004242", 1), 'fork version is "10004242"'),
        (("devnet", 1, "0x1000424A", 1), "lower-case"),
        (("devnet", 1, None, 1), "fork version is empty"),
        (("devnet", 0, "0x10004242", 1), "chain id is 0"),
        (("devnet", "1", "0x10004242", 1), 'chain id is "1"'),
        (("devnet", True, "0x10004242", 1), "chain id is true"),
        (("devnet", 1, "0x10004242", -1), "genesis time is -1"),
        (("hoodi", 1, "0x10004242", 1), "the known network hoodi"),
        (("devnet", 1, "0x10000910", 1), "the known network hoodi"),
    ],
)
def test_wrong_custom(values, said):
    with pytest.raises(DvError, match=said):
        networks.custom_network(*values)
