# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of a cluster definition: its hashes, limits and deposit amounts, and who signed it.

Source: charon-formats §1.4, §1.6 and §2.5. Every check says all that it finds wrong, not the first thing only.
"""

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from ..errors import Collector, DvError, OperatorError
from ..ethereum import address, eip712
from ..ethereum.networks import Network
from ..ethereum.units import GWEI_PER_ETH
from .definition import MAX_VALIDATORS, Definition
from .definition_hash import compute_config_hash, compute_definition_hash

#: Versions whose locks hold deposits of several amounts and a registration (charon-formats §4.1): those that a DKG makes.
RUNNABLE_VERSIONS = ("v1.8.0", "v1.9.0", "v1.10.0", "v1.11.0")
#: Operators of a cluster that is made: charon wants 3, and a share index of the DKG is one byte. Its format has room for one more,
#: :data:`.definition_hash.SSZ_MAX_OPERATORS`.
MIN_OPERATORS, MAX_OPERATORS = 3, 255
#: Deposits of a validator in ETH: the least sum (what activates it), and the largest single one without and with compounding.
FULL_DEPOSIT, LARGEST_DEPOSIT, LARGEST_COMPOUNDING = 32, 32, 2048

_CONTRACT_HINT = (
    "sign again with the wallet of that address; if it is a contract wallet (a Safe), only an execution RPC can tell, "
    "which is not asked yet"
)


def check_hashes(definition: Definition) -> None:
    """Refuse a definition whose stored config hash or definition hash is not what its fields say.

    :raises DvError: one of them is missing or wrong, or both are (:class:`.errors.Problems`)
    """
    problems = Collector()
    for name, compute in (("config_hash", compute_config_hash), ("definition_hash", compute_definition_hash)):
        with problems:
            stored, computed = getattr(definition, name), compute(definition)
            if stored != computed:
                raise DvError(
                    f"{name} is {'0x' + stored.hex() if stored else 'missing'}",
                    f"0x{computed.hex()}, the hash of what the definition says",
                    "it was changed after it was hashed: take it from its creator once more",
                )
    problems.raise_any()


def largest_deposit(compounding: bool) -> int:
    """The largest deposit of a validator, in ETH."""
    return LARGEST_COMPOUNDING if compounding else LARGEST_DEPOSIT


def check_deposit_amounts(definition: Definition) -> None:
    """Refuse deposit amounts that charon refuses.

    Each is from 1 ETH to :func:`largest_deposit`, and together they are :data:`FULL_DEPOSIT` or more. No amounts at all are right too.
    Amounts count as they stand, equal ones several times.

    :raises DvError: what is wrong with them
    """
    amounts = definition.deposit_amounts or ()
    least, most = FULL_DEPOSIT * GWEI_PER_ETH, largest_deposit(definition.compounding) * GWEI_PER_ETH
    problems = Collector()
    for index, amount in enumerate(amounts):
        with problems:
            if not GWEI_PER_ETH <= amount <= most:
                raise DvError(f"deposit_amounts[{index}] is {amount} Gwei", f"from {GWEI_PER_ETH} to {most} Gwei")
    with problems:
        if amounts and sum(amounts) < least:
            raise DvError(
                f"deposit_amounts are {sum(amounts)} Gwei in all",
                f"{least} Gwei or more, since a validator needs {FULL_DEPOSIT} ETH to be activated",
            )
    problems.raise_any()


def check_runnable(definition: Definition, what: str = "the definition", least_operators: int = MIN_OPERATORS) -> None:
    """Refuse a definition for which no DKG can run, or whose results nobody could use; ``what`` names it in errors.

    :raises DvError: another version, number of operators or validators or threshold; deposit amounts that charon refuses; no
        fork version; a validator without an address for withdrawals or fees
    """
    count = len(definition.operators or ())
    problems = Collector()
    with problems:
        if definition.version not in RUNNABLE_VERSIONS:
            raise DvError(
                f"{what} has version {definition.version}",
                f"one of {', '.join(RUNNABLE_VERSIONS)}",
                "make a new definition, with a charon or launchpad of today",
            )
    for name, found, least, most in (
        ("number of operators", count, least_operators, MAX_OPERATORS),
        ("threshold", definition.threshold, 2, count),
        ("number of validators", definition.num_validators, 1, MAX_VALIDATORS),
    ):
        if not least <= found <= most:
            problems.errors.append(DvError(f"{what}: the {name} is {found}", f"{least} to {most}"))
    with problems:
        check_deposit_amounts(definition)
    with problems:
        if not definition.fork_version:
            raise DvError(f"{what} has no fork version", "the genesis fork version of its network")
    for name in ("withdrawal_address", "fee_recipient_address"):
        missing = [index for index, each in enumerate(definition.validators or ()) if not getattr(each, name)]
        if missing:
            problems.errors.append(
                DvError(
                    f"{what}: {len(missing)} validators have no {name}, the first is validator {missing[0]}",
                    "an address for each",
                )
            )
    problems.raise_any()


def awaited(definition: Definition) -> dict[int, list[str]]:
    """What operators have yet to submit: the names of the fields, by share index.

    Where none of them has an address or a signature, an ENR is all that is to come.
    """
    operators = definition.operators or ()
    signed = any(each.address or each.config_signature or each.enr_signature for each in operators)
    parts = ("enr", "config_signature", "enr_signature") if signed else ("enr",)
    missing = ((index, [part for part in parts if not getattr(each, part)]) for index, each in enumerate(operators, 1))
    return {index: of_operator for index, of_operator in missing if of_operator}


def unfinished(operators: Collection[int]) -> DvError:
    """The one error of a definition for which these ``operators`` (share indices) are :func:`awaited`."""
    indices = ", ".join(map(str, operators))
    who = f"operator {indices} has" if len(operators) == 1 else f"operators {indices} have"
    return DvError(
        f"the definition is not finished: {who} yet to submit an ENR and sign",
        "the definition as it is once all operators have",
        "let them, on the launchpad for example, and take it from there once more",
    )


def check_signatures(definition: Definition, network: Network | None) -> str:
    """Verify all EIP-712 signatures of ``definition``. Its shape:

    * ``"group"``: the creator (from v1.4) and every operator signed;
    * ``"solo"``: the creator signed, operators are ENRs only;
    * ``"unsigned"``: nobody signed, operators are ENRs only. Before v1.3 there is nothing else.

    Signatures are held against the config hash that follows from the fields, not against the stored one. Only
    signatures of keys are verified: those of contract wallets (ERC-1271) need an execution RPC, and are refused with
    that hint.

    :param network: that of its fork version, for the chain id; not needed before v1.3
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
                    raise OperatorError(index, "signatures", f"a {definition.version} file has signatures", "none")
        problems.raise_any()
        return "unsigned"

    if network is None or network.genesis_fork_version != definition.fork_version:
        raise DvError(
            f"the definition's fork version is 0x{definition.fork_version.hex()}",
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


def _check_creator(definition: Definition, config_hash: bytes, chain_id: int, unsigned: bool) -> str:
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


def _creator_error(check: str, found: str, wanted: str = "", hint: str = "") -> DvError:
    return DvError(f"creator, {check}: {found}", wanted, hint)


def _check_signer(signer: str, signed: dict[str, tuple[dict[str, Any], bytes]], fail: Callable[..., DvError]) -> None:
    """Refuse signatures that are not by the address ``signer``.

    :param signed: typed data and signature by the name of the check
    :param fail: makes the error, of the name of the check and the arguments of a :class:`~.errors.DvError`
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
                raise fail(check, "it is missing", f"a signature by {signer}", "the owner of that address has yet to sign")
            try:
                eip712.verify_signature(wanted, typed_data, signature)
            except eip712.SignedByAnother as error:
                raise fail(check, error.found, f"a signature of what the definition says by {signer}", _CONTRACT_HINT) from None
            except DvError as error:
                raise fail(check, error.found, error.wanted, _CONTRACT_HINT) from None
    problems.raise_any()
