# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A group of operators with data directories of their own, and a store between them."""

import hashlib
import json
import os

import pytest
from ansible_collections.obol.dv.plugins.module_utils.cluster.definition import Definition, Operator, ValidatorAddresses, with_hashes
from ansible_collections.obol.dv.plugins.module_utils.crypto import jws
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.dkg import ceremony
from ansible_collections.obol.dv.plugins.module_utils.dkg.protocol import encoding, messages
from ansible_collections.obol.dv.plugins.module_utils.dkg.protocol.parameters import Parameters
from ansible_collections.obol.dv.plugins.module_utils.encoding import base64url
from ansible_collections.obol.dv.plugins.module_utils.ethereum import enr, keystore, networks


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
                ValidatorAddresses(fee_recipient_address="0x" + "11" * 20, withdrawal_address="0x%040x" % (i + 1)) for i in range(v)
            ),
            fork_version=network_of(network).genesis_fork_version,
            target_gas_limit=60_000_000,
            **fields,
        )
    )


def network_of(network):
    """The network of that name; one of the inventory's own is given itself."""
    return networks.KNOWN.by_name(network) if isinstance(network, str) else network


class Group:
    """n operators and their store (name -> text). ``networks`` has those whose settings of the network differ."""

    def __init__(self, directory, n=4, t=3, v=1, network="hoodi", **fields):
        self.definition = make_definition(n, t, v, network, **fields)
        self.network, self.networks = network_of(network), {}
        self.n, self.directory, self.store = n, directory, {}
        for index in self.everyone:
            self.data_dir(index).mkdir(parents=True, exist_ok=True)

    @property
    def everyone(self):
        return range(1, self.n + 1)

    def data_dir(self, index):
        """The data directory of an operator."""
        return self.directory / ("node%d" % index) / ".charon"

    def files(self, index, attempt=1):
        """The directory of an operator's attempt."""
        return self.data_dir(index) / "ceremony" / self.definition.definition_hash.hex() / str(attempt)

    def parameters(self, index, attempt=1):
        return Parameters.of_definition(self.definition, node_key(index), attempt)

    def step(self, index, attempt=1, inbox=None, data_dir=None, deliver=True, completed_rounds=()):
        """One run of one operator; its messages go to the store."""
        outcome = ceremony.step(
            DataDir(data_dir or self.data_dir(index)),
            self.definition,
            node_key(index),
            dict(self.store) if inbox is None else inbox,
            attempt,
            network=self.networks.get(index, self.network),
            completed_rounds=completed_rounds,
        )
        if deliver:
            for name, text in outcome.outbox.items():
                self.store.setdefault(name, text)
        return outcome

    def run(self, attempt=1, rounds=6, who=None):
        """All operators in turn, ``rounds`` times. The last outcome of each."""
        outcomes = {}
        for _dummy in range(rounds):
            for index in who or self.everyone:
                outcomes[index] = self.step(index, attempt)
        return outcomes


class Forger:
    """Operator ``index`` of a group, dishonest: it has its key and seed, and signs whatever it likes."""

    def __init__(self, group, index, attempt=1):
        self.group, self.index, self.parameters = group, index, group.parameters(index, attempt)

    def name(self, round):
        return "%d/%s/%d.jws" % (self.parameters.attempt, round, self.index)

    def header(self, round):
        return self._json(self.group.store[self.name(round)].split(".")[0])

    def fields(self, round):
        """The JSON object in its honest message."""
        return self._json(self.group.store[self.name(round)].split(".")[1])

    def sign(self, header, payload, key=None):
        """The text of a message with this header and payload (dicts, or bytes as they are)."""
        header, payload = (part if isinstance(part, bytes) else encoding.to_json(part).encode() for part in (header, payload))
        return jws.sign(key or node_key(self.index), header, payload)

    def forge(self, round, header=None, **fields):
        """Put a message with other header fields (dict) or payload fields in the place of the honest one."""
        text = self.sign({**self.header(round), **(header or {})}, {**self.fields(round), **fields})
        self.group.store[self.name(round)] = text
        return text

    def row(self, round, name, length):
        """The items of a row of its honest message."""
        return list(messages.split(base64url.from_base64(self.fields(round)[name]), length))

    def forge_row(self, round, name, items):
        return self.forge(round, **{name: base64url.to_base64(b"".join(items))})

    @staticmethod
    def _json(text):
        return json.loads(base64url.from_base64(text))


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    """No waiting for disks, and few rounds of PBKDF2: neither changes what a ceremony does."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    monkeypatch.setattr(keystore, "ITERATIONS", 16)


@pytest.fixture
def group(tmp_path):
    """Makes a :class:`Group`; its parameters are those of the class, without the directory."""

    def make(*args, **kwargs):
        return Group(tmp_path / "group", *args, **kwargs)

    make.node_key, make.forger = node_key, Forger
    return make
