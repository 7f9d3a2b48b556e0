# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Four made-up operators with the terms, proposal and approvals that they agree on; a dealt cluster."""

import os
import pathlib
import shutil
from typing import NamedTuple

import pytest
from ansible_collections.obol.dv.plugins.module_utils.agreement import bindings, proposal
from ansible_collections.obol.dv.plugins.module_utils.agreement.approve import Approver, approve
from ansible_collections.obol.dv.plugins.module_utils.agreement.config import parse_config
from ansible_collections.obol.dv.plugins.module_utils.crypto import secp256k1
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.ethereum import eip712, enr, networks
from ansible_collections.obol.dv.plugins.module_utils.ethereum.address import checksum_address
from ansible_collections.obol.dv.tests.support.dealt_cluster import DealtCluster


class Person(NamedTuple):
    """An operator: its wallet, which is a signer, and its node."""

    private_key: bytes
    address: str
    node_key: bytes
    enr: str

    def sign(self, typed_data):
        return secp256k1.sign(self.private_key, eip712.digest(typed_data))

    def approver(self, data_dir, **asked):
        return Approver(**{"data_dir": DataDir(data_dir), "address": self.address, "enr": self.enr, **asked})


def _person(number):
    private_key, node_key = bytes([number]) * 32, bytes([number + 100]) * 32
    address = checksum_address(secp256k1.address_of(secp256k1.public_key(private_key)))
    return Person(private_key, address, node_key, enr.encode(node_key))


HOODI = networks.KNOWN.by_name("hoodi")
PEOPLE = [_person(number) for number in range(1, 5)]
DEAD = "0x000000000000000000000000000000000000dEaD"


@pytest.fixture(scope="session")
def people():
    """Four operators."""
    return PEOPLE


@pytest.fixture
def terms():
    """Good terms of these four, as a fresh dict of variables."""
    return {
        "name": "test cluster",
        "network": "hoodi",
        "num_validators": 2,
        "withdrawal_addresses": [DEAD],
        "fee_recipient_addresses": [PEOPLE[0].address, PEOPLE[1].address],
        "operators": [person.address for person in PEOPLE],
    }


@pytest.fixture
def tree():
    """A function that gives everything below a path: names, modes and contents, to see that nothing was touched."""

    def snapshot(path):
        return {
            str(each.relative_to(path)): (each.lstat().st_mode, each.read_bytes() if each.is_file() else None)
            for each in sorted(pathlib.Path(path).rglob("*"))
        }

    return snapshot


@pytest.fixture
def proposed(terms, people, tmp_path):
    """The checked proposal of these terms, made in a place of its own."""
    found, _new = proposal.propose(DataDir(tmp_path / "creator"), parse_config(terms), people[0], "A-UUID", "2026-01-02T03:04:05Z")
    return found


@pytest.fixture
def approved(proposed, people, tmp_path):
    """What each of the four did, by share index: (data directories, approvals)."""
    directories, approvals = {}, {}
    for index, person in enumerate(people, 1):
        directories[index] = str(tmp_path / ("node%d" % index))
        approvals[index], _new = approve(
            person.approver(directories[index], confirmed_config_hash=proposed.config_hash), proposed, HOODI, person, {}
        )
    return directories, approvals


@pytest.fixture
def bound(proposed, approved):
    """The same, and each of the four has met the approvals of all."""
    directories, approvals = approved
    texts = {index: given.dump() for index, given in approvals.items()}
    for directory in directories.values():
        bindings.keep(DataDir(directory), proposed, texts, HOODI)
    return approved


@pytest.fixture(scope="session")
def cluster():
    """A dealt cluster: 4 operators, 2 validators, signed by all."""
    return DealtCluster()


@pytest.fixture(scope="session", params=["dealt", "charon"])
def original(request, tmp_path_factory):
    """A valid data directory, not to be changed."""
    if request.param == "charon":
        return request.getfixturevalue("vectors") / "charon-1.10.3" / "hoodi-4x3" / "node0"
    directory = tmp_path_factory.mktemp("dealt") / "node0"
    request.getfixturevalue("cluster").write(directory)
    return directory


@pytest.fixture
def node(original, tmp_path):
    """A data directory to change."""
    directory = tmp_path / "node"
    shutil.copytree(original, directory)
    for root, _directories, names in os.walk(directory):
        os.chmod(root, 0o700)
        for name in names:
            os.chmod(os.path.join(root, name), 0o600)
    return directory
