# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The chain of a beacon node: the lock's own alone, by a clock that is not behind it."""

import time

import pytest
from ansible_collections.obol.dv.plugins.module_utils.clients.beacon import BeaconNode, NoFacts
from ansible_collections.obol.dv.plugins.module_utils.clients.http import HttpClient, parse_endpoint
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum.networks import validators_root_of
from ansible_collections.obol.dv.plugins.module_utils.key_loading import chain
from ansible_collections.obol.dv.tests.support.charon_stub import CharonStub

HOODI = bytes.fromhex("10000910")
DEVNET = bytes.fromhex("10004242")


@pytest.fixture
def stub():
    with CharonStub(set()) as served:
        yield served


def check(stub, fork_version=HOODI, root=b"", clock=0):
    """:param clock: how many seconds the node's is ahead"""
    root = root or validators_root_of(fork_version) or b""
    return chain.check(BeaconNode(HttpClient(parse_endpoint(stub.url, "url"))), fork_version, root, time.time() + clock)


def test_the_right_one(stub):
    found = check(stub)
    assert not found.warnings and abs(found.epoch - stub.head_slot // 32) <= 1


def test_another_network(stub):
    with pytest.raises(DvError, match="is on the network hoodi; wanted: mainnet, that of the lock"):
        check(stub, bytes(4))
    stub.genesis["genesis_fork_version"] = "0x01020304"
    with pytest.raises(DvError, match="is on the network 0x01020304; wanted: hoodi"):
        check(stub)


def test_another_chain_of_that_name(stub):
    """A devnet calls itself hoodi, and is begun anew: the operator can say so."""
    stub.genesis["genesis_validators_root"] = "0x" + "5b" * 32
    with pytest.raises(DvError, match="with the genesis validators root 0x5b.*; wanted: 0x212f13fc"):
        check(stub)
    assert not check(stub, root=b"\x5b" * 32).warnings
    with pytest.raises(DvError, match="; wanted: 0x5c5c"):
        check(stub, root=b"\x5c" * 32)


def test_a_root_that_nobody_knows(stub):
    stub.genesis["genesis_fork_version"] = "0x" + DEVNET.hex()
    (warning,) = check(stub, DEVNET).warnings
    assert "0x212f13fc" in warning and "dv_keys_genesis_validators_root does not say that of 0x10004242" in warning
    assert not check(stub, DEVNET, bytes.fromhex(stub.genesis["genesis_validators_root"][2:])).warnings


def test_a_clock_that_is_behind(stub):
    """By more than a slot: a block may be early by less."""
    for clock in (-60, -86400 * 365):
        with pytest.raises(DvError, match="the clock of this node is at least [0-9]+ s behind: the newest block"):
            check(stub, clock=clock)
    assert not check(stub, clock=-11).warnings
    stub.ahead = 2**60
    with pytest.raises(DvError, match="the clock of this node is at least"):
        check(stub)


@pytest.mark.parametrize("ahead, clock", [(-70, 0), (0, 70 * 12), (-10000, 0)])
def test_an_old_head(stub, ahead, clock):
    stub.ahead = ahead
    (warning,) = check(stub, clock=clock).warnings
    assert "is not in sync yet, or the clock of this node is wrong" in warning
    stub.ahead = -60
    assert not check(stub).warnings


def test_before_genesis(stub):
    stub.genesis["genesis_time"] = str(int(time.time()) + 3600)
    assert check(stub) == chain.Chain(0, [])


def test_other_slots(stub):
    stub.spec.update(SLOTS_PER_EPOCH="16", SECONDS_PER_SLOT="5")
    assert abs(check(stub).epoch - stub.head_slot // 16) <= 1
    stub.ahead = -40
    assert check(stub).warnings


def test_what_it_does_not_tell_is_no_refusal(stub):
    stub.answers["/eth/v1/node/syncing"] = 500, "application/json", b"{}"
    with pytest.raises(NoFacts):
        check(stub)


def test_the_latest_epoch(stub):
    """By the block or the clock, whichever is later; of another chain none, for it counts other epochs: key shares would rest by those."""
    beacon, root = BeaconNode(HttpClient(parse_endpoint(stub.url, "url"))), validators_root_of(HOODI)
    now = time.time()
    assert abs(chain.latest_epoch(beacon, HOODI, root, now) - stub.head_slot // 32) <= 1
    assert chain.latest_epoch(beacon, HOODI, root, now + 32 * 12 * 5) >= stub.head_slot // 32 + 4
    with pytest.raises(DvError, match="is on the network hoodi; wanted: mainnet"):
        chain.latest_epoch(beacon, bytes(4), b"", now)
    with pytest.raises(DvError, match="; wanted: 0x5c5c"):
        chain.latest_epoch(beacon, HOODI, b"\x5c" * 32, now)
