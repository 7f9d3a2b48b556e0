# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Approving a proposal: what a node checks before its operator signs, and the signing.

A node approves what its own policy allows, or, where there is none, what somebody confirmed by the config hash. It approves one
proposal with one ENR, once; the DKG starts only for a definition that follows from its :mod:`.approval`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..cluster.definition import Definition
from ..cluster.operators import describe
from ..data_dir.layout import DataDir
from ..encoding import go_json
from ..encoding.hex import to_hex
from ..errors import Collector, DvError
from ..ethereum import enr
from ..ethereum.address import checksum_address, parse_address
from ..ethereum.networks import Network
from ..signers.signer import Signer, sign_as
from ..storage import files
from . import approval
from .approval import Approval
from .policy import Policy, strangers, violations


@dataclass(frozen=True, kw_only=True)
class Approver:
    """A node that is asked for its approval.

    :param address: of its operator
    :param enr: its own
    :param policy: its own, which decides wherever there is one
    :param confirmed_config_hash: 32 bytes, the cluster config that somebody confirmed for this node
    :param share_index: needed only where its address has several
    """

    data_dir: DataDir
    address: str
    enr: str
    policy: Policy | None = None
    confirmed_config_hash: bytes | None = None
    share_index: int | None = None


def check_approvable(approver: Approver, proposal: Definition, network: Network, inbox: dict[str, str]) -> Approval | None:
    """The approval that the node has given to ``proposal``; ``None`` if it has given none and may.

    :param proposal: a checked one, on that ``network``
    :param inbox: name -> text of the store's files; nothing in it is trusted. An approval there that this node signed before it lost
        its data directory counts as given
    :raises DvError: another approval was given, or this one may not be
    :raises Problems: several reasons, such as every violation of the policy
    """
    wanted = approval.unsigned(proposal, approver.address, approver.enr, approver.share_index)
    given = approval.read(approver.data_dir)
    if given:
        approval.check_is_for(wanted, given, approver.data_dir.path(approval.FILE))
        return given
    given = approval.approved_before(wanted, proposal, network, inbox)
    if given:
        return given
    problems = Collector()
    confirmed = approver.confirmed_config_hash
    if approver.policy:
        problems.errors += [
            DvError(text, hint="if you agree to this, change the policy by hand")
            for text in violations(approver.policy, proposal, approver.address)
        ]
        if confirmed is None:
            problems.errors += strangers(approver.policy)
    with problems:
        check_confirmed(proposal, confirmed)
    if not approver.policy and confirmed is None:
        problems.errors.append(
            DvError(
                "this node has no policy, and nobody confirmed the terms for it",
                "a policy file, or dv_accept_config_hash",
                "write a policy; or compare the operators, and set dv_accept_config_hash to the config hash that the creator and the "
                "others tell you",
                describe(proposal),
            )
        )
    problems.raise_any()
    return None


def check_confirmed(proposal: Definition, confirmed_config_hash: bytes | None) -> None:
    """Refuse a ``proposal`` with another config hash than the one (32 bytes, if any) that somebody confirmed for this node."""
    if confirmed_config_hash not in (None, proposal.config_hash):
        raise DvError(
            "the proposal has other terms than those that were confirmed for this node",
            f"those with the config hash {to_hex(confirmed_config_hash)}, as dv_accept_config_hash says",
            "compare the operators with theirs, ask them which config hash they have, and why there is another one",
            describe(proposal),
        )


def approve(approver: Approver, proposal: Definition, network: Network, signer: Signer, inbox: dict[str, str]) -> tuple[Approval, bool]:
    """Approve ``proposal``, once: the approval, and whether it was recorded now. The other arguments are those of
    :func:`check_approvable`.

    :param signer: the operator's, asked for a new approval only
    :raises DvError: as :func:`check_approvable`, or the wallet is not the operator's
    """
    given = check_approvable(approver, proposal, network, inbox)
    approved_by: dict[str, object] = {}
    if approver.policy:
        approved_by["policy_sha256"] = approver.policy.sha256
    if approver.confirmed_config_hash:
        approved_by["accepted_config_hash"] = to_hex(approver.confirmed_config_hash)
    if given:
        approved_by["signed_before"] = True
    made = given or _sign(approver, proposal, network, signer)
    with approver.data_dir.exclusive():
        # Another run may have approved meanwhile.
        recorded = approval.read(approver.data_dir) and check_approvable(approver, proposal, network, inbox)
        if not recorded:
            record = go_json.dumps({"approval": made.to_json(), "approved_by": approved_by})
            files.write_new(approver.data_dir.path(approval.FILE), record.encode())
    return recorded or made, not recorded


def _sign(approver: Approver, proposal: Definition, network: Network, signer: Signer) -> Approval:
    enr.parse(approver.enr, "this node's ENR")
    address = checksum_address(parse_address(approver.address, "the operator's address"))
    unsigned = approval.unsigned(proposal, address, approver.enr, approver.share_index)
    signatures: dict[str, Any] = {
        name: sign_as(signer, approver.address, typed_data(unsigned, network.chain_id)) for name, typed_data in approval.SIGNED.items()
    }
    return replace(unsigned, **signatures)
