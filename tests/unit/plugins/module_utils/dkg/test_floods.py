# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One operator signs many messages where there is one to sign: that costs a run of others no more than one wrong message does, and
keeps nobody from the good one."""

import shutil
from collections import Counter

import pytest
from ansible_collections.obol.dv.plugins.module_utils.crypto import jws
from ansible_collections.obol.dv.plugins.module_utils.crypto.bls.signatures import curve
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.dkg.dry_run import dry_run
from ansible_collections.obol.dv.plugins.module_utils.dkg.protocol import abort, commit, deal, seal, sign
from ansible_collections.obol.dv.plugins.module_utils.dkg.protocol.parameters import session_id
from ansible_collections.obol.dv.plugins.module_utils.encoding import base64url

BEFORE = {"commit": 0, "deal": 1, "abort": 1, "confirm": 2, "sign": 3, "seal": 4}


@pytest.fixture
def trio(group):
    """Three operators, two of whom are enough to sign."""
    parties = group(3, 2, 1)
    parties.forger, parties.node_key = group.forger, group.node_key
    return parties


def stand_before(parties, round):
    """All have sent ``round``, and nobody has seen another's message of it."""
    for _dummy in range(BEFORE[round] + 1):
        for index in parties.everyone:
            parties.step(index, inbox={name: text for name, text in parties.store.items() if "/%s/" % round not in name})


def multiplied(forger, factor):
    """Operator's partial signatures, each times ``factor``: points of the group, and wrong."""
    points = [curve.decode_g2_on_curve(partial) for partial in forger.row("sign", "partials", 96)]
    return {"partials": base64url.to_base64(b"".join(curve.encode(curve.mul(point, factor)) for point in points))}


#: What is wrong in its content, and nothing in its form: the field that changes.
WRONG = {
    "commit": lambda forger, k: {"keys": base64url.to_base64(bytes([k]) + b"\xff" * (2 * 1216 - 1))},
    "deal": lambda forger, k: {"proofs": base64url.to_base64(bytes([k]) * 80)},
    "confirm": lambda forger, k: {"transcript": base64url.to_base64(bytes([k]) * 32)},
    "sign": lambda forger, k: multiplied(forger, k + 2),
    "seal": lambda forger, k: {"signature": base64url.to_base64(bytes([k]) * 96)},
}


def flood(parties, round, count, make):
    """``count`` texts by operator 1 under names that sort before its own and after it; its own is taken away. Their texts."""
    forger = parties.forger(parties, 1)
    if round == "abort":
        header, fields = forger.parameters.header("abort"), {}
    else:
        header, fields = forger.header(round), forger.fields(round)
    texts = [forger.sign(header, {**fields, **make(forger, k)}) for k in range(count)]
    honest = parties.store.pop(forger.name(round), None)
    parties.store.update({"1/%s/%s%d.jws" % (round, "" if k % 2 else "x", k + 10): text for k, text in enumerate(texts)})
    return honest, texts


@pytest.fixture
def checked(monkeypatch):
    """Counts the checks of messages by operator 1, by round, and verified signatures under any message: the real ones are made."""
    seen = Counter()

    def watch(module, name, round, authors):
        real = getattr(module, name)

        def counting(*args, **kwargs):
            seen[round] += authors(*args) if authors else 1
            return real(*args, **kwargs)

        monkeypatch.setattr(module, name, counting)

    watch(commit, "check", "commit", lambda parameters, operator, payload: operator == 1)
    watch(deal, "check", "deal", lambda parameters, session, deals, *rest: 1 in deals)
    watch(sign, "points", "sign", lambda operator, payload: operator == 1)
    watch(seal, "check", "seal", lambda parameters, operator, payload, lock: operator == 1)
    watch(jws, "verify", "signatures", None)
    return seen


def costs(parties, checked, round, inbox=None):
    """How often a run of operator 2 checked messages of operator 1, and signatures of any."""
    checked.clear()
    outcome = parties.step(2, inbox=inbox, deliver=False)
    return outcome, checked[round], checked["signatures"]


@pytest.mark.parametrize("round", ["sign", "seal"])
def test_one_wrong_message_a_run_until_the_good_one(trio, checked, round):
    """All others keep silent, so that operator 1 is waited for. Its good message comes last, under any name."""
    stand_before(trio, round)
    honest, texts = flood(trio, round, 5, WRONG[round])
    if round == "sign":
        trio.store.pop("1/sign/3.jws")
    trio.store["1/%s/zzz.jws" % round] = honest
    for _dummy in texts:
        outcome, count, dummy_signatures = costs(trio, checked, round)
        assert (outcome.state, outcome.step, outcome.waiting_for[0], outcome.changed) == ("waiting", round, 1, True)
        assert count == 1 and outcome.accused[0].check.startswith(round)
    outcome, count, dummy_signatures = costs(trio, checked, round)
    assert count == 1 and (outcome.step, outcome.state) == (("seal", "waiting") if round == "sign" else (None, "complete"))


@pytest.mark.parametrize("round", ["sign", "seal"])
def test_what_was_found_wrong_costs_nothing_more(trio, checked, round):
    stand_before(trio, round)
    dummy_honest, texts = flood(trio, round, 3, WRONG[round])
    if round == "sign":
        trio.store.pop("1/sign/3.jws")
    assert [costs(trio, checked, round)[1] for dummy in range(len(texts) + 2)] == [1, 1, 1, 0, 0]
    outcome, dummy, signatures = costs(trio, checked, round)
    assert not outcome.changed and outcome.waiting_for[0] == 1
    told = dry_run(DataDir(trio.data_dir(2)), trio.definition, trio.node_key(2), dict(trio.store), network=trio.network)
    assert (told.ready, told.waiting_for, told.accused) == (False, outcome.waiting_for, outcome.accused)


def test_the_authors_own_name_is_looked_at_first(trio, checked):
    stand_before(trio, "seal")
    honest, dummy = flood(trio, "seal", 5, WRONG["seal"])
    trio.store["1/seal/1.jws"] = honest
    assert trio.step(2).state == "complete"


def test_others_are_enough(trio, checked):
    """A signer who is found wrong is replaced in the same run."""
    stand_before(trio, "sign")
    flood(trio, "sign", 5, WRONG["sign"])
    outcome, count, dummy = costs(trio, checked, "sign")
    assert (outcome.step, count) == ("seal", 1) and "operator 1 is to blame (sign.partial)" in outcome.detail


CONTENTS = list(WRONG.items())
FORMS = [(round, lambda forger, k: {"extra": k}) for round in (*WRONG, "abort")]


@pytest.mark.parametrize("round, make", CONTENTS + FORMS, ids=[*WRONG, *(round + " form" for round, dummy in FORMS)])
def test_many_cost_no_more_than_few(trio, tmp_path, checked, round, make):
    """In the first run and in the next one. Found with real signatures, which are what a run does most of."""
    stand_before(trio, round)
    dummy_honest, texts = flood(trio, round, 8, make)
    spent = {}
    for count in (2, 8):
        inbox = {name: text for name, text in trio.store.items() if text not in texts[count:]}
        trio.directory.rename(tmp_path / "kept")
        shutil.copytree(tmp_path / "kept", trio.directory)
        spent[count] = [costs(trio, checked, round, inbox)[1:] for dummy in range(2)]
        shutil.rmtree(trio.directory)
        (tmp_path / "kept").rename(trio.directory)
    assert spent[2] == spent[8]
    # What makes an abort is checked once more, as its judges will, before it is sent.
    assert max(spent[8])[0] <= (2 if round in abort.ROUNDS else 1)


def test_many_spellings_of_a_kept_message_cost_nothing(trio, checked):
    stand_before(trio, "commit")
    trio.step(2)
    text = trio.store["1/commit/1.jws"]
    few = costs(trio, checked, "commit")[1:]
    trio.store.update({"1/commit/x%d.jws" % k: text[:-5] + "%05d" % k for k in range(8)})
    assert costs(trio, checked, "commit")[1:] == few


def test_many_equivocations_cost_no_more_than_one(trio, checked):
    stand_before(trio, "commit")
    trio.step(2)
    flood(trio, "commit", 8, lambda forger, k: {"commitments": base64url.to_base64(bytes([k]) * 32)})
    assert costs(trio, checked, "commit")[0].accused[0].check == "commit.equivocation"
    first = costs(trio, checked, "commit")[1:]
    trio.store = {name: text for name, text in trio.store.items() if "/x" not in name}
    assert costs(trio, checked, "commit")[1:] == first


def test_many_deals_of_other_sessions_are_one_note(trio, checked):
    stand_before(trio, "deal")
    forger = trio.forger(trio, 1)
    header, fields, commits, spent = forger.header("deal"), forger.fields("deal"), forger.row("deal", "commits", 32), []
    del trio.store["1/deal/1.jws"]
    for k in range(5):
        listed = [bytes([k]) * 32, *commits[1:]]
        session = base64url.to_base64(session_id(forger.parameters, listed))
        payload = {**fields, "commits": base64url.to_base64(b"".join(listed))}
        trio.store["1/deal/x%d.jws" % k] = forger.sign({**header, "session": session}, payload)
        outcome, *cost = costs(trio, checked, "deal")
        assert outcome.detail.count("operator 1 dealt on another commit of operators 1") == 1
        spent.append(cost)
    assert all(cost == spent[1] for cost in spent[1:])
