# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts hand on for others: it fails nobody, whatever lies in the store, and brings about no second result."""

import hashlib
import json

import pytest
from ansible_collections.obol.dv.plugins.module_utils.cluster.lock import ClusterLock
from ansible_collections.obol.dv.plugins.module_utils.crypto import jws, secp256k1
from ansible_collections.obol.dv.plugins.module_utils.dkg.inbox import select
from ansible_collections.obol.dv.plugins.module_utils.dkg.protocol import envelope
from ansible_collections.obol.dv.plugins.module_utils.encoding import base64url
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.plugin_utils.stores.registry import open_store
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256


@pytest.fixture
def trio(group):
    parties = group(3, 2, 1)
    parties.forger, parties.node_key = group.forger, group.node_key
    return parties


def respell(text, key):
    """The same message with another good signature: that of a random nonce."""
    head = text.rpartition(".")[0]
    private = ec.derive_private_key(int.from_bytes(key, "big"), ec.SECP256K1())
    digest = hashlib.sha256(head.encode()).digest()
    r, s = utils.decode_dss_signature(private.sign(digest, ec.ECDSA(utils.Prehashed(SHA256()))))
    s = min(s, secp256k1.ORDER - s)
    return head + "." + base64url.to_base64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def spoil(text, change):
    head, _dot, signature = text.rpartition(".")
    return head + "." + base64url.to_base64(change(base64url.from_base64(signature)))


def high_s(signature):
    return signature[:32] + (secp256k1.ORDER - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")


#: What a carrier, or the author, puts in the place of a message of operator 3, and whether that is the same message.
OTHERS = {
    "a second good signature": (respell, True),
    "s in the upper half": (lambda text, _key: spoil(text, high_s), False),
    "no signature": (lambda text, _key: spoil(text, lambda _signature: bytes(64)), False),
    "half of it": (lambda text, _key: text[: len(text) // 2], False),
    "nothing": (lambda text, _key: "", False),
    "something": (lambda text, _key: "\0\ud7ff rubbish", False),
}


def before(parties, round):
    """Operator 1 has met operator 3's message of ``round`` and still waits for operator 2's."""
    for _dummy in range(4):
        for index in parties.everyone:
            hidden = {round, "seal"} if round != "abort" else {"deal"}
            parties.step(index, inbox={name: text for name, text in parties.store.items() if name.split("/")[1] not in hidden})
    if round == "abort":
        forger = parties.forger(parties, 3)
        fields = {"accused": 1, "check": "form", "key": "", "messages": [], "round": "commit"}
        parties.store["1/abort/3.jws"] = forger.sign({**forger.header("commit"), "round": "abort"}, fields)
    parties.store.pop("1/%s/2.jws" % round, None)
    parties.step(1)
    assert (parties.files(1) / "in" / round / "3.jws").exists()
    return parties.store["1/%s/3.jws" % round]


@pytest.mark.parametrize("round", ("confirm", "seal", "abort"))
@pytest.mark.parametrize("kind", OTHERS)
def test_another_text_in_the_store_fails_nobody(trio, tmp_path, round, kind):
    kept, (change, same) = before(trio, round), OTHERS[kind]
    name, by_name = "1/%s/3.jws" % round, "1/%s/3-by-1.jws" % round
    there = change(kept, trio.node_key(3))
    inbox = {**trio.store, name: there}
    outcome = trio.step(1, inbox=inbox, deliver=False)
    assert name not in outcome.outbox and (by_name in outcome.outbox) == (by_name in outcome.handed_on) == (not same)
    assert ("the store holds something else than this node under the name %s" % name in outcome.detail) == (not same)
    prefix = "dkg/%s/" % trio.definition.definition_hash.hex()
    with open_store(str(tmp_path / "store")) as store:
        store.put({prefix + name: there})
        texts = {prefix + each: text for each, text in outcome.outbox.items()}
        put = store.put(texts, [prefix + each for each in outcome.handed_on])
        assert (prefix + by_name in put) == (not same)
        stored = select(trio.definition.definition_hash, store.get_all(("",)))
    # Others find it there, and this node has no more to say than that.
    again = trio.step(1, inbox={**inbox, **stored}, deliver=False)
    assert (again.state, again.detail, again.changed) == (outcome.state, outcome.detail, False)
    trio.step(2, inbox={**inbox, **stored})
    found = trio.files(2) / "in" / round / "3.jws"
    assert jws.split(found.read_text()).signing_input == jws.split(kept).signing_input
    # Rubbish under its own name too is said, and no error.
    both = trio.step(1, inbox={**inbox, by_name: "rubbish"}, deliver=False)
    assert not {name, by_name} & both.outbox.keys() and (by_name in both.detail) == (not same)


@pytest.mark.parametrize("round", ("confirm", "seal", "abort"))
def test_two_hosts_hand_on_two_spellings_at_once(trio, tmp_path, round):
    """Neither sees the other's in the store before both have put theirs."""
    kept = before(trio, round)
    name = "1/%s/3.jws" % round
    second = respell(kept, trio.node_key(3))
    trio.step(2, inbox={**trio.store, name: second})
    assert (trio.files(2) / "in" / round / "3.jws").read_text() == second != kept
    prefix = "dkg/%s/" % trio.definition.definition_hash.hex()
    with open_store(str(tmp_path / "store")) as store:
        for index in (1, 2):
            outcome = trio.step(index, inbox={other: text for other, text in trio.store.items() if other != name}, deliver=False)
            assert outcome.outbox[name] == (kept if index == 1 else second) and name in outcome.handed_on
            texts = {prefix + each: text for each, text in outcome.outbox.items()}
            store.put(texts, [prefix + each for each in outcome.handed_on])
        assert store.get(prefix + name) == kept


@pytest.mark.parametrize("kind", OTHERS)
def test_of_an_own_message_only_another_spelling_is_passed_over(trio, kind):
    """Anything else under this node's own name is the carrier's error, as ever: others could not read what it says."""
    trio.run(rounds=1)
    name, (change, same) = "1/commit/1.jws", OTHERS[kind]
    outcome = trio.step(1, inbox={**trio.store, name: change(trio.store[name], trio.node_key(1))}, deliver=False)
    assert (name in outcome.outbox) == (not same) and name not in outcome.handed_on


# Locks


@pytest.fixture
def sealed(trio):
    """All have sealed, 1 and 2 are complete, 3 has seen no seal: (parties, the lock as JSON)."""
    for _dummy in range(5):
        for index in trio.everyone:
            trio.step(index, inbox={name: text for name, text in trio.store.items() if "/seal/" not in name})
    for index in (1, 2):
        assert trio.step(index).state == "complete"
    trio.store = {name: text for name, text in trio.store.items() if "/seal/" not in name}
    return trio, json.loads(trio.store["1/lock/1.json"])


def signature(lock, place, change):
    """``lock`` (JSON) with another node signature at ``place``."""
    signatures = list(lock["node_signatures"])
    signatures[place] = "0x" + change(bytes.fromhex(signatures[place][2:])).hex()
    return {**lock, "node_signatures": signatures}


@pytest.mark.parametrize("place", (0, 1, 2))
@pytest.mark.parametrize(
    "change",
    [
        lambda found: found[:64] + bytes([found[64] + 27]),
        lambda found: high_s(found[:64]) + bytes([found[64] ^ 1]),
        lambda found: high_s(found[:64]) + bytes([(found[64] ^ 1) + 27]),
        lambda found: found[:64] + bytes([found[64] ^ 1]),
        lambda found: found[:64],
        lambda found: b"",
        lambda found: bytes(65),
    ],
    ids=["v+27", "high s", "high s, v+27", "other v", "no v", "empty", "zero"],
)
def test_a_carrier_cannot_change_node_signatures(sealed, place, change):
    parties, lock = sealed
    changed = ClusterLock.parse(signature(lock, place, change)).dump().decode()
    outcome = parties.step(3, inbox={**parties.store, "1/lock/1.json": changed, "1/lock/2.json": changed})
    assert (outcome.state, outcome.waiting_for) == ("waiting", (1, 2))
    assert parties.step(3, inbox={**parties.store, "1/lock/1.json": changed}).state == "complete"
    assert len({(parties.data_dir(index) / "cluster-lock.json").read_bytes() for index in parties.everyone}) == 1


@pytest.mark.parametrize("change", [lambda found: found[:2], lambda found: found + found[:1], lambda found: found[::-1], lambda found: []])
def test_node_signatures_in_another_number_or_order(sealed, change):
    parties, lock = sealed
    changed = json.dumps({**lock, "node_signatures": change(lock["node_signatures"])})
    assert parties.step(3, inbox={"1/lock/1.json": changed}).state == "waiting"


@pytest.fixture
def parsed(monkeypatch):
    """The texts of which a lock is made while a step runs."""
    texts, parse = [], ClusterLock.parse

    def counted(value, *arguments):
        texts.append(value)
        return parse(value, *arguments)

    monkeypatch.setattr(ClusterLock, "parse", counted)
    return texts


def test_one_lock_of_each_operator_is_looked_at(sealed, parsed):
    parties, lock = sealed
    wrong = [json.dumps({**lock, "lock_hash": "0x%064x" % number}, separators=(",", ":")) for number in range(3000)]
    inbox = {"%d/lock/%d.json" % (number // 1000 + 1, number % 1000 + 1): text for number, text in enumerate(wrong)}
    inbox.update({"x%d/cluster-lock.json" % number: text for number, text in enumerate(wrong)})
    own = len(parsed)
    assert parties.step(3, inbox=inbox).state == "waiting"
    assert sorted(text for text in parsed[own:] if isinstance(text, str)) == sorted(wrong[:3])
    del parsed[:]
    assert parties.step(3, inbox=dict.fromkeys(("1/lock/1.json", "1/lock/2.json", "1/lock/3.json"), wrong[0])).state == "waiting"
    assert parsed.count(wrong[0]) == 1


@pytest.mark.parametrize(
    "longer",
    [
        lambda text: text + " ",
        lambda text: text.replace("{", '{"x": 1,', 1),
        lambda text: '{"%s' % ('":1,"'.join(map(str, range(10**5))) + '":1,') + text[1:],
        lambda text: "[" * 10**6,
    ],
)
def test_a_lock_longer_than_the_nodes_own_is_not_read(sealed, parsed, longer):
    parties, _lock = sealed
    text = longer(parties.store["1/lock/1.json"])
    assert parties.step(3, inbox={"1/lock/1.json": text}).state == "waiting"
    assert text not in parsed
    # That of an honest host has exactly the size.
    assert parties.step(3).state == "complete"


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "[" * 500, '{"cluster_definition":' * 60, "\ud800", "9" * 5000])
def test_locks_that_are_none(sealed, text):
    parties, _lock = sealed
    assert parties.step(3, inbox={"1/lock/1.json": text}).state == "waiting"
    with pytest.raises(DvError):
        envelope.address(parties.parameters(1), text)


def test_something_else_under_the_name_of_a_handed_lock(sealed):
    parties, _lock = sealed
    outcome = parties.step(1, inbox={"1/lock/1.json": "{}"}, deliver=False)
    assert outcome.state == "complete" and "1/lock/1.json" not in outcome.outbox
    assert "the store holds something else than this node under the name 1/lock/1.json" in outcome.detail
