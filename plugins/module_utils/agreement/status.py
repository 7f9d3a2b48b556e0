# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a node stands as long as it has no definition: told from its own files and what the store holds."""

import os

from ..cluster.node_status import NodeStatus, changed_at
from ..cluster.store_names import PROPOSAL, approval_name
from ..cluster.summary import summarize
from ..data_dir import node_key
from ..data_dir.layout import DEFINITION, NODE_KEY
from ..errors import DvError
from ..ethereum import enr
from ..ethereum.networks import KNOWN
from . import approval, bindings
from . import proposal as proposals
from .proposal import check_proposal


def evaluate_agreement(data_dir, inbox, store, networks=KNOWN, address=None, wanted_index=None, creator=None):
    """The :class:`~.node_status.NodeStatus` of a node that has its ENR private key, and what is known of its cluster
    (:func:`.summary.summarize`).

    :param inbox: name -> text of the store's files; nothing in it is trusted
    :param store: what the store is called in texts
    :param networks: the :class:`~.networks.Networks` that count
    :param address: the address (text) of the node's operator, if it is known; ``wanted_index`` its share index, where it has several
    :param creator: the address (text) of who has to make the proposal, if it is known
    :raises DvError: something of it is not as it must be
    """
    given = approval.read(data_dir)
    own = {name: data_dir.path(name) for name in (NODE_KEY, proposals.FILE, approval.FILE)}
    since = changed_at(*own.values())
    if PROPOSAL not in inbox:
        known = dict(summarize(), share_index=given and given.share_index)
        if DEFINITION in inbox:
            return _ready("definition", since, "the store holds the definition"), known
        if os.path.exists(own[proposals.FILE]):
            return _ready("proposal", since, "the store lacks the proposal that this node made"), known
        if address and creator and address.lower() == creator.lower():
            return _ready("proposal", since, "it is this node's turn"), known
        who = "the creator %s" % creator if creator else "its creator"
        return NodeStatus(state="waiting", step="proposal", since=since, detail=NO_PROPOSAL % (store, who)), known
    proposal = check_proposal(inbox[PROPOSAL], "the proposal in %s" % store, networks)
    known = dict(summarize(proposal), share_index=given and given.share_index)
    # That of a proposal says nothing: the ENRs are missing.
    known["definition_hash"] = None
    network, own = networks.of(proposal), enr.encode(node_key.read(data_dir))
    if given is None:
        lost = _lost("approval", since, proposal, address, wanted_index, own, inbox, network)
        return lost or _ready("approval", since, "it is this node's turn"), known
    approval.review(data_dir, proposal, given.address, own, wanted_index=given.share_index)
    if approval_name(given.share_index) not in inbox:
        return _ready("approval", since, "the store lacks this node's approval"), known
    approvals = bindings.choose(data_dir, proposal, inbox, network)
    missing = tuple(index for index in range(1, len(proposal.operators) + 1) if index not in approvals)
    without = bindings.without(approvals)
    if without:
        error = bindings.unbound(proposal, without)
        return NodeStatus(state="waiting", step="approval", waiting_for=error.operators, since=since, detail=str(error)), known
    if missing and DEFINITION not in inbox:
        return NodeStatus(state="waiting", step="approval", waiting_for=missing, since=since), known
    return _ready("definition", since, "the store holds %s" % ("the definition" if missing else "all approvals")), known


def evaluate_without_key(inbox, store, known, networks=KNOWN, address=None, wanted_index=None):
    """The :class:`~.node_status.NodeStatus` of a node that has no ENR private key, nor anything else; the other arguments are those of
    :func:`evaluate_agreement`.

    :param known: gets what is known of the cluster from the proposal
    :raises DvError: the operator has no place in what the store holds
    """
    lost = None
    if PROPOSAL in inbox:
        proposal = check_proposal(inbox[PROPOSAL], "the proposal in %s" % store, networks)
        known.update(summarize(proposal), definition_hash=None)
        network = networks.of(proposal)
        lost = _lost("enr", None, proposal, address, wanted_index, "", inbox, network)
    return lost or _ready("enr", None, "it is this node's turn")


def _lost(step, since, proposal, address, wanted_index, own, inbox, network):
    """Where a node stands that cannot go on with the ENR ``own`` (text), since its operator approved ``proposal`` with another one, which
    the store has; None where it can, or the operator is not known.

    :raises DvError: the operator has no place in the proposal
    """
    index = approval.share_index(proposal, address, wanted_index) if address else None
    if index and approval_name(index) in inbox:
        try:
            approval.given_before(
                approval.Approval(index, address, own, proposal.config_hash), inbox[approval_name(index)], proposal, network
            )
        except DvError as error:
            return NodeStatus(state="stopped", step=step, since=since, detail=str(error))
    return None


def _ready(step, since, why):
    return NodeStatus(state="waiting", step=step, ready=True, since=since, detail="%s: run again" % why)


NO_PROPOSAL = (
    "there is neither a proposal nor a definition in %s yet: %s has to make the proposal, on the node that has its wallet "
    "(dv_creator_node, dv_creator_wallet_file)"
)
