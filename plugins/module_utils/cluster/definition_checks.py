# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What makes a cluster definition valid: its hashes, its deposit amounts, and who signed it.

Source: charon-formats §1.4, §1.6 and §2.5. Every check says all that it finds wrong, not the first thing only.
"""

import contextlib
from functools import partial

from ..errors import Collector, DvError, OperatorError
from ..ethereum import address, eip712, enr
from ..ethereum.units import GWEI_PER_ETH
from .definition_hash import compute_config_hash, compute_definition_hash

#: Versions whose locks hold deposits of several amounts and a registration (charon-formats §4.1): those that a DKG makes.
RUNNABLE_VERSIONS = ("v1.8.0", "v1.9.0", "v1.10.0", "v1.11.0")
#: Operators of a cluster that is made: charon wants 3, and a share index of the DKG is one byte. Its format has room for one more,
#: :data:`.definition_hash.SSZ_MAX_OPERATORS`.
MIN_OPERATORS, MAX_OPERATORS = 3, 255

_CONTRACT_HINT = (
    "sign again with the wallet of that address; if it is a contract wallet (a Safe), only an execution RPC can tell, "
    "which is not asked yet"
)


def check_hashes(definition):
    """Refuse a definition whose stored config hash or definition hash is not what its fields say.

    :raises DvError: one of them is missing or wrong, or both are (:class:`.errors.Problems`)
    """
    problems = Collector()
    for name, compute in (("config_hash", compute_config_hash), ("definition_hash", compute_definition_hash)):
        with problems:
            stored, computed = getattr(definition, name), compute(definition)
            if stored != computed:
                raise DvError(
                    "%s is %s" % (name, "0x" + stored.hex() if stored else "missing"),
                    "0x%s, the hash of what the definition says" % computed.hex(),
                    "it was changed after it was hashed: take it from its creator once more",
                )
    problems.raise_any()


def check_deposit_amounts(definition):
    """Refuse deposit amounts that charon refuses.

    Each is from 1 to 32 ETH (2048 ETH if compounding), and together they are 32 ETH or more. No amounts at all are
    right too. Amounts count as they stand, equal ones several times.

    :raises DvError: what is wrong with them
    """
    amounts = definition.deposit_amounts or ()
    most = (2048 if definition.compounding else 32) * GWEI_PER_ETH
    problems = Collector()
    for index, amount in enumerate(amounts):
        with problems:
            if not GWEI_PER_ETH <= amount <= most:
                raise DvError("deposit_amounts[%d] is %d Gwei" % (index, amount), "from %d to %d Gwei" % (GWEI_PER_ETH, most))
    with problems:
        if amounts and sum(amounts) < 32 * GWEI_PER_ETH:
            raise DvError(
                "deposit_amounts are %d Gwei in all" % sum(amounts),
                "%d Gwei or more, since a validator needs 32 ETH to be activated" % (32 * GWEI_PER_ETH),
            )
    problems.raise_any()


def check_runnable(definition, what="the definition", least_operators=MIN_OPERATORS):
    """Refuse a definition that the DKG cannot run, or whose results nobody could use, called ``what`` in errors.

    :raises DvError: another version, number of operators or validators or threshold; deposit amounts that charon refuses; no
        fork version; a validator without an address for withdrawals or fees
    """
    count = len(definition.operators or ())
    problems = Collector()
    with problems:
        if definition.version not in RUNNABLE_VERSIONS:
            raise DvError(
                "%s has version %s" % (what, definition.version),
                "one of %s" % ", ".join(RUNNABLE_VERSIONS),
                "make a new definition, with a charon or launchpad of today",
            )
    for name, found, least, most in (
        ("number of operators", count, least_operators, MAX_OPERATORS),
        ("threshold", definition.threshold, 2, count),
        ("number of validators", definition.num_validators, 1, 65536),
    ):
        if not least <= found <= most:
            problems.errors.append(DvError("%s: the %s is %d" % (what, name, found), "%d to %d" % (least, most)))
    with problems:
        check_deposit_amounts(definition)
    with problems:
        if not definition.fork_version:
            raise DvError("%s has no fork version" % what, "the genesis fork version of its network")
    for name in ("withdrawal_address", "fee_recipient_address"):
        missing = [index for index, each in enumerate(definition.validators or ()) if not getattr(each, name)]
        if missing:
            problems.errors.append(
                DvError(
                    "%s: %d validators have no %s, the first is validator %d" % (what, len(missing), name, missing[0]),
                    "an address for each",
                )
            )
    problems.raise_any()


def awaited(definition):
    """The operators that have not done their part: the names of the fields that they lack, by share index.

    Where none of them has an address or a signature, an ENR is all that is to come.
    """
    operators = definition.operators or ()
    signed = any(each.address or each.config_signature or each.enr_signature for each in operators)
    parts = ("enr", "config_signature", "enr_signature") if signed else ("enr",)
    lacking = ((index, [part for part in parts if not getattr(each, part)]) for index, each in enumerate(operators, 1))
    return {index: lacks for index, lacks in lacking if lacks}


def unfinished(operators):
    """The one :class:`.errors.DvError` of a definition for which these ``operators`` (share indices) are :func:`awaited`."""
    who = "operator %s has" if len(operators) == 1 else "operators %s have"
    return DvError(
        "the definition is not finished: %s yet to submit an ENR and sign" % (who % ", ".join(map(str, operators))),
        "the definition as it is once all operators have",
        "let them, on the launchpad for example, and take it from there once more",
    )


def check_signatures(definition, network):
    """Verify all EIP-712 signatures of ``definition``, and return its shape.

    * ``"group"``: the creator (from v1.4) and every operator signed;
    * ``"solo"``: the creator signed, operators are ENRs only;
    * ``"unsigned"``: nobody signed, operators are ENRs only. Before v1.3 there is nothing else.

    Signatures are held against the config hash that follows from the fields, not against the stored one. Only
    signatures of keys are verified: those of contract wallets (ERC-1271) need an execution RPC, and are refused with
    that hint.

    :param network: the :class:`.networks.Network` of its fork version, for the chain id; not needed before v1.3
    :raises OperatorError: one operator's address or signature is missing or wrong
    :raises DvError: the same of the creator; any other mixture; several of these (:class:`.errors.Problems`)
    """
    operators = definition.operators or ()
    if not operators:
        raise DvError("the definition has no operators", "one or more")
    problems = Collector()
    if definition.minor < 3:
        for index, operator in enumerate(operators, 1):
            with problems:
                if operator.config_signature or operator.enr_signature:
                    raise OperatorError(index, "signatures", "a %s file has signatures" % definition.version, "none")
        problems.raise_any()
        return "unsigned"

    if network is None or network.genesis_fork_version != definition.fork_version:
        raise DvError(
            "the definition's fork version is 0x%s" % definition.fork_version.hex(),
            "the one of the network that its signatures are checked for",
        )
    config_hash = compute_config_hash(definition)
    unsigned = [not (each.address or each.config_signature or each.enr_signature) for each in operators]
    if not all(unsigned):
        of_config = eip712.operator_config_v1_3 if definition.minor == 3 else eip712.operator_config
        config = of_config(config_hash, network.chain_id)
        for index, operator in enumerate(operators, 1):
            signed = {
                "config_signature": (config, operator.config_signature),
                "enr_signature": (eip712.operator_enr(operator.enr, network.chain_id), operator.enr_signature),
            }
            with problems:
                _check_signer(operator.address, signed, partial(OperatorError, index))
    with problems:
        shape = _check_creator(definition, config_hash, network.chain_id, all(unsigned))
    problems.raise_any()
    return shape


def _check_creator(definition, config_hash, chain_id, unsigned):
    """The shape of the definition, whose operators all signed or are all ``unsigned``."""
    creator = definition.creator
    if definition.minor == 3:
        if creator.config_signature:
            raise _creator_error("config_signature", "a v1.3 definition has one", "none")
        return "unsigned" if unsigned else "group"
    if unsigned and not creator.address and not creator.config_signature:
        return "unsigned"
    config = eip712.creator_config(config_hash, chain_id)
    _check_signer(creator.address, {"config_signature": (config, creator.config_signature)}, _creator_error)
    return "solo" if unsigned else "group"


def _creator_error(check, found, wanted="", hint=""):
    return DvError("creator, %s: %s" % (check, found), wanted, hint)


def _check_signer(signer, signed, fail):
    """Refuse signatures that are not by the address text ``signer``, with the error that ``fail`` makes.

    :param signed: typed data and signature by the name of the check
    """
    if not signer:
        raise fail("address", "it is missing", "an address and signatures, of every operator and the creator, or of none")
    try:
        wanted = address.parse_address(signer, "it")
    except DvError as error:
        raise fail("address", error.found, error.wanted) from None
    problems = Collector()
    for check, (typed_data, signature) in signed.items():
        with problems:
            if not signature:
                raise fail(check, "it is missing", "a signature by %s" % signer, "the owner of that address has yet to sign")
            try:
                eip712.verify_signature(wanted, typed_data, signature)
            except eip712.SignedByAnother as error:
                raise fail(check, error.found, "a signature of what the definition says by %s" % signer, _CONTRACT_HINT) from None
            except DvError as error:
                raise fail(check, error.found, error.wanted, _CONTRACT_HINT) from None
    problems.raise_any()


def operator_of(definition, public_key):
    """The share index of the operator whose ENR has ``public_key`` (33 bytes).

    :raises DvError: there is none
    """
    for index, operator in enumerate(definition.operators or (), 1):
        # What is no ENR at all is said of its operator, see review.
        with contextlib.suppress(DvError):
            if enr.parse(operator.enr, verify=False).public_key == public_key:
                return index
    raise DvError(
        "this node is not in the definition: no ENR there has its key 0x%s" % public_key.hex(),
        "the ENR of one of its operators",
        "restore the node's charon-enr-private-key, or use the definition that was made with this ENR",
    )
