# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proposal: a definition with the creator's signature, before any operator has approved it.

It is a definition file with every operator's address and without ENRs. The creator's node keeps its own in
``<data dir>/ceremony/proposal.json``; the store carries it to the others, and everybody checks it by themselves.
Order of the signatures: charon-formats §2.2.
"""

from __future__ import annotations

from dataclasses import replace

from ..cluster.canonical import canonical_form
from ..cluster.definition import WRITTEN_VERSION, Definition, with_hashes
from ..cluster.definition_checks import check_hashes, check_runnable
from ..data_dir.layout import CEREMONY, DataDir
from ..errors import Collector, DvError
from ..ethereum import eip712
from ..ethereum.address import parse_address
from ..ethereum.networks import KNOWN, Networks
from ..signers.signer import Signer, sign_as
from ..storage import files
from . import config

FILE = CEREMONY + "/proposal.json"


def propose(data_dir: DataDir, cluster_config: config.ClusterConfig, signer: Signer, uuid: str, timestamp: str) -> tuple[Definition, bool]:
    """The proposal of the creator's node: the one it made before, or a new one. (definition, whether it is new).

    :param cluster_config: the :class:`~.config.ClusterConfig` that it shall have
    :param signer: the creator's :class:`~.signer.Signer`, asked for a new proposal only
    :param uuid: text of the new definition, at most 64 bytes
    :param timestamp: text of the new definition, RFC 3339, at most 32 bytes
    :raises DvError: the existing one has another config (each difference is named), or the wallet is not the creator's
    """
    proposal = read(data_dir, cluster_config)
    made = proposal or _sign(cluster_config, signer, uuid, timestamp)
    with data_dir.exclusive():
        # Another run may have proposed meanwhile.
        proposal = proposal or read(data_dir, cluster_config)
        if not proposal:
            files.write_new(data_dir.path(FILE), made.dump())
    return proposal or made, not proposal


def _sign(cluster_config: config.ClusterConfig, signer: Signer, uuid: str, timestamp: str) -> Definition:
    made = config.unsigned_definition(cluster_config, uuid, timestamp)
    typed_data = eip712.creator_config(made.config_hash, cluster_config.network.chain_id)
    signature = sign_as(signer, made.creator.address, typed_data)
    return with_hashes(replace(made, creator=replace(made.creator, config_signature=signature)))


def read(data_dir: DataDir, cluster_config: config.ClusterConfig) -> Definition | None:
    """The proposal that this node made before, or ``None``.

    :raises DvError: it is damaged, or it has another config than ``cluster_config``
    """
    content, path = data_dir.read(FILE), data_dir.path(FILE)
    if content is None:
        return None
    proposal = check_proposal(content, path, Networks(cluster_config.network))
    different = config.differences(proposal, cluster_config)
    if different:
        raise DvError(
            f"the terms are not those of {path}, which the creator has signed",
            "the same terms",
            "set the variables back; or, for a new cluster, use a new data directory and store on every node",
            different,
        )
    return proposal


def check_config(proposal: Definition, cluster_config: config.ClusterConfig) -> None:
    """Refuse another node's proposal (a :class:`~.cluster.definition.Definition`) that has another ``cluster_config``
    (:class:`~.config.ClusterConfig`).

    :raises DvError: each difference is named
    """
    different = config.differences(proposal, cluster_config)
    if different:
        raise DvError(
            "the creator's proposal has other terms than this node's variables",
            "the terms that the operators agreed on, in both",
            "ask the others which are right: correct the variables, or have the creator begin again with a new proposal",
            different,
        )


def check_proposal(content: bytes | str, what: str = "proposal", networks: Networks = KNOWN) -> Definition:
    """The :class:`~.cluster.definition.Definition` of a proposal (bytes or text) in its canonical form, called ``what`` in errors.

    Checked are shape and hashes, the limits of a cluster that is made here, and the creator's signature.

    :param networks: the :class:`~.networks.Networks` that count
    :raises DvError: anything wrong
    """
    proposal = Definition.parse(content, what)
    if proposal.version != WRITTEN_VERSION:
        raise DvError(f"{what} has version {proposal.version}", WRITTEN_VERSION)
    check_hashes(proposal)
    proposal = canonical_form(proposal, signatures=True)
    problems = Collector()
    with problems:
        check_runnable(proposal, what)
    for index, operator in enumerate(proposal.operators or ()):
        with problems:
            parse_address(operator.address, f"{what}: operators[{index}].address")
            if operator.enr or operator.config_signature or operator.enr_signature:
                raise DvError(f"{what}: operators[{index}] has an ENR or signatures", "its address only")
    with problems:
        _check_creator(proposal, what, networks)
    problems.raise_any()
    return proposal


def _check_creator(definition: Definition, what: str, networks: Networks) -> None:
    creator = definition.creator
    network = networks.of(definition)
    typed_data = eip712.creator_config(definition.config_hash, network.chain_id)
    address = parse_address(creator.address, f"{what}: creator.address")
    try:
        eip712.verify_signature(address, typed_data, creator.config_signature)
    except eip712.SignedByAnother:
        raise DvError(
            f"{what}: the creator's signature is not by {creator.address}",
            "a signature of this config hash by the creator",
            "do not sign it; ask the creator for the proposal again",
        ) from None
