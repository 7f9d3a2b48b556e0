# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Approvals: what each operator signs of a proposal, the file that is published of it, and the record that its node keeps.

The record is ``<data dir>/ceremony/approval.json``. What is published of it does not tell what the node's policy says.

charon's two signatures are of the config hash and of the ENR, each by itself: whoever has the private key of an old ENR could
put it into its operator's place. The third, the binding signature, is of config hash, place and ENR together, and a wallet gives
one for each place of a config hash, ever. Source: the protocol's "Parties and trust" and "The binding".
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import Any

from ..cluster.definition import Definition, Operator
from ..cluster.operators import index_of_address, numbered
from ..cluster.store_names import approval_name
from ..crypto.secp256k1 import one_spelling
from ..data_dir.layout import CEREMONY, DataDir
from ..encoding import go_json
from ..encoding.hex import from_hex, to_hex
from ..encoding.json_schema import check_shape
from ..errors import CarriedError, DvError
from ..ethereum import eip712, enr
from ..ethereum.address import checksum_address, parse_address
from ..ethereum.networks import Network
from .approval_schema import APPROVAL, RECORD

FILE = CEREMONY + "/approval.json"

#: Largest approval that is read, in bytes.
MAX_SIZE = 64 * 1024

#: What is signed, by the name of the signature: its typed data, given an approval and the chain id.
SIGNED = {
    "config_signature": lambda approval, chain_id: eip712.operator_config(approval.config_hash, chain_id),
    "enr_signature": lambda approval, chain_id: eip712.operator_enr(approval.enr, chain_id),
    "binding_signature": lambda approval, chain_id: eip712.node_binding(approval.config_hash, approval.share_index, approval.enr, chain_id),
}


@dataclass(frozen=True)
class Approval:
    """An operator's approval: ``config_hash`` has 32 bytes, the signatures 65.

    One that an older obol.dv made has no ``binding_signature`` (``b""``).
    """

    share_index: int
    address: str
    enr: str
    config_hash: bytes
    config_signature: bytes = b""
    enr_signature: bytes = b""
    binding_signature: bytes = b""

    def to_json(self) -> dict[str, Any]:
        """Its fields as JSON has them."""
        fields = {name: to_hex(value) if isinstance(value, bytes) else value for name, value in vars(self).items()}
        return {name: value for name, value in fields.items() if value or name != "binding_signature"}

    def dump(self) -> str:
        """The text that is published."""
        return go_json.dumps(self.to_json())

    def is_signed(self, name: str, signer: bytes, network: Network) -> bool:
        """Whether its signature ``name`` is by the wallet with the address ``signer`` (20 bytes)."""
        try:
            self.check_signature(name, signer, network)
        except DvError:
            return False
        return True

    def check_signature(self, name: str, signer: bytes, network: Network) -> None:
        """Refuse it if its signature ``name`` is not by the wallet with the address ``signer`` (20 bytes).

        :raises DvError: as :func:`.eip712.verify_signature`
        """
        eip712.verify_signature(signer, SIGNED[name](self, network.chain_id), getattr(self, name))


def unsigned(definition: Definition, address: str, enr: str, share_index: int | None = None) -> Approval:
    """The approval that the operator with ``address`` would give to a ``definition`` or proposal with the ``enr`` of its node, without
    signatures.

    :param share_index: needed only where the address has several
    :raises DvError: the operator has no place there, or several
    """
    return Approval(index_of_address(definition, address, share_index), address, enr, definition.config_hash)


def parse(content: bytes | str, what: str = "approval") -> Approval:
    """The :class:`Approval` of ``content`` in its one spelling; its signatures are not checked.

    :raises DvError: wrong shape
    """
    value = go_json.loads(content, what)
    check_shape(value, APPROVAL, what)
    return _from_json(value)


def is_same(content: bytes | str, approval: Approval) -> bool:
    """Whether ``content`` is ``approval``, in whatever spelling."""
    try:
        return parse(content) == approval
    except DvError:
        return False


def read(data_dir: DataDir) -> Approval | None:
    """The :class:`Approval` that this node has given, or ``None``.

    :raises DvError: the record is damaged
    """
    content, path = data_dir.read(FILE, MAX_SIZE), data_dir.path(FILE)
    if content is None:
        return None
    record = go_json.loads(content, path)
    check_shape(record, RECORD, path)
    return _from_json(record["approval"])


def collect(proposal: Definition, inbox: dict[str, str]) -> dict[int, str]:
    """The approvals among the files of a store, share index -> text. Which of them are right, :func:`check` says."""
    names = {share_index: approval_name(share_index) for share_index in numbered(proposal)}
    return {share_index: inbox[name] for share_index, name in names.items() if name in inbox}


def approved_before(wanted: Approval, proposal: Definition, network: Network, inbox: dict[str, str]) -> Approval | None:
    """The store's approval, if this node's operator signed it for what is ``wanted``; ``None`` if there is none, or by another wallet.

    A node that lost its data directory has forgotten its approval; the others would make a definition of it, with an ENR whose key
    nobody has.

    :raises DvError: the operator approved the same, but with another ENR or another way: it signs nothing for it any more
    """
    name, share_index = approval_name(wanted.share_index), wanted.share_index
    if name not in inbox:
        return None
    try:
        claimed = parse(inbox[name])
    except DvError:
        return None
    signed = replace(claimed, config_hash=wanted.config_hash)
    signer = parse_address(wanted.address, "the operator's address")
    by_wallet = [signed.is_signed(signature, signer, network) for signature in ("config_signature", "binding_signature")]
    if claimed.share_index != share_index or not any(by_wallet):
        return None
    given = None
    with contextlib.suppress(DvError):
        given = check(share_index, numbered(proposal)[share_index], inbox[name], proposal, network)
    if given is None or given.enr != wanted.enr or not given.binding_signature:
        raise DvError(
            f"the store's {name}, for the ENR {claimed.enr}, is signed by this operator's wallet, and this node has no record of it",
            "the node that it was signed for, with its data directory",
            "restore charon-enr-private-key from its backup (obol.dv.restore); if there is none, and the cluster is complete nowhere, begin "
            "again with a new proposal: a wallet binds one ENR to its place, once",
        )
    return given


def check(share_index: int, operator: Operator, content: bytes | str, definition: Definition, network: Network) -> Approval:
    """The :class:`Approval` in ``content``, which must be the one of the ``operator`` with that share index to a ``definition`` or
    proposal with right hashes. All signatures in it are verified; only that of the binding may be missing.

    :raises CarriedError: it is not
    """
    part = "approval"
    try:
        approval = parse(content)
        check_is_for(Approval(share_index, operator.address, approval.enr, definition.config_hash), approval, "the approval")
        part = "enr"
        enr.parse(approval.enr)
        for part in SIGNED:
            if part == "binding_signature" and not approval.binding_signature:
                continue
            try:
                approval.check_signature(part, parse_address(operator.address, "the operator's address"), network)
            except eip712.SignedByAnother:
                raise DvError(
                    f"it is not by {operator.address}",
                    "a signature by this operator, of this config hash, place and ENR",
                    "ask that operator for its approval, by another way than the store",
                ) from None
    except DvError as error:
        raise CarriedError(share_index, part, error.found, error.wanted, error.hint) from None
    return approval


def check_is_for(wanted: Approval, approval: Approval, what: str) -> None:
    """Refuse an ``approval``, called ``what``, that is for anything else than the ``wanted`` one; signatures are not compared."""
    for name, has, needs in (
        ("the proposal with the config hash", to_hex(approval.config_hash), to_hex(wanted.config_hash)),
        ("the share index", approval.share_index, wanted.share_index),
        ("the operator", approval.address.lower(), wanted.address.lower()),
        ("the ENR", approval.enr, wanted.enr),
    ):
        if has != needs:
            raise DvError(
                f"{what} is for {name} {has}",
                str(needs),
                "one data directory is for one cluster and one ENR: use a new one for another cluster",
            )


def _from_json(value: dict[str, Any]) -> Approval:
    signatures = {name: one_spelling(from_hex(value.get(name), None, name)) for name in SIGNED}
    address = checksum_address(parse_address(value["address"], "address"))
    config_hash = from_hex(value["config_hash"], None, "config_hash")
    return Approval(**{**value, **signatures, "address": address, "config_hash": config_hash})
