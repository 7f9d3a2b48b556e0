# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What fewer than the threshold sign, whatever it is, is no proof of what honest operators did: it stops nobody."""

import shutil

import pytest
from ansible_collections.obol.dv.plugins.module_utils.dkg import encoding


@pytest.fixture
def four(group):
    parties = group(4, 3, 1)
    parties.forger = group.forger
    return parties


def rubbish(parties, index, round, attempt=1, session=b"\7" * 32):
    """Operator ``index`` signs nothing sensible as its message of ``round``."""
    forger = parties.forger(parties, index, attempt)
    header = forger.parameters.header(round, None if round in ("commit", "abort") else session)
    return forger.sign(header, {"rubbish": encoding.to_base64(session)})


def complete(parties, bad):
    """All go on to the end; who signed the ``bad`` texts hides them from his own node."""
    for dummy in range(6):
        for index in parties.everyone:
            own = {name for name in bad if name.endswith("/%d" % index)}
            outcome = parties.step(index, inbox={name: text for name, text in parties.store.items() if name not in own})
    assert outcome.state == "complete"
    assert len({(parties.home(index) / "cluster-lock.json").read_bytes() for index in parties.everyone}) == 1


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
    shutil.rmtree(four.home(1) / "ceremony")
    inbox = {name: text for name, text in four.store.items() if not name.endswith("/1.jws") and "/commit/" not in name}
    assert four.step(1, inbox=inbox).state == "stopped"
