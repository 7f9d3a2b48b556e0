# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deposits on an execution layer of our own, with the real contract: each is paid once, whatever happens."""

import pytest
from ansible_collections.obol.dv.tests.support.anvil import Anvil
from ansible_collections.obol.dv.tests.support.chain_beacon import ChainBeacon
from ansible_collections.obol.dv.tests.support.paying import Paying, Refused, in_time


@pytest.fixture
def anvil(anvil_program, tmp_path):
    with Anvil(anvil_program, tmp_path / "anvil") as anvil:
        yield anvil


@pytest.fixture
def beacon(anvil):
    with ChainBeacon(anvil) as beacon:
        yield in_time(beacon)


@pytest.fixture
def paying(tmp_path, anvil, beacon):
    return Paying(tmp_path, anvil, beacon)


def states(answer):
    return [line["state"] for line in answer["lines"]]


def test_each_is_paid_once(paying, anvil):
    answer = paying.pay()
    assert answer["changed"] and answer["state"] == "sent"
    assert paying.paid() == paying.wanted()
    again = paying.ask()
    assert states(again) == ["mined"] * 3 and not again["changed"]
    anvil.mine(12)
    final = paying.ask()
    assert (final["state"], final["changed"], states(final)) == ("final", False, ["final"] * 3)
    assert paying.paid() == paying.wanted()
