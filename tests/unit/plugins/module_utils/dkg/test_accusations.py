# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accusations of every kind: they convict whom the evidence shows, otherwise their author, and cost nobody else anything."""

import itertools
from dataclasses import replace

import pytest
from ansible_collections.obol.dv.plugins.module_utils.crypto import hpke, jws
from ansible_collections.obol.dv.plugins.module_utils.dkg.protocol import abort, encoding, envelope, messages
from ansible_collections.obol.dv.plugins.module_utils.dkg.protocol.derivation import Derivation
from ansible_collections.obol.dv.plugins.module_utils.dkg.protocol.fault import Fault
from ansible_collections.obol.dv.plugins.module_utils.dkg.protocol.parameters import position
from ansible_collections.obol.dv.plugins.module_utils.encoding import base64url
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError

CHECKS = ("form", "key", "equivocation", "commits", "commitments", "point", "scalar", "proof", "share", "different", "", "?")
ROUNDS = (*messages.ROUNDS, "abort", "lunch", "")


@pytest.fixture
def node_key(group):
    return group.node_key


@pytest.fixture
def trio(group):
    """Three operators; all deals are in the store, nobody has seen another's. ``keys``: (owner, dealer) -> HPKE private key."""
    parties = group(3, 2, 1)
    parties.run(rounds=1)
    commits = {name: text for name, text in parties.store.items() if "/commit/" in name}
    for index in parties.everyone:
        parties.step(index, inbox=commits)
    parties.forger, parties.keys = group.forger, {}
    for index in parties.everyone:
        derivation = Derivation((parties.files(index) / "seed").read_bytes(), parties.parameters(index))
        parties.keys.update({(index, dealer): derivation.hpke_key(dealer) for dealer in parties.everyone})
    return parties


def whole(parties):
    """All messages of the ceremony that is run to its end: (round, index) -> text."""
    parties.run(rounds=5)
    names = itertools.product(messages.ROUNDS, parties.everyone)
    found = {name: parties.store["1/%s/%d.jws" % name] for name in names}
    assert parties.step(1).state == "complete"
    return found


def verdict(parties, author, accusation):
    """What every judge says."""
    said = {
        (fault.share_index, fault.round, fault.check_name)
        for fault in (abort.judge(parties.parameters(judge), author, accusation) for judge in parties.everyone)
    }
    assert len(said) == 1
    return said.pop()


@pytest.mark.parametrize("author", (1, 2, 3))
def test_one_honest_message_convicts_the_author_alone(trio, author):
    """Each message of a ceremony, the author's own among them, as the evidence of each accusation of anybody."""
    for text in whole(trio).values():
        for round, check, accused in itertools.product(ROUNDS, CHECKS, (0, 1, 2, 3, 4, -1, 2**70)):
            for key in (b"", bytes(96)) if accused == 1 else (b"",):
                accusation = messages.Abort(accused, check, key, (text,), round)
                fault = abort.judge(trio.parameters(1), author, accusation)
                assert (fault.share_index, fault.round, fault.check_name) == (author, "abort", "evidence")


@pytest.mark.parametrize("author, accused", list(itertools.product((1, 2, 3), repeat=2)))
def test_several_honest_messages_convict_the_author_alone(trio, author, accused):
    texts = {name: text for name, text in whole(trio).items() if name[0] in ("commit", "deal") or name[1] == author}
    first = [texts["commit", accused], texts["deal", accused], texts["deal", author]]
    more = [permutation for count in (1, 2) for permutation in itertools.permutations(texts.values(), count)]
    for one, others in itertools.product(first, more):
        for check in ("equivocation",) if len(others) == 1 else ("share", "proof"):
            for round in ("commit", "deal"):
                key = trio.keys[author, accused] if check == "share" else b""
                accusation = messages.Abort(accused, check, key, (one, *others), round)
                assert abort.judge(trio.parameters(1), author, accusation).share_index == author


@pytest.mark.parametrize("count", (0, 4, 40))
def test_more_or_fewer_messages_than_the_check_needs(trio, count):
    texts = whole(trio)
    for check, round, message in itertools.product(CHECKS, ROUNDS, (texts["commit", 3], texts["deal", 3], "", "a.b.c")):
        assert verdict(trio, 3, messages.Abort(1, check, b"", (message,) * count, round))[0] == 3


def bad_share(parties, dealer, victim):
    """``dealer`` seals a wrong share to ``victim``: the three messages of the true accusation."""
    forger = parties.forger(parties, dealer)
    session = base64url.from_base64(forger.header("deal")["session"])
    key = parties.forger(parties, victim).row("commit", "keys", 1216)[position(victim, dealer)]
    texts = forger.row("deal", "ciphertexts", 1136 + 32)
    texts[position(dealer, victim)] = hpke.seal(key, encoding.enc("seal", session, dealer, victim), (5).to_bytes(32, "big"))
    deal = forger.forge_row("deal", "ciphertexts", texts)
    return deal, parties.store["1/commit/%d.jws" % dealer], parties.store["1/commit/%d.jws" % victim]


@pytest.mark.parametrize("dealer, victim", list(itertools.permutations((1, 2, 3), 2)))
def test_a_true_accusation_of_a_bad_share_convicts_the_dealer(trio, dealer, victim):
    """It holds the victim's own commit too, which is evidence of nothing."""
    evidence, key = bad_share(trio, dealer, victim), trio.keys[victim, dealer]
    true = messages.Abort(dealer, "share", key, evidence, "deal")
    assert verdict(trio, victim, true) == (dealer, "deal", "share")
    third = ({1, 2, 3} - {dealer, victim}).pop()
    for changed in (
        true._replace(accused=victim),
        true._replace(accused=third),
        true._replace(round="commit"),
        true._replace(check="proof"),
        true._replace(key=b""),
        true._replace(key=trio.keys[victim, third]),
        *(true._replace(messages=texts) for texts in itertools.permutations(evidence) if texts != evidence),
        true._replace(messages=evidence + evidence[:1]),
    ):
        assert verdict(trio, victim, changed)[0] == victim
        # The dealer cannot turn it against the victim either, nor can the third.
        assert verdict(trio, dealer, changed)[0] == dealer
        assert verdict(trio, third, changed)[0] == third


def abort_of(parties, author, **fields):
    forger = parties.forger(parties, author)
    header = {**forger.header("commit"), "round": "abort"}
    return forger.sign(header, {"accused": 1, "check": "form", "key": "", "messages": [], "round": "commit", **fields})


def check_that_all_go_on(parties, author):
    """Everybody ends aborted, names the author, and hands out what it has."""
    for index in parties.everyone:
        for _dummy in range(2):
            outcome = parties.step(index)
            assert outcome.state == "aborted" and {each.operator for each in outcome.accused} <= {author}, outcome
            assert "1/commit/%d.jws" % index in outcome.outbox and "1/confirm/%d.jws" % index not in outcome.outbox
            if index != author:
                assert author in {each.operator for each in outcome.accused}
                assert outcome.outbox["1/abort/%d.jws" % author] == parties.store["1/abort/%d.jws" % author]


@pytest.mark.parametrize("author", (1, 2, 3))
@pytest.mark.parametrize("round", ("commit", "deal"))
@pytest.mark.parametrize("check", ("form", "key", "equivocation", "share", "proof", "?"))
def test_the_authors_own_good_message_as_evidence(trio, author, round, check):
    own, first = (trio.store["1/%s/%d.jws" % (each, author)] for each in (round, "commit"))
    texts = [own, first, first][: {"equivocation": 2, "share": 3, "proof": 3}.get(check, 1)]
    key = base64url.to_base64(trio.keys[author, author % 3 + 1]) if check == "share" else ""
    accused = author % 3 + 1
    text = abort_of(trio, author, accused=accused, check=check, key=key, messages=texts, round=round)
    trio.store["1/abort/%d.jws" % author] = text
    check_that_all_go_on(trio, author)


@pytest.mark.parametrize(
    "fields",
    [
        {"accused": 0},
        {"accused": 255},
        {"accused": -(2**63)},
        {"accused": 10**4000},
        {"accused": 3},
        {"check": "x" * 5000},
        {"check": "\ud800"},
        {"round": "\x1b[31m"},
        {"messages": ["\ud800", "\0"]},
        {"messages": ["."] * 2000, "check": "share"},
        {"messages": [base64url.to_base64(b"[" * 2000) + ".e30.AA"]},
        {"messages": [base64url.to_base64(b'{"index":' + b"9" * 1000 + b"}") + ".e30.AA"]},
        {"messages": [base64url.to_base64(b'{"index":1,"attempt":' + b"[" * 500) + "..AA"], "check": "key"},
        {"messages": {}},
        {"messages": [[]]},
        {"accused": 1.5},
        {"accused": None},
        {"round": ["commit"]},
        {"key": "AA"},
        {"check": {}},
    ],
)
def test_absurd_accusations(trio, fields):
    forger = trio.forger(trio, 3)
    header = {**forger.header("commit"), "round": "abort"}
    body = {"accused": 1, "check": "form", "key": "", "messages": [trio.store["1/commit/1.jws"]], "round": "commit", **fields}
    trio.store["1/abort/3.jws"] = forger.sign(header, body)
    assert len(trio.store["1/abort/3.jws"]) <= messages.text_size("abort", trio.parameters(1))
    for index in (1, 2):
        outcome = trio.step(index)
        assert outcome.state == "aborted" and {each.operator for each in outcome.accused} == {3}
        assert "1/commit/%d.jws" % index in outcome.outbox and len(outcome.detail) < 2000


@pytest.mark.parametrize("payload", [b"[" * 5000, b'{"accused":' * 500, b"9" * 5000, b"\xff", b"", b"null"])
def test_aborts_that_are_no_json(trio, payload):
    forger = trio.forger(trio, 3)
    trio.store["1/abort/3.jws"] = forger.sign({**forger.header("commit"), "round": "abort"}, payload)
    outcome = trio.step(1)
    assert outcome.state == "aborted" and "operator 3 is to blame (abort.form)" in outcome.detail
    assert "1/commit/1.jws" in outcome.outbox


@pytest.mark.parametrize("error", [IndexError("x"), MemoryError(), RecursionError(), OSError("disk"), ValueError()])
def test_a_judge_that_fails_blames_nobody_and_costs_nothing(trio, monkeypatch, error):
    def fail(*_arguments):
        raise error

    trio.store["1/abort/3.jws"] = abort_of(trio, 3, messages=[trio.store["1/commit/1.jws"]])
    monkeypatch.setattr(abort, "_find", fail)
    for _dummy in range(2):
        outcome = trio.step(1)
        assert outcome.state == "aborted" and outcome.accused == ()
        assert "operator 3 aborted, and this node failed to judge why (%s)" % type(error).__name__ in outcome.detail
        assert {"1/commit/1.jws", "1/abort/3.jws"} <= outcome.outbox.keys() and "1/confirm/1.jws" not in outcome.outbox
    monkeypatch.undo()
    assert "operator 3, abort.evidence" not in outcome.detail and [each.operator for each in trio.step(1).accused] == [3]


# The size of a message: all draw the line at the same byte


def padded(forger, round, size):
    """A message of ``round`` with exactly ``size`` characters, which is nothing that the round has."""
    for more in range(4):
        header = {**forger.parameters.header(round, None if round in ("commit", "abort") else bytes(32)), "typ": "x" * more}
        rest = size - len(base64url.to_base64(encoding.to_json(header).encode())) - 1 - jws.SIGNATURE_SIZE
        if rest % 4 != 1:
            text = forger.sign(header, b"x" * (rest * 3 // 4))
            assert len(text) == size
            return text
    raise AssertionError


@pytest.fixture
def dozen(group):
    parties = group(12, 8, 1)
    parties.forger = group.forger
    return parties


@pytest.mark.parametrize("round", messages.KINDS)
@pytest.mark.parametrize("culprit", (3, 10))
def test_all_readers_draw_the_line_at_the_same_byte(dozen, node_key, round, culprit):
    forger = dozen.forger(dozen, culprit)
    (bound,) = {messages.text_size(round, dozen.parameters(index)) for index in dozen.everyone}
    at, above = padded(forger, round, bound), padded(forger, round, bound + 1)
    for reader in dozen.everyone:
        with pytest.raises(Fault) as caught:
            envelope.read(dozen.parameters(reader), at)
        assert (caught.value.share_index, caught.value.check_name) == (culprit, "form")
        with pytest.raises(DvError, match="characters") as caught:
            envelope.read(dozen.parameters(reader), above)
        assert not isinstance(caught.value, Fault)
        if round != "abort" and reader != culprit:
            accusation = messages.Abort(culprit, "form", b"", (at,), round)
            text = envelope.write(dozen.parameters(reader), node_key(reader), "abort", accusation).jws.text
            assert envelope.read(dozen.parameters(culprit), text).payload == accusation
            said = {abort.judge(dozen.parameters(judge), reader, accusation).share_index for judge in dozen.everyone}
            assert said == {culprit}


def test_the_longest_commit_of_operator_10_convicts_nobody_else(dozen):
    for index in dozen.everyone:
        dozen.step(index, inbox={})
    forger = dozen.forger(dozen, 10)
    dozen.store[forger.name("commit")] = padded(forger, "commit", messages.text_size("commit", dozen.parameters(10)))
    for index in dozen.everyone:
        if index != 10:
            outcome = dozen.step(index)
            assert outcome.state == "aborted" and {each.operator for each in outcome.accused} == {10}


@pytest.mark.parametrize("n, t, v", [(2, 2, 1), (9, 6, 3), (10, 7, 1), (99, 66, 2), (100, 67, 1), (255, 170, 1), (255, 255, 50)])
@pytest.mark.parametrize("attempt", (1, 10**6))
def test_the_longest_honest_messages_fit(group, node_key, n, t, v, attempt):
    of_two = group(2, 2, 1).parameters(1, attempt)
    parameters = replace(of_two, n=n, t=t, v=v, keys=of_two.keys[:1] * n, share_index=n)
    bounds = {round: messages.text_size(round, parameters) for round in messages.KINDS}
    for reader in parameters.operators:
        assert bounds == {round: messages.text_size(round, parameters.seen_by(reader)) for round in messages.KINDS}
    for round, kind in messages.KINDS.items():
        if round == "abort":
            evidence = tuple("x" * bounds[each] for each in ("deal", "commit", "commit"))
            payload = kind(n, "commitments", bytes(96), evidence, "commit")
        else:
            payload = kind(**{name: (bytes(size),) * count for name, (count, size) in kind.rows(parameters).items()})
        header = encoding.to_json(parameters.header(round, None if round in ("commit", "abort") else bytes(32)))
        text = jws.sign(node_key(1), header.encode(), messages.write(payload))
        assert len(text) <= bounds[round] <= len(text) + 600
