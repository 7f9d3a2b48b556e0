# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hazards: a cluster config that is right on a test network, and most likely a slip where validators hold real value.

There each has to be accepted by its name, in ``dv_accept``.
"""

from ..cluster.definition import default_threshold
from ..errors import DvError, show
from ..ethereum import networks
from ..ethereum.address import parse_address

#: Below this an address is not one that anybody made: the zero address, precompiles, texts like ``0x...dEaD``.
_MADE = 1 << 64
#: Others that nobody has the key of, or everybody: burn addresses, the deposit contracts of mainnet and gnosis, the first two accounts
#: of development chains.
_NOBODYS = frozenset(
    bytes.fromhex(text)
    for text in (
        "dead000000000000000042069420694206942069",
        "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
        "00000000219ab540356cbb839cbe05303d7705fa",
        "0b98057ea310f4d31f2a452b414647007d1645d9",
        "f39fd6e51aad88f6f4ce6ab8827279cfffb92266",
        "70997970c51812dc3a010c7d01b50e0d17dc79c8",
    )
)


def _demo_operators(_cluster_config, demo):
    if demo:
        yield "the operators are made up (dv_demo): their wallets and policies lie on the nodes"


def _dead_withdrawal_address(cluster_config, _demo):
    for index, text in _dead(cluster_config.withdrawal_addresses):
        yield f"dv_withdrawal_addresses[{index}] is {text}, which is nobody's own: what is withdrawn to it is lost"


def _dead_fee_recipient_address(cluster_config, _demo):
    for index, text in _dead(cluster_config.fee_recipient_addresses):
        yield f"dv_fee_recipient_addresses[{index}] is {text}, which is nobody's own: fees sent to it are lost"


def _dead(addresses):
    """The first of ``addresses`` that is nobody's own: at most one pair of its position and text."""
    for index, text in enumerate(addresses):
        address = parse_address(text, "it")
        if int.from_bytes(address, "big") < _MADE or address in _NOBODYS or len(set(address)) == 1:
            yield index, text
            return


def _threshold(cluster_config, _demo):
    threshold, operators = cluster_config.threshold, len(cluster_config.operators)
    if threshold < default_threshold(operators):
        yield f"dv_threshold is {threshold} of {operators} operators, fewer than two thirds: a part of them can get the validators slashed"


#: Name in ``dv_accept`` -> what gives it away: the texts of it, given the config, and whether operators are made up.
HAZARDS = {
    "demo_operators": _demo_operators,
    "dead_withdrawal_address": _dead_withdrawal_address,
    "dead_fee_recipient_address": _dead_fee_recipient_address,
    "threshold": _threshold,
}


def of(cluster_config, demo):
    """The hazards of ``cluster_config`` (:class:`~.config.ClusterConfig`), name -> text; none on a network without real value.

    :param demo: whether the operators are made up
    """
    if cluster_config.network.name not in networks.PRODUCTION:
        return {}
    return {name: text for name, tell in HAZARDS.items() for text in tell(cluster_config, demo)}


def problems(cluster_config, demo, accepted):
    """What is wrong: a list of :class:`DvError`, one for each hazard of ``cluster_config`` that is not among the ``accepted`` names, and for
    each of those names that is none."""
    unknown = [
        DvError(f"dv_accept has {show(name)}", f"some of {', '.join(HAZARDS)}", "correct it, or leave it out")
        for name in accepted
        if name not in HAZARDS
    ]
    return unknown + [
        DvError(text, f"something else on {cluster_config.network.name}", f"if it is meant, add {name} to the list dv_accept")
        for name, text in (of(cluster_config, demo) if cluster_config else {}).items()
        if name not in accepted
    ]
