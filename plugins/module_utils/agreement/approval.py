# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Approvals: what each operator signs of a proposal, and the definition that they make together.

A node approves what its own policy allows, or, where there is none, what somebody confirmed by the terms' hash. It
approves one proposal with one ENR, once: the record is ``<data dir>/ceremony/approval.json``, and the DKG starts only
for a definition that follows from it. What is published of it does not tell what the policy says.

charon's two signatures are of the config hash and of the ENR, each by itself: whoever has the private key of an old ENR could
put it into its operator's place. The third, the binding signature, is of config hash, place and ENR together, and a wallet gives
one for each place of a config hash, ever. Source: the protocol's "Parties and trust" and "The binding".
"""

from dataclasses import dataclass, replace

from ..cluster.definition import with_hashes
from ..cluster.definition_checks import check_signatures
from ..cluster.store_names import approval_name
from ..crypto import secp256k1
from ..data_dir.layout import CEREMONY
from ..encoding import go_json
from ..encoding.hex import from_hex, to_hex
from ..encoding.json_schema import check_shape
from ..errors import CarriedError, Collector, DvError, OperatorError
from ..ethereum import eip712
from ..ethereum import enr as enrs
from ..ethereum.address import checksum_address, parse_address
from ..ethereum.networks import KNOWN
from ..signers.signer import sign_as
from ..storage import files
from . import policy as policies
from .approval_schema import APPROVAL, RECORD

FILE = CEREMONY + "/approval.json"

#: Largest approval that is read, in bytes.
MAX_SIZE = 64 * 1024

#: What is signed, by the name of the signature: its typed data, given an approval and the chain id.
SIGNED = {
    "config_signature": lambda found, chain_id: eip712.operator_config(found.config_hash, chain_id),
    "enr_signature": lambda found, chain_id: eip712.operator_enr(found.enr, chain_id),
    "binding_signature": lambda found, chain_id: eip712.node_binding(found.config_hash, found.share_index, found.enr, chain_id),
}


@dataclass(frozen=True)
class Approval:
    """An operator's approval: ``config_hash`` has 32 bytes, the signatures 65, ``address`` and ``enr`` are texts.

    One that an older obol.dv made has no ``binding_signature`` (``b""``).
    """

    share_index: int
    address: str
    enr: str
    config_hash: bytes
    config_signature: bytes = b""
    enr_signature: bytes = b""
    binding_signature: bytes = b""

    def to_json(self):
        found = {key: to_hex(value) if isinstance(value, bytes) else value for key, value in vars(self).items()}
        return {key: value for key, value in found.items() if value or key != "binding_signature"}

    def dump(self):
        """The text that is published."""
        return go_json.dumps(self.to_json())


def parse(content, what="approval"):
    """The :class:`Approval` of ``content`` (bytes or text) in its one spelling; its signatures are not checked.

    :raises DvError: wrong shape
    """
    value = go_json.loads(content, what)
    check_shape(value, APPROVAL, what)
    return _from_json(value)


def is_same(content, approval):
    """Whether ``content`` is ``approval``, in whatever spelling."""
    try:
        return parse(content) == approval
    except DvError:
        return False


def share_index(definition, address, wanted=None):
    """The share index of the operator with ``address`` (text) in ``definition``.

    :param wanted: which one it is, where an address stands there more than once
    :raises DvError: it has no place there, or more than one and ``wanted`` is none of them
    """
    places = [index for index, operator in enumerate(definition.operators or (), 1) if operator.address.lower() == address.lower()]
    if not places:
        raise DvError(
            "%s is none of the operators of the definition" % address,
            "one of %s" % ", ".join(operator.address or "(no address)" for operator in definition.operators or ()),
            "correct dv_operator_address of this node, or dv_operators",
        )
    if wanted is None and len(places) == 1:
        return places[0]
    if wanted not in places:
        raise DvError(
            "dv_share_index is %s" % ("not set" if wanted is None else wanted),
            "one of %s, the places of %s in dv_operators" % (", ".join(map(str, places)), address),
            "set dv_share_index of this node",
        )
    return wanted


def review(data_dir, proposal, address, enr, policy=None, accepted_config_hash=None, wanted_index=None, stored=None, networks=KNOWN):
    """The approval that this node has given to ``proposal``; ``None`` if it has given none and may.

    :param proposal: a checked :class:`~.definition.Definition`
    :param address: the address (text) of the node's own operator
    :param enr: the node's own ENR (text)
    :param policy: the node's :class:`~.policy.Policy`, which decides wherever there is one
    :param accepted_config_hash: 32 bytes, the terms that somebody confirmed for this node
    :param wanted_index: the node's share index, where its address has several
    :param stored: the text of the approval that the store has for this node's place: one that this node signed before it lost
        its data directory counts as given
    :param networks: the :class:`~.networks.Networks` that count
    :raises DvError: another approval was given, or this one may not be
    :raises Problems: several reasons, such as every violation of the policy
    """
    index = share_index(proposal, address, wanted_index)
    wanted = Approval(index, address, enr, proposal.config_hash)
    given = read(data_dir)
    if given:
        _refuse_other(given, wanted, data_dir.path(FILE))
        return given
    if stored is not None:
        given = given_before(wanted, stored, proposal, networks.of(proposal))
        if given:
            return given
    problems = Collector()
    if policy:
        problems.errors += [
            DvError(text, hint="if you agree to this, change the policy by hand") for text in policies.violations(policy, proposal, address)
        ]
        if accepted_config_hash is None:
            problems.errors += policies.strangers(policy)
    with problems:
        check_confirmed(proposal, accepted_config_hash)
    if not policy and accepted_config_hash is None:
        problems.errors.append(
            DvError(
                "this node has no policy, and nobody confirmed the terms for it",
                "a policy file, or dv_accept_config_hash",
                "write a policy; or compare the operators, and set dv_accept_config_hash to the config hash that the creator and the "
                "others tell you",
                parties(proposal),
            )
        )
    problems.raise_any()
    return None


def check_confirmed(proposal, accepted_config_hash):
    """Refuse a ``proposal`` with another config hash than the one (32 bytes, or ``None``) that somebody confirmed for this node."""
    if accepted_config_hash not in (None, proposal.config_hash):
        raise DvError(
            "the proposal has other terms than those that were confirmed for this node",
            "those with the config hash %s, as dv_accept_config_hash says" % to_hex(accepted_config_hash),
            "compare the operators with theirs, ask them which config hash they have, and why there is another one",
            parties(proposal),
        )


def approve(
    data_dir, proposal, address, enr, signer, policy=None, accepted_config_hash=None, wanted_index=None, stored=None, networks=KNOWN
):
    """Approve ``proposal``, once. (approval, whether it was recorded now); the other arguments are those of :func:`review`.

    :param signer: the operator's :class:`~.signer.Signer`, asked for a new approval only
    :raises DvError: as :func:`review`, or the wallet is not the operator's
    """
    considered = (data_dir, proposal, address, enr, policy, accepted_config_hash, wanted_index, stored, networks)
    given = review(*considered)
    approved_by = {}
    if policy:
        approved_by["policy_sha256"] = policy.sha256
    if accepted_config_hash:
        approved_by["accepted_config_hash"] = to_hex(accepted_config_hash)
    if given:
        approved_by["signed_before"] = True
    made = given or _sign(proposal, address, enr, wanted_index, signer, networks.of(proposal))
    with data_dir.exclusive():
        # Another run may have approved meanwhile.
        recorded = read(data_dir) and review(*considered)
        if not recorded:
            record = go_json.dumps({"approval": made.to_json(), "approved_by": approved_by})
            files.write_new(data_dir.path(FILE), record.encode())
    return recorded or made, not recorded


def parties(definition):
    """What operators compare before they confirm a hash: who has which place, and with which ENR; a text for each."""
    return [
        "operator %d: %s" % (index, ", ".join(filter(None, (operator.address, operator.enr))))
        for index, operator in enumerate(definition.operators or (), 1)
    ]


def _sign(proposal, address, enr, wanted_index, signer, network):
    enrs.parse(enr, "this node's ENR")
    chain_id = network.chain_id
    unsigned = Approval(
        share_index=share_index(proposal, address, wanted_index),
        address=checksum_address(parse_address(address, "the operator's address")),
        enr=enr,
        config_hash=proposal.config_hash,
    )
    signatures = {name: sign_as(signer, address, typed_data(unsigned, chain_id)) for name, typed_data in SIGNED.items()}
    return replace(unsigned, **signatures)


def given_before(wanted, stored, proposal, network):
    """The approval that ``stored`` holds, if this node's operator signed it for ``wanted``; ``None`` if it did not.

    :raises DvError: the operator approved the same terms, but with another ENR or another way: it signs nothing for them any more
    """
    try:
        claimed = parse(stored)
    except DvError:
        return None
    signed = replace(claimed, config_hash=wanted.config_hash)
    by_wallet = [_is_signed(signed, name, wanted.address, network) for name in ("config_signature", "binding_signature")]
    if claimed.share_index != wanted.share_index or not any(by_wallet):
        return None
    try:
        found = check(wanted.share_index, proposal.operators[wanted.share_index - 1], stored, proposal, network)
    except DvError:
        found = None
    if found is None or found.enr != wanted.enr or not found.binding_signature:
        raise DvError(
            "the store's %s, for the ENR %s, is signed by this operator's wallet, and this node has no record of it"
            % (approval_name(wanted.share_index), claimed.enr),
            "the node that it was signed for, with its data directory",
            "restore charon-enr-private-key from a backup; if there is none, begin again with a new proposal: a wallet binds one "
            "ENR to its place, once",
        )
    return found


def _is_signed(found, name, address, network):
    """Whether the signature ``name`` of the approval ``found`` is by the wallet with ``address`` (text)."""
    wanted = parse_address(address, "the operator's address")
    try:
        eip712.verify_signature(wanted, SIGNED[name](found, network.chain_id), getattr(found, name))
    except DvError:
        return False
    return True


def read(data_dir):
    """The :class:`Approval` that this node has given, or ``None``.

    :raises DvError: the record is damaged
    """
    content, path = data_dir.read(FILE, MAX_SIZE), data_dir.path(FILE)
    if content is None:
        return None
    record = go_json.loads(content, path)
    check_shape(record, RECORD, path)
    return _from_json(record["approval"])


def collect(proposal, inbox):
    """The approvals among the files of a store, share index -> text. Which of them are right, :func:`assemble` says."""
    names = {index: approval_name(index) for index in range(1, len(proposal.operators) + 1)}
    return {index: inbox[name] for index, name in names.items() if name in inbox}


def assemble(proposal, approvals, network):
    """The complete :class:`~.definition.Definition` of ``proposal`` and all approvals, verified in full.

    :param proposal: a checked definition
    :param approvals: dict of share index to the text of that operator's approval; it may lack the binding signature
    :param network: the :class:`~.networks.Network` of the proposal
    :raises CarriedError: an approval is wrong; :class:`Problems` if several are
    :raises DvError: some are missing
    """
    operators = proposal.operators
    missing = [index for index in range(1, len(operators) + 1) if index not in approvals]
    if missing:
        raise DvError(
            "no approval yet from %s" % ", ".join("operator %d (%s)" % (index, operators[index - 1].address) for index in missing),
            "an approval from each of the %d operators" % len(operators),
            "let these nodes approve the proposal, then run again",
        )
    problems = Collector()
    approved = {}
    for index, operator in enumerate(operators, 1):
        with problems:
            approved[index] = check(index, operator, approvals[index], proposal, network)
    problems.raise_any()
    definition = with_hashes(
        replace(
            proposal,
            operators=tuple(
                replace(
                    operator,
                    enr=approved[index].enr,
                    config_signature=approved[index].config_signature,
                    enr_signature=approved[index].enr_signature,
                )
                for index, operator in enumerate(operators, 1)
            ),
        )
    )
    check_different_nodes(definition)
    check_signatures(definition, network)
    return definition


def check_different_nodes(definition):
    """Refuse a definition with an ENR that does not parse, or with one node key under two operators.

    :raises OperatorError: an ENR does not parse
    :raises DvError: two have the same key, and nothing tells whose it is
    """
    owners = {}
    for index, operator in enumerate(definition.operators or (), 1):
        try:
            key = enrs.parse(operator.enr).public_key
        except DvError as error:
            raise OperatorError(index, "enr", error.found, error.wanted, error.hint) from None
        owner = owners.setdefault(key, index)
        if owner != index:
            raise DvError(
                "the ENRs of operators %d and %d have the same node key" % (owner, index),
                "a node of its own for each operator",
                "one of them has taken the other's ENR, or two data directories hold one charon-enr-private-key: ask both, then begin "
                "again with a new proposal",
            )


def check(index, operator, content, terms, network):
    """The :class:`Approval` in ``content``, which must be the one of ``operator`` at the place ``index`` to the ``terms`` (a
    proposal or definition with right hashes). All signatures in it are verified; only that of the binding may be missing.

    :raises CarriedError: it is not
    """
    part = "approval"
    try:
        found = parse(content)
        _refuse_other(found, Approval(index, operator.address, found.enr, terms.config_hash), "the approval")
        part = "enr"
        enrs.parse(found.enr)
        for part, typed_data in SIGNED.items():
            signature = getattr(found, part)
            if part == "binding_signature" and not signature:
                continue
            try:
                eip712.verify_signature(parse_address(operator.address, "it"), typed_data(found, network.chain_id), signature)
            except eip712.SignedByAnother:
                raise DvError(
                    "it is not by %s" % operator.address,
                    "a signature by this operator, of this config hash, place and ENR",
                    "ask that operator for its approval, by another way than the store",
                ) from None
    except DvError as error:
        raise CarriedError(index, part, error.found, error.wanted, error.hint) from None
    return found


def _refuse_other(found, wanted, what):
    """Refuse the approval ``found`` if it is for anything else than ``wanted``; signatures are not compared."""
    for name, has, needs in (
        ("the proposal with the config hash", to_hex(found.config_hash), to_hex(wanted.config_hash)),
        ("the share index", found.share_index, wanted.share_index),
        ("the operator", found.address.lower(), wanted.address.lower()),
        ("the ENR", found.enr, wanted.enr),
    ):
        if has != needs:
            raise DvError(
                "%s is for %s %s" % (what, name, has),
                str(needs),
                "one data directory is for one cluster and one ENR: use a new one for another cluster",
            )


def _from_json(value):
    signatures = {name: secp256k1.one_spelling(from_hex(value.get(name), None, name)) for name in SIGNED}
    address = checksum_address(parse_address(value["address"], "address"))
    config_hash = from_hex(value["config_hash"], None, "config_hash")
    return Approval(**{**value, **signatures, "address": address, "config_hash": config_hash})
