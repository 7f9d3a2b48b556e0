# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The terms of a cluster: the variables ``dv_*`` that a group of operators agrees on, checked strictly.

Creating is strict where charon is not: every address needs its checksum, none may be zero, operators are different
people unless ``dv_allow_shared_operator_address`` says otherwise. A threshold other than the default (two thirds,
rounded up) is taken because it was given explicitly: setting ``dv_threshold`` is the consent.

Limits: charon-formats §1.1 and §1.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

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
from ..cluster.summary import OF_DEFINITION, in_eth
from ..encoding.json_schema import dotted, shape_problems
from ..errors import DvError, raise_all, show
from ..ethereum.address import ZERO, parse_address, parse_checksum_address
from ..ethereum.networks import KNOWN, Network, custom_network, name_of
from ..ethereum.units import GWEI_PER_ETH
from .config_schema import CONFIG, PENDING_CONFIG

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
class ClusterConfig:
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


def parse_config(value: Any, operators_pending: bool = False) -> ClusterConfig:
    """The :class:`ClusterConfig` of ``value``: a dict of the cluster's variables, without their prefix ``dv_``.

    ``None`` and an empty ``testnet`` mean "not set". Numbers and booleans may be texts, as ``-e name=value`` gives them.

    :param operators_pending: let ``""`` stand for an operator whose wallet this run makes
    :raises DvError: what is wrong, named after the variable that says it
    :raises Problems: the same of everything that is wrong
    """
    schema = PENDING_CONFIG if operators_pending else CONFIG
    values = _without_unset(value, schema)
    found = shape_problems(values, schema, variable)
    problems = [problem for _path, problem in found]
    broken = {path[0] if path else None for path, _problem in found}
    if None not in broken:  # the terms as a whole are a mapping
        values = {**_DEFAULTS, **values}
        for rule, *fields in _RULES:
            if broken.isdisjoint(fields):
                problems += rule(values)
    raise_all(problems)
    return _cluster_config(values)


def unsigned_definition(config: ClusterConfig, uuid: str, timestamp: str) -> Definition:
    """The unsigned :class:`~.cluster.definition.Definition` of ``config``, with its config hash and without ENRs.

    :param uuid: text that tells it from other clusters with the same terms, at most 64 bytes
    :param timestamp: when it was made, RFC 3339 text of at most 32 bytes
    :raises DvError: an operator's wallet is still to be made
    """
    if "" in config.operators:
        raise DvError(
            f"dv_operators[{config.operators.index('')}] is not known yet",
            "the address of every operator",
            "make the operators' wallets first",
        )
    made = Definition(
        name=config.name,
        creator=Creator(address=config.creator),
        operators=tuple(Operator(address=address) for address in config.operators),
        uuid=uuid,
        version=WRITTEN_VERSION,
        timestamp=timestamp,
        num_validators=config.num_validators,
        threshold=config.threshold,
        validators=tuple(
            ValidatorAddresses(fee_recipient_address=fee_recipient, withdrawal_address=withdrawal)
            for fee_recipient, withdrawal in zip(config.fee_recipient_addresses, config.withdrawal_addresses)
        ),
        fork_version=config.network.genesis_fork_version,
        deposit_amounts=config.deposit_amounts or None,
        consensus_protocol=config.consensus_protocol,
        target_gas_limit=config.target_gas_limit,
        compounding=config.compounding,
    )
    return with_hashes(made)


def differences(definition: Definition, config: ClusterConfig) -> list[str]:
    """What ``config`` says otherwise than the existing ``definition``: a list of texts, empty if they agree.

    An operator whose wallet is not known yet, agrees with any.
    """
    return [
        f"{name}: the definition has {has}, the terms say {says}"
        for field, of_config in _COMPARED.items()
        for name, has, says in _compare(variable((field,)), OF_DEFINITION[field](definition), of_config(config))
    ]


def variable(path: tuple[str | int, ...]) -> str:
    """The Ansible variable that sets the term at ``path``: ``dv_operators[1]``, ``dv_testnet_chain_id``."""
    if path and path[0] == "testnet":
        path = ("_".join(map(str, path)),)
    return "dv_" + dotted(path) if path else "the cluster's terms"


def _without_unset(value: Any, schema: dict[str, Any]) -> Any:
    """``value`` without what is not set, and with the numbers and booleans that came as text."""
    kind = schema.get("type")
    if kind == "object" and isinstance(value, dict):
        fields = schema["properties"]
        return {key: _without_unset(item, fields.get(key, {})) for key, item in value.items() if item is not None and item != {}}
    if kind == "array" and isinstance(value, list):
        return [_without_unset(item, schema["items"]) for item in value]
    if kind == "integer" and isinstance(value, str) and re.fullmatch("[0-9]{1,20}", value):
        return int(value)
    if kind == "boolean" and isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower(), value)
    return value


# Rules beyond the shape. Each is given the terms, its own fields being of the right shape, and yields what is wrong.


def _name(values: dict[str, Any]) -> Iterator[DvError]:
    name = values["name"]
    if not name.isprintable():
        yield DvError(f"dv_name is {show(name)}, with characters that cannot be printed", "printable text")
    elif len(name.encode()) > 256:
        yield DvError(f"dv_name has {len(name.encode())} bytes", "at most 256 bytes in UTF-8", "choose a shorter name")


def _network(values: dict[str, Any]) -> Iterator[DvError]:
    name, testnet = values["network"], values["testnet"]
    if (name is None) == (testnet is None):
        found = "neither dv_network nor dv_testnet_* is set" if name is None else "both dv_network and dv_testnet_* are set"
        yield DvError(found, "one of them", "set dv_network, or the four dv_testnet_* of a network of your own")
        return
    try:
        _network_of(values)
    except DvError as error:
        named = f"dv_network is {show(name)}" if testnet is None else f"dv_testnet_*: {error.found}"
        yield DvError(named, error.wanted, error.hint)


def _checksums(values: dict[str, Any], field: str, zero_means: str) -> Iterator[DvError]:
    for index, text in enumerate(values[field]):
        if text:
            yield from _checksum(variable((field, index)), text, zero_means)


def _checksum(name: str, text: str, zero_means: str) -> Iterator[DvError]:
    if parse_address(text, name) == ZERO:
        yield DvError(f"{name} is the zero address", "an address that somebody holds", zero_means)
        return
    try:
        parse_checksum_address(text, name)
    except DvError as error:
        yield error


def _withdrawal_checksums(values: dict[str, Any]) -> Iterator[DvError]:
    return _checksums(values, "withdrawal_addresses", "stakes withdrawn to it would be lost")


def _fee_recipient_checksums(values: dict[str, Any]) -> Iterator[DvError]:
    return _checksums(values, "fee_recipient_addresses", "fees sent to it would be lost")


def _operator_checksums(values: dict[str, Any]) -> Iterator[DvError]:
    return _checksums(values, "operators", "nobody can sign for it")


def _creator(values: dict[str, Any]) -> Iterable[DvError]:
    return _checksum("dv_creator", values["creator"], "nobody can sign for it") if values["creator"] else ()


def _counts(values: dict[str, Any]) -> Iterator[DvError]:
    for field in ("withdrawal_addresses", "fee_recipient_addresses"):
        count, validators = len(values[field]), values["num_validators"]
        if count not in (1, validators):
            yield DvError(
                f"{variable((field,))} has {count} entries, dv_num_validators is {validators}",
                "one address, or one for each validator",
                "correct the list or dv_num_validators",
            )


def _different_operators(values: dict[str, Any]) -> Iterator[DvError]:
    if values["allow_shared_operator_address"]:
        return
    places: dict[str, int] = {}
    for index, text in enumerate(values["operators"]):
        first = places.setdefault(text.lower(), index) if text else index
        if first != index:
            yield DvError(
                f"dv_operators[{first}] and dv_operators[{index}] are the same address {text}",
                "a different address for each operator",
                "if one operator really has several nodes, set dv_allow_shared_operator_address to true",
            )


def _threshold(values: dict[str, Any]) -> Iterator[DvError]:
    threshold, operators = values["threshold"], len(values["operators"])
    if threshold is not None and threshold > operators:
        yield DvError(
            f"dv_threshold is {threshold}, dv_operators has {operators} entries",
            f"2 to {operators}",
            f"leave it out for the default of {default_threshold(operators)}",
        )


def _deposits(values: dict[str, Any]) -> Iterator[DvError]:
    amounts, compounding = values["deposit_amounts"], values["compounding"]
    largest = largest_deposit(compounding)
    for index, amount in enumerate(amounts):
        if amount > largest:
            yield DvError(
                f"dv_deposit_amounts[{index}] is {amount:.12g} ETH",
                f"at most {largest} ETH {'with' if compounding else 'without'} compounding",
                "" if compounding else f"split it, or set dv_compounding to true (up to {LARGEST_COMPOUNDING} ETH)",
            )
    if amounts and sum(amounts) < FULL_DEPOSIT:
        yield DvError(
            f"dv_deposit_amounts sum to {sum(amounts)} ETH",
            f"at least {FULL_DEPOSIT} ETH, what a validator needs",
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


def _network_of(values: dict[str, Any]) -> Network:
    testnet = values["testnet"]
    if testnet is None:
        return KNOWN.by_name(values["network"])
    return custom_network(testnet["name"], testnet["chain_id"], testnet["fork_version"], testnet["genesis_timestamp"])


def _cluster_config(values: dict[str, Any]) -> ClusterConfig:
    count, operators = values["num_validators"], tuple(values["operators"])

    def each(addresses: list[str]) -> tuple[str, ...]:
        return tuple(addresses) if len(addresses) == count else tuple(addresses) * count

    return ClusterConfig(
        name=values["name"],
        network=_network_of(values),
        num_validators=count,
        threshold=values["threshold"] or default_threshold(len(operators)),
        withdrawal_addresses=each(values["withdrawal_addresses"]),
        fee_recipient_addresses=each(values["fee_recipient_addresses"]),
        deposit_amounts=tuple(amount * GWEI_PER_ETH for amount in values["deposit_amounts"]),
        compounding=values["compounding"],
        target_gas_limit=values["target_gas_limit"],
        consensus_protocol=values["consensus_protocol"],
        operators=operators,
        creator=values["creator"] or operators[0],
    )


# What is compared with a definition: the variable's field, and its value in a config (None: not known yet).
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


def _compare(name: str, has: Any, says: Any) -> Iterator[tuple[str, str, str]]:
    """(name, what the definition has, what the terms say) where they differ: lists by entry, addresses in any case."""
    if isinstance(has, list):
        pairs = list(zip(has, says))
        if len(has) != len(says) and set(has) == set(says) and len(set(has)) == 1:
            return  # the number of validators differs, not where their money goes
        if len(has) != len(says):
            yield name, f"{len(has)} entries", f"{len(says)} entries"
        elif len(has) > 1 and len(set(pairs)) == 1:
            yield from _compare(name, *pairs[0])
        else:
            for index, pair in enumerate(pairs):
                yield from _compare(f"{name}[{index}]", *pair)
    elif says is not None and _any_case(has) != _any_case(says):
        yield name, show(has), show(says)


def _any_case(value: Any) -> Any:
    return value.lower() if isinstance(value, str) and re.fullmatch("0x[0-9a-fA-F]{40}", value) else value
