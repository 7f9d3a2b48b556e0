# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node's key shares, verified: the very bytes that go to a validator client, and what goes with them."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from ..cluster.definition import effective_gas_limit
from ..cluster.lock import ClusterLock
from ..cluster.operators import index_of_key
from ..crypto import secp256k1
from ..crypto.bls.signatures import bls
from ..data_dir import key_place, layout, node_key
from ..data_dir.layout import DataDir
from ..data_dir.validator_keys import ValidatorKeys
from ..encoding.hex import from_hex, to_hex
from ..errors import DvError
from ..ethereum import enr
from ..ethereum.networks import Networks
from ..storage.memory_files import MemoryFiles
from ..verify.data_dir import check_data_dir
from ..verify.report import Report

# What was verified last, and what came of it: a look ahead and the loading that follows are mostly answered by one process on the node.
_verified: list[Any] = []


class Share(NamedTuple):
    """A key share that lies in the data directory.

    :param public_key: of the share, 48 bytes
    :param keystore: the text of the file
    :param password: what opens it
    """

    public_key: bytes
    keystore: str
    password: str


class Validator(NamedTuple):
    """What a validator client is to do for a validator: fee recipient (20 bytes) and gas limit, as the lock has them."""

    position: int
    fee_recipient: bytes
    gas_limit: int


class Shares(NamedTuple):
    """All of a node.

    :param fork_version: of the genesis of the lock's network, 4 bytes
    :param wanted: by the public key (48 bytes) of this node's share of each validator
    :param of_others: share index by the public key of each share of the other operators
    :param here: those in the data directory, none where they are elsewhere
    """

    lock_hash: str
    fork_version: bytes
    share_index: int
    peer_id: str
    wanted: dict[bytes, Validator]
    of_others: dict[bytes, int]
    here: list[Share]

    def names(self, keys: Iterable[bytes]) -> str:
        """Those of this node with these public ``keys``, for people."""
        first, *more = [f"validator {self.wanted[key].position} ({to_hex(key)})" for key in keys]
        return f"that of {first}" + (f" and {len(more)} more" if more else "")

    def lost(self, target: object, keys: Collection[bytes], hint: str) -> DvError:
        """The error that a ``target`` has no more what it had."""
        found = f"{target} has lost {len(keys)} of {len(self.wanted)} key shares: {self.names(keys)}"
        return DvError(found, "all that were loaded there", hint)


def read(data_dir: DataDir, networks: Networks) -> tuple[Shares, list[str]]:
    """The key shares of the node, and warnings: all that belongs to them is verified as by ``verify``.

    What was verified is what is returned: each file is read once. Files that are, to the byte, those that were verified last in this
    process are not verified again.

    :raises Problems: whatever is wrong with them
    """
    if not data_dir.holds(layout.LOCK):
        raise DvError(f"{data_dir} has no {layout.LOCK}", "a complete cluster", "load key shares when it is there")
    names = [layout.NODE_KEY, layout.LOCK, layout.DEFINITION, layout.OVERRIDES, key_place.FILE]
    names += fnmatch.filter(data_dir.source.list_directory(data_dir.root), layout.DEPOSIT_DATA)
    # What else lies beside the keystores is nobody's, as it is to charon.
    in_keys = data_dir.source.list_directory(data_dir.path(layout.KEYS)) if data_dir.holds(layout.KEYS) else []
    names += [f"{layout.KEYS}/{name}" for name in in_keys if name.startswith("keystore-")]
    found = {name: content for name in names if (content := data_dir.read(name)) is not None}
    asked = data_dir.root, found, networks
    if _verified[:1] != [asked]:
        memory = DataDir(data_dir.root, MemoryFiles(data_dir.root, found))
        report = Report()
        check_data_dir(report, memory, networks)
        report.raise_errors()
        warnings = [f"{finding.check}: {finding.text}" for finding in report.findings]
        _verified[:] = asked, (_of_lock(memory, in_directory(memory)), warnings)
    return _verified[1]


def of_lock(data_dir: DataDir) -> Shares:
    """What the lock in the data directory has of the node's key shares, for who takes them away: nothing is verified, none is :attr:`here`.

    :raises DvError: there is no lock that can be read, or the node is none of its operators
    """
    return _of_lock(data_dir, [])


def _of_lock(data_dir: DataDir, here: list[Share]) -> Shares:
    content = data_dir.read(layout.LOCK)
    if content is None:
        raise DvError(f"{data_dir} has no {layout.LOCK}", "a complete cluster")
    lock = ClusterLock.parse(content, layout.LOCK)
    public_key = secp256k1.public_key(node_key.read(data_dir))
    share_index = index_of_key(lock.definition, public_key)
    limit, addresses = effective_gas_limit(lock.definition), lock.definition.validators or ()
    wanted, of_others = {}, {}
    for position, (validator, its) in enumerate(zip(lock.validators or (), addresses)):
        of_others.update({share: index for index, share in enumerate(validator.public_shares, 1) if index != share_index})
        recipient = from_hex(its.fee_recipient_address, 20, "fee_recipient_address")
        wanted[validator.public_shares[share_index - 1]] = Validator(position, recipient, limit)
    return Shares(to_hex(lock.lock_hash), lock.definition.fork_version, share_index, enr.peer_id(public_key), wanted, of_others, here)


def in_directory(data_dir: DataDir) -> list[Share]:
    """Those in the data directory, one of each, as they are: nothing is verified.

    :raises DvError: one of them cannot be read
    """
    if not data_dir.holds(layout.KEYS):
        return []
    keys = ValidatorKeys(data_dir.path(layout.KEYS), source=data_dir.source)
    shares: dict[bytes, Share] = {}
    for path in keys.paths():
        public_key = keys.public_key(path) or bls.secret_to_public(keys.read_share(path))
        password = data_dir.source.read(path.removesuffix(".json") + ".txt").decode()
        # What ends a line is none of a password, and some clients take it for one.
        shares.setdefault(public_key, Share(public_key, data_dir.source.read(path).decode(), password.rstrip("\r\n")))
    return [*shares.values()]
