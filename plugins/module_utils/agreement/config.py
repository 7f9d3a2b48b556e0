# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The terms of a cluster: the variables ``dv_*`` that a group of operators agrees on, checked strictly.

Creating is strict where charon is not: every address needs its checksum, none may be zero, operators are different
people unless ``dv_allow_shared_operator_address`` says otherwise. A threshold other than the default (two thirds,
rounded up) is taken because it was given explicitly: setting ``dv_threshold`` is the consent.

Limits: charon-formats §1.1 and §1.4.
"""

import re
from dataclasses import dataclass

from ..cluster.definition import (
    WRITTEN_VERSION,
    Creator,
    Definition,
    Operator,
    ValidatorAddresses,
    default_threshold,
    with_hashes,
)
from ..cluster.definition_checks import FULL_DEPOSIT, LARGEST_COMPOUNDING, largest_deposit
from ..cluster.summary import TERMS as OF_DEFINITION
from ..cluster.summary import in_eth
from ..encoding.json_schema import dotted, shape_problems
from ..errors import DvError, raise_all, show
from ..ethereum.address import ZERO, parse_address, parse_checksum_address
from ..ethereum.networks import KNOWN, Network, custom_network, name_of
from ..ethereum.units import GWEI_PER_ETH
from .config_schema import PENDING_TERMS, TERMS

_DEFAULTS: dict[str, object] = {
    "network": None,
    "testnet": None,
    "threshold": None,
    "deposit_amounts": [],
    "compounding": False,
    "target_gas_limit": 60_000_000,
    "consensus_protocol": "",
    "creator": "",
    "allow_shared_operator_address": False,
}


@dataclass(frozen=True)
class Terms:
    """Checked terms.

    ``network`` is a :class:`~.networks.Network`, ``deposit_amounts`` are Gwei (empty: charon's default), the two tuples
    of addresses have one entry for each validator, ``operators`` are in the order of share index.

    An operator (and the creator) is ``""`` as long as this run has yet to make its wallet.
    """

    name: str
    network: Network
    num_validators: int
    threshold: int
    withdrawal_addresses: tuple
    fee_recipient_addresses: tuple
    deposit_amounts: tuple
    compounding: bool
    target_gas_limit: int
    consensus_protocol: str
    operators: tuple
    creator: str


def parse_terms(value, operators_pending=False):
    """The :class:`Terms` of ``value``: a dict of the cluster's variables, without their prefix ``dv_``.

    ``None`` and an empty ``testnet`` mean "not set". Numbers and booleans may be texts, as ``-e name=value`` gives them.

    :param operators_pending: let ``""`` stand for an operator whose wallet this run makes
    :raises DvError: what is wrong, named after the variable that says it
    :raises Problems: the same of everything that is wrong
    """
    schema = PENDING_TERMS if operators_pending else TERMS
    given = _given(value, schema)
    found = shape_problems(given, schema, variable)
    problems = [problem for _path, problem in found]
    broken = {path[0] if path else None for path, _problem in found}
    if None not in broken:  # the terms as a whole are a mapping
        given = {**_DEFAULTS, **given}
        for rule, *fields in _RULES:
            if broken.isdisjoint(fields):
                problems += rule(given)
    raise_all(problems)
    return _terms(given)


def definition(terms, uuid, timestamp):
    """The unsigned :class:`~.definition.Definition` of ``terms``, with its config hash and without ENRs.

    :param uuid: text that tells it from other clusters with the same terms, at most 64 bytes
    :param timestamp: when it was made, RFC 3339 text of at most 32 bytes
    :raises DvError: an operator's wallet is still to be made
    """
    if "" in terms.operators:
        raise DvError(
            "dv_operators[%d] is not known yet" % terms.operators.index(""),
            "the address of every operator",
            "make the operators' wallets first",
        )
    made = Definition(
        name=terms.name,
        creator=Creator(address=terms.creator),
        operators=tuple(Operator(address=address) for address in terms.operators),
        uuid=uuid,
        version=WRITTEN_VERSION,
        timestamp=timestamp,
        num_validators=terms.num_validators,
        threshold=terms.threshold,
        validators=tuple(
            ValidatorAddresses(fee_recipient_address=fee_recipient, withdrawal_address=withdrawal)
            for fee_recipient, withdrawal in zip(terms.fee_recipient_addresses, terms.withdrawal_addresses)
        ),
        fork_version=terms.network.genesis_fork_version,
        deposit_amounts=terms.deposit_amounts or None,
        consensus_protocol=terms.consensus_protocol,
        target_gas_limit=terms.target_gas_limit,
        compounding=terms.compounding,
    )
    return with_hashes(made)


def differences(definition, terms):
    """What ``terms`` say otherwise than the existing ``definition``: a list of texts, empty if they agree.

    An operator whose wallet is not known yet, agrees with any.
    """
    return [
        "%s: the definition has %s, the terms say %s" % (name, has, says)
        for field, of_terms in _COMPARED.items()
        for name, has, says in _compare(variable((field,)), OF_DEFINITION[field](definition), of_terms(terms))
    ]


def variable(path):
    """The Ansible variable that sets the term at ``path``: ``dv_operators[1]``, ``dv_testnet_chain_id``."""
    if path and path[0] == "testnet":
        path = ("_".join(map(str, path)),)
    return "dv_" + dotted(path) if path else "the cluster's terms"


def _given(value, schema):
    """``value`` without what is not set, and with the numbers and booleans that came as text."""
    kind = schema.get("type")
    if kind == "object" and isinstance(value, dict):
        fields = schema["properties"]
        return {key: _given(item, fields.get(key, {})) for key, item in value.items() if item is not None and item != {}}
    if kind == "array" and isinstance(value, list):
        return [_given(item, schema["items"]) for item in value]
    if kind == "integer" and isinstance(value, str) and re.fullmatch("[0-9]{1,20}", value):
        return int(value)
    if kind == "boolean" and isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower(), value)
    return value


# Rules beyond the shape. Each is given the terms, its own fields being of the right shape, and yields what is wrong.


def _name(given):
    name = given["name"]
    if not name.isprintable():
        yield DvError("dv_name is %s, with characters that cannot be printed" % show(name), "printable text")
    elif len(name.encode()) > 256:
        yield DvError("dv_name has %d bytes" % len(name.encode()), "at most 256 bytes in UTF-8", "choose a shorter name")


def _network(given):
    name, testnet = given["network"], given["testnet"]
    if (name is None) == (testnet is None):
        found = "neither dv_network nor dv_testnet_* is set" if name is None else "both dv_network and dv_testnet_* are set"
        yield DvError(found, "one of them", "set dv_network, or the four dv_testnet_* of a network of your own")
        return
    try:
        _network_of(given)
    except DvError as error:
        named = "dv_network is %s" % show(name) if testnet is None else "dv_testnet_*: %s" % error.found
        yield DvError(named, error.wanted, error.hint)


def _checksums(given, field, zero_means):
    for index, text in enumerate(given[field]):
        if text:
            yield from _checksum(variable((field, index)), text, zero_means)


def _checksum(name, text, zero_means):
    if parse_address(text, name) == ZERO:
        yield DvError("%s is the zero address" % name, "an address that somebody holds", zero_means)
        return
    try:
        parse_checksum_address(text, name)
    except DvError as error:
        yield error


def _withdrawal_checksums(given):
    return _checksums(given, "withdrawal_addresses", "stakes withdrawn to it would be lost")


def _fee_recipient_checksums(given):
    return _checksums(given, "fee_recipient_addresses", "fees sent to it would be lost")


def _operator_checksums(given):
    return _checksums(given, "operators", "nobody can sign for it")


def _creator(given):
    return _checksum("dv_creator", given["creator"], "nobody can sign for it") if given["creator"] else ()


def _counts(given):
    for field in ("withdrawal_addresses", "fee_recipient_addresses"):
        count, validators = len(given[field]), given["num_validators"]
        if count not in (1, validators):
            yield DvError(
                "%s has %d entries, dv_num_validators is %d" % (variable((field,)), count, validators),
                "one address, or one for each validator",
                "correct the list or dv_num_validators",
            )


def _different_operators(given):
    if given["allow_shared_operator_address"]:
        return
    places = {}
    for index, text in enumerate(given["operators"]):
        first = places.setdefault(text.lower(), index) if text else index
        if first != index:
            yield DvError(
                "dv_operators[%d] and dv_operators[%d] are the same address %s" % (first, index, text),
                "a different address for each operator",
                "if one operator really has several nodes, set dv_allow_shared_operator_address to true",
            )


def _threshold(given):
    threshold, operators = given["threshold"], len(given["operators"])
    if threshold is not None and threshold > operators:
        yield DvError(
            "dv_threshold is %d, dv_operators has %d entries" % (threshold, operators),
            "2 to %d" % operators,
            "leave it out for the default of %d" % default_threshold(operators),
        )


def _deposits(given):
    amounts, compounding = given["deposit_amounts"], given["compounding"]
    largest = largest_deposit(compounding)
    for index, amount in enumerate(amounts):
        if amount > largest:
            yield DvError(
                "dv_deposit_amounts[%d] is %.12g ETH" % (index, amount),
                "at most %d ETH %s compounding" % (largest, "with" if compounding else "without"),
                "" if compounding else "split it, or set dv_compounding to true (up to %d ETH)" % LARGEST_COMPOUNDING,
            )
    if amounts and sum(amounts) < FULL_DEPOSIT:
        yield DvError(
            "dv_deposit_amounts sum to %d ETH" % sum(amounts),
            "at least %d ETH, what a validator needs" % FULL_DEPOSIT,
            "add an amount, or leave the list empty for charon's default",
        )


# Each rule with the fields it reads: it is skipped where one of them has the wrong shape.
_RULES = (
    (_name, "name"),
    (_network, "network", "testnet"),
    (_counts, "num_validators", "withdrawal_addresses", "fee_recipient_addresses"),
    (_withdrawal_checksums, "withdrawal_addresses"),
    (_fee_recipient_checksums, "fee_recipient_addresses"),
    (_operator_checksums, "operators"),
    (_different_operators, "operators", "allow_shared_operator_address"),
    (_threshold, "threshold", "operators"),
    (_creator, "creator"),
    (_deposits, "deposit_amounts", "compounding"),
)


def _network_of(given):
    testnet = given["testnet"]
    if testnet is None:
        return KNOWN.by_name(given["network"])
    return custom_network(testnet["name"], testnet["chain_id"], testnet["fork_version"], testnet["genesis_timestamp"])


def _terms(given):
    count, operators = given["num_validators"], tuple(given["operators"])

    def each(addresses):
        return tuple(addresses) if len(addresses) == count else tuple(addresses) * count

    return Terms(
        name=given["name"],
        network=_network_of(given),
        num_validators=count,
        threshold=given["threshold"] or default_threshold(len(operators)),
        withdrawal_addresses=each(given["withdrawal_addresses"]),
        fee_recipient_addresses=each(given["fee_recipient_addresses"]),
        deposit_amounts=tuple(amount * GWEI_PER_ETH for amount in given["deposit_amounts"]),
        compounding=given["compounding"],
        target_gas_limit=given["target_gas_limit"],
        consensus_protocol=given["consensus_protocol"],
        operators=operators,
        creator=given["creator"] or operators[0],
    )


# What is compared with a definition: the variable's field, and its value in terms (None: not known yet).
_COMPARED = {
    "name": lambda says: says.name,
    "network": lambda says: name_of(says.network.genesis_fork_version),
    "num_validators": lambda says: says.num_validators,
    "threshold": lambda says: says.threshold,
    "withdrawal_addresses": lambda says: list(says.withdrawal_addresses),
    "fee_recipient_addresses": lambda says: list(says.fee_recipient_addresses),
    "deposit_amounts": lambda says: in_eth(says.deposit_amounts),
    "compounding": lambda says: says.compounding,
    "target_gas_limit": lambda says: says.target_gas_limit,
    "consensus_protocol": lambda says: says.consensus_protocol,
    "operators": lambda says: [address or None for address in says.operators],
    "creator": lambda says: says.creator or None,
}


def _compare(name, has, says):
    """(name, what the definition has, what the terms say) where they differ: lists by entry, addresses in any case."""
    if isinstance(has, list):
        pairs = list(zip(has, says))
        if len(has) != len(says) and set(has) == set(says) and len(set(has)) == 1:
            return  # the number of validators differs, not where their money goes
        if len(has) != len(says):
            yield name, "%d entries" % len(has), "%d entries" % len(says)
        elif len(has) > 1 and len(set(pairs)) == 1:
            yield from _compare(name, *pairs[0])
        else:
            for index, pair in enumerate(pairs):
                yield from _compare("%s[%d]" % (name, index), *pair)
    elif says is not None and _any_case(has) != _any_case(says):
        yield name, show(has), show(says)


def _any_case(value):
    return value.lower() if isinstance(value, str) and re.fullmatch("0x[0-9a-fA-F]{40}", value) else value
