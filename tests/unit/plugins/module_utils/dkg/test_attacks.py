# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attacks: each names its culprit, or is nobody's fault and changes nothing."""

import json

import pytest
from ansible_collections.obol.dv.plugins.module_utils.crypto import hpke, jws
from ansible_collections.obol.dv.plugins.module_utils.crypto.bls.group import ORDER
from ansible_collections.obol.dv.plugins.module_utils.crypto.bls.signatures import curve
from ansible_collections.obol.dv.plugins.module_utils.dkg.protocol import abort, commit, deal, encoding, envelope, messages, vss
from ansible_collections.obol.dv.plugins.module_utils.dkg.protocol.derivation import Derivation
from ansible_collections.obol.dv.plugins.module_utils.dkg.protocol.parameters import position, session_id
from ansible_collections.obol.dv.plugins.module_utils.encoding import base64url

# A point of the curve, on E1, that is not in the subgroup of prime order (x = 4), and infinity.
OUTSIDE = bytes.fromhex("80" + "00" * 46 + "04")
INFINITY = bytes.fromhex("c0" + "00" * 47)


@pytest.fixture
def dealt(group):
    """Three operators; all deals are in the store, nobody has seen another's."""
    parties = group(3, 2, 1)
    parties.run(rounds=1)
    commits = {name: text for name, text in parties.store.items() if "/commit/" in name}
    for index in parties.everyone:
        parties.step(index, inbox=commits)
    parties.forger = group.forger
    return parties


def seeds(parties, index):
    seed = (parties.files(index) / "seed").read_bytes()
    parameters = parties.parameters(index)
    return parameters, Derivation(seed, parameters)


def blame(parties, reader, culprit, check):
    """``reader`` aborts and blames; a judge who has only the definition agrees, and so do the others."""
    outcome = parties.step(reader)
    assert outcome.state == "aborted", outcome
    assert "operator %d is to blame (%s)" % (culprit, check) in outcome.detail
    round, fault = check.split(".")
    evidence = parties.files(reader) / "evidence" / ("%s-%d.json" % (round, culprit))
    assert str(evidence) in outcome.detail
    text = outcome.outbox["1/abort/%d.jws" % reader]
    parameters = parties.parameters(1)
    message = envelope.read(parameters, text)
    verdict = abort.judge(parameters, reader, message.payload)
    assert (verdict.share_index, verdict.round, verdict.check_name) == (culprit, round, fault)
    other = next(j for j in parties.everyone if j not in (reader, culprit))
    told = parties.step(other, inbox={"abort": text})
    assert told.state == "aborted" and "operator %d, %s" % (culprit, check) in told.detail
    again = parties.step(reader)
    assert (again.state, again.changed, again.detail) == ("aborted", False, outcome.detail)
    assert "1/confirm/%d.jws" % reader not in parties.store
    return message.payload


# Round 1


def commits_only(group):
    parties = group(3, 2, 1)
    for index in parties.everyone:
        parties.step(index, inbox={})
    return parties, group.forger(parties, 3)


@pytest.mark.parametrize(
    "key",
    [b"\xff" * 1184 + bytes(32), bytes(1216), bytes(1184) + b"\1" + bytes(31)],
    ids=["not reduced", "zero", "low order"],
)
def test_a_key_that_cannot_be_sealed_to(group, key):
    parties, forger = commits_only(group)
    keys = forger.row("commit", "keys", 1216)
    keys[position(3, 2)] = key
    forger.forge_row("commit", "keys", keys)
    assert parties.step(1).state == "waiting"  # the key is not meant for operator 1
    blame(parties, 2, 3, "commit.key")


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: {**fields, "extra": 1},
        lambda fields: {name: value for name, value in fields.items() if name != "keys"},
        lambda fields: {**fields, "keys": fields["keys"][:-4]},
        lambda fields: {**fields, "keys": fields["keys"] + "="},
        lambda fields: {**fields, "keys": [fields["keys"]]},
        lambda fields: {**fields, "commitments": ""},
        lambda fields: [fields],
        lambda fields: json.dumps(fields).encode(),
        lambda fields: json.dumps(dict(reversed(fields.items())), separators=(",", ":")).encode(),
        lambda fields: encoding.to_json(fields).encode().replace(b'{"', b'{"commitments":"","', 1),
        lambda fields: b"\xff",
        lambda fields: b"[" * 3000,
        lambda fields: b"1" * 3000,
        lambda fields: b"1.5",
        lambda fields: b"NaN",
    ],
)
def test_a_payload_in_another_form(group, change):
    parties, forger = commits_only(group)
    parties.store[forger.name("commit")] = forger.sign(forger.header("commit"), change(forger.fields("commit")))
    blame(parties, 1, 3, "commit.form")


@pytest.mark.parametrize(
    "change",
    [
        lambda header: {**header, "alg": "ES256"},
        lambda header: {**header, "typ": "JWT"},
        lambda header: {**header, "session": base64url.to_base64(bytes(32))},
        lambda header: {**header, "crit": []},
        lambda header: {name: value for name, value in header.items() if name != "typ"},
        lambda header: json.dumps(header).encode(),
        lambda header: encoding.to_json(header).encode().replace(b'"index":3', b'"index":2,"index":3'),
    ],
)
def test_a_header_in_another_form(group, change):
    parties, forger = commits_only(group)
    parties.store[forger.name("commit")] = forger.sign(change(forger.header("commit")), forger.fields("commit"))
    blame(parties, 1, 3, "commit.form")


@pytest.mark.parametrize(
    "header",
    [
        {"protocol": 2},
        {"definition": base64url.to_base64(bytes(32))},
        {"attempt": 2},
        {"attempt": "1"},
        {"attempt": 10**30},
        {"round": "deal", "session": base64url.to_base64(bytes(32))},
        {"round": "lunch"},
        {"round": []},
        {"index": 0},
        {"index": 4},
        {"index": True},
        {"index": 2},
        {"index": -1},
        {"key": base64url.to_base64(bytes(33))},
    ],
)
def test_messages_for_somebody_else_are_ignored(group, header):
    parties, forger = commits_only(group)
    forger.forge("commit", header)
    outcome = parties.step(1)
    assert (outcome.state, outcome.waiting_for) == ("waiting", (3,))
    assert not (parties.files(1) / "evidence").exists()


def spoil_signature(text, change):
    head, dot, signature = text.rpartition(".")
    return head + dot + base64url.to_base64(change(base64url.from_base64(signature)))


def other_s(signature):
    s = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141 - int.from_bytes(signature[32:], "big")
    return signature[:32] + s.to_bytes(32, "big")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: spoil_signature(text, other_s),
        lambda text: spoil_signature(text, lambda signature: signature[:-1]),
        lambda text: spoil_signature(text, lambda signature: signature + b"\0"),
        lambda text: spoil_signature(text, lambda signature: bytes(64)),
        lambda text: spoil_signature(text, lambda signature: b"\xff" * 32 + bytes(31) + b"\1"),
        lambda text: text[:-1] + chr(ord(text[-1]) + 1),
        lambda text: text + "=",
        lambda text: text + "\n",
        lambda text: text + ".",
        lambda text: text.replace(".", "=.", 1),
        lambda text: text.replace(".", "..", 1),
        lambda text: text + "A" * 10**6,
        lambda text: "",
        lambda text: "\ud800",
        lambda text: "é" * 100,
        lambda text: None,
        lambda text: b"bytes",
        lambda text: {"a": 1},
        lambda text: base64url.to_base64(b"[" * 1500) + ".e30.AA",
    ],
)
def test_what_a_carrier_can_do_to_a_text_is_ignored(group, change):
    parties, forger = commits_only(group)
    name = forger.name("commit")
    good, parties.store[name] = parties.store[name], change(parties.store[name])
    outcome = parties.step(1)
    assert (outcome.state, outcome.waiting_for) == ("waiting", (3,))
    assert not (parties.files(1) / "evidence").exists()
    parties.store[name] = good
    parties.run(rounds=5)
    assert parties.step(1).state == "complete"


def test_another_spelling_of_a_kept_message_is_no_equivocation(group):
    parties, forger = commits_only(group)
    parties.step(1)
    name = forger.name("commit")
    for change in (other_s, lambda signature: bytes(64)):
        outcome = parties.step(1, inbox={name: spoil_signature(parties.store[name], change)})
        assert outcome.state == "waiting" and not outcome.changed


def test_a_signature_by_another_operators_key(group):
    parties, forger = commits_only(group)
    parties.store[forger.name("commit")] = forger.sign(forger.header("commit"), forger.fields("commit"), group.node_key(2))
    assert parties.step(1).waiting_for == (3,)


def test_replay_from_another_ceremony(group, tmp_path):
    parties, _forger = commits_only(group)
    other = type(parties)(tmp_path / "other", 3, 2, 2)
    for index in other.everyone:
        other.step(index)
    outcome = parties.step(1, inbox=other.store)
    assert outcome.waiting_for == (2, 3) and not outcome.changed


def test_equivocation_in_round_1(group):
    parties, forger = commits_only(group)
    parties.step(1)
    forger.forge("commit", commitments=base64url.to_base64(bytes(32)))
    blame(parties, 1, 3, "commit.equivocation")


def test_equivocation_in_one_inbox(group):
    parties, forger = commits_only(group)
    parties.store["second"] = parties.store[forger.name("commit")]
    forger.forge("commit", commitments=base64url.to_base64(bytes(32)))
    blame(parties, 1, 3, "commit.equivocation")


def test_two_commits_for_two_readers_show_in_the_deals(group):
    parties, forger = commits_only(group)
    honest = dict(parties.store)
    forger.forge("commit", commitments=base64url.to_base64(bytes(32)))
    parties.step(2)
    outcome = parties.step(1, inbox={**honest, "1/deal/2.jws": parties.store["1/deal/2.jws"]})
    assert (outcome.state, outcome.waiting_for) == ("waiting", (2, 3))
    assert "operator 2 dealt on another commit of operators 3" in outcome.detail


# Round 2


def test_a_bad_share(dealt):
    forger = dealt.forger(dealt, 3)
    _bad_share(dealt, forger, (5).to_bytes(32, "big"))
    accusation = blame(dealt, 1, 3, "deal.share")
    parameters, derivation = seeds(dealt, 1)
    assert accusation.key == derivation.hpke_key(3)
    # The key opens that one ciphertext and nothing else.
    assert accusation.key != derivation.hpke_key(2)
    # An accuser that gives another key, or a key for a good deal, accuses itself.
    for change in (
        {"key": bytes(96)},
        {"key": derivation.hpke_key(2)},
        {"key": b""},
        {"messages": accusation.messages[:2]},
    ):
        assert abort.judge(parameters, 1, accusation._replace(**change)).share_index == 1


def _bad_share(parties, forger, share):
    parameters = forger.parameters
    session = base64url.from_base64(forger.header("deal")["session"])
    key = parties.forger(parties, 1).row("commit", "keys", 1216)[position(1, 3)]
    texts = forger.row("deal", "ciphertexts", 1136 + 32)
    texts[position(3, 1)] = hpke.seal(key, encoding.enc("seal", session, 3, 1), share)
    forger.forge_row("deal", "ciphertexts", texts)
    assert parameters.share_index == 3


@pytest.mark.parametrize("share", [ORDER.to_bytes(32, "big"), b"\xff" * 32])
def test_a_share_outside_the_field(dealt, share):
    _bad_share(dealt, dealt.forger(dealt, 3), share)
    blame(dealt, 1, 3, "deal.share")


def test_a_ciphertext_that_does_not_open(dealt):
    forger = dealt.forger(dealt, 3)
    texts = forger.row("deal", "ciphertexts", 1136 + 32)
    texts[position(3, 1)] = bytes(1136 + 32)
    forger.forge_row("deal", "ciphertexts", texts)
    blame(dealt, 1, 3, "deal.share")


def test_one_bad_share_among_many(group):
    parties = group(4, 3, 5)
    parties.forger = group.forger
    parties.run(rounds=1)
    commits = {name: text for name, text in parties.store.items() if "/commit/" in name}
    for index in parties.everyone:
        parties.step(index, inbox=commits)
    forger = group.forger(parties, 2)
    parameters, derivation = seeds(parties, 2)
    session = base64url.from_base64(forger.header("deal")["session"])
    polynomials = commit.coefficients(parameters, derivation)
    shares = [vss.evaluate(polynomial, 4) for polynomial in polynomials]
    shares[3] += 1
    texts = forger.row("deal", "ciphertexts", 1136 + 32 * 5)
    key = group.forger(parties, 4).row("commit", "keys", 1216)[position(4, 2)]
    texts[position(2, 4)] = hpke.seal(key, encoding.enc("seal", session, 2, 4), b"".join(s.to_bytes(32, "big") for s in shares))
    forger.forge_row("deal", "ciphertexts", texts)
    assert parties.step(1).state == "waiting"
    parties.store = {name: text for name, text in parties.store.items() if "confirm" not in name}
    blame(parties, 4, 2, "deal.share")


def test_a_bad_proof(dealt):
    forger = dealt.forger(dealt, 3)
    proof = forger.row("deal", "proofs", 80)[0]
    forger.forge_row("deal", "proofs", [proof[:79] + bytes([proof[79] ^ 1])])
    blame(dealt, 1, 3, "deal.proof")


def test_a_proof_for_another_operator(dealt):
    forger, other = dealt.forger(dealt, 3), dealt.forger(dealt, 2)
    forger.forge_row("deal", "proofs", other.row("deal", "proofs", 80))
    blame(dealt, 1, 3, "deal.proof")


@pytest.mark.parametrize(
    "proof, check",
    [
        (lambda proof: proof[:48] + ORDER.to_bytes(32, "big"), "scalar"),
        (lambda proof: OUTSIDE + proof[48:], "point"),
        (lambda proof: INFINITY + proof[48:], "point"),
        (lambda proof: b"\xff" * 48 + proof[48:], "point"),
        (lambda proof: bytes(48) + proof[48:], "point"),
    ],
)
def test_a_proof_in_another_form(dealt, proof, check):
    forger = dealt.forger(dealt, 3)
    forger.forge_row("deal", "proofs", [proof(forger.row("deal", "proofs", 80)[0])])
    blame(dealt, 1, 3, "deal." + check)


def test_commitments_other_than_in_round_1(dealt):
    forger = dealt.forger(dealt, 3)
    forger.forge_row("deal", "commitments", dealt.forger(dealt, 2).row("deal", "commitments", 48))
    blame(dealt, 1, 3, "deal.commitments")


@pytest.mark.parametrize("point", [OUTSIDE, INFINITY, bytes(48), b"\xff" * 48], ids=["subgroup", "identity", "zero", "ones"])
def test_commitments_that_are_no_points(group, point):
    """The commit fixes them, so the whole ceremony is with the bad ones."""
    parties, forger = commits_only(group)
    parties.forger = group.forger
    parameters, derivation = seeds(parties, 3)
    points = [commit.commitments(commit.coefficients(parameters, derivation))[0], point]
    forger.forge("commit", commitments=base64url.to_base64(commit.commitments_hash(parameters, 3, points)))
    texts = [parties.store["1/commit/%d.jws" % index] for index in parties.everyone]
    digests = [jws.split(text).digest for text in texts]
    session = session_id(parameters, digests)
    recipients = {j: envelope.read(parameters, texts[j - 1]).payload.keys[position(j, 3)] for j in (1, 2)}
    payload = deal.make(parameters, derivation, session, digests, recipients, commit.coefficients(parameters, derivation), points)
    parties.store["1/deal/3.jws"] = forger.sign(parameters.header("deal", session), messages.write(payload))
    blame(parties, 1, 3, "deal.point")


def test_commits_that_are_not_those_of_the_session(dealt):
    forger = dealt.forger(dealt, 3)
    forger.forge_row("deal", "commits", [bytes(32)] * 3)
    blame(dealt, 1, 3, "deal.commits")


def test_a_deal_without_session(dealt):
    forger = dealt.forger(dealt, 3)
    for session in ("", 5, base64url.to_base64(bytes(31))):
        dealt.store[forger.name("deal")] = forger.sign({**forger.header("deal"), "session": session}, forger.fields("deal"))
    blame(dealt, 1, 3, "deal.form")


def test_a_deal_of_another_session_is_ignored(dealt):
    dealt.forger(dealt, 3).forge("deal", {"session": base64url.to_base64(bytes(32))})
    outcome = dealt.step(1)
    assert (outcome.state, outcome.step, outcome.waiting_for) == ("waiting", "deal", (3,))


def test_a_second_good_deal_is_not_looked_at(dealt):
    parameters, derivation = seeds(dealt, 3)
    dealt.step(1)
    _bad_share(dealt, dealt.forger(dealt, 3), bytes(32))
    assert dealt.step(1).state == "waiting"


def test_errors_that_cancel_do_no_harm(group):
    """Two dealers shift their shares for operator 1 by +1 and -1: its sum is right, and only the sum is used."""
    parties = group(3, 2, 1)
    parties.forger = group.forger
    parties.run(rounds=1)
    commits = {name: text for name, text in parties.store.items() if "/commit/" in name}
    for index in parties.everyone:
        parties.step(index, inbox=commits)
    for dealer, shift in ((2, 1), (3, -1)):
        forger = group.forger(parties, dealer)
        parameters, derivation = seeds(parties, dealer)
        session = base64url.from_base64(forger.header("deal")["session"])
        share = vss.evaluate(commit.coefficients(parameters, derivation)[0], 1) + shift
        key = group.forger(parties, 1).row("commit", "keys", 1216)[position(1, dealer)]
        texts = forger.row("deal", "ciphertexts", 1136 + 32)
        texts[position(dealer, 1)] = hpke.seal(key, encoding.enc("seal", session, dealer, 1), share.to_bytes(32, "big"))
        forger.forge_row("deal", "ciphertexts", texts)
    parties.run(rounds=5)
    assert parties.step(1).state == "complete"


# Aborts


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"messages": []},
        {"messages": ["", ""]},
        {"messages": ["a.b.c"]},
        {"accused": 99},
        {"accused": -1},
        {"accused": 2},
        {"round": "deal"},
        {"round": "seal"},
        {"round": "lunch"},
        {"check": "equivocation"},
        {"check": "share"},
        {"check": "key"},
        {"key": base64url.to_base64(bytes(96))},
    ],
)
def test_a_false_accusation_blames_its_author(dealt, change):
    forger = dealt.forger(dealt, 3)
    fields = {
        "accused": 1,
        "check": "form",
        "key": "",
        "messages": [dealt.store["1/commit/1.jws"]],
        "round": "commit",
        **change,
    }
    header = {**forger.header("commit"), "round": "abort"}
    dealt.store["1/abort/3.jws"] = forger.sign(header, fields)
    outcome = dealt.step(2)
    assert outcome.state == "aborted" and "operator 3, abort.evidence" in outcome.detail
    assert not {"1/abort/2.jws", "1/confirm/2.jws"} & set(outcome.outbox)  # no abort about an abort, and no confirm after one
    assert outcome.outbox["1/abort/3.jws"] == dealt.store["1/abort/3.jws"]


def test_every_false_accusation_with_all_messages(dealt):
    """Honest messages convict nobody, whatever is claimed of them."""
    parameters, derivation = seeds(dealt, 1)
    texts = [dealt.store["1/%s.jws" % name] for name in ("deal/2", "commit/2", "commit/1")]
    for round, checks in {
        "deal": "form commits commitments point scalar proof share equivocation",
        "commit": "form key equivocation",
    }.items():
        for check in checks.split():
            for chosen in (texts, texts[1:], texts[2:], [texts[1]] * 2):
                for key in (b"", derivation.hpke_key(2)):
                    accusation = messages.Abort(2, check, key, tuple(chosen), round)
                    assert abort.judge(parameters, 1, accusation).share_index == 1


@pytest.mark.parametrize("fields", [{"accused": True}, {"messages": "x"}, {"messages": [1]}, {"key": "AA"}, {"extra": 0}, {"check": None}])
def test_an_abort_in_another_form(dealt, fields):
    forger = dealt.forger(dealt, 3)
    honest = {"accused": 1, "check": "form", "key": "", "messages": [], "round": "commit"}
    dealt.store["1/abort/3.jws"] = forger.sign({**forger.header("commit"), "round": "abort"}, {**honest, **fields})
    outcome = dealt.step(2)
    assert outcome.state == "aborted" and "operator 3 is to blame (abort.form)" in outcome.detail
    assert "1/confirm/2.jws" not in outcome.outbox


def test_an_abort_after_the_confirm_waits_for_the_certificate(dealt):
    forger = dealt.forger(dealt, 3)
    dealt.step(1)
    text = forger.sign(
        {**forger.header("commit"), "round": "abort"},
        {"accused": 2, "check": "form", "key": "", "messages": [], "round": "commit"},
    )
    assert dealt.step(1, inbox={"abort": text}, deliver=False).state == "aborted"
    for index in (2, 3):
        dealt.step(index)
    assert dealt.step(1).step in ("sign", "seal")


# Rounds 3 to 5


@pytest.fixture
def confirmed(dealt):
    """All deals are known to all, all have confirmed, nobody has read a confirmation."""
    deals = dict(dealt.store)
    for index in dealt.everyone:
        assert dealt.step(index, inbox=deals).step == "confirm"
    return dealt


@pytest.mark.parametrize("field", ["roots", "transcript"])
def test_a_different_confirmation(confirmed, field):
    forger = confirmed.forger(confirmed, 3)
    honest = confirmed.store[forger.name("confirm")]
    forger.forge("confirm", **{field: base64url.to_base64(bytes(32))})
    outcome = confirmed.step(1)
    assert outcome.state == "aborted" and "operator 3 is to blame (confirm.different)" in outcome.detail
    assert not {"1/sign/1.jws", "1/abort/1.jws"} & set(outcome.outbox)
    again = confirmed.step(1)
    assert again.state == "aborted" and not again.changed
    # The good one comes after all: the certificate counts, and who signed both is named.
    confirmed.store[forger.name("confirm")] = honest
    outcome = confirmed.step(1)
    assert (outcome.state, outcome.step) == ("waiting", "sign")
    assert "operator 3 is to blame (confirm.different)" in outcome.detail
    confirmed.run(rounds=3)
    assert confirmed.step(1).state == "complete"


def test_equivocation_in_round_3(confirmed):
    forger = confirmed.forger(confirmed, 3)
    withheld = confirmed.store.pop("1/confirm/2.jws")
    confirmed.step(1)
    honest = confirmed.store[forger.name("confirm")]
    forger.forge("confirm", roots=base64url.to_base64(bytes(32)))
    outcome = confirmed.step(1)
    assert outcome.state == "aborted" and "operator 3 is to blame (confirm.equivocation)" in outcome.detail
    evidence = json.loads((confirmed.files(1) / "evidence" / "confirm-3.json").read_text())
    assert set(evidence["messages"]) == {honest, confirmed.store[forger.name("confirm")]}
    accusation = messages.read("abort", confirmed.parameters(1), encoding.to_json(evidence).encode())
    assert abort.judge(confirmed.parameters(1), 1, accusation).share_index == 3
    confirmed.store["1/confirm/2.jws"] = withheld
    outcome = confirmed.step(1)
    assert (outcome.state, outcome.step) == ("waiting", "sign") and "operator 3 is to blame" in outcome.detail


def test_equivocation_in_round_1_after_the_confirm(confirmed):
    forger = confirmed.forger(confirmed, 3)
    honest = confirmed.store[forger.name("commit")]
    forger.forge("commit", commitments=base64url.to_base64(bytes(32)))
    hidden = {name: text for name, text in confirmed.store.items() if "confirm" not in name}
    outcome = confirmed.step(1, inbox=hidden)
    assert outcome.state == "aborted" and "1/abort/1.jws" not in outcome.outbox
    confirmed.store[forger.name("commit")] = honest
    confirmed.run(rounds=4)
    assert confirmed.step(1).state == "complete"


@pytest.fixture
def signed(confirmed):
    """All have signed, nobody has read a signature of another."""
    confirms = dict(confirmed.store)
    for index in confirmed.everyone:
        assert confirmed.step(index, inbox=confirms).step == "sign"
    return confirmed


def test_a_bad_partial_signature(signed):
    forger = signed.forger(signed, 1)
    honest = signed.store[forger.name("sign")]
    partials = forger.row("sign", "partials", 96)
    forger.forge_row("sign", "partials", partials[::-1])
    outcome = signed.step(3, inbox={name: text for name, text in signed.store.items() if name != "1/sign/2.jws"})
    assert (outcome.state, outcome.step, outcome.waiting_for) == ("waiting", "sign", (1, 2))
    assert "operator 1 is to blame (sign.partial)" in outcome.detail and "1/abort/3.jws" not in outcome.outbox
    # t others do, and a good one from operator 1 does too.
    assert signed.step(3).step == "seal"
    signed.store[forger.name("sign")] = honest
    assert signed.step(2).step == "seal"


@pytest.mark.parametrize(
    "partial, check",
    [
        (bytes.fromhex("80" + "00" * 94 + "01"), "point"),
        (bytes.fromhex("c0" + "00" * 95), "point"),
        (b"\xff" * 96, "point"),
        (None, "partial"),
    ],
)
def test_a_partial_signature_that_is_no_point(signed, partial, check):
    forger = signed.forger(signed, 1)
    partials = forger.row("sign", "partials", 96)
    partials[1] = partial or _outside_g2()
    forger.forge_row("sign", "partials", partials)
    outcome = signed.step(3)
    assert outcome.step == "seal" and "operator 1 is to blame (sign.%s)" % check in outcome.detail


def _outside_g2():
    """A point of the twist that is not in the subgroup."""
    for x in range(1, 100):
        data = bytes.fromhex("80") + bytes(94) + bytes([x])
        try:
            if not curve.in_subgroup(curve.decode_g2_on_curve(data)):
                return data
        except Exception:
            continue
    raise AssertionError


@pytest.mark.parametrize("form", ["high s", "v", "another key", "shares", "another lock"])
def test_a_bad_seal(signed, form):
    signs = dict(signed.store)
    for index in signed.everyone:
        assert signed.step(index, inbox=signs).step == "seal"
    forger, other = signed.forger(signed, 1), signed.forger(signed, 2)
    honest = signed.store[forger.name("seal")]
    node_signature = base64url.from_base64(forger.fields("seal")["node_signature"])
    forged = {
        "high s": lambda: {"node_signature": other_s(node_signature[:64]) + bytes([node_signature[64] ^ 1])},
        "v": lambda: {"node_signature": node_signature[:64] + bytes([node_signature[64] + 27])},
        "another key": lambda: {"node_signature": base64url.from_base64(other.fields("seal")["node_signature"])},
        "shares": lambda: {"signature": base64url.from_base64(other.fields("seal")["signature"])},
        "another lock": lambda: {"signature": forger.row("sign", "partials", 96)[0]},
    }[form]()
    forger.forge("seal", **{name: base64url.to_base64(value) for name, value in forged.items()})
    outcome = signed.step(3)
    assert (outcome.state, outcome.waiting_for) == ("waiting", (1,))
    check = "node_signature" if "node_signature" in forged else "signature"
    assert "operator 1 is to blame (seal.%s)" % check in outcome.detail
    signed.store[forger.name("seal")] = honest
    assert signed.step(3).state == "complete"


def test_what_was_found_good_before_lets_no_other_text_in(signed):
    """All runs here are one process, which knows the good points and signatures when another text has the name of theirs."""
    assert signed.step(2).step == "seal"
    forger = signed.forger(signed, 1)
    name, first, second = forger.name("sign"), *forger.row("sign", "partials", 96)[:2]
    honest = signed.store[name]
    for wrong in ([second, first], [first, _outside_g2()]):
        forger.forge_row("sign", "partials", wrong + forger.row("sign", "partials", 96)[2:])
        for _dummy in range(2):
            outcome = signed.step(3, inbox={**signed.store, "1/sign/2.jws": ""})
            assert (outcome.state, outcome.waiting_for) == ("waiting", (1, 2))
            assert "operator 1 is to blame (sign.partial)" in outcome.detail
        signed.store[name] = honest
    assert signed.step(3).step == "seal"
