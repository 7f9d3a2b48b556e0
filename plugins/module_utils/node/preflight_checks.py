# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks of :mod:`.preflight` that read what a node holds. Each raises all that it finds, and writes nothing."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..agreement import acceptance, acceptance_checks, approval, approve, policy, proposal
from ..agreement.config import ClusterConfig, differences, parse_config, unsigned_definition
from ..backup.backups import for_whom
from ..cluster import definition_hash
from ..cluster.canonical import canonical_form
from ..cluster.definition import Definition
from ..cluster.lock import ClusterLock
from ..cluster.operators import ambiguous, indices_of
from ..cluster.store_names import PROPOSAL
from ..cluster.summary import summarize_config
from ..crypto import secp256k1
from ..data_dir import layout, node_key, stored_definition
from ..data_dir.layout import DEFINITION, KEYS, LOCK
from ..encoding.hex import to_hex
from ..errors import Collector, DvError, raise_all
from ..ethereum import enr
from ..ethereum.address import checksum_address, parse_address
from ..ethereum.networks import Network, Networks
from ..signers import key_file_wallet
from ..storage.paths import check_directory

if TYPE_CHECKING:
    from .preflight import Given, Node


def agreed_config(node: Node, terms: Mapping[str, object]) -> ClusterConfig:
    """The :class:`~.config.ClusterConfig` of ``terms``. Wallets that this run makes are not known yet."""
    return parse_config(terms, operators_pending=node.wallet_create)


def given_definition(given: Given) -> Definition:
    """The :class:`~.cluster.definition.Definition` of a :class:`~.preflight.Given` one."""
    return canonical_form(Definition.parse(given.text, f"the definition {given.path}"))


def check_node_key(node: Node, now: float) -> None:
    """A key that parses, that no charon uses (unless the cluster is finished), and that is not lost halfway."""
    if node_key.exists(node.data_dir):
        node_key.read(node.data_dir)
        used = None if finished(node) else node_key.in_use(node.data_dir, now)
        if used:
            raise DvError(used, "a key that no charon uses", "stop that charon, or choose another data directory")
    elif approval.read(node.data_dir) or _definition(node):
        raise DvError(
            f"{node.data_dir} has no {layout.NODE_KEY}, but it took part in a cluster",
            "the key that it took part with",
            "restore it from a backup, or choose a new data directory for a new cluster",
        )


def check_artefacts(node: Node, config: ClusterConfig) -> None:
    """A definition, lock, keys and records of no other cluster than that of ``config``."""
    problems = Collector()
    with problems:
        proposal.read(node.data_dir, config)
    found = None
    with problems:
        found = _definition(node)
    if found:
        different = differences(found, config)
        if different:
            problems.errors.append(
                DvError(
                    f"{node.data_dir} holds a cluster with other terms",
                    "the same terms",
                    "set the variables back, or choose a new data directory for a new cluster",
                    different,
                )
            )
        with problems:
            acceptance_checks.check_data_dir(node.data_dir, definition_hash.compute_definition_hash(found))
        with problems:
            _check_own_enr(node, found)
    elif node.data_dir.holds(KEYS):
        problems.errors.append(
            DvError(
                f"{node.data_dir} holds {KEYS}, but neither definition nor lock",
                "a data directory without key shares",
                "choose another data directory, and never lose key shares",
            )
        )
    problems.raise_any()


def check_proposed(node: Node, config: ClusterConfig, inbox: dict[str, str]) -> None:
    """A proposal in the store with the very ``config``: what they are is compared before the wallet signs them."""
    # What it has itself is compared already.
    proposed = None if _has_terms(node) else _proposed(config, inbox)
    if not proposed:
        return
    problems = Collector()
    with problems:
        proposal.check_config(proposed, config)
    with problems:
        approve.check_confirmed(proposed, node.confirmed_config_hash)
    problems.raise_any()


def can_propose(node: Node, config: ClusterConfig, inbox: dict[str, str]) -> bool | None:
    """Whether a creator has to sign here, and the node's operator is the one; ``None`` where none is missing, or nobody can tell."""
    if PROPOSAL in inbox or node.confirmed_definition_hash or _has_terms(node) or "" in config.operators:
        return None
    address = node.address or key_file_wallet.address(node.wallet_file)
    return parse_address(address, "dv_operator_address") == parse_address(config.creator, "dv_creator")


def summarize_agreed(config: ClusterConfig) -> dict[str, object]:
    """``config`` as :func:`.cluster.summary.summarize_config` tells them. Operators whose wallets this run makes are no part of it."""
    return summarize_config(unsigned_definition(replace(config, operators=tuple(filter(None, config.operators))), uuid="", timestamp=""))


def config_hash(node: Node, config: ClusterConfig, inbox: dict[str, str]) -> str | None:
    """The config hash (hex) of the node's cluster, or of the proposal in the store; ``None`` where nothing is proposed yet."""
    found = _definition(node) or proposal.read(node.data_dir, config) or _proposed(config, inbox)
    return to_hex(found.config_hash) if found else None


def check_given(node: Node, given: Definition, networks: Networks) -> None:
    """A definition that was made elsewhere: with this node's ENR, complete, and confirmed for this node if need be."""
    if not node_key.exists(node.data_dir):
        raise DvError(
            f"{node.data_dir} has no {layout.NODE_KEY}",
            "the key of one of the ENRs in the definition",
            "put the key there that the definition was made with, or leave out dv_definition_file",
        )
    own_key = secp256k1.public_key(node_key.read(node.data_dir))
    acceptance.check_acceptable(node.data_dir, given, own_key, node.confirmed_definition_hash, networks)


def check_signer(node: Node, config: ClusterConfig | None, inbox: dict[str, str]) -> None:
    """The operator's address has a place in ``config`` (``None``: unknown). Until it has signed, the node's wallet opens,
    a policy or a confirmed hash says what it may sign, and no approval in ``inbox`` was signed for it before."""
    given = approval.read(node.data_dir)
    signed = given is not None or finished(node)
    problems = Collector()
    address = None
    with problems:
        address = _check_wallet(node, signed)
    if config and address:
        with problems:
            _check_place(node, config, address)
    if not signed:
        with problems:
            _check_policy(node, config, address)
    if config and address and not signed and not node.data_dir.holds(DEFINITION):
        with problems:
            _check_approval(node, config, address, inbox)
    problems.raise_any()


def check_backup(recipients: Sequence[str], passphrase_file: str | None, directory: str) -> None:
    """Recipients that backups can be encrypted for, or a passphrase, and a directory that can hold them."""
    problems = Collector()
    with problems:
        for_whom(recipients, passphrase_file)
    with problems:
        check_directory(directory)
    problems.raise_any()


def finished(node: Node) -> bool:
    """Whether the cluster is complete on the node: it has its lock."""
    return node.data_dir.holds(LOCK)


def _definition(node: Node) -> Definition | None:
    """The definition in the data directory, or in its lock, or ``None``."""
    definition = stored_definition.definition(node.data_dir)
    if definition:
        return definition
    content = node.data_dir.read(LOCK)
    return None if content is None else ClusterLock.parse(content, node.data_dir.path(LOCK)).definition


def _own_enr(node: Node) -> str | None:
    """The node's ENR; ``None`` as long as it has no key."""
    return enr.encode(node_key.read(node.data_dir)) if node_key.exists(node.data_dir) else None


def _check_own_enr(node: Node, definition: Definition) -> None:
    own = _own_enr(node)
    if own and own not in [operator.enr for operator in definition.operators or ()]:
        raise DvError(
            f"{layout.NODE_KEY} is not the key of any operator of the cluster in {node.data_dir}",
            "the key that the node took part with",
            "restore it from a backup",
        )


def _check_wallet(node: Node, signed: bool) -> str | None:
    """The address of the node's operator; ``None`` as long as it has no wallet."""
    if (signed or node.wallet_create) and not os.path.lexists(node.wallet_file):
        if not signed:
            _check_new_wallet(node)
        return node.address
    address = key_file_wallet.find(node.wallet_file, node.address)
    if not signed:
        private_key = key_file_wallet.unlock(node.wallet_file, node.password_file)
        found = checksum_address(secp256k1.address_of(secp256k1.public_key(private_key)))
        if found.lower() != address.lower():
            raise DvError(
                f"the wallet {node.wallet_file} holds the key of {found}",
                f"the key of {address}",
                "correct dv_operator_address or dv_wallet_file",
            )
    return address


def _check_new_wallet(node: Node) -> None:
    problems = Collector()
    for path in (node.wallet_file, node.password_file):
        with problems:
            check_directory(os.path.dirname(os.path.abspath(path)))
    if not problems.errors and os.path.lexists(node.password_file):
        with problems:
            key_file_wallet.read_password(node.password_file)
    problems.raise_any()


def _proposed(config: ClusterConfig, inbox: dict[str, str]) -> Definition | None:
    """The proposal in the store, or ``None``. What is wrong with it, the approval says."""
    return _checked_proposal(inbox[PROPOSAL], config.network) if PROPOSAL in inbox else None


@functools.lru_cache(maxsize=1)
def _checked_proposal(content: str, network: Network) -> Definition | None:
    # Three checks ask for it, and each would verify its hashes and signature.
    try:
        return proposal.check_proposal(content, networks=Networks(network))
    except DvError:
        return None


def _has_terms(node: Node) -> bool:
    """Whether this node proposed a cluster, or has the definition of one."""
    return any(node.data_dir.holds(name) for name in (proposal.FILE, DEFINITION, LOCK))


def _check_place(node: Node, config: ClusterConfig, address: str) -> None:
    places = indices_of(address, config.operators)
    if not places and "" not in config.operators:
        raise DvError(
            f"this node's address {address} is not in dv_operators",
            f"one of {', '.join(config.operators)}",
            "correct dv_operators, or dv_operator_address of this node",
        )
    if len(places) > 1 and node.share_index not in places:
        raise ambiguous(address, places, node.share_index)


def _check_approval(node: Node, config: ClusterConfig, address: str, inbox: dict[str, str]) -> None:
    """No approval in the store that the operator signed for another ENR."""
    proposed = _proposed(config, inbox)
    if not proposed:
        return
    try:
        wanted = approval.unsigned(proposed, address, _own_enr(node) or "", node.share_index)
    except DvError:
        # Who has no place there, the approval says.
        return
    approval.approved_before(wanted, proposed, config.network, inbox)


def _check_policy(node: Node, config: ClusterConfig | None, address: str | None) -> None:
    if os.path.lexists(node.policy_file):
        found = policy.read(node.policy_file)
        problems = policy.strangers(found) if node.confirmed_config_hash is None else []
        if config and address and "" not in config.operators:
            texts = policy.violations(found, unsigned_definition(config, "", ""), address)
            problems += [DvError(text, hint="if you agree to this, change the policy by hand") for text in texts]
        raise_all(problems)
    elif node.confirmed_config_hash is None and not node.demo:
        raise DvError(
            f"there is no policy at {node.policy_file}",
            "a policy, or the hash of the terms confirmed for this node",
            "write a policy, or set dv_accept_config_hash",
        )
