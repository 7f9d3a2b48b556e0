# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verification of a cluster definition: everything charon checks, and what an operator should know besides.

What charon refuses is an error; what it accepts but is doubtful, a warning.
Source: charon-formats §1.4, §1.6, §2.5, §12.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from ..cluster.definition import Creator, Definition, Operator, address_bytes, default_threshold
from ..cluster.definition_checks import awaited, check_deposit_amounts, check_hashes, check_signatures, unfinished
from ..cluster.lock import ClusterLock
from ..cluster.summary import summarize_config
from ..encoding.hex import to_hex
from ..errors import DvError, OperatorError, raise_all, show
from ..ethereum import enr
from ..ethereum.address import ZERO, checksum_address
from ..ethereum.networks import KNOWN, Network, Networks
from .report import Report

_DKG_ALGORITHMS = ("default", "frost", "pedersen")
_CONSENSUS_PROTOCOLS = ("", "qbft")
_Value = TypeVar("_Value", str, bytes)
# What a definition that is not signed by all cannot prove, by its shape.
_UNSIGNED = {
    "solo": "only the creator signed: nothing proves that the operators agree",
    "unsigned": "nobody signed: nothing proves who the operators are and that they agree",
}


def verify_definition(definition: Definition, networks: Networks = KNOWN) -> Report:
    """Verify a definition.

    :param networks: those that count
    :returns: the findings, and the :func:`cluster_summary`
    """
    report = Report()
    network = check_definition(report, definition, networks)
    report.cluster = cluster_summary(definition, network)
    return report


def check_definition(report: Report, definition: Definition, networks: Networks, in_lock: bool = False) -> Network | None:
    """Add the findings of ``definition`` to ``report``.

    :param in_lock: it is that of a lock: operators without an ENR, who are still to join a definition, are an error
    :returns: its network, ``None`` if unknown
    """
    with report.errors_of("definition_hashes"):
        check_hashes(definition)
    with report.errors_of("deposit_amounts"):
        check_deposit_amounts(definition)
    network = _network(report, definition, networks)
    if network or definition.minor < 3:
        with report.errors_of("definition_signatures"):
            shape = _check_signatures(report, definition, network, in_lock)
            if shape in _UNSIGNED:
                report.warning("definition_signatures", _UNSIGNED[shape])
    _check_enrs(report, definition, in_lock)
    _check_threshold(report, definition)
    _check_addresses(report, definition)
    _check_choices(report, definition)
    return network


def cluster_summary(definition: Definition, network: Network | None, lock: ClusterLock | None = None) -> dict[str, Any]:
    """The summary of a cluster by its definition, and by its lock if there is one: texts, numbers and lists, for people."""
    return {
        "name": definition.name,
        "network": network.name if network else None,
        "threshold": definition.threshold,
        "terms": summarize_config(definition),
        "config_hash": to_hex(definition.config_hash),
        "definition_hash": to_hex(definition.definition_hash),
        "lock_hash": to_hex(lock.lock_hash) if lock else None,
        "operators": [
            {"share_index": index, "address": operator.address, "peer_id": key and enr.peer_id(key)}
            for index, (operator, key) in enumerate(zip(definition.operators or (), node_keys(definition)), 1)
        ],
        "validators": [to_hex(validator.public_key) for validator in lock.validators or ()] if lock else [],
    }


def _network(report: Report, definition: Definition, networks: Networks) -> Network | None:
    try:
        return networks.of(definition)
    except DvError as error:
        # Charon looks the network up for the sake of the signatures, which exist from v1.3.
        (report.error if definition.minor >= 3 else report.warning)("network", str(error))
        return None


def node_keys(definition: Definition) -> list[bytes | None]:
    """The public key (33 bytes) of each operator's ENR, in order; ``None`` for what is no ENR."""
    return [enr.node_key(operator.enr) for operator in definition.operators or ()]


def _check_signatures(report: Report, definition: Definition, network: Network | None, in_lock: bool) -> str | None:
    """The shape of ``definition`` by its signatures (:func:`.check_signatures`); ``None`` if they are wrong.

    What all operators have yet to submit is one finding.
    """
    waiting = {} if in_lock else awaited(definition)
    if waiting:
        # With no more than ENRs to come it is one of a creator alone, that charon takes for signed.
        complain = report.warning if all(missing == ["enr"] for missing in waiting.values()) else report.error
        error = unfinished(waiting)
        complain("definition_signatures", error.found)
    try:
        return check_signatures(definition, network)
    except DvError as error:
        raise_all([each for each in getattr(error, "errors", [error]) if not _is_awaited(each, waiting)])
        return None


def _is_awaited(error: DvError, waiting: dict[int, list[str]]) -> bool:
    return isinstance(error, OperatorError) and error.check in waiting.get(error.share_index, ())


def is_from_before_edit(definition: Definition, edited: Definition) -> bool:
    """Whether ``charon alpha edit`` can have made ``edited`` of ``definition``.

    An edit takes all addresses and signatures of operators and creator off. It appends validators or operators, or puts one
    operator in the place of another, or takes some off, which may change the threshold.
    """
    unedited, unedited_after = (
        replace(
            each, creator=Creator(), operators=None, threshold=0, num_validators=0, validators=None, config_hash=b"", definition_hash=b""
        )
        for each in (definition, edited)
    )
    if unedited != unedited_after or edited.creator != Creator():
        return False
    before, after = ([operator.enr for operator in each.operators or ()] for each in (definition, edited))
    validators = definition.validators or ()
    return (
        all(operator == Operator(enr=operator.enr) for operator in edited.operators or ())
        and [text for text in before if text in after] == [text for text in after if text in before] != []
        and (definition.threshold == edited.threshold or len(after) < len(before))
        and (edited.validators or ())[: len(validators)] == validators
    )


def _check_enrs(report: Report, definition: Definition, in_lock: bool) -> None:
    for index, operator in enumerate(definition.operators or (), 1):
        if operator.enr or in_lock:
            with report.errors_of("enr"):
                enr.parse(operator.enr, f"the ENR of operator {index}")
    keys = node_keys(definition)
    for key in _repeated(filter(None, keys)):
        indices = [str(index) for index, other in enumerate(keys, 1) if other == key]
        report.error("enr", f"operators {' and '.join(indices)} have the same ENR key; wanted: a node of his own for each")


def _check_threshold(report: Report, definition: Definition) -> None:
    threshold, count = definition.threshold, len(definition.operators or ())
    if not 1 <= threshold <= count:
        report.error("threshold", f"the threshold is {threshold} of {count} operators; wanted: from 1 to {count}")
    elif threshold != default_threshold(count):
        report.warning(
            "threshold", f"the threshold is {threshold} of {count} operators, where charon would take {default_threshold(count)}"
        )


def _check_addresses(report: Report, definition: Definition) -> None:
    operators, validators = definition.operators or (), definition.validators or ()
    for text in _repeated(operator.address.lower() for operator in operators if operator.address):
        report.warning("operators", f"{text} is the address of more than one operator")
    groups = {
        "creator": [definition.creator.address],
        "operators": [operator.address for operator in operators],
        "withdrawal_address": [each.withdrawal_address for each in validators],
        "fee_recipient_address": [each.fee_recipient_address for each in validators],
    }
    for check, texts in groups.items():
        lost, unchecked = [], []
        for text in dict.fromkeys(texts):
            if not text or address_bytes(text) == ZERO:
                lost.append(text or "no address")
            elif text != checksum_address(address_bytes(text)):
                unchecked.append(text)
        if lost and check in ("withdrawal_address", "fee_recipient_address"):
            report.warning(check, f"{' and '.join(lost)}: nobody can use what goes there")
        if unchecked:
            report.warning(check, f"{and_others(unchecked)}: without the checksum of EIP-55 a wrong digit is not noticed")


def and_others(names: Sequence[str]) -> str:
    """The first of ``names``, and how many more there are."""
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _check_choices(report: Report, definition: Definition) -> None:
    if definition.consensus_protocol.lower() not in _CONSENSUS_PROTOCOLS:
        report.warning("consensus_protocol", f"{show(definition.consensus_protocol)} is not known")
    if definition.dkg_algorithm not in _DKG_ALGORITHMS:
        report.warning("dkg_algorithm", f"{show(definition.dkg_algorithm)} is not known")
    if definition.minor >= 10 and not definition.target_gas_limit:
        report.warning("target_gas_limit", "it is 0; wanted: a gas limit")
    if not definition.num_validators:
        report.warning("num_validators", "the cluster has no validators")


def _repeated(values: Iterable[_Value]) -> list[_Value]:
    return [value for value, count in Counter(values).items() if count > 1]
