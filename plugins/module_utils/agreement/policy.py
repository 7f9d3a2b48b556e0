# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node's own policy: the terms that its wallet may sign.

It protects an operator from a control node that comes with other terms.

The file is YAML. The first three keys must be there, the others bind where they are there, and nothing else may be
there. Addresses need their checksum and quotes (YAML takes a bare ``0x...`` for a number)::

    # Every validator of the cluster must be on one of these networks, and pay to some of these addresses.
    networks: [hoodi]                       # "0x10000910", a genesis fork version, for a test network of one's own
    withdrawal_addresses: ["0x000000000000000000000000000000000000dEaD"]
    fee_recipient_addresses: ["0x000000000000000000000000000000000000dEaD"]
    # Who else may be an operator of the cluster, each as often as it stands here; this node's own operator need not be named.
    # Without it the policy allows nothing by itself: the config hash has to be confirmed.
    operators: ["0x931AFf2A828f6A2dea1f6026cBD03cA6716814AD"]
    deposit_amounts: [1, 32]                # in ETH: every deposit that will be signed must be one of these
    compounding: false
    threshold: 3                            # exactly; or at least: min_threshold: 3
    max_validators: 100
"""

import hashlib
import json
import os
import re
import stat
from collections import Counter
from dataclasses import dataclass

from ..cluster.definition import effective_deposit_amounts
from ..encoding.json_schema import check_shape
from ..errors import Collector, DvError, show
from ..ethereum import networks
from ..ethereum.address import parse_checksum_address
from ..ethereum.units import GWEI_PER_ETH
from ..storage import files
from .policy_schema import POLICY

#: Largest policy file that is read, in bytes.
MAX_SIZE = 1024 * 1024

_LISTS_OF_ADDRESSES = ("withdrawal_addresses", "fee_recipient_addresses", "operators")


@dataclass(frozen=True)
class Policy:
    """A policy that was read: its ``path``, the ``sha256`` of its bytes (hex), and its ``rules`` as in the file."""

    path: str
    sha256: str
    rules: dict


def read(path):
    """The :class:`Policy` of the file at ``path``.

    :raises DvError: not readable, owned by someone else, writable for others, not YAML, or not a policy
    :raises Problems: several things are wrong with it
    """
    content = files.read(path, MAX_SIZE, lambda status: _check_owner(path, status))
    rules = _load(content, path)
    check_shape(rules, POLICY, path)
    problems = Collector()
    for field in _LISTS_OF_ADDRESSES:
        for index, text in enumerate(rules.get(field, ())):
            with problems:
                parse_checksum_address(text, f"{path}: {field}[{index}]")
    for index, name in enumerate(rules["networks"]):
        with problems:
            _check_network(name, f"{path}: networks[{index}]")
    problems.raise_any()
    return Policy(path, hashlib.sha256(content).hexdigest(), rules)


def violations(policy, definition, own_address):
    """Every way in which ``definition`` goes beyond ``policy``: a list of texts, empty if the node may sign it.

    :param own_address: the address of the node's own operator (text), which may always be an operator
    """
    rules = policy.rules
    return [
        f"{found}; {policy.path} allows {rule}: {_show_rule(rules[rule])}"
        for rule, check in _CHECKS.items()
        if rule in rules
        for found in check(rules[rule], definition, own_address)
    ]


def strangers(policy):
    """What is to be said of a ``policy`` that lets anybody be an operator: a list of one :class:`~.errors.DvError`, or empty."""
    if "operators" in policy.rules:
        return []
    return [
        DvError(
            f"{policy.path} does not say who may be an operator",
            "operators: their addresses, or the config hash confirmed in dv_accept_config_hash",
            "add the addresses of the other operators by hand: a threshold of strangers would hold the validators' keys",
        )
    ]


def allowing(cluster_config):
    """The text of a policy that allows exactly ``cluster_config`` (:class:`~.config.ClusterConfig`)."""
    network = cluster_config.network
    known = network in networks.NETWORKS
    rules = {
        "networks": [network.name if known else "0x" + network.genesis_fork_version.hex()],
        "withdrawal_addresses": list(dict.fromkeys(cluster_config.withdrawal_addresses)),
        "fee_recipient_addresses": list(dict.fromkeys(cluster_config.fee_recipient_addresses)),
        "operators": list(cluster_config.operators),
        "compounding": cluster_config.compounding,
        "threshold": cluster_config.threshold,
        "max_validators": cluster_config.num_validators,
    }
    # JSON values are YAML values, and their strings are in the quotes that addresses need.
    return "".join(f"{rule}: {json.dumps(value)}\n" for rule, value in rules.items())


# One check for each rule: given the rule, the definition and the node's own address, it yields what goes beyond it.


def _networks(allowed, definition, _own):
    name = networks.name_of(definition.fork_version)
    if not {name, "0x" + definition.fork_version.hex()}.intersection(allowed):
        yield f"the network is {name}"


def _validator_addresses(attribute, title):
    def check(allowed, definition, _own):
        known = {text.lower() for text in allowed}
        strange = {}
        for index, validator in enumerate(definition.validators or ()):
            text = getattr(validator, attribute)
            if text.lower() not in known:
                strange.setdefault(text.lower(), (index, text))
        for index, text in strange.values():
            yield f"the {title} of validator {index} is {text or 'empty'}"

    return check


def _operators(allowed, definition, own):
    left = Counter(text.lower() for text in allowed)
    left[own.lower()] = max(left[own.lower()], 1)
    for index, operator in enumerate(definition.operators or (), 1):
        address = operator.address.lower()
        if not left[address]:
            shown = f"{operator.address}, once more" if address in left else operator.address or "without address"
            yield f"operator {index} is {shown}"
        else:
            left[address] -= 1


def _deposit_amounts(allowed, definition, _own):
    for amount in effective_deposit_amounts(definition):
        if amount not in [each * GWEI_PER_ETH for each in allowed]:
            yield f"a deposit is {amount / GWEI_PER_ETH:.12g} ETH"


def _compounding(allowed, definition, _own):
    if definition.compounding != allowed:
        yield f"compounding is {show(definition.compounding)}"


def _threshold(exact, definition, _own):
    if definition.threshold != exact:
        yield f"the threshold is {definition.threshold}"


def _min_threshold(least, definition, _own):
    if definition.threshold < least:
        yield f"the threshold is {definition.threshold}"


def _max_validators(most, definition, _own):
    if definition.num_validators > most:
        yield f"the number of validators is {definition.num_validators}"


_CHECKS = {
    "networks": _networks,
    "withdrawal_addresses": _validator_addresses("withdrawal_address", "withdrawal address"),
    "fee_recipient_addresses": _validator_addresses("fee_recipient_address", "fee recipient"),
    "operators": _operators,
    "deposit_amounts": _deposit_amounts,
    "compounding": _compounding,
    "threshold": _threshold,
    "min_threshold": _min_threshold,
    "max_validators": _max_validators,
}


def _show_rule(value):
    """A rule in a line: at most five entries of a list."""
    if not isinstance(value, list):
        return show(value)
    return ", ".join([show(each).strip('"') for each in value[:5]] + [f"and {len(value) - 5} more"] * (len(value) > 5))


def _check_owner(path, status):
    """Refuse a policy that somebody else than the node's user or root could have written."""
    if status.st_uid not in (0, os.geteuid()):
        raise DvError(
            f"{path} belongs to the user with number {status.st_uid}",
            f"a file of the node's user ({os.geteuid()}) or of root",
            "look into it, then chown it",
        )
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise DvError(
            f"{path} has mode {stat.S_IMODE(status.st_mode):04o}: others can write it",
            "a file that only its owner can write",
            "look into it, then chmod 0600 it",
        )


def _check_network(name, what):
    known = [network.name for network in networks.NETWORKS]
    if name not in known and not re.fullmatch("0x[0-9a-f]{8}", name):
        raise DvError(
            f"{what} is {show(name)}",
            f"one of {', '.join(known)}, or the genesis fork version (0x and 8 lower-case hex digits, in quotes) of another",
        )


def _load(content, path):
    """The value of the YAML text ``content``; a key twice, anchors and tags are refused, for people read the file."""
    import yaml  # needed on the nodes that have a policy only

    class Loader(yaml.SafeLoader):
        def compose_node(self, parent, index):
            event = self.peek_event()
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or getattr(event, "tag", None):
                raise yaml.MarkedYAMLError(problem_mark=event.start_mark)
            node = super().compose_node(parent, index)
            if isinstance(node, yaml.MappingNode):
                keys = [key.value for key, _value in node.value if isinstance(key, yaml.ScalarNode)]
                if len(set(keys)) != len(node.value) or "<<" in keys:
                    raise yaml.MarkedYAMLError(problem_mark=node.start_mark)
            return node

    try:
        return yaml.load(content, Loader=Loader)  # noqa: S506 - a SafeLoader
    except (
        yaml.YAMLError,
        ValueError,
        LookupError,
        ArithmeticError,
        AttributeError,
        TypeError,
        RecursionError,
    ) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise DvError(
            f"{path} is not a plain YAML text{where}",
            "keys and values, each key once, without anchors and tags",
        ) from None
