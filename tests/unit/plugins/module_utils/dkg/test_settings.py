# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Honest operators whose inventories or machines are wrong: nobody is blamed, nothing wrong is sent."""

from dataclasses import replace

import pytest
from ansible_collections.obol.dv.plugins.module_utils.cluster.lock import ClusterLock
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.dkg.dry_run import dry_run
from ansible_collections.obol.dv.plugins.module_utils.dkg.protocol import abort, commit, deal, seal, sign, vss
from ansible_collections.obol.dv.plugins.module_utils.encoding import base64url
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum import networks

DEVNET = networks.custom_network("devnet", 32382, "0x20000089", 1_700_000_000)


def later(seconds):
    return replace(DEVNET, genesis_time=DEVNET.genesis_time + seconds)


@pytest.fixture
def devnet(group):
    parties = group(4, 3, 1, network=DEVNET)
    parties.forger, parties.node_key = group.forger, group.node_key
    return parties


def glance(parties, index, attempt=1):
    network = parties.networks.get(index, parties.network)
    return dry_run(
        DataDir(parties.data_dir(index)), parties.definition, parties.node_key(index), dict(parties.store), attempt, network=network
    )


def complete(parties, attempt):
    assert {outcome.state for outcome in parties.run(attempt).values()} == {"complete"}
    texts = {(parties.data_dir(index) / "cluster-lock.json").read_bytes() for index in parties.everyone}
    assert len(texts) == 1
    found = ClusterLock.parse(texts.pop())
    assert {each.registration.timestamp for each in found.validators} == {DEVNET.genesis_time}


def test_a_network_of_the_inventorys_own(devnet):
    complete(devnet, 1)


@pytest.mark.parametrize(
    "others, kinds",
    [
        ({4: 1}, {1: "1, 2, 3 | 4", 4: "4 | 1, 2, 3"}),
        ({1: 1, 2: 1}, {1: "1, 2 | 3, 4", 3: "3, 4 | 1, 2"}),
        ({2: 1, 3: 2, 4: 3}, {1: "1 | 2 | 3 | 4", 3: "3 | 1 | 2 | 4"}),
    ],
)
def test_different_settings_blame_nobody_and_need_a_new_attempt(devnet, others, kinds):
    devnet.networks = {index: later(seconds) for index, seconds in others.items()}
    for index, outcome in devnet.run().items():
        assert (outcome.state, outcome.step, outcome.accused, outcome.next_attempt) == ("waiting", "confirm", (), 2)
        assert "operators have different settings of this network (dv_testnet_genesis_timestamp): " in outcome.detail
        assert "make them equal, then all operators start attempt 2 (dv_dkg_attempt)" in outcome.detail
        assert not list(devnet.files(index).rglob("evidence/*")) and not (devnet.files(index) / "out" / "abort.jws").exists()
        told = glance(devnet, index)
        assert (told.detail, told.waiting_for, told.ready) == (outcome.detail, outcome.waiting_for, False)
        assert told.next_attempt == 2
    for index, text in kinds.items():
        assert "(dv_testnet_genesis_timestamp): %s; " % text in devnet.step(index).detail
    # Equal settings alone do not help, a confirm is final; the next attempt does, as after an abort.
    devnet.networks = {}
    assert {outcome.state for outcome in devnet.run().values()} == {"waiting"}
    complete(devnet, 2)
    assert not list(devnet.directory.rglob("seed"))


def all_confirm(parties):
    for _dummy in range(3):
        for index in parties.everyone:
            parties.step(index, inbox={name: text for name, text in parties.store.items() if "/confirm/" not in name})
    assert len([name for name in parties.store if "/confirm/" in name]) == parties.n


def test_other_keys_stay_the_fault_of_their_signer(devnet):
    all_confirm(devnet)
    forger = devnet.forger(devnet, 4)
    forger.forge("confirm", transcript=base64url.to_base64(bytes(32)), roots=base64url.to_base64(bytes(32)))
    outcome = devnet.step(1)
    assert outcome.state == "aborted" and [each[:2] for each in outcome.accused] == [(4, "confirm.different")]


@pytest.mark.parametrize("roots", [("other",), ("other", "another"), ("other", "honest"), ("honest", "other")])
def test_two_confirms_on_such_a_network_are_an_equivocation(devnet, roots):
    """One of them alone is a matter of settings."""
    all_confirm(devnet)
    forger = devnet.forger(devnet, 4)
    honest = devnet.store[forger.name("confirm")]
    hidden = {name: text for name, text in devnet.store.items() if name not in ("1/confirm/4.jws", "1/confirm/2.jws")}
    for place, which in enumerate(roots):
        changed = base64url.to_base64(which.encode().ljust(32))
        hidden["x%d" % place] = honest if which == "honest" else forger.forge("confirm", roots=changed)
    for _dummy in range(2):
        outcome = devnet.step(1, inbox=hidden)
    blamed = [each[:2] for each in outcome.accused]
    if len(roots) == 1:
        assert (outcome.state, blamed, outcome.next_attempt) == ("waiting", [], 2)
    else:
        assert (outcome.state, blamed) == ("aborted", [(4, "confirm.equivocation")])
    # With the certificate it goes on, whatever else was seen.
    devnet.store[forger.name("confirm")] = honest
    complete(devnet, 1)


def test_settings_that_change_after_the_confirm(devnet):
    all_confirm(devnet)
    devnet.networks = {1: later(1)}
    for _dummy in range(2):
        with pytest.raises(DvError, match="other settings of the network than when it confirmed"):
            devnet.step(1)
    assert not (devnet.files(1) / "out" / "sign.jws").exists()
    devnet.networks = {}
    complete(devnet, 1)


def test_settings_that_change_with_the_keys_to_be_stored_again(devnet):
    all_confirm(devnet)
    (devnet.files(1) / "derived" / "transcript").unlink()
    devnet.networks = {1: later(1)}
    with pytest.raises(DvError, match="other settings of the network than when it confirmed"):
        devnet.step(1)
    devnet.networks = {}
    complete(devnet, 1)


# A machine that computes wrongly


@pytest.fixture
def trio(group):
    parties = group(3, 2, 2)
    parties.forger = group.forger
    return parties


def spoil_first(name):
    """Payloads whose row ``name`` has one bit wrong."""

    def change(payload):
        first, *others = getattr(payload, name)
        return payload._replace(**{name: (first[:-1] + bytes([first[-1] ^ 1]), *others)})

    return change


def unsealable(payload):
    return payload._replace(keys=(bytes(1216), *payload.keys[1:]))


@pytest.mark.parametrize(
    "module, round, change, check",
    [
        (commit, "commit", unsealable, "key"),
        (deal, "deal", spoil_first("proofs"), "proof"),
        (deal, "deal", spoil_first("commitments"), "commitments"),
        (deal, "deal", spoil_first("commits"), "commits"),
        (sign, "sign", spoil_first("partials"), None),
        (seal, "seal", spoil_first("signature"), "signature"),
        (seal, "seal", spoil_first("node_signature"), "node_signature"),
        (seal, "seal", lambda payload: payload._replace(node_signature=(bytes(65),)), "node_signature"),
    ],
)
def test_a_wrong_message_of_our_own_is_not_written(trio, monkeypatch, module, round, change, check):
    """Every message passes a reader's checks first. The next run makes it right."""
    make = module.make
    monkeypatch.setattr(module, "make", lambda *arguments: change(make(*arguments)))
    with pytest.raises(DvError, match=r"this node made a wrong %s \(%s" % (round, check or "")):
        for _dummy in range(5):
            for index in trio.everyone:
                trio.step(index)
    assert not [name for name in trio.store if "/%s/" % round in name] and not list(trio.directory.rglob("out/%s.jws" % round))
    monkeypatch.undo()
    assert {outcome.state for outcome in trio.run().values()} == {"complete"}


def test_a_wrong_share_is_not_dealt(trio, monkeypatch):
    trio.run(rounds=1, who=[1, 2])
    evaluate = vss.evaluate
    monkeypatch.setattr(vss, "evaluate", lambda coefficients, x: evaluate(coefficients, x) + (x == 2))
    with pytest.raises(DvError, match=r"this node made a wrong deal \(share\)"):
        trio.step(3)
    assert not (trio.files(3) / "out" / "deal.jws").exists()


@pytest.mark.parametrize("spoilt", [{"messages": ()}, {"accused": 1}, {"check": "form"}, {"key": bytes(96)}])
def test_an_accusation_that_does_not_hold_is_not_sent(trio, monkeypatch, spoilt):
    """It would fall back on this node. What it saw still ends the attempt here."""
    for index in trio.everyone:
        trio.step(index, inbox={})
    trio.run(rounds=1)
    trio.store = {name: text for name, text in trio.store.items() if name.split("/")[1] in ("commit", "deal")}
    trio.step(3)
    forger = trio.forger(trio, 3)
    forger.forge("deal", proofs=base64url.to_base64(bytes(160)))
    accuse = abort.accuse
    monkeypatch.setattr(abort, "accuse", lambda fault: accuse(fault)._replace(**spoilt))
    outcome = trio.step(1)
    assert outcome.state == "aborted" and outcome.accused[0].operator == 3
    assert not {"1/abort/1.jws", "1/confirm/1.jws"} & outcome.outbox.keys() and "1/commit/1.jws" in outcome.outbox
