# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What fewer than the threshold sign, whatever it is, is no proof of what honest operators did: it stops nobody."""

import shutil

import pytest
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.dkg.dry_run import dry_run
from ansible_collections.obol.dv.plugins.module_utils.encoding import base64url


@pytest.fixture
def four(group):
    parties = group(4, 3, 1)
    parties.forger = group.forger
    return parties


def rubbish(parties, index, round, attempt=1, session=b"\7" * 32):
    """Operator ``index`` signs nothing sensible as its message of ``round``."""
    forger = parties.forger(parties, index, attempt)
    header = forger.parameters.header(round, None if round in ("commit", "abort") else session)
    return forger.sign(header, {"rubbish": base64url.to_base64(session)})


def complete(parties, bad):
    """All go on to the end; who signed the ``bad`` texts hides them from his own node."""
    for _dummy in range(6):
        for index in parties.everyone:
            own = {name for name in bad if name.endswith("/%d" % index)}
            outcome = parties.step(index, inbox={name: text for name, text in parties.store.items() if name not in own})
    assert outcome.state == "complete"
    assert len({(parties.data_dir(index) / "cluster-lock.json").read_bytes() for index in parties.everyone}) == 1


# A host that has nothing of its own


@pytest.mark.parametrize("round", ("deal", "confirm", "sign", "seal"))
@pytest.mark.parametrize("who", [(4,), (1,), (3, 4)])
def test_rubbish_of_fewer_than_the_threshold_stops_nobody_who_begins(four, round, who):
    bad = {"x%d/%d" % (attempt, index): rubbish(four, index, round, attempt) for index in who for attempt in range(1, 51)}
    four.store.update(bad)
    begins = next(index for index in four.everyone if index not in who)
    outcome = four.step(begins)
    known = ", ".join(map(str, who))
    assert outcome.state == "waiting" and "1/commit/%d.jws" % begins in outcome.outbox
    assert "operators %s answer to a commit that this node has not sent" % known in outcome.detail
    complete(four, bad)


@pytest.mark.parametrize("round", ("deal", "confirm", "sign", "seal"))
def test_those_of_the_threshold_mean_that_state_was_lost(four, round):
    four.store.update({str(index): rubbish(four, index, round) for index in (2, 3, 4)})
    outcome = four.step(1)
    assert outcome.state == "stopped" and not outcome.outbox
    assert "operators 2, 3, 4 answer to a commit of this node, which it does not have" in outcome.detail


def test_aborts_do_not_mean_that_state_was_lost(four):
    """Honest hosts write them in round 1."""
    for index in four.everyone[1:]:
        four.step(index, inbox={})
    forger = four.forger(four, 4)
    forger.forge("commit", extra=1)
    for index in (2, 3):
        assert four.step(index).state == "aborted"
    assert four.step(1).state == "aborted"


def test_a_host_that_lost_everything_is_told_so_by_honest_ones_alone(four):
    """t honest answers stop it, whatever the others hide or add."""
    four.run(rounds=1)
    four.run(rounds=1)
    shutil.rmtree(four.data_dir(1) / "ceremony")
    inbox = {name: text for name, text in four.store.items() if not name.endswith("/1.jws") and "/commit/" not in name}
    assert four.step(1, inbox=inbox).state == "stopped"


# Who counts as having signed


def told(parties, index, attempt, inbox):
    """What a look and a step say: the same of whether an attempt can still complete."""
    seen = dry_run(DataDir(parties.data_dir(index)), parties.definition, parties.node_key(index), inbox, attempt, network=parties.network)
    outcome = parties.step(index, attempt, inbox=inbox)
    assert seen.next_attempt == outcome.next_attempt
    assert ("definition" in seen.detail) == ("definition" in outcome.detail)
    return outcome


@pytest.fixture
def aborted(four, group):
    """Operator 4 ended attempt 1 with a wrong deal: nobody confirmed, all began attempt 2."""
    four.node_key = group.node_key
    four.run(rounds=1)
    four.store = {name: text for name, text in four.store.items() if "/commit/" in name}
    four.step(4)
    forger = four.forger(four, 4)
    honest = four.store[forger.name("deal")]
    forger.forge("deal", proofs=base64url.to_base64(bytes(80)))
    for index in (1, 2, 3):
        assert four.step(index).state == "aborted"
    four.store[forger.name("deal")] = honest
    return four


@pytest.mark.parametrize("round", ("sign", "seal"))
@pytest.mark.parametrize("signers", [(4,), (3, 4)])
def test_rubbish_in_an_attempt_that_nobody_confirmed_ends_nothing(aborted, round, signers):
    """``signers`` sign what no honest operator can have signed: the next attempt goes on, and is still to be had."""
    bad = {"x/%d" % index: rubbish(aborted, index, round) for index in signers}
    for index in aborted.everyone:
        inbox = {name: text for name, text in {**aborted.store, **bad}.items() if name != "x/%d" % index}
        outcome = told(aborted, index, 1, inbox)
        assert (outcome.state, outcome.next_attempt) == ("aborted", 2)
    for _dummy in range(6):
        for index in aborted.everyone:
            inbox = {name: text for name, text in {**aborted.store, **bad}.items() if name != "x/%d" % index}
            outcome = aborted.step(index, 2, inbox=inbox)
            assert outcome.state in ("waiting", "complete") and "definition" not in outcome.detail
    assert outcome.state == "complete"


@pytest.mark.parametrize("signers, over", [((4,), False), ((3, 4), False), ((2, 3, 4), True)])
def test_a_stopped_node_counts_signers_in_the_same_way(four, group, signers, over):
    four.node_key = group.node_key
    four.step(1)
    (four.files(1) / "seed").unlink()
    outcome = told(four, 1, 1, {str(index): rubbish(four, index, "sign") for index in signers})
    assert (outcome.state, outcome.next_attempt) == ("stopped", None if over else 2)
    assert ("signed, so no other attempt can complete" in outcome.detail) == over


@pytest.fixture
def confirmed(four, group):
    """All confirmed; operator 1, rolled back to before it could read that, asks for attempt 2."""
    four.node_key = group.node_key
    four.run(rounds=1)
    for _dummy in range(2):
        for index in four.everyone:
            four.step(index, inbox={name: text for name, text in four.store.items() if "/confirm/" not in name})
    assert all("1/confirm/%d.jws" % index in four.store for index in four.everyone)
    return four


def test_one_signer_counts_where_all_confirms_are_at_hand(confirmed):
    """Who signed hands the confirms on: they need not be kept here yet."""
    confirmed.step(2)
    assert "1/sign/2.jws" in confirmed.store
    given_up = confirmed.step(4, 2, inbox={"x": rubbish(confirmed, 3, "commit", 2)})
    assert given_up.attempt == 2
    signs = {"1/sign/2.jws": confirmed.store["1/sign/2.jws"]}
    confirms = {name: text for name, text in confirmed.store.items() if "/confirm/" in name}
    assert told(confirmed, 4, 2, {**signs, **confirms}).detail.endswith("only a new definition helps")
    for lacking in (1, 2, 3):
        some = {name: text for name, text in confirms.items() if not name.endswith("/%d.jws" % lacking)}
        assert "definition" not in told(confirmed, 4, 2, {**signs, **some}).detail
    forger = confirmed.forger(confirmed, 3)
    forger.forge("confirm", roots=base64url.to_base64(bytes(32)))
    other = {forger.name("confirm"): confirmed.store[forger.name("confirm")]}
    assert "definition" not in told(confirmed, 4, 2, {**signs, **confirms, **other}).detail
