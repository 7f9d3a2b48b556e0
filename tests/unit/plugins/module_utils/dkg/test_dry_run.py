# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A dry run of a ceremony: it tells what the next step will find, and touches nothing."""

import pathlib
import random
import shutil

import pytest
from ansible_collections.obol.dv.plugins.module_utils.cluster.node_status import STEPS
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.dkg.dry_run import dry_run


@pytest.fixture
def glance(tree):
    """A function that makes a dry run for an operator of a group, and sees to it that nothing is touched."""

    def at(parties, index, attempt=1, inbox=None):
        before = tree(parties.data_dir(index))
        found = dry_run(
            DataDir(parties.data_dir(index)),
            parties.definition,
            parties.group_node_key(index),
            dict(parties.store) if inbox is None else inbox,
            attempt,
            network=parties.network,
        )
        assert tree(parties.data_dir(index)) == before
        return found

    return at


@pytest.fixture
def trio(group):
    parties = group(3, 2, 1)
    parties.forger, parties.group_node_key = group.forger, group.node_key
    return parties


def test_it_tells_what_the_next_step_finds(trio, glance):
    """Over whole ceremonies by a carrier that drops half: whether a step goes on, where it ends and whom it waits for."""
    luck, seen = random.Random(7), set()
    for _dummy in range(60):
        index = luck.choice(trio.everyone)
        inbox = {name: text for name, text in trio.store.items() if luck.random() < 0.6}
        told = glance(trio, index, inbox=inbox)
        outcome = trio.step(index, inbox=inbox)
        assert told.state in ("waiting", outcome.state)
        if told.ready:
            assert outcome.changed and outcome.state in ("waiting", "complete"), told
            assert STEPS.index(told.step) <= STEPS.index(outcome.step or "seal")
        else:
            assert (told.state, told.step, told.waiting_for) == (outcome.state, outcome.step, outcome.waiting_for)
        seen.add((told.step, told.ready))
        if outcome.state == "complete":
            assert glance(trio, index, inbox={}).state != "waiting"
    assert {step for step, ready in seen if ready} >= {"commit", "deal", "confirm", "sign", "seal"}
    assert {step for step, ready in seen if not ready} >= {"commit", "deal", "confirm", "seal"}


def test_since_and_attempt(trio, glance):
    assert glance(trio, 1).since is None and glance(trio, 1).ready
    trio.step(1)
    told = glance(trio, 1)
    assert (told.state, told.step, told.attempt, told.waiting_for, told.ready) == ("waiting", "commit", 1, (2, 3), False)
    assert told.since == (trio.files(1) / "out" / "commit.jws").stat().st_mtime
    assert not told.detail


@pytest.fixture
def sealed(trio):
    """All have sealed, and nobody has seen another's seal."""
    for _dummy in range(5):
        for index in trio.everyone:
            trio.step(index, inbox={name: text for name, text in trio.store.items() if "/seal/" not in name})
    return trio


def test_a_wrong_message_in_the_store_is_not_waited_for_twice(sealed, glance):
    """After the certificate a wrong message is kept and a good one is waited for: one more run would not help."""
    forger = sealed.forger(sealed, 3)
    forger.forge("seal", signature=sealed.forger(sealed, 2).fields("seal")["signature"])
    seals = {name: text for name, text in sealed.store.items() if "/seal/" in name}
    assert glance(sealed, 1, inbox=seals).ready
    outcome = sealed.step(1, inbox=seals)
    assert (outcome.state, outcome.waiting_for, outcome.accused[0].operator) == ("waiting", (3,), 3)
    told = glance(sealed, 1, inbox=seals)
    assert (told.ready, told.waiting_for, told.accused) == (False, (3,), outcome.accused)
    assert pathlib.Path(told.accused[0].evidence).exists()


def test_aborted(trio, glance):
    trio.run(rounds=1, who=[2, 3])
    trio.step(1, inbox={})
    forger = trio.forger(trio, 3)
    forger.forge("commit", extra=1)
    assert glance(trio, 1).ready, "that it is wrong, the step finds"
    outcome = trio.step(1)
    assert outcome.state == "aborted"
    told = glance(trio, 1)
    assert (told.state, told.accused, told.detail, told.next_attempt) == ("aborted", outcome.accused, outcome.detail, 2)
    assert told.accused[0][:2] == (3, "commit.form") and pathlib.Path(told.accused[0].evidence).exists()
    # The others see it in the store before they have met it.
    heard = glance(trio, 2, inbox={"abort": outcome.outbox["1/abort/1.jws"]})
    assert (heard.state, heard.accused[0][:2], heard.accused[0].evidence) == ("aborted", (3, "commit.form"), None)
    trio.step(2, inbox={"abort": outcome.outbox["1/abort/1.jws"]})
    kept = glance(trio, 2, inbox={})
    assert kept.state == "aborted" and kept.accused[0].evidence == str(trio.files(2) / "in" / "abort" / "1.jws")
    # Asked for the next attempt it is this node's turn.
    again = glance(trio, 1, attempt=2)
    assert (again.state, again.step, again.attempt, again.ready) == ("waiting", "commit", 2, True)


@pytest.fixture
def all_confirm(trio):
    """All have confirmed, operator 3 signed an abort too, and operator 1 has seen no other confirm."""
    for _dummy in range(3):
        for index in trio.everyone:
            trio.step(index, inbox={name: text for name, text in trio.store.items() if "/confirm/" not in name})
    fields = {"accused": 1, "check": "form", "key": "", "messages": ["x"], "round": "commit"}
    forger = trio.forger(trio, 3)
    trio.store["1/abort/3.jws"] = forger.sign(forger.parameters.header("abort"), fields)
    return trio


@pytest.mark.parametrize("kept", [True, False])
def test_confirms_that_wait_come_before_an_abort(all_confirm, glance, kept):
    """A run that takes both has the certificate: it waits, whatever else was seen."""
    if kept:
        aborts = {name: text for name, text in all_confirm.store.items() if "/confirm/" not in name}
        assert glance(all_confirm, 1, inbox=aborts).state == all_confirm.step(1, inbox=aborts).state == "aborted"
    told = glance(all_confirm, 1)
    assert (told.state, told.ready, told.step, told.next_attempt) == ("waiting", True, "confirm", None)
    outcome = all_confirm.step(1)
    assert (outcome.state, outcome.step, outcome.next_attempt) == ("waiting", "sign", None)
    assert outcome.accused[0][:2] == told.accused[0][:2] == (3, "abort.evidence")


@pytest.mark.parametrize("lacks", ["1/confirm/2.jws", "1/confirm/3.jws"])
def test_an_abort_without_all_confirms(all_confirm, glance, lacks):
    del all_confirm.store[lacks]
    told, outcome = glance(all_confirm, 1), all_confirm.step(1)
    assert told.state == outcome.state == "aborted" and told.next_attempt == outcome.next_attempt == 2


def test_others_began_a_later_attempt(trio, glance):
    trio.run(rounds=1)
    trio.step(2, 2), trio.step(3, 2)
    told = glance(trio, 1)
    assert told.next_attempt == 2 and "operators 2, 3 began a later attempt" in told.detail
    assert glance(trio, 2).attempt == 2, "a node is in its highest attempt, whatever the inventory asks for"
    assert "was asked for" not in glance(trio, 2).detail


def test_stopped_by_a_lost_seed(trio, glance):
    trio.run(rounds=1)
    (trio.files(1) / "seed").unlink()
    told, outcome = glance(trio, 1), trio.step(1)
    assert (told.state, told.detail, told.next_attempt) == (outcome.state, outcome.detail, outcome.next_attempt)
    assert told.state == "stopped" and "its seed for attempt 1 is gone" in told.detail
    assert told.next_attempt == 2


def test_stopped_after_it_signed(sealed, glance):
    (sealed.files(1) / "seed").unlink()
    told = glance(sealed, 1)
    assert (told.state, told.next_attempt) == ("stopped", None) and "no other attempt can complete" in told.detail


def test_stopped_by_what_the_store_holds(trio, glance, tmp_path):
    """A twin: the dry run says so before the step has kept the evidence, and names it afterwards."""
    twin = tmp_path / "twin"
    twin.mkdir()
    trio.step(1, data_dir=twin, inbox={}, deliver=False)
    trio.step(1)
    shutil.rmtree(trio.data_dir(1) / "ceremony")
    shutil.copytree(twin / "ceremony", trio.data_dir(1) / "ceremony")
    told = glance(trio, 1)
    assert told.state == "stopped" and "contradicts its own files" in told.detail and told.evidence is None
    assert trio.step(1).state == "stopped"
    told = glance(trio, 1, inbox={})
    assert told.state == "stopped" and told.evidence == str(trio.files(1) / "evidence" / "own-commit.jws")


def test_complete(trio, glance):
    trio.run(rounds=5)
    told = trio.step(1)
    assert (told.state, told.step, told.ready, told.next_attempt) == ("complete", None, False, None)
    assert told.since == (trio.data_dir(1) / "cluster-lock.json").stat().st_mtime
