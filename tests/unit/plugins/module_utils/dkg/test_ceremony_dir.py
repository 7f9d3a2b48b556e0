# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""State that is lost, rolled back or doubled; aborted and repeated attempts."""

import shutil

import pytest
from ansible_collections.obol.dv.plugins.module_utils.encoding import base64url
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError


@pytest.fixture
def trio(group):
    parties = group(3, 2, 1)
    parties.forger = group.forger
    return parties


def snapshot(parties, index):
    copy = parties.directory / "snapshot"
    shutil.copytree(parties.data_dir(index) / "ceremony", copy)
    return copy


def restore(parties, index, copy):
    shutil.rmtree(parties.data_dir(index) / "ceremony")
    shutil.copytree(copy, parties.data_dir(index) / "ceremony")


def complete(parties, attempt=1):
    outcomes = parties.run(attempt, rounds=5)
    assert {outcome.state for outcome in outcomes.values()} == {"complete"}, outcomes
    assert len({(parties.data_dir(index) / "cluster-lock.json").read_bytes() for index in parties.everyone}) == 1


@pytest.mark.parametrize("before, after", [(1, 2), (1, 3), (2, 3), (2, 4), (3, 4)])
def test_a_rolled_back_host_with_its_seed_and_its_messages_goes_on(trio, before, after):
    trio.run(rounds=before, who=[1, 2])
    copy = snapshot(trio, 1)
    trio.run(rounds=after - before, who=[3, 2, 1])
    assert not (trio.data_dir(1) / "cluster-lock.json").exists()
    sent = dict(trio.store)
    restore(trio, 1, copy)
    complete(trio)
    assert {name: trio.store[name] for name in sent} == sent


def test_a_rolled_back_host_deals_again_with_the_same_polynomials(trio):
    trio.run(rounds=1)
    copy = snapshot(trio, 1)
    first = trio.step(1).outbox["1/deal/1.jws"]
    restore(trio, 1, copy)
    hidden = {name: text for name, text in trio.store.items() if name != "1/deal/1.jws"}
    second = trio.step(1, inbox=hidden, deliver=False).outbox["1/deal/1.jws"]
    forger = trio.forger(trio, 1)
    assert first != second
    fields = forger._json(first.split(".")[1]), forger._json(second.split(".")[1])
    assert {name for name in fields[0] if fields[0][name] != fields[1][name]} == {"ciphertexts"}
    # Meeting the first again is no contradiction.
    complete(trio)


def stopped(parties, index, text, **kwargs):
    outcome = parties.step(index, **kwargs)
    assert outcome.state == "stopped" and text in outcome.detail, outcome
    assert not [name for name in outcome.outbox if name.startswith("1/")]
    again = parties.step(index, **kwargs)
    assert (again.state, again.changed) == ("stopped", False)
    return outcome


def test_a_lost_directory(trio):
    trio.step(1)
    shutil.rmtree(trio.data_dir(1) / "ceremony")
    stopped(trio, 1, "its seed for attempt 1 is gone")
    assert not (trio.files(1) / "seed").exists()


def test_a_lost_directory_and_a_store_that_hides_its_messages(trio):
    trio.run(rounds=1)
    trio.run(rounds=1, who=[2, 3])
    shutil.rmtree(trio.data_dir(1) / "ceremony")
    hidden = {name: text for name, text in trio.store.items() if not name.endswith("/1.jws")}
    stopped(trio, 1, "operators 2, 3 answer to a commit of this node, which it does not have", inbox=hidden)
    assert not (trio.files(1) / "seed").exists()


def test_a_lost_seed(trio):
    trio.step(1)
    (trio.files(1) / "seed").unlink()
    stopped(trio, 1, "its seed for attempt 1 is gone", inbox={})


@pytest.mark.parametrize("content", [b"", bytes(31), bytes(33), bytes(64), bytes(10**7)])
@pytest.mark.parametrize("sent", (True, False))
def test_a_seed_of_the_wrong_length_is_none(trio, content, sent):
    trio.step(1, inbox={})
    (trio.files(1) / "seed").write_bytes(content)
    if not sent:
        (trio.files(1) / "out" / "commit.jws").unlink()
        trio.store.clear()
    before = sorted(trio.data_dir(1).rglob("*"))
    outcome = stopped(trio, 1, "seed for attempt 1 has not 32 bytes")
    assert sorted(trio.data_dir(1).rglob("*")) == before and (trio.files(1) / "seed").read_bytes() == content
    assert outcome.next_attempt == 2
    if sent:
        complete(trio, 2)


def test_two_hosts_with_one_key(trio, tmp_path):
    twin = tmp_path / "twin"
    twin.mkdir()
    trio.step(1, data_dir=twin, inbox={}, deliver=False)
    trio.step(1)
    outcome = stopped(trio, 1, "contradicts its own files", data_dir=twin)
    evidence = next(twin.rglob("own-commit.jws"))
    assert str(evidence) in outcome.detail and evidence.read_text() == trio.store["1/commit/1.jws"]


def test_a_twin_that_has_written_its_seed_only(trio, tmp_path):
    twin = tmp_path / "twin"
    twin.mkdir()
    trio.step(1, data_dir=twin, inbox={}, deliver=False)
    next(twin.rglob("commit.jws")).unlink()
    trio.step(1)
    stopped(trio, 1, "contradicts its own files", data_dir=twin)


def test_own_messages_of_another_session(trio):
    """Rolled back to before it kept the commits, and then shown other ones."""
    trio.step(1, inbox={})
    copy = snapshot(trio, 1)
    trio.step(2), trio.step(3)
    trio.step(1)
    assert "1/deal/1.jws" in trio.store
    restore(trio, 1, copy)
    trio.forger(trio, 3).forge("commit", commitments=base64url.to_base64(bytes(32)))
    stopped(trio, 1, "belongs to other commits")


@pytest.mark.parametrize("round", ["confirm", "sign", "seal"])
def test_a_contradiction_in_a_later_round(trio, round):
    trio.run(rounds=2)
    trio.run(rounds=2, who=[1, 2])
    if round == "seal":
        trio.run(rounds=1)
    forger = trio.forger(trio, 2)
    assert forger.name(round) in trio.store and not (trio.data_dir(2) / "cluster-lock.json").exists()
    name = {"confirm": "roots", "sign": "partials", "seal": "signature"}[round]
    data = base64url.from_base64(forger.fields(round)[name])
    forger.forge(round, **{name: base64url.to_base64(data[:-1] + bytes([data[-1] ^ 1]))})
    stopped(trio, 2, "contradicts its own files")


def test_own_confirm_of_other_keys(trio):
    """A thief of the ENR key confirms before we do."""
    trio.run(rounds=1)
    trio.step(1)
    header = {**trio.forger(trio, 1).header("deal"), "round": "confirm"}
    fields = {"roots": base64url.to_base64(bytes(32)), "transcript": base64url.to_base64(bytes(32))}
    trio.step(2, inbox={name: text for name, text in trio.store.items() if "confirm" not in name})
    trio.store["1/confirm/1.jws"] = trio.forger(trio, 1).sign(header, fields)
    stopped(trio, 1, "own confirm is of other keys")


def test_a_wrong_message_under_our_own_key(trio):
    trio.step(1)
    forger = trio.forger(trio, 1)
    trio.store["x"] = forger.sign(forger.header("commit"), b"{}")
    stopped(trio, 1, "contradicts its own files")


def test_own_abort_and_confirm(trio):
    trio.run(rounds=2)
    forger = trio.forger(trio, 3)
    fields = {"accused": 1, "check": "form", "key": "", "messages": [], "round": "commit"}
    trio.store["1/abort/3.jws"] = forger.sign({**forger.header("commit"), "round": "abort"}, fields)
    trio.step(3, inbox={})
    outcome = trio.step(3)
    assert outcome.state == "stopped" and "both confirmed and aborted" in outcome.detail


# Attempts


@pytest.mark.parametrize("asked", (2, 20, 10**6 - 1))
def test_a_number_that_skips_others_begins_nothing(trio, asked):
    trio.store["rubbish"] = trio.forger(trio, 3, asked - 1).sign({"attempt": asked - 1}, {})
    for store in ({}, dict(trio.store)):
        with pytest.raises(DvError, match="attempt %d was asked for, and nobody is known to have begun the one before" % asked):
            trio.step(1, asked, inbox=store)
        assert not (trio.data_dir(1) / "ceremony" / trio.definition.definition_hash.hex()).exists()
    trio.store.clear()
    trio.run(rounds=1)
    outcome = trio.step(1, asked + 1)
    assert outcome.attempt == 1 and not trio.files(1, asked + 1).exists()
    text = "attempt %d was asked for, but this node knows of nobody who began the one before" % (asked + 1)
    assert text in outcome.detail or outcome.state == "complete"
    complete(trio, asked + 1)


@pytest.mark.parametrize("asked", (2, 3, 4))
def test_who_missed_attempts_catches_up(trio, asked):
    """Operators 2 and 3 began attempts 2 and 3, which operator 1 could not take part in."""
    trio.step(1)
    for attempt in (1, 2, 3):
        trio.step(2, attempt), trio.step(3, attempt)
    assert trio.step(1, 5).attempt == 1
    assert trio.step(1, asked).attempt == asked and "%d/commit/1.jws" % asked in trio.store
    complete(trio, max(asked, 3))


def test_who_knows_of_no_attempt_may_take_part_in_the_last_one(trio):
    for attempt in (1, 2, 3):
        trio.step(2, attempt)
    with pytest.raises(DvError, match="at most 4"):
        trio.step(1, 5)
    assert trio.step(1, 3).attempt == 3


def test_a_new_attempt_after_an_abort(trio):
    for index in trio.everyone:
        trio.step(index, inbox={})
    forger = trio.forger(trio, 3)
    honest = trio.store["1/commit/3.jws"]
    forger.forge("commit", commitments=base64url.to_base64(bytes(31)))
    assert trio.step(1).state == "aborted"
    assert "all operators start attempt 2" in trio.step(1).detail
    trio.store["1/commit/3.jws"] = honest
    complete(trio, 2)
    assert not list(trio.directory.rglob("seed")) and not list(trio.directory.rglob("ceremony/*/*/keys"))


@pytest.mark.parametrize("reason", ["aborted", "stopped", "others"])
def test_no_attempt_begins_by_itself(trio, reason):
    """However often it runs, and whatever others do: without a number that is asked for there is no next one."""
    trio.run(rounds=1)
    if reason == "aborted":
        trio.forger(trio, 3).forge("deal", proofs=base64url.to_base64(bytes(64)))
    elif reason == "stopped":
        (trio.files(1) / "seed").unlink()
    else:
        trio.step(2, 2)
    for _dummy in range(3):
        outcome = trio.step(1)
    assert outcome.state == ("waiting" if reason == "others" else reason) and outcome.next_attempt == 2
    assert not [name for name in outcome.outbox if not name.startswith("1/")] and not trio.files(1, 2).exists()
    assert "2/commit/1.jws" in trio.step(1, 2).outbox


def test_secrets_of_an_attempt_stay_until_all_gave_it_up(trio):
    trio.run(rounds=2)
    before = dict(trio.store)
    waiting = [index for index in trio.everyone if not (trio.files(index) / "out" / "sign.jws").exists()]
    assert waiting
    index = waiting[0]
    outcome = trio.step(index, 2)
    assert outcome.state == "waiting" and "2/commit/%d.jws" % index in outcome.outbox
    assert (trio.files(index) / "seed").exists()
    # Whatever is asked, it writes nothing more in attempt 1.
    sent = sorted((trio.files(index) / "out").iterdir())
    assert trio.step(index, 1).attempt == 2
    assert sorted((trio.files(index) / "out").iterdir()) == sent
    assert all(trio.store[name] == text for name, text in before.items())


def test_who_signed_gives_nothing_up(trio):
    for _dummy in range(3):
        for index in trio.everyone:
            trio.step(index, inbox={name: text for name, text in trio.store.items() if "/sign/" not in name})
    assert (trio.files(1) / "out" / "sign.jws").exists()
    outcome = trio.step(1, 2, inbox={})
    assert "2/commit/1.jws" not in outcome.outbox
    assert "attempt 2 was asked for, but this node signed in attempt 1" in outcome.detail


def test_a_rolled_back_signer_meets_its_sign(trio):
    for _dummy in range(3):
        for index in trio.everyone:
            copy = trio.directory / "old"
            if index == 1 and not copy.exists() and "1/deal/1.jws" in trio.store:
                shutil.copytree(trio.data_dir(1) / "ceremony", copy)
            trio.step(index, inbox={name: text for name, text in trio.store.items() if "/sign/" not in name})
    assert "1/sign/1.jws" in trio.store
    restore(trio, 1, trio.directory / "old")
    outcome = trio.step(1, 2)
    assert "2/commit/1.jws" not in outcome.outbox and "this node signed in attempt 1" in outcome.detail
    complete(trio)


def test_sign_and_a_later_commit_of_one_host(trio):
    """A snapshot restored in between: it signed in attempt 1 and began attempt 2, so it stops."""
    trio.run(rounds=1)
    copy = snapshot(trio, 2)
    for _dummy in range(2):
        for index in trio.everyone:
            trio.step(index, inbox={name: text for name, text in trio.store.items() if "/sign/" not in name})
    assert "1/sign/2.jws" in trio.store
    restore(trio, 2, copy)
    trio.step(2, 2, inbox={})
    outcome = trio.step(2, 2)
    assert outcome.state == "stopped" and "signed in attempt 1 and began attempt 2" in outcome.detail


def all_confirm(parties):
    """All confirm, and none sees that the others do."""
    for _dummy in range(3):
        for index in parties.everyone:
            parties.step(index, inbox={name: text for name, text in parties.store.items() if "/confirm/" not in name})
    assert len([name for name in parties.store if "/confirm/" in name]) == parties.n
    assert not [name for name in parties.store if "/sign/" in name]


def test_a_confirmed_attempt_is_not_given_up_first(trio):
    all_confirm(trio)
    outcome = trio.step(1, 2, inbox={})
    assert "attempt 2 was asked for, but this node confirmed attempt 1" in outcome.detail
    assert "2/commit/1.jws" not in outcome.outbox and not trio.files(1, 2).exists()
    complete(trio, 2)
    assert "2/commit/1.jws" not in trio.store


def test_a_confirmed_attempt_is_given_up_after_another_operator(trio):
    """The first one lost its state before it confirmed: it begins the new attempt, and the others follow."""
    trio.run(rounds=2, who=[1, 2])
    trio.step(3)
    trio.run(rounds=2, who=[1, 2])
    assert all("1/confirm/%d.jws" % index in trio.store for index in (1, 2)) and "1/confirm/3.jws" not in trio.store
    shutil.rmtree(trio.data_dir(3) / "ceremony")
    stopped(trio, 3, "its seed for attempt 1 is gone")
    for index in (1, 2):
        assert "2/commit/%d.jws" % index not in trio.step(index, 2).outbox
    complete(trio, 2)


@pytest.mark.parametrize("lost", ["seed", "abort"])
def test_a_confirmed_attempt_that_is_over_is_given_up(trio, lost):
    all_confirm(trio)
    if lost == "seed":
        (trio.files(1) / "seed").unlink()
    else:
        forger = trio.forger(trio, 3)
        fields = {"accused": 1, "check": "form", "key": "", "messages": [], "round": "commit"}
        trio.store["1/abort/3.jws"] = forger.sign({**forger.header("commit"), "round": "abort"}, fields)
    inbox = {name: text for name, text in trio.store.items() if "/confirm/" not in name}
    assert trio.step(1, 1, inbox=inbox).state == ("stopped" if lost == "seed" else "aborted")
    assert "2/commit/1.jws" in trio.step(1, 2, inbox=inbox).outbox


def test_some_signed_and_others_gave_up(trio):
    trio.run(rounds=1)
    copy = snapshot(trio, 2)
    all_confirm(trio)
    assert trio.step(1).step == "sign"
    restore(trio, 2, copy)
    trio.step(2, 2, inbox={})
    for reader in (3, 1, 2):
        outcome = trio.step(reader, 2)
        assert outcome.state == "waiting" and "only a new definition helps" in outcome.detail
    assert "2/commit/1.jws" not in trio.store


def test_others_began_a_later_attempt(trio):
    trio.step(1)
    trio.step(2, 2)
    assert "operators 2 began a later attempt" in trio.step(1).detail


def test_messages_of_one_attempt_mean_nothing_in_another(trio):
    trio.run(rounds=1)
    forger = trio.forger(trio, 3)
    trio.step(1, 2)
    for round in ("commit", "deal"):
        if forger.name(round) in trio.store:
            trio.store["2/%s/3.jws" % round] = trio.store[forger.name(round)]
    assert trio.step(1, 2).waiting_for == (2, 3)
