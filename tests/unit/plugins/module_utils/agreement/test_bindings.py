# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Binding signatures: nobody takes an operator's place with an ENR that its wallet signed elsewhere."""

import json
import pathlib
from dataclasses import replace

import pytest
from ansible_collections.obol.dv.plugins.module_utils.agreement import acceptance, approval, bindings, policy, proposal
from ansible_collections.obol.dv.plugins.module_utils.agreement.approve import approve
from ansible_collections.obol.dv.plugins.module_utils.agreement.assembly import assemble
from ansible_collections.obol.dv.plugins.module_utils.agreement.config import parse_config
from ansible_collections.obol.dv.plugins.module_utils.cluster.definition import with_hashes
from ansible_collections.obol.dv.plugins.module_utils.cluster.store_names import approval_name
from ansible_collections.obol.dv.plugins.module_utils.crypto import secp256k1
from ansible_collections.obol.dv.plugins.module_utils.data_dir import accepted_definition
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.dkg import ceremony
from ansible_collections.obol.dv.plugins.module_utils.errors import CarriedError, DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum import eip712, enr, networks

HOODI = networks.KNOWN.by_name("hoodi")
#: A node key that operator 2's operator gave up, and somebody else has.
OLD_KEY = b"\x42" * 32


def texts(approvals):
    return {index: given.dump() for index, given in approvals.items()}


def inbox_of(approvals):
    return {approval_name(index): given.dump() for index, given in approvals.items()}


def signed(person, made, *names):
    """The approval ``made`` with those of its signatures by ``person``."""
    return replace(made, **{name: person.sign(approval.SIGNED[name](made, HOODI.chain_id)) for name in names})


@pytest.fixture
def old_enr():
    return enr.encode(OLD_KEY)


@pytest.fixture
def swapped(proposed, approved, people, old_enr):
    """A function: the approvals, those of some operators with an ENR that their wallet signed for another cluster."""

    def make(*operators):
        approvals = dict(approved[1])
        for index in operators:
            other = enr.encode(bytes([200 + index]) * 32)
            approvals[index] = signed(people[index - 1], replace(approvals[index], enr=other), "enr_signature")
        return approvals

    return make


def public_key(people, index):
    return secp256k1.public_key(people[index - 1].node_key)


# The attack


@pytest.mark.parametrize("operators", [(2,), (2, 3), (2, 3, 4)], ids=str)
def test_an_old_enr_takes_nobodys_place(operators, swapped, proposed, approved, people, tree):
    """All of charon's signatures are right, and the definition agrees with the approval of operator 1."""
    directories, _approvals = approved
    carried = swapped(*operators)
    without = {index: replace(given, binding_signature=b"") for index, given in carried.items()}
    before = tree(directories[1])
    # The bindings are those of the right ENRs, are left out, or are lies.
    for approvals in (without, {**approved[1], **{index: without[index] for index in operators}}):
        made = assemble(proposed, texts(approvals), HOODI)
        with pytest.raises(bindings.Unbound) as error:
            acceptance.accept_definition(DataDir(directories[1]), made, public_key(people, 1), inbox=inbox_of(approvals))
        assert set(operators) <= set(error.value.operators)
    with pytest.raises(DvError) as error:
        assemble(proposed, texts(carried), HOODI)
    for index in operators:
        assert "operator %d, or whoever carried it, binding_signature" % index in str(error.value)
    made = assemble(proposed, texts(without), HOODI)
    with pytest.raises(DvError) as error:
        acceptance.accept_definition(DataDir(directories[1]), made, public_key(people, 1), inbox=inbox_of(approved[1]))
    for index in operators:
        assert "operator %d, or whoever carried it, enr: the definition has the ENR %s" % (index, carried[index].enr) in str(error.value)
    assert tree(directories[1]) == before


def test_neither_does_a_binding_of_another_place_cluster_chain_or_key(proposed, approved, people, old_enr):
    given = replace(approved[1][2], enr=old_enr)
    given = signed(people[1], given, "enr_signature")
    mallory = people[2]
    lies = {
        "another place": replace(given, share_index=3),
        "another cluster": replace(given, config_hash=b"\7" * 32),
        "another ENR": replace(given, enr=people[1].enr),
    }
    typed_data = {name: approval.SIGNED["binding_signature"](lie, HOODI.chain_id) for name, lie in lies.items()}
    typed_data["another chain"] = approval.SIGNED["binding_signature"](given, 1)
    typed_data["ENR signature"] = approval.SIGNED["enr_signature"](given, HOODI.chain_id)
    typed_data["config signature"] = approval.SIGNED["config_signature"](given, HOODI.chain_id)
    signatures = {name: people[1].sign(each) for name, each in typed_data.items()}
    signatures["another key"] = mallory.sign(approval.SIGNED["binding_signature"](given, HOODI.chain_id))
    signatures["v 31"] = signatures["another key"][:64] + b"\x1f"
    for name, signature in signatures.items():
        carried = {**approved[1], 2: replace(given, binding_signature=signature)}
        with pytest.raises(CarriedError) as error:
            assemble(proposed, texts(carried), HOODI)
        assert (error.value.share_index, error.value.check) == (2, "binding_signature"), name


def test_the_wallets_own_binding_of_it_does(proposed, approved, people, old_enr):
    """What the tests above refuse is refused for the signature alone."""
    given = replace(approved[1][2], enr=old_enr)
    given = signed(people[1], given, "enr_signature", "binding_signature")
    carried = {**approved[1], 2: given}
    made = assemble(proposed, texts(carried), HOODI)
    assert acceptance.accept_definition(DataDir(approved[0][1]), made, public_key(people, 1), inbox=inbox_of(carried))
    assert accepted_definition.read(DataDir(approved[0][1])).bound_by == accepted_definition.BY_SIGNATURES


def test_approvals_of_an_older_version(proposed, approved, people, tree):
    """They are waited for by name; a confirmed hash helps; nobody who has not signed is held up."""
    directories, approvals = approved
    old = {**approvals, **{index: replace(approvals[index], binding_signature=b"") for index in (2, 4)}}
    made = assemble(proposed, texts(old), HOODI)
    with pytest.raises(bindings.Unbound) as error:
        acceptance.accept_definition(DataDir(directories[1]), made, public_key(people, 1), inbox=inbox_of(old))
    assert error.value.operators == (2, 4)
    for fragment in ("operator 2, 4", "older obol.dv", "new proposal", "operator 3: %s, %s" % (people[2].address, people[2].enr)):
        assert fragment in str(error.value)
    assert made.definition_hash.hex() not in str(error.value)
    assert acceptance.accept_definition(DataDir(directories[1]), made, public_key(people, 1), made.definition_hash, inbox=inbox_of(old))
    assert accepted_definition.read(DataDir(directories[1])).bound_by == accepted_definition.BY_HASH


def test_an_own_approval_of_an_older_version(proposed, approved, people):
    """It stays what it is: nothing else is signed, and it is published as it is."""
    directories, approvals = approved
    path = pathlib.Path(directories[2]) / approval.FILE
    record = json.loads(path.read_text())
    del record["approval"]["binding_signature"]
    path.write_text(json.dumps(record))

    given, new = approve(people[1].approver(directories[2]), proposed, HOODI, REFUSES, {})
    assert (given, new) == (replace(approvals[2], binding_signature=b""), False)
    assert "binding_signature" not in json.loads(given.dump())


# Kept bindings


@pytest.fixture
def twice(proposed, approved, people, old_enr):
    """The approvals, operator 2's being a second one, by its own wallet."""
    second = replace(approved[1][2], enr=old_enr)
    return {**approved[1], 2: signed(people[1], second, "enr_signature", "binding_signature")}


def test_the_first_binding_of_a_place_counts(proposed, approved, people, twice, old_enr, tree):
    directory, texts_ = approved[0][1], texts(approved[1])
    assert bindings.keep(DataDir(directory), proposed, {2: texts_[2], 3: texts_[3]}, HOODI)
    before = tree(directory)
    assert not bindings.keep(DataDir(directory), proposed, {2: twice[2].dump(), 4: "{}"}, HOODI)
    with pytest.raises(CarriedError) as error:
        bindings.choose(DataDir(directory), proposed, inbox_of(twice), HOODI)
    assert error.value.share_index == 2
    for fragment in (people[1].enr, old_enr, "two ENRs", "new proposal"):
        assert fragment in str(error.value)
    # Once a definition is accepted another binding changes nothing.
    assert bindings.choose(DataDir(directory), proposed, inbox_of(twice), HOODI, accepted=True)[2] == texts_[2]
    assert tree(directory) == before


@pytest.mark.parametrize("carried", ["", "{}", "[]", "null", '{"share_index": 2}'])
def test_what_was_kept_stands_in_for_rubbish_and_for_nothing(carried, proposed, approved):
    directory, good = approved[0][1], texts(approved[1])
    bindings.keep(DataDir(directory), proposed, good, HOODI)
    rubbish = {approval_name(index): carried for index in good}
    assert bindings.choose(DataDir(directory), proposed, rubbish, HOODI) == good
    assert bindings.choose(DataDir(directory), proposed, {}, HOODI) == good


@pytest.mark.parametrize("index", [2, 3, 4])
def test_only_what_binds_is_kept(index, proposed, approved, swapped, tree):
    directory = approved[0][1]
    wrong = {
        "without": replace(approved[1][index], binding_signature=b""),
        "of another": approved[1][1],
        "swapped": swapped(index)[index],
    }
    before = tree(directory)
    for made in wrong.values():
        assert not bindings.keep(DataDir(directory), proposed, {index: made.dump()}, HOODI)
    assert tree(directory) == before


def test_nothing_is_kept_of_terms_that_this_node_did_not_approve(proposed, approved, tmp_path):
    assert not bindings.keep(DataDir(tmp_path / "fresh"), proposed, texts(approved[1]), HOODI)
    assert not (tmp_path / "fresh").exists()


# What an operator signed before its node lost its memory


class REFUSES:
    @staticmethod
    def sign(typed_data):
        raise AssertionError("a signature was asked for")


def test_an_own_approval_in_the_store_counts_as_given(proposed, approved, people, tmp_path):
    fresh = str(tmp_path / "fresh")
    stored = approved[1][2].dump()
    given, new = approve(people[1].approver(fresh), proposed, HOODI, REFUSES, {"approvals/2.json": stored})
    assert (given, new) == (approved[1][2], True)
    assert approval.read(DataDir(fresh)) == approved[1][2]
    again = approve(people[1].approver(fresh), proposed, HOODI, REFUSES, {"approvals/2.json": stored})
    assert again == (given, False)


# What the store has of this operator's wallet for its place: it approved these terms before, and signs nothing for them any more.
SIGNED_BEFORE = {
    "another ENR": lambda mine, person, old: signed(person, replace(mine, enr=old), "enr_signature", "binding_signature"),
    "another ENR, not bound": lambda mine, person, old: replace(
        signed(person, replace(mine, enr=old), "enr_signature"), binding_signature=b""
    ),
    "another ENR, by whoever carried it": lambda mine, person, old: replace(mine, enr=old),
    "no binding": lambda mine, person, old: replace(mine, binding_signature=b""),
    "a binding that is a lie": lambda mine, person, old: replace(mine, binding_signature=mine.config_signature),
}


@pytest.mark.parametrize("change", SIGNED_BEFORE.values(), ids=SIGNED_BEFORE)
def test_a_wallet_binds_one_enr_to_its_place(change, proposed, approved, people, old_enr, tmp_path, tree):
    inbox = {"approvals/2.json": change(approved[1][2], people[1], old_enr).dump()}
    approver = people[1].approver(tmp_path / "fresh", confirmed_config_hash=proposed.config_hash)
    with pytest.raises(DvError) as error:
        approve(approver, proposed, HOODI, REFUSES, inbox)
    for fragment in ("approvals/2.json", "no record", "new proposal", "binds one ENR to its place, once"):
        assert fragment in str(error.value)
    assert not (tmp_path / "fresh").exists()


@pytest.mark.parametrize("stored", ["", "{}", "mallory", "of another proposal"])
def test_what_is_not_by_the_own_wallet_holds_nobody_up(stored, proposed, approved, people, tmp_path):
    if stored == "mallory":
        forged = replace(approved[1][2], enr=people[3].enr)
        stored = signed(people[3], forged, *approval.SIGNED).dump()
    elif stored == "of another proposal":
        stored = signed(people[1], replace(approved[1][2], config_hash=b"\7" * 32), *approval.SIGNED).dump()
    approver = people[1].approver(tmp_path / "fresh", confirmed_config_hash=proposed.config_hash)
    given, new = approve(approver, proposed, HOODI, people[1], {"approvals/2.json": stored})
    assert (given, new) == (approved[1][2], True)


def test_an_operator_without_an_address_is_no_operator_that_did_not_sign(proposed, approved, people):
    """Nothing is told of such an approval: not even that it is somebody else's."""
    given = replace(approved[1][2], address="0X" + people[1].address[2:])
    with pytest.raises(DvError, match='the operator.s address is "0X'):
        approval.approved_before(given, proposed, HOODI, inbox_of(approved[1]))


# Acceptances


def record_of(directory, definition, **values):
    path = pathlib.Path(directory) / accepted_definition.FILE
    path.write_text(json.dumps({"definition_hash": "0x" + definition.definition_hash.hex(), **values}))
    (pathlib.Path(directory) / "cluster-definition.json").write_bytes(definition.dump())


def test_an_acceptance_of_an_older_version_is_judged_again(proposed, approved, people, swapped):
    directory, approvals = approved[0][1], approved[1]
    old = {index: replace(given, binding_signature=b"") for index, given in swapped(2, 3).items()}
    stolen = assemble(proposed, texts(old), HOODI)
    record_of(directory, stolen)
    with pytest.raises(bindings.Unbound):
        acceptance.definition_to_run(DataDir(directory), public_key(people, 1))
    assert not acceptance.is_accepted(DataDir(directory))
    # The right one takes its place, for nothing was sent for the other.
    made = assemble(proposed, texts(approvals), HOODI)
    assert acceptance.accept_definition(DataDir(directory), made, public_key(people, 1), inbox=inbox_of(approvals))
    assert acceptance.definition_to_run(DataDir(directory), public_key(people, 1)) == made
    assert acceptance.is_accepted(DataDir(directory))


@pytest.mark.parametrize("round_name, goes_on", [("commit", False), ("deal", False), ("confirm", False), ("sign", True)])
def test_unless_this_node_signed(round_name, goes_on, proposed, approved, people):
    directory = approved[0][1]
    old = {index: replace(given, binding_signature=b"") for index, given in approved[1].items()}
    made = assemble(proposed, texts(old), HOODI)
    record_of(directory, made)
    out = pathlib.Path(directory) / "ceremony" / made.definition_hash.hex() / "2" / "out"
    out.mkdir(parents=True)
    (out / ("%s.jws" % round_name)).write_text("x")
    path = pathlib.Path(directory) / approval.FILE
    record = json.loads(path.read_text())
    del record["approval"]["binding_signature"]
    path.write_text(json.dumps(record))
    if goes_on:
        assert acceptance.definition_to_run(DataDir(directory), public_key(people, 1)) == made
    else:
        with pytest.raises(bindings.Unbound) as error:
            acceptance.definition_to_run(DataDir(directory), public_key(people, 1))
        assert error.value.operators == (1, 2, 3, 4)


@pytest.mark.parametrize("bound_by", ["", "hash", 1, [], True])
def test_a_record_that_says_something_else(bound_by, proposed, approved, people):
    made = assemble(proposed, texts(approved[1]), HOODI)
    record_of(approved[0][1], made, bound_by=bound_by)
    with pytest.raises(DvError, match="accepted.json does not say which definition was accepted"):
        acceptance.definition_to_run(DataDir(approved[0][1]), public_key(people, 1))


# Two definitions of one set of approvals


@pytest.fixture
def signed_twice(proposed, approved, people):
    """The definitions that follow from the approvals, and from them with another signature of the same by operator 2's wallet."""
    given = approved[1][2]
    digest = eip712.digest(eip712.operator_config(given.config_hash, HOODI.chain_id))
    other = replace(given, config_signature=_another_signature(people[1].private_key, digest))
    assert other.config_signature != given.config_signature
    carried = {**approved[1], 2: other}
    return assemble(proposed, texts(approved[1]), HOODI), assemble(proposed, texts(carried), HOODI), inbox_of(carried)


def _another_signature(private_key, digest, nonce=7):
    r = int.from_bytes(secp256k1.decompress(secp256k1.public_key(nonce.to_bytes(32, "big")))[1:33], "big")
    s = (int.from_bytes(digest, "big") + r * int.from_bytes(private_key, "big")) * pow(nonce, -1, secp256k1.ORDER)
    raw = r.to_bytes(32, "big") + (s % secp256k1.ORDER).to_bytes(32, "big")
    wanted = secp256k1.public_key(private_key)
    (found,) = [raw + v for v in (b"\0", b"\1") if secp256k1.recover(digest, raw + v) == wanted]
    return secp256k1.one_spelling(found)


def test_another_definition_of_the_same_approvals_before_the_first_commit(signed_twice, approved, people):
    one, other, inbox = signed_twice
    directory, key = approved[0][1], public_key(people, 1)
    acceptance.accept_definition(DataDir(directory), one, key, inbox=inbox_of(approved[1]))
    assert acceptance.choose(DataDir(directory), other, None) == other
    assert acceptance.accept_definition(DataDir(directory), other, key, inbox=inbox)
    assert acceptance.definition_to_run(DataDir(directory), key) == other


def test_none_after_it(signed_twice, approved, people, tree):
    one, other, inbox = signed_twice
    directory, key = approved[0][1], public_key(people, 1)
    acceptance.accept_definition(DataDir(directory), one, key, inbox=inbox_of(approved[1]))
    out = pathlib.Path(directory) / "ceremony" / one.definition_hash.hex() / "1" / "out"
    out.mkdir(parents=True)
    (out / "commit.jws").write_text("x")
    before = tree(directory)
    assert acceptance.choose(DataDir(directory), other, None) == one
    with pytest.raises(DvError, match="of the definition 0x%s" % one.definition_hash.hex()):
        acceptance.accept_definition(DataDir(directory), other, key, inbox=inbox)
    assert tree(directory) == before


def test_a_killed_change_goes_on(signed_twice, approved, people):
    one, other, inbox = signed_twice
    directory, key = approved[0][1], public_key(people, 1)
    acceptance.accept_definition(DataDir(directory), one, key, inbox=inbox_of(approved[1]))
    # Killed between the two files.
    (pathlib.Path(directory) / "cluster-definition.json").write_bytes(other.dump())
    assert acceptance.accept_definition(DataDir(directory), other, key, inbox=inbox)
    assert acceptance.definition_to_run(DataDir(directory), key) == other


def test_other_terms_never_take_its_place_by_themselves(proposed, approved, people, tree):
    directory, key = approved[0][1], public_key(people, 1)
    made = assemble(proposed, texts(approved[1]), HOODI)
    acceptance.accept_definition(DataDir(directory), made, key, inbox=inbox_of(approved[1]))
    before = tree(directory)
    other = with_hashes(replace(made, name="other"))
    assert acceptance.choose(DataDir(directory), other, None) == made
    with pytest.raises(DvError):
        acceptance.accept_definition(DataDir(directory), other, key, inbox=inbox_of(approved[1]))
    assert tree(directory) == before


def test_a_confirmed_definition_is_not_exchanged(signed_twice, approved, people):
    """Whoever confirmed a hash stays with it, as long as no other one is confirmed."""
    one, other, inbox = signed_twice
    directory, key = approved[0][1], public_key(people, 1)
    acceptance.accept_definition(DataDir(directory), one, key, one.definition_hash, inbox=inbox)
    for confirmed in (None, one.definition_hash):
        assert acceptance.choose(DataDir(directory), other, confirmed) == one
    assert acceptance.choose(DataDir(directory), other, other.definition_hash) == other


def test_nor_one_for_which_another_run_sent_something_meanwhile(signed_twice, approved, people, monkeypatch):
    one, other, inbox = signed_twice
    directory, key = approved[0][1], public_key(people, 1)
    acceptance.accept_definition(DataDir(directory), one, key, inbox=inbox_of(approved[1]))
    exclusive = DataDir.exclusive

    def another_run_first(data_dir):
        out = pathlib.Path(data_dir.ceremony(one.definition_hash)) / "1" / "out"
        out.mkdir(parents=True)
        (out / "commit.jws").write_text("x")
        return exclusive(data_dir)

    with monkeypatch.context() as patched:
        patched.setattr(DataDir, "exclusive", another_run_first)
        with pytest.raises(DvError, match="is of the definition 0x%s" % one.definition_hash.hex()):
            acceptance.accept_definition(DataDir(directory), other, key, inbox=inbox)
    assert acceptance.definition_to_run(DataDir(directory), key) == one


@pytest.mark.parametrize("which", [0, 1])
def test_killed_before_the_file_was_there(which, signed_twice, approved, people):
    """The record is written first. Whatever the store shows then, the node goes on."""
    directory, key = approved[0][1], public_key(people, 1)
    acceptance.accept_definition(DataDir(directory), signed_twice[0], key, inbox=inbox_of(approved[1]))
    (pathlib.Path(directory) / "cluster-definition.json").unlink()
    made, inbox = signed_twice[which], [inbox_of(approved[1]), signed_twice[2]][which]
    assert acceptance.choose(DataDir(directory), made, None) == made
    assert acceptance.accept_definition(DataDir(directory), made, key, inbox=inbox)
    assert acceptance.definition_to_run(DataDir(directory), key) == made


def test_a_look_without_writing(proposed, approved, people, tree):
    directory, made = approved[0][1], assemble(proposed, texts(approved[1]), HOODI)
    bindings.keep(DataDir(directory), proposed, texts(approved[1]), HOODI)
    record_of(directory, made)
    before = tree(directory)
    assert acceptance.definition_to_run(DataDir(directory), public_key(people, 1), dry_run=True) == made
    assert tree(directory) == before


def test_the_dkg_runs_for_the_accepted_definition_alone(signed_twice, approved, people):
    one, other, _inbox = signed_twice
    directory = approved[0][1]
    acceptance.accept_definition(DataDir(directory), one, public_key(people, 1), inbox=inbox_of(approved[1]))
    with pytest.raises(DvError, match="accepted another definition meanwhile"):
        ceremony.step(DataDir(directory), other, people[0].node_key, {}, network=HOODI)


@pytest.mark.parametrize("places, allowed", [((0, 1, 1, 1), False), ((0, 1, 2, 1), False), ((0, 1, 2, 3), True), ((0, 0, 2, 3), False)])
def test_one_operator_has_one_place_unless_the_policy_says_otherwise(places, allowed, terms, people, tmp_path):
    operators = [people[place].address for place in places]
    terms.update(operators=operators, allow_shared_operator_address=True)
    made, _new = proposal.propose(DataDir(tmp_path), parse_config(terms), people[0], "A", "now")
    rules = dict(networks=["hoodi"], operators=[person.address for person in people])
    found = policy.violations(policy.Policy("policy.yml", "", rules), made, people[0].address)
    assert bool(found) != allowed
    assert all("once more; policy.yml allows operators" in text for text in found)
    # As often as it is listed.
    assert policy.violations(policy.Policy("policy.yml", "", dict(rules, operators=operators)), made, people[0].address) == []
