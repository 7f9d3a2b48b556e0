# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node checks before it runs a DKG for a definition."""

import json
import os
import pathlib
import stat
from dataclasses import replace

import pytest
from ansible_collections.obol.dv.plugins.module_utils.agreement import acceptance, acceptance_checks, approval, proposal
from ansible_collections.obol.dv.plugins.module_utils.agreement.approve import approve
from ansible_collections.obol.dv.plugins.module_utils.agreement.assembly import assemble
from ansible_collections.obol.dv.plugins.module_utils.agreement.config import parse_config
from ansible_collections.obol.dv.plugins.module_utils.cluster.definition import Creator, Definition, with_hashes
from ansible_collections.obol.dv.plugins.module_utils.crypto import secp256k1
from ansible_collections.obol.dv.plugins.module_utils.data_dir import accepted_definition
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum import enr
from ansible_collections.obol.dv.plugins.module_utils.ethereum.networks import KNOWN

HOODI = KNOWN.by_name("hoodi")


@pytest.fixture
def definition(proposed, approved):
    _directories, approvals = approved
    return assemble(proposed, {index: given.dump() for index, given in approvals.items()}, HOODI)


@pytest.fixture
def node(bound):
    """The data directory of operator 1."""
    return pathlib.Path(bound[0][1])


def key_of(text):
    """The public key of an ENR."""
    return enr.parse(text).public_key


NOBODY = Creator()


def without_signatures(definition, people, creator=NOBODY):
    """The definition as ``charon create dkg`` makes it: ENRs only."""
    operators = tuple(type(definition.operators[0])(enr=person.enr) for person in people)
    return with_hashes(replace(definition, operators=operators, creator=creator))


def test_accepted(definition, node, people, tree):
    assert acceptance.accept_definition(DataDir(node), definition, key_of(people[0].enr))
    path = node / "cluster-definition.json"
    assert path.read_bytes() == definition.dump()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert accepted_definition.read(DataDir(node)) == (definition.definition_hash, accepted_definition.BY_SIGNATURES)
    before = tree(node)
    assert not acceptance.accept_definition(DataDir(node), definition, key_of(people[0].enr))
    assert acceptance.definition_to_run(DataDir(node), key_of(people[0].enr)) == definition
    assert tree(node) == before


def test_signatures_are_verified_once(definition, node, people, monkeypatch):
    acceptance.accept_definition(DataDir(node), definition, key_of(people[0].enr))
    monkeypatch.delattr(acceptance_checks, "check_signatures")
    assert acceptance.definition_to_run(DataDir(node), key_of(people[0].enr)) == definition


@pytest.mark.parametrize("crashing", [1, 2])
def test_goes_on_after_a_crash(crashing, definition, node, people, monkeypatch):
    """The process ends just before its first or second file would be in place."""
    placed = []

    def crash(real):
        def place(source, target):
            placed.append(target)
            if len(placed) == crashing:
                raise KeyboardInterrupt
            real(source, target)

        return place

    with monkeypatch.context() as patched:
        patched.setattr(os, "link", crash(os.link))
        patched.setattr(os, "rename", crash(os.rename))
        with pytest.raises(KeyboardInterrupt):
            acceptance.accept_definition(DataDir(node), definition, key_of(people[0].enr))
    assert acceptance.accept_definition(DataDir(node), definition, key_of(people[0].enr))
    assert acceptance.definition_to_run(DataDir(node), key_of(people[0].enr)) == definition


def test_a_definition_put_there_by_hand_is_verified(definition, node, people):
    (node / "cluster-definition.json").write_bytes(definition.dump())
    assert acceptance.definition_to_run(DataDir(node), key_of(people[0].enr)) == definition
    assert accepted_definition.read(DataDir(node)) == (definition.definition_hash, accepted_definition.BY_SIGNATURES)


@pytest.mark.parametrize("shape", ["unsigned", "solo", "approved elsewhere"])
def test_hash_must_be_confirmed(shape, definition, people, tmp_path, tree):
    node = tmp_path / "fresh"
    node.mkdir()
    if shape == "unsigned":
        definition = without_signatures(definition, people)
    if shape == "solo":
        unsigned = without_signatures(definition, people, Creator(address=people[0].address))
        signature = people[0].sign(approval.eip712.creator_config(unsigned.config_hash, 560048))
        definition = with_hashes(replace(unsigned, creator=replace(unsigned.creator, config_signature=signature)))
    for confirmed, fragments in (
        (None, ["set dv_accept_definition_hash to the definition hash that the others tell you"]),
        (
            b"\1" * 32,
            ["another one than the one that was confirmed", 'hash "0x0101..." (66 characters), as dv_accept_definition_hash says'],
        ),
    ):
        with pytest.raises(DvError) as error:
            acceptance.accept_definition(DataDir(node), definition, key_of(people[0].enr), confirmed)
        # What to compare is shown, and not what a carrier would like to have pasted.
        fragments += [
            "operator %d: %s" % (index, ", ".join(filter(None, (each.address, each.enr))))
            for index, each in enumerate(definition.operators, 1)
        ]
        assert [fragment for fragment in fragments if fragment not in str(error.value)] == []
        assert definition.definition_hash.hex() not in str(error.value)
    assert tree(node) == {}
    assert acceptance.accept_definition(DataDir(node), definition, key_of(people[0].enr), definition.definition_hash)
    assert accepted_definition.read(DataDir(node)) == (definition.definition_hash, accepted_definition.BY_HASH)
    # Asked once.
    assert acceptance.definition_to_run(DataDir(node), key_of(people[0].enr)) == definition


def first(**values):
    return lambda found: replace(found, operators=(replace(found.operators[0], **values), *found.operators[1:]))


# How the definition is changed (its hashes follow), and what the error says.
WRONG = {
    "other terms": (
        lambda found: replace(found, threshold=4),
        ["creator, config_signature", "operator 1, config_signature"],
    ),
    "no signature of one": (first(enr_signature=b""), ["not finished: operator 1 has yet to"]),
    "no signature of the creator": (lambda found: replace(found, creator=Creator()), ["creator"]),
    "signatures of another": (
        lambda found: replace(found, operators=(*found.operators[:2], found.operators[3], found.operators[3])),
        ["the ENRs of operators 3 and 4 have the same node key"],
    ),
    "another ENR of this node": (
        first(enr=enr.encode(b"\x42" * 32)),
        ["is not in the definition", "operator 1, enr_signature"],
    ),
    "threshold 1": (lambda found: replace(found, threshold=1), ["the threshold is 1"]),
    "deposits": (lambda found: replace(found, deposit_amounts=(1,)), ["deposit_amounts"]),
    "unknown network": (lambda found: replace(found, fork_version=b"\1\2\3\4"), ["0x01020304"]),
}


@pytest.mark.parametrize("change, fragments", WRONG.values(), ids=WRONG)
def test_wrong_definitions(change, fragments, definition, node, people, tree):
    before = tree(node)
    wrong = with_hashes(change(definition))
    with pytest.raises(DvError) as error:
        acceptance.accept_definition(DataDir(node), wrong, key_of(people[0].enr), wrong.definition_hash)
    assert [fragment for fragment in fragments if fragment not in str(error.value)] == []
    assert tree(node) == before


def test_wrong_hash(definition, node, people):
    with pytest.raises(DvError, match="definition_hash is 0x0909"):
        acceptance.accept_definition(DataDir(node), replace(definition, definition_hash=b"\x09" * 32), key_of(people[0].enr))


def test_a_definition_that_this_node_did_not_approve(definition, node, terms, people, tmp_path, tree):
    """All four signed it, with the same wallets and ENRs, but node 1's record is of another proposal."""
    made, _new = proposal.propose(DataDir(tmp_path / "c"), parse_config({**terms, "name": "other"}), people[0], "B", "now")
    texts = {}
    for index, person in enumerate(people, 1):
        where = str(tmp_path / "x" / str(index))
        given, _new = approve(person.approver(where, confirmed_config_hash=made.config_hash), made, HOODI, person, {})
        texts[index] = given.dump()
    other = assemble(made, texts, HOODI)
    before = tree(node)
    with pytest.raises(DvError) as error:
        acceptance.accept_definition(DataDir(node), other, key_of(people[0].enr), other.definition_hash)
    for fragment in ("config hash", other.config_hash.hex(), definition.config_hash.hex(), approval.FILE):
        assert fragment in str(error.value)
    assert tree(node) == before


def test_own_signature_by_another_run(definition, node, people):
    """A right signature, but not the one that this node gave: its state was lost or copied."""
    digest = approval.eip712.digest(approval.eip712.operator_config(definition.config_hash, 560048))
    nonce = 5
    r = int.from_bytes(secp256k1.decompress(secp256k1.public_key(nonce.to_bytes(32, "big")))[1:33], "big")
    key = int.from_bytes(people[0].private_key, "big")
    s = pow(nonce, -1, secp256k1.ORDER) * (int.from_bytes(digest, "big") + r * key) % secp256k1.ORDER
    signatures = [secp256k1.one_spelling(r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([v])) for v in (0, 1)]
    (other,) = [each for each in signatures if secp256k1.recover_address(digest, each).hex() == people[0].address[2:].lower()]
    assert other != definition.operators[0].config_signature
    with pytest.raises(DvError, match="config signature"):
        acceptance.accept_definition(DataDir(node), with_hashes(first(config_signature=other)(definition)), key_of(people[0].enr))


def test_changed_enr_after_acceptance(definition, node, people):
    acceptance.accept_definition(DataDir(node), definition, key_of(people[0].enr))
    other = key_of(enr.encode(b"\x42" * 32))
    with pytest.raises(DvError, match="this node is not in the definition: no ENR there has its key 0x%s" % other.hex()):
        acceptance.definition_to_run(DataDir(node), other)


def other_of(definition):
    return with_hashes(replace(definition, name="other"))


# What lies in the data directory, and what the error names.
OCCUPIED = {
    "another definition": (lambda found: {"cluster-definition.json": other_of(found).dump()}, "cluster-definition.json"),
    "another lock": (
        lambda found: {"cluster-lock.json": b'{"cluster_definition": %s}' % other_of(found).dump()},
        "cluster-lock.json",
    ),
    "another acceptance, for which something was sent": (
        lambda found: {
            accepted_definition.FILE: json.dumps({"definition_hash": "0x" + other_of(found).definition_hash.hex()}).encode(),
            "ceremony/%s/1/out/commit.jws" % other_of(found).definition_hash.hex(): b"x",
        },
        accepted_definition.FILE,
    ),
}


@pytest.mark.parametrize("occupy, name", OCCUPIED.values(), ids=OCCUPIED)
def test_data_directory_of_another_cluster(occupy, name, definition, node, people, tree):
    for path, content in occupy(definition).items():
        (node / path).parent.mkdir(parents=True, exist_ok=True)
        (node / path).write_bytes(content)
    before = tree(node)
    with pytest.raises(DvError) as error:
        acceptance.accept_definition(DataDir(node), definition, key_of(people[0].enr))
    for fragment in (
        name,
        definition.definition_hash.hex(),
        other_of(definition).definition_hash.hex(),
        "nothing was written",
    ):
        assert fragment in str(error.value)
    assert tree(node) == before


def test_key_shares_of_an_unknown_cluster(definition, node, people):
    (node / "validator_keys").mkdir()
    with pytest.raises(DvError, match="validator_keys of a cluster that is not known here"):
        acceptance.accept_definition(DataDir(node), definition, key_of(people[0].enr))
    # A DKG of this definition that was interrupted just before its lock was written.
    (node / "ceremony" / definition.definition_hash.hex()).mkdir()
    assert acceptance.accept_definition(DataDir(node), definition, key_of(people[0].enr))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"version": "v9.9.0"}', b'"x"', b"\xff"])
@pytest.mark.parametrize("name", ["cluster-definition.json", "cluster-lock.json", accepted_definition.FILE])
def test_damaged_files(content, name, definition, node, people):
    (node / name).write_bytes(content)
    with pytest.raises(DvError):
        acceptance.accept_definition(DataDir(node), definition, key_of(people[0].enr))


def test_no_definition_yet(node, people):
    with pytest.raises(DvError, match="cluster-definition.json: No such file"):
        acceptance.definition_to_run(DataDir(node), key_of(people[0].enr))


def test_same_definition_in_another_spelling_is_left_alone(definition, node, people):
    path = node / "cluster-definition.json"
    path.write_bytes(json.dumps(json.loads(definition.dump())).encode())
    before = path.read_bytes()
    acceptance.accept_definition(DataDir(node), definition, key_of(people[0].enr))
    assert path.read_bytes() == before and Definition.parse(before) == definition


@pytest.mark.parametrize("lacking", [(2,), (2, 3, 4), (4,)], ids=str)
@pytest.mark.parametrize("parts", [("enr", "config_signature", "enr_signature"), ("config_signature", "enr_signature"), ("enr",)], ids=str)
def test_an_unfinished_definition_is_one_line(parts, lacking, definition, node, people, tree):
    """As a launchpad gives it before all operators are done."""
    empty = {part: "" if part == "enr" else b"" for part in parts}
    operators = [replace(each, **empty) if index in lacking else each for index, each in enumerate(definition.operators, 1)]
    made = with_hashes(replace(definition, operators=tuple(operators)))
    before = tree(node)
    with pytest.raises(DvError) as error:
        acceptance.accept_definition(DataDir(node), made, key_of(people[0].enr), made.definition_hash)
    who = "operator %s has" if len(lacking) == 1 else "operators %s have"
    assert str(error.value).startswith(
        "the definition is not finished: %s yet to submit an ENR and sign;" % (who % ", ".join(map(str, lacking)))
    )
    assert "\n" not in str(error.value) and tree(node) == before
