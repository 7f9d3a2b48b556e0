# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The networks that charon knows, and custom ones. Source: charon-formats §10."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ..errors import DvError, show


@dataclass(frozen=True)
class Network:
    """A network.

    :param name: as charon calls it
    :param chain_id: of its execution layer
    :param genesis_fork_version: 4 bytes
    :param genesis_time: Unix seconds
    :param capella_fork_version: 4 bytes, under which exits are signed; ``None`` where it is not known
    :param genesis_validators_root: 32 bytes, which tell its chain from all others; ``None`` where it is not known
    """

    name: str
    chain_id: int
    genesis_fork_version: bytes
    genesis_time: int
    capella_fork_version: bytes | None = None
    genesis_validators_root: bytes | None = None


#: The networks that charon knows. Columns: name, chain id, genesis fork version, genesis time, Capella fork version, genesis validators
#: root, the last as the clients of each network have it.
NETWORKS = tuple(
    Network(name, chain_id, bytes.fromhex(genesis), genesis_time, bytes.fromhex(capella), bytes.fromhex(root))
    for name, chain_id, genesis, genesis_time, capella, root in (
        ("mainnet", 1, "00000000", 1606824023, "03000000", "4b363db94e286120d76eb905340fdd4e54bfe9f06bf33ff6cf5ad27f511bfe95"),
        ("gnosis", 100, "00000064", 1638993340, "03000064", "f5dcb5564e829aab27264b9becd5dfaa017085611224cb3036f573368dbb9d47"),
        ("chiado", 10200, "0000006f", 1665396300, "0300006f", "9d642dac73058fbf39c0ae41ab1e34e4d889043cb199851ded7095bc99eb4c1e"),
        ("sepolia", 11155111, "90000069", 1655733600, "90000072", "d8ea171f3c94aea21ebc42a1ed61052acf3f9209c00e4efbaaddac09ed9b8078"),
        ("hoodi", 560048, "10000910", 1742213400, "40000910", "212f13fc4df078b6cb7db228f1c8307566dcecf900867401a92023d7ba99cb5f"),
        # Gone, but old files are still to be read.
        ("holesky", 17000, "01017000", 1696000704, "04017000", "9143aa7c615a7f7115e2b6aac319c03529df8242ae705fba9df39b79c59fa8b1"),
        ("goerli", 5, "00001020", 1616508000, "03001020", "043db0d9a83813551ee2f33450d23797757d430911a9320530ad8a0eabc43efb"),
    )
)

#: Names of those where validators hold real value.
PRODUCTION = frozenset({"mainnet", "gnosis"})


class Networks:
    """The networks that count in a run: those that charon knows, and its ``custom`` ones (:func:`custom_network`)."""

    def __init__(self, *custom: Network):
        self._networks = (*NETWORKS, *custom)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Networks) and self._networks == other._networks

    def of(self, definition: Any) -> Network:
        """The network of a :class:`~.cluster.definition.Definition`; errors as of :meth:`by_fork_version`."""
        return self.by_fork_version(definition.fork_version)

    def by_fork_version(self, fork_version: bytes) -> Network:
        """The network with the genesis fork version ``fork_version`` (4 bytes).

        :raises DvError: not known; the error lists the known ones
        """
        for network in self._networks:
            if network.genesis_fork_version == fork_version:
                return network
        raise DvError(
            f"no network with the genesis fork version 0x{fork_version.hex()} is known",
            "one of " + ", ".join(f"0x{each.genesis_fork_version.hex()} ({each.name})" for each in self._networks),
            "if it is a network of your own, name it too",
        )

    def by_name(self, name: str) -> Network:
        """The network called ``name``; errors as of :meth:`by_fork_version`."""
        for network in self._networks:
            if network.name == name:
                return network
        raise DvError(
            f"the network {show(name)} is not known",
            "one of " + ", ".join(network.name for network in self._networks),
            "for a network of your own set dv_testnet_name, dv_testnet_chain_id, dv_testnet_fork_version and dv_testnet_genesis_timestamp",
        )


#: No custom network among them.
KNOWN = Networks()


def name_of(fork_version: bytes) -> str:
    """The name of the known network with the genesis fork version ``fork_version`` (4 bytes); of another its text, ``0x`` and hex."""
    names = {network.genesis_fork_version: network.name for network in NETWORKS}
    return names.get(fork_version, "0x" + fork_version.hex())


def validators_root_of(fork_version: bytes) -> bytes | None:
    """The genesis validators root of the known network with the genesis fork version ``fork_version`` (4 bytes), if it is one."""
    return next((network.genesis_validators_root for network in NETWORKS if network.genesis_fork_version == fork_version), None)


def custom_network(name: str, chain_id: int, fork_version: str, genesis_time: int) -> Network:
    """A custom network, from what a user says of it.

    :param fork_version: its genesis fork version: ``0x`` and 8 lower-case hex digits (charon compares the text)
    :param genesis_time: Unix seconds
    :raises DvError: a wrong value, or one that belongs to a known network
    """
    if not isinstance(name, str) or not re.fullmatch("[A-Za-z0-9._-]{1,64}", name):
        raise DvError(f"the network's name is {show(name)}", "1 to 64 letters, digits, '.', '_' or '-'")
    if not isinstance(fork_version, str) or not re.fullmatch("0x[0-9a-f]{8}", fork_version):
        raise DvError(f"the network's fork version is {show(fork_version)}", "0x and 8 lower-case hex digits")
    for what, value in (("chain id", chain_id), ("genesis time", genesis_time)):
        if type(value) is not int or not 0 < value < 2**63:  # pylint: disable=unidiomatic-typecheck
            raise DvError(f"the network's {what} is {show(value)}", "a positive integer")
    network = Network(name, chain_id, bytes.fromhex(fork_version[2:]), genesis_time)
    for known in NETWORKS:
        if network.name == known.name or network.genesis_fork_version == known.genesis_fork_version:
            raise DvError(f"{name}, {fork_version} is the known network {known.name}", "a name and fork version of its own")
    return network
