# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Status of a node that has no definition yet: from its own files, and what the store holds."""

from __future__ import annotations

import os
from typing import Any

from ..cluster.definition import Definition
from ..cluster.node_status import NodeStatus, changed_at
from ..cluster.operators import numbered
from ..cluster.store_names import PROPOSAL, approval_name
from ..cluster.summary import summarize
from ..data_dir import node_key
from ..data_dir.layout import DEFINITION, NODE_KEY, DataDir
from ..errors import DvError
from ..ethereum import enr
from ..ethereum.networks import KNOWN, Network, Networks
from . import approval, bindings
from .proposal import FILE as PROPOSAL_FILE
from .proposal import check_proposal


def evaluate_agreement(
    data_dir: DataDir,
    inbox: dict[str, str],
    store: str,
    networks: Networks = KNOWN,
    address: str | None = None,
    share_index: int | None = None,
    creator: str | None = None,
) -> tuple[NodeStatus, dict[str, Any]]:
    """The :class:`~.node_status.NodeStatus` of a node that has its ENR private key, and what is known of its cluster
    (:func:`.cluster.summary.summarize`).

    :param data_dir: the node's :class:`~.layout.DataDir`
    :param inbox: name -> text of the store's files; nothing in it is trusted
    :param store: what the store is called in texts
    :param networks: the :class:`~.networks.Networks` that count
    :param address: the address (text) of the node's operator, if it is known; ``share_index`` which one it is, where it has several
    :param creator: the address (text) of who has to make the proposal, if it is known
    :raises DvError: something of it is not as it must be
    """
    approved = approval.read(data_dir)
    since = changed_at(*map(data_dir.path, (NODE_KEY, PROPOSAL_FILE, approval.FILE)))
    if PROPOSAL not in inbox:
        known = dict(summarize(), share_index=approved and approved.share_index)
        if DEFINITION in inbox:
            return _ready("definition", since, "the store holds the definition"), known
        if os.path.exists(data_dir.path(PROPOSAL_FILE)):
            return _ready("proposal", since, "the store lacks the proposal that this node made"), known
        if address and creator and address.lower() == creator.lower():
            return _ready("proposal", since, "it is this node's turn"), known
        who = f"the creator {creator}" if creator else "its creator"
        return NodeStatus(state="waiting", step="proposal", since=since, detail=NO_PROPOSAL % (store, who)), known
    proposal = check_proposal(inbox[PROPOSAL], f"the proposal in {store}", networks)
    known = dict(summarize(proposal), share_index=approved and approved.share_index)
    # That of a proposal says nothing: the ENRs are missing.
    known["definition_hash"] = None
    network, own_enr = networks.of(proposal), enr.encode(node_key.read(data_dir))
    if approved is None:
        stopped = address and _stopped(
            "approval", since, approval.unsigned(proposal, address, own_enr, share_index), proposal, network, inbox
        )
        return stopped or _ready("approval", since, "it is this node's turn"), known
    wanted = approval.unsigned(proposal, approved.address, own_enr, approved.share_index)
    approval.check_is_for(wanted, approved, data_dir.path(approval.FILE))
    if approval_name(approved.share_index) not in inbox:
        return _ready("approval", since, "the store lacks this node's approval"), known
    approvals = bindings.choose(data_dir, proposal, inbox, network)
    missing = tuple(index for index in numbered(proposal) if index not in approvals)
    without = bindings.without(approvals)
    if without:
        error = bindings.unbound(proposal, without)
        return NodeStatus(state="waiting", step="approval", waiting_for=error.operators, since=since, detail=str(error)), known
    if missing and DEFINITION not in inbox:
        return NodeStatus(state="waiting", step="approval", waiting_for=missing, since=since), known
    return _ready("definition", since, f"the store holds {'the definition' if missing else 'all approvals'}"), known


def evaluate_without_key(
    inbox: dict[str, str],
    store: str,
    known: dict[str, Any],
    networks: Networks = KNOWN,
    address: str | None = None,
    share_index: int | None = None,
) -> NodeStatus:
    """The :class:`~.node_status.NodeStatus` of a node that has no ENR private key, nor anything else; the other arguments are those of
    :func:`evaluate_agreement`.

    :param known: gets what is known of the cluster from the proposal
    :raises DvError: the operator has no place in what the store holds
    """
    stopped = None
    if PROPOSAL in inbox:
        proposal = check_proposal(inbox[PROPOSAL], f"the proposal in {store}", networks)
        known.update(summarize(proposal), definition_hash=None)
        network = networks.of(proposal)
        stopped = address and _stopped("enr", None, approval.unsigned(proposal, address, "", share_index), proposal, network, inbox)
    return stopped or _ready("enr", None, "it is this node's turn")


def _stopped(
    step: str, since: float | None, wanted: approval.Approval, proposal: Definition, network: Network, inbox: dict[str, str]
) -> NodeStatus | None:
    """Of a node that cannot go on, since its operator approved ``proposal`` with another ENR than the ``wanted`` approval has, and the
    store holds that; ``None`` where it can."""
    try:
        approval.approved_before(wanted, proposal, network, inbox)
    except DvError as error:
        return NodeStatus(state="stopped", step=step, since=since, detail=str(error))
    return None


def _ready(step: str, since: float | None, why: str) -> NodeStatus:
    return NodeStatus(state="waiting", step=step, ready=True, since=since, detail=f"{why}: run again")


NO_PROPOSAL = (
    "there is neither a proposal nor a definition in %s yet: %s has to make the proposal, on the node that has its wallet "
    "(dv_creator_node, dv_creator_wallet_file)"
)
