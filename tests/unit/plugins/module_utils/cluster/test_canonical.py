# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The canonical form of a definition: whatever a carrier does to what the hashes do not cover, nodes go by the same bytes."""

import json
from dataclasses import replace

import pytest
from ansible_collections.obol.dv.plugins.module_utils.agreement import acceptance, approval, proposal
from ansible_collections.obol.dv.plugins.module_utils.agreement.assembly import assemble
from ansible_collections.obol.dv.plugins.module_utils.cluster.canonical import canonical_form
from ansible_collections.obol.dv.plugins.module_utils.cluster.definition import (
    VERSIONS,
    Creator,
    Definition,
    Operator,
    ValidatorAddresses,
    with_hashes,
)
from ansible_collections.obol.dv.plugins.module_utils.cluster.definition_checks import check_hashes, check_runnable, check_signatures
from ansible_collections.obol.dv.plugins.module_utils.crypto import secp256k1
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum import networks
from hypothesis import given, settings
from hypothesis import strategies as st

HOODI = networks.KNOWN.by_name("hoodi")


@pytest.fixture
def made(proposed, approved):
    return assemble(proposed, {index: each.dump() for index, each in approved[1].items()}, HOODI)


def changed(definition, change):
    """The JSON text of ``definition`` after ``change`` was made to its dict."""
    value = definition.to_json()
    change(value)
    return json.dumps(value)


def in_each(value, function):
    """Call ``function`` on each object of the definition with an address, and the address's key."""
    for party in (value["creator"], *value["operators"]):
        function(party, "address")
    for each in value["validators"]:
        function(each, "withdrawal_address")
        function(each, "fee_recipient_address")


def set_key(key, value):
    return lambda found: found.__setitem__(key, value)


# What a carrier without any key can do to a definition that its hashes do not tell.
SPELLINGS = {
    "no 0x": lambda value: in_each(value, lambda each, key: each.__setitem__(key, each[key].removeprefix("0x"))),
    "lower case": lambda value: in_each(value, lambda each, key: each.__setitem__(key, each[key].lower())),
    "upper case": lambda value: in_each(value, lambda each, key: each.__setitem__(key, "0x" + each[key][2:].upper())),
    "one of them": lambda value: value["validators"][1].__setitem__(
        "withdrawal_address", value["validators"][1]["withdrawal_address"].lower()[2:]
    ),
    "hex in upper case": lambda value: value["operators"][0].__setitem__(
        "config_signature", "0x" + value["operators"][0]["config_signature"][2:].upper()
    ),
    "hashes without 0x": lambda value: value.update(
        config_hash=value["config_hash"][2:].upper(), definition_hash=value["definition_hash"][2:]
    ),
    "an empty list of amounts": set_key("deposit_amounts", []),
    "no amounts at all": lambda value: value.pop("deposit_amounts"),
    "unknown keys": lambda value: (value.update(more=[1]), value["operators"][2].update(nonce=0)),
    "keys in upper case": lambda value: value.update(UUID=value.pop("uuid")),
}


def upper_case_of_the_creators(value):
    """A proposal has no other signature."""
    signature = value["creator"]["config_signature"]
    value["creator"]["config_signature"] = "0x" + signature[2:].upper()


@pytest.mark.parametrize("change", SPELLINGS.values(), ids=SPELLINGS)
def test_what_a_carrier_can_change_changes_nothing(change, made):
    carried = Definition.parse(changed(made, change))
    check_hashes(carried)
    assert canonical_form(carried) == made and canonical_form(carried, signatures=True) == made
    assert canonical_form(carried).dump() == made.dump()


@pytest.mark.parametrize("change", SPELLINGS.values(), ids=SPELLINGS)
def test_nor_in_a_proposal(change, proposed, people):
    if change is SPELLINGS["hex in upper case"]:
        change = upper_case_of_the_creators
    assert proposal.check_proposal(changed(proposed, change)) == proposed


@pytest.mark.parametrize("kind", ["creator", "operator"])
def test_nobody_has_one_spelling(kind, made):
    nobody = {"address": "0x" + "00" * 20, "config_signature": bytes(65)}
    if kind == "creator":
        absent, zero = replace(made, creator=Creator()), replace(made, creator=Creator(**nobody))
    else:
        enrs = [operator.enr for operator in made.operators]
        absent = replace(made, operators=tuple(Operator(enr=each) for each in enrs))
        zero = replace(made, operators=tuple(Operator(enr=each, enr_signature=bytes(65), **nobody) for each in enrs))
    absent, zero = with_hashes(absent), with_hashes(zero)
    assert absent.definition_hash == zero.definition_hash
    assert canonical_form(zero) == absent


def other_v(signature):
    return signature[:64] + bytes([(signature[64] + 27) % 28 if signature[64] >= 27 else signature[64] + 27])


def other_s(signature):
    s = secp256k1.ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([1 - signature[64]])


@pytest.mark.parametrize("respell", [other_v, other_s, lambda each: other_v(other_s(each))], ids=["v", "s", "both"])
@pytest.mark.parametrize("name", ["config_signature", "enr_signature", "binding_signature"])
def test_signatures_of_approvals_have_one_spelling(name, respell, proposed, approved, made):
    texts = {index: each.dump() for index, each in approved[1].items()}
    carried = replace(approved[1][2], **{name: respell(getattr(approved[1][2], name))})
    assert carried != approved[1][2] and approval.parse(carried.dump()) == approved[1][2]
    assert approval.is_same(carried.dump(), approved[1][2])
    assert assemble(proposed, {**texts, 2: carried.dump()}, HOODI) == made


@pytest.mark.parametrize("respell", [other_v, other_s, lambda each: other_v(other_s(each))], ids=["v", "s", "both"])
def test_those_of_proposals_too(respell, proposed):
    creator = replace(proposed.creator, config_signature=respell(proposed.creator.config_signature))
    carried = with_hashes(replace(proposed, creator=creator))
    assert carried != proposed
    assert proposal.check_proposal(carried.dump()) == proposed


@pytest.mark.parametrize("respell", [other_v, other_s], ids=["v", "s"])
@pytest.mark.parametrize("name", ["config_signature", "enr_signature"])
def test_a_definition_that_was_made_elsewhere_keeps_its_signatures(name, respell, made, people, tmp_path):
    operator = replace(made.operators[1], **{name: respell(getattr(made.operators[1], name))})
    foreign = with_hashes(replace(made, operators=(made.operators[0], operator, *made.operators[2:])))
    assert check_signatures(foreign, HOODI) == "group"
    assert canonical_form(foreign) == foreign and canonical_form(foreign, signatures=True) == made
    key = secp256k1.public_key(people[0].node_key)
    assert acceptance.accept_definition(DataDir(tmp_path), foreign, key, foreign.definition_hash)
    assert (tmp_path / "cluster-definition.json").read_bytes() == foreign.dump()


ADDRESSES = st.sampled_from(["", "0x" + "00" * 20, "00" * 20, "0x" + "aB" * 20, "0x" + "AB" * 20, "ab" * 20])
SIGNATURES = st.sampled_from([b"", bytes(65), b"\1" * 64 + b"\x1b", b"\xff" * 65])
PARTIES = st.tuples(ADDRESSES, SIGNATURES, SIGNATURES)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(VERSIONS[5:]),
    PARTIES,
    st.lists(PARTIES, max_size=2),
    st.lists(st.tuples(ADDRESSES, ADDRESSES), max_size=2),
    st.sampled_from([None, (), (10**9,)]),
)
def test_it_is_one_for_each_hash(version, creator, operators, validators, amounts):
    """The hashes stay, the spelling of a spelling is itself, and what reads like another one has another hash."""
    made = with_hashes(
        Definition(
            version=version,
            creator=Creator(address=creator[0], config_signature=creator[1]),
            operators=tuple(Operator(address=each[0], config_signature=each[1], enr_signature=each[2]) for each in operators),
            validators=tuple(ValidatorAddresses(fee_recipient_address=one, withdrawal_address=two) for one, two in validators),
            num_validators=len(validators),
            deposit_amounts=amounts if version >= "v1.8" or version in ("v1.10.0", "v1.11.0") else None,
            fork_version=b"\x10\0\x09\x10",
        )
    )
    found = canonical_form(made)
    check_hashes(found)
    assert canonical_form(found) == found
    assert with_hashes(found) == found
    # As a file it is read as the same.
    assert canonical_form(Definition.parse(found.dump())) == found


def test_older_versions_stay(vectors):
    for path in sorted((vectors / "charon" / "testdata").glob("cluster_definition_v1_[0-4]_0.json")):
        made = Definition.parse(path.read_bytes())
        assert canonical_form(made) == made


# What no DKG can run is refused before the first round, one way in all places.
UNRUNNABLE = {
    **{version: (lambda found, version=version: replace(found, version=version), version) for version in VERSIONS[:8]},
    "no withdrawal address": (
        lambda found: replace(found, validators=(replace(found.validators[0], withdrawal_address=""), *found.validators[1:])),
        "1 validators have no withdrawal_address, the first is validator 0",
    ),
    "no fee recipient": (
        lambda found: replace(found, validators=tuple(replace(each, fee_recipient_address="") for each in found.validators)),
        "2 validators have no fee_recipient_address",
    ),
    "no fork version": (lambda found: replace(found, fork_version=b""), "no fork version"),
    "threshold 0": (lambda found: replace(found, threshold=0), "the threshold is 0"),
    "no validators": (lambda found: replace(found, validators=None, num_validators=0), "the number of validators is 0"),
    "two operators": (lambda found: replace(found, operators=found.operators[:2]), "the number of operators is 2"),
}


@pytest.mark.parametrize("change, fragment", UNRUNNABLE.values(), ids=UNRUNNABLE)
def test_what_the_engine_cannot_run_is_not_taken(change, fragment, made, people, tmp_path, tree):
    unsigned = replace(made, creator=Creator(), operators=tuple(Operator(enr=each.enr) for each in made.operators))
    wrong = change(unsigned)
    if wrong.minor < 8:
        wrong = replace(wrong, validators=(wrong.validators[0],) * 2, target_gas_limit=0)
    wrong = with_hashes(wrong)
    with pytest.raises(DvError) as error:
        check_runnable(wrong)
    assert fragment in str(error.value)
    key = secp256k1.public_key(people[0].node_key)
    with pytest.raises(DvError) as error:
        acceptance.accept_definition(DataDir(tmp_path / "node"), canonical_form(wrong), key, wrong.definition_hash)
    assert fragment in str(error.value)
    assert not (tmp_path / "node").exists()


def test_a_confirmed_definition_gives_way_as_long_as_nothing_was_sent(made, people, tmp_path, tree):
    """The wrong file was confirmed first. Nothing came of it, so the right one may take its place; a secret is never lost."""
    node, key = tmp_path / "node", secp256k1.public_key(people[0].node_key)
    other = with_hashes(replace(made, creator=Creator(), name="other", operators=tuple(Operator(enr=each.enr) for each in made.operators)))
    acceptance.accept_definition(DataDir(node), other, key, other.definition_hash)
    assert acceptance.choose(DataDir(node), made, made.definition_hash) == made
    assert acceptance.accept_definition(DataDir(node), made, key, made.definition_hash)
    assert acceptance.definition_to_run(DataDir(node), key) == made
    out = node / "ceremony" / made.definition_hash.hex() / "1" / "out"
    out.mkdir(parents=True)
    (out / "commit.jws").write_text("x")
    before = tree(node)
    with pytest.raises(DvError, match="is of the definition 0x%s" % made.definition_hash.hex()):
        acceptance.accept_definition(DataDir(node), other, key, other.definition_hash)
    assert tree(node) == before


def test_signatures_that_are_none_stay():
    for signature in (b"", b"\1" * 64, b"\1" * 66, b"\xff" * 65, b"\1" * 64 + b"\x1f"):
        assert secp256k1.one_spelling(signature) == signature


@pytest.mark.parametrize("key", [1, 2, 77])
def test_all_spellings_of_a_signature_are_one(key):
    private_key, digest = key.to_bytes(32, "big"), bytes([key]) * 32
    signature = secp256k1.sign(private_key, digest)
    spellings = {signature, other_v(signature), other_s(signature), other_v(other_s(signature))}
    assert len(spellings) == 4
    assert {secp256k1.one_spelling(each) for each in spellings} == {signature}
    assert {secp256k1.recover(digest, each) for each in spellings} == {secp256k1.public_key(private_key)}
