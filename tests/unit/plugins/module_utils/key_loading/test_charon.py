# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose charon answers: this node's alone is taken."""

import pytest
from ansible_collections.obol.dv.plugins.module_utils.clients.beacon import BeaconNode, NoFacts
from ansible_collections.obol.dv.plugins.module_utils.clients.http import HttpClient, parse_endpoint
from ansible_collections.obol.dv.plugins.module_utils.encoding.hex import to_hex
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.key_loading import charon
from ansible_collections.obol.dv.plugins.module_utils.key_loading.shares import Shares, Validator
from ansible_collections.obol.dv.tests.support.charon_stub import CharonStub

#: Public shares of two validators at four operators.
KEYS = {(validator, index): bytes([16 * validator + index]) * 48 for validator in (1, 2) for index in (1, 2, 3, 4)}


def shares_of(mine):
    wanted = {key: Validator(validator - 1, bytes(20), 1) for (validator, index), key in KEYS.items() if index == mine}
    of_others = {key: index for (_validator, index), key in KEYS.items() if index != mine}
    return Shares("0x5a", bytes(4), mine, "16Uiu2", wanted, of_others, [])


def charon_of(index, validators=(1, 2)):
    return CharonStub({to_hex(KEYS[validator, index]) for validator in validators})


def check(stub, mine):
    charon.check(BeaconNode(HttpClient(parse_endpoint(stub.url, "url"))), shares_of(mine))


@pytest.mark.parametrize("mine", [1, 2, 3, 4])
@pytest.mark.parametrize("its", [1, 2, 3, 4])
def test_whose_it_is(mine, its):
    with charon_of(its) as stub:
        if mine == its:
            check(stub, mine)
            # Another operator's key share would be an error in its log.
            assert len(stub.asked) == 2
            return
        with pytest.raises(DvError, match="is the charon of operator %d of this cluster; wanted: that of operator %d" % (its, mine)):
            check(stub, mine)


def test_another_cluster_or_an_older_lock():
    for stub in (CharonStub({"0x" + "ee" * 48}), charon_of(1, validators=(1,)), charon_of(2, validators=(1,))):
        with stub, pytest.raises(DvError, match="knows no key share of this cluster"):
            check(stub, 1)


def test_no_charon():
    with CharonStub() as stub:
        with pytest.raises(DvError, match="is no charon: Lighthouse/v7.0.0"):
            check(stub, 1)
        stub.version = "obolnetwork/pluto/v1.0-abc/x86_64-linux"
        check(stub, 1)


def test_nobody_knows():
    for status in (404, 503, 200):
        stub = charon_of(1)
        stub.answers["/eth/v1/beacon/states/head/validators?id=" + to_hex(KEYS[2, 1])] = status, "application/json", b"{}"
        with stub, pytest.raises(NoFacts):
            check(stub, 1)
