# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose charon a validator client has for its beacon node.

charon can be asked for the validators of its own node's key shares, on the chain or not yet; for any other key it answers 500, always
with the same words. So which operator's key shares it takes says whose it is. (core/validatorapi, v1.10.3.)
"""

from __future__ import annotations

from ..clients.beacon import BeaconNode
from ..errors import DvError
from .shares import Shares

#: How the versions of Obol's programs begin.
_OURS = "obolnetwork/"


def check(beacon: BeaconNode, shares: Shares) -> None:
    """Refuse all but the charon of this node.

    :raises NoFacts: it does not tell
    :raises DvError: it is another operator's, another cluster's, or no charon
    """
    # Validators are added at the end: a charon that has an older lock does not know the last.
    if beacon.takes([*shares.wanted][-1]):
        # A beacon node takes any key, and to ask for another operator's would be an error in charon's log.
        version = beacon.version()
        if not version.startswith(_OURS):
            raise DvError(
                f"{beacon} is no charon: {version}",
                "this node's charon, between the validator client and the beacon node",
                "set dv_keys_beacon_url, and the beacon node of the validator client, to charon's --validator-api-address",
            )
        return
    for share_index, key in {share_index: key for key, share_index in shares.of_others.items()}.items():
        if beacon.takes(key):
            raise DvError(
                f"{beacon} is the charon of operator {share_index} of this cluster",
                f"that of operator {shares.share_index}",
                "it would refuse all that this node signs: set dv_keys_beacon_url, and the beacon node of the validator client, to this "
                "node's own charon",
            )
    raise DvError(
        f"{beacon} knows no key share of this cluster",
        "this node's charon, with this cluster-lock.json",
        "see which lock charon runs with, and which cluster dv_keys_beacon_url is of; if these are right, charon's log tells what its own "
        "beacon node lacks",
    )
