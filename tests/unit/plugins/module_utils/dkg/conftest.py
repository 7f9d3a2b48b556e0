# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A group of operators with data directories of their own, and a store between them."""

import hashlib

import pytest
from ansible_collections.obol.dv.plugins.module_utils import enr, networks
from ansible_collections.obol.dv.plugins.module_utils.definition import Definition, Operator, ValidatorAddresses, with_hashes
from ansible_collections.obol.dv.plugins.module_utils.dkg import ceremony
from ansible_collections.obol.dv.plugins.module_utils.dkg.session import parameters


def node_key(index, salt=""):
    """A node key that is always the same."""
    return hashlib.sha256(b"node %d %s" % (index, salt.encode())).digest()


def make_definition(n, t, v, network="hoodi", **fields):
    """An unsigned definition: who may accept one is not the protocol's business."""
    return with_hashes(
        Definition(
            name="test cluster",
            operators=tuple(Operator(enr=enr.encode(node_key(index))) for index in range(1, n + 1)),
            uuid="00000000-0000-0000-0000-000000000000",
            timestamp="2026-01-01T00:00:00Z",
            num_validators=v,
            threshold=t,
            validators=tuple(
                ValidatorAddresses(fee_recipient_address="0x" + "11" * 20, withdrawal_address="0x%040x" % (i + 1))
                for i in range(v)
            ),
            fork_version=networks.by_name(network).genesis_fork_version,
            target_gas_limit=60_000_000,
            **fields,
        )
    )


class Group:
    """n operators and their store (name -> text)."""

    def __init__(self, directory, n=4, t=3, v=1, network="hoodi", **fields):
        self.definition = make_definition(n, t, v, network, **fields)
        self.network = networks.by_name(network)
        self.n, self.directory, self.store = n, directory, {}
        for index in self.everyone:
            self.home(index).mkdir(parents=True, exist_ok=True)

    @property
    def everyone(self):
        return range(1, self.n + 1)

    def home(self, index):
        """The data directory of an operator."""
        return self.directory / ("node%d" % index) / ".charon"

    def files(self, index, attempt=1):
        """The directory of an operator's attempt."""
        return self.home(index) / "ceremony" / self.definition.definition_hash.hex() / str(attempt)

    def parameters(self, index, attempt=1):
        return parameters(self.definition, node_key(index), attempt)

    def step(self, index, attempt=1, inbox=None, home=None, deliver=True):
        """One run of one operator; its messages go to the store."""
        outcome = ceremony.step(
            str(home or self.home(index)),
            self.definition,
            node_key(index),
            dict(self.store) if inbox is None else inbox,
            attempt,
            network=self.network,
        )
        if deliver:
            for name, text in outcome.outbox.items():
                self.store.setdefault(name, text)
        return outcome

    def run(self, attempt=1, rounds=6, who=None):
        """All operators in turn, ``rounds`` times. The last outcome of each."""
        outcomes = {}
        for dummy in range(rounds):
            for index in who or self.everyone:
                outcomes[index] = self.step(index, attempt)
        return outcomes


@pytest.fixture
def group(tmp_path):
    """Makes a :class:`Group`; its parameters are those of the class, without the directory."""

    def make(*args, **kwargs):
        return Group(tmp_path / "group", *args, **kwargs)

    make.node_key = node_key
    return make
