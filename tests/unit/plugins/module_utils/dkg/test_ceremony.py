# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole ceremonies between operators on one machine."""

import itertools
import json
import random
import shutil

import pytest
from ansible_collections.obol.dv.plugins.module_utils.cluster.lock import ClusterLock
from ansible_collections.obol.dv.plugins.module_utils.crypto.bls.group import ORDER
from ansible_collections.obol.dv.plugins.module_utils.crypto.bls.signatures import bls
from ansible_collections.obol.dv.plugins.module_utils.data_dir.validator_keys import ValidatorKeys
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum import deposit, keystore, networks
from ansible_collections.obol.dv.plugins.module_utils.verify.lock import verify_lock

GWEI = 10**9


def finished_lock(group):
    """The lock that all operators have, each with key shares that fit it."""
    texts = {(group.data_dir(index) / "cluster-lock.json").read_bytes() for index in group.everyone}
    assert len(texts) == 1
    found = ClusterLock.parse(texts.pop())
    assert verify_lock(found, networks.Networks(group.network)).ok
    for index in group.everyone:
        shares = ValidatorKeys(str(group.data_dir(index) / "validator_keys")).read()
        assert [bls.secret_to_public(share) for share in shares] == [v.public_shares[index - 1] for v in found.validators]
    return found


@pytest.mark.parametrize(
    "n, t, v, fields",
    [
        (4, 3, 1, {}),
        (4, 3, 2, {"network": "gnosis"}),
        (3, 2, 1, {"deposit_amounts": (1 * GWEI, 31 * GWEI, 1 * GWEI)}),
        (7, 5, 1, {"compounding": True}),
        (2, 2, 1, {"compounding": True, "deposit_amounts": (2048 * GWEI,), "network": "mainnet"}),
    ],
)
def test_ceremony(group, n, t, v, fields):
    parties = group(n, t, v, **fields)
    outcomes = parties.run(rounds=5)
    assert {outcome.state for outcome in outcomes.values()} == {"complete"}
    found = finished_lock(parties)
    data_dirs = [parties.data_dir(index) for index in parties.everyone]
    shares = [ValidatorKeys(str(data_dir / "validator_keys")).read() for data_dir in data_dirs]
    for some in itertools.islice(itertools.combinations(parties.everyone, t), 10):
        for place, validator in enumerate(found.validators):
            coefficients = bls.lagrange_at_zero(some)
            secret = sum(k * shares[index - 1][place] for k, index in zip(coefficients, some)) % ORDER
            assert bls.secret_to_public(secret) == validator.public_key
    amounts = [each.amount for each in found.validators[0].deposits]
    for data_dir in data_dirs:
        names = sorted(path.name for path in data_dir.glob("deposit-data*.json"))
        assert names == sorted(deposit.file_name(amount) for amount in amounts)
        assert json.loads((data_dir / names[0]).read_text())[0]["network_name"] == parties.network.name
        assert not list(data_dir.rglob("seed")) and not list(data_dir.rglob("ceremony/*/*/keys")) and not list(data_dir.rglob("derived"))
        for path in data_dir.rglob("*"):
            assert path.stat().st_mode & 0o077 == 0, path


def test_what_is_kept_to_save_time_can_be_lost(group):
    """Between any two rounds: all of it on one operator, and damaged on another."""
    parties, names = group(4, 3, 1), set()
    for _round in range(5):
        parties.run(rounds=1)
        for path in list(parties.data_dir(1).rglob("derived/*")) + list(parties.data_dir(2).rglob("derived/*")):
            names.add(path.name)
            if parties.data_dir(1) in path.parents:
                path.unlink()
            else:
                path.write_bytes(path.read_bytes()[:-1])
    finished_lock(parties)
    assert names == {"commitments", "transcript", "keystores", "lock"}


def test_what_is_kept_opens_the_keystores(group, monkeypatch):
    """A password costs its derivation once."""
    parties = group(3, 2, 1)
    parties.run(rounds=3, who=[1, 2, 3])
    monkeypatch.setattr(keystore, "_derive", None)
    parties.run(rounds=3)
    monkeypatch.undo()
    finished_lock(parties)


def test_second_run_changes_nothing(group):
    parties = group(3, 2, 1)
    parties.run(rounds=5)
    before = {path: path.stat().st_mtime_ns for path in parties.directory.rglob("*") if path.is_file()}
    store = dict(parties.store)
    for index, outcome in parties.run(rounds=1).items():
        assert (outcome.state, outcome.changed, outcome.waiting_for) == ("complete", False, ())
        assert outcome.outbox["1/lock/%d.json" % index] == (parties.data_dir(index) / "cluster-lock.json").read_text()
    assert parties.store == store
    assert before == {path: path.stat().st_mtime_ns for path in parties.directory.rglob("*") if path.is_file()}


def test_waiting_says_for_whom_and_changes_nothing(group):
    parties = group(4, 3, 1)
    first = parties.step(2)
    assert (first.state, first.step, first.waiting_for, first.changed) == ("waiting", "commit", (1, 3, 4), True)
    again = parties.step(2)
    assert not again.changed and again.outbox == first.outbox
    parties.run(rounds=5, who=[1, 2, 3])
    outcome = parties.step(1)
    assert (outcome.step, outcome.waiting_for, outcome.changed) == ("commit", (4,), False)
    assert outcome.since == (parties.files(1) / "out" / "commit.jws").stat().st_mtime and not outcome.ready


def test_t_signers_are_enough_until_the_seal(group):
    parties = group(4, 3, 1)
    parties.run(rounds=2)
    parties.run(rounds=4, who=[2, 3, 4])
    outcome = parties.step(3)
    if outcome.step != "confirm":
        assert (outcome.step, outcome.waiting_for) == ("seal", (1,))
    parties.run(rounds=3)
    finished_lock(parties)


def test_a_complete_host_hands_on_its_lock(group):
    parties = group(3, 2, 1)
    rounds = tuple("%s/%d.jws" % (round, index) for round in ("commit", "deal", "confirm", "sign") for index in (1, 2))
    parties.run(rounds=3, who=[1, 2])
    for _dummy in range(4):
        outcome = parties.step(3, inbox={name: text for name, text in parties.store.items() if name.endswith(rounds)})
        parties.run(rounds=1, who=[1, 2])
    assert outcome.step == "seal"
    lock_text = parties.step(1).outbox["1/lock/1.json"]
    for field, value in (
        ("lock_hash", "0x" + "77" * 32),
        ("node_signatures", []),
        ("signature_aggregate", "0x" + "77" * 96),
    ):
        broken = json.dumps({**json.loads(lock_text), field: value})
        assert parties.step(3, inbox={"1/lock/1.json": broken}).state == "waiting"
    assert parties.step(3, inbox={"1/lock/1.json": lock_text}).state == "complete"
    finished_lock(parties)


def test_a_carrier_that_drops_reorders_and_repeats_delays_only(group):
    parties, luck = group(4, 3, 1), random.Random(1)
    for _dummy in range(60):
        index = luck.choice(parties.everyone)
        names = [name for name in parties.store if luck.random() < 0.7]
        luck.shuffle(names)
        inbox = {"x%d/%s" % (place, "any name"): parties.store[name] for place, name in enumerate(names)}
        inbox.update({"again/%d" % place: parties.store[name] for place, name in enumerate(names[:3])})
        assert parties.step(index, inbox=inbox).state in ("waiting", "complete")
    parties.run(rounds=3)
    finished_lock(parties)


def test_results_of_another_ceremony_are_not_touched(group):
    parties = group(3, 2, 1)
    (parties.data_dir(1) / "validator_keys").mkdir()
    assert parties.step(1).state == "waiting"
    (parties.data_dir(2) / "validator_keys").mkdir()
    (parties.data_dir(2) / "validator_keys" / "keystore-0.json").write_text("{}")
    with pytest.raises(DvError, match="does not come from this ceremony"):
        parties.step(2)
    assert not parties.files(2).exists()


@pytest.mark.parametrize(
    "change, text",
    [
        ({"threshold": 1}, "the threshold is 1"),
        ({"version": "v1.7.0"}, "version v1.7.0"),
        ({"operators": ()}, "the number of operators is 0"),
    ],
)
def test_definitions_that_cannot_be_run(group, change, text):
    from dataclasses import replace

    parties = group(3, 2, 1)
    parties.definition = replace(parties.definition, **change)
    with pytest.raises(DvError, match=text):
        parties.step(1)


def test_attempts_network_and_keys_that_do_not_fit(group):
    parties = group(3, 2, 1)
    for attempt in (0, -1, True, 10**7):
        with pytest.raises(DvError, match="attempt"):
            parties.step(1, attempt)
    parties.network = networks.KNOWN.by_name("mainnet")
    with pytest.raises(DvError, match="fork version"):
        parties.step(1)


def test_what_is_complete_is_not_needed_again(group):
    """A round that is over here, and whole in the store, need not be brought a second time in the same run."""
    parties, completed_rounds, brought = group(4, 3, 1), {}, []
    for _dummy in range(6):
        for index in parties.everyone:
            known = completed_rounds.get(index, ())
            inbox = {name: text for name, text in parties.store.items() if not name.startswith(tuple(known))}
            brought += [(index, name) for name in inbox]
            outcome = parties.step(index, inbox=inbox, completed_rounds=known)
            completed_rounds[index] = outcome.completed_rounds
            assert set(known) <= set(outcome.completed_rounds)
            for beginning in outcome.completed_rounds:
                assert {"%s%d.jws" % (beginning, each) for each in parties.everyone} <= parties.store.keys()
    finished_lock(parties)
    assert all((1, "1/commit/%d.jws" % index) in brought for index in parties.everyone)
    # The last of the first turn has all commits and deals at once; the others' deals are there a turn later.
    assert (brought.count((1, "1/commit/4.jws")), brought.count((1, "1/deal/4.jws"))) == (1, 2)


def test_a_round_that_is_not_over_or_not_whole_in_the_store_is_not_completed(group):
    parties = group(4, 3, 1)
    parties.run(rounds=1, who=(1, 2, 3))
    assert parties.step(1).completed_rounds == ()
    parties.run(rounds=1, who=(4,))
    assert parties.step(1).completed_rounds == ("1/commit/",)
    del parties.store["1/commit/2.jws"]
    assert parties.step(1).completed_rounds == ()


def test_a_cluster_whose_ceremony_was_taken_away_is_complete(group):
    """As one that stock charon made: a lock, and nothing of the way."""
    parties = group(3, 2, 1)
    parties.run(rounds=5)
    shutil.rmtree(parties.data_dir(1) / "ceremony")
    outcome = parties.step(1)
    assert (outcome.state, outcome.attempt) == ("complete", None)
    assert outcome.outbox.keys() == {"1/lock/1.json"}
