# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proposal: made once, the same ever after, and refused by everybody when anything in it is wrong."""

import json
import os
import stat
from dataclasses import replace

import pytest
from ansible_collections.obol.dv.plugins.module_utils.agreement import proposal
from ansible_collections.obol.dv.plugins.module_utils.agreement.config import parse_config
from ansible_collections.obol.dv.plugins.module_utils.cluster.definition import Definition, with_hashes
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError, Problems
from ansible_collections.obol.dv.plugins.module_utils.ethereum import eip712
from ansible_collections.obol.dv.plugins.module_utils.ethereum.networks import Networks, custom_network
from ansible_collections.obol.dv.plugins.module_utils.storage import files
from hypothesis import given, settings
from hypothesis import strategies as st

NOW = "2026-01-02T03:04:05Z"


class REFUSES:
    @staticmethod
    def sign(typed_data):
        raise AssertionError("a signature was asked for")


@pytest.fixture
def made(terms, people, tmp_path):
    """A proposal in ``tmp_path``, as bytes."""
    proposal.propose(DataDir(tmp_path), parse_config(terms), people[0], "A-UUID", NOW)
    return (tmp_path / proposal.FILE).read_bytes()


def test_made_once(made, terms, people, tmp_path, tree):
    before = tree(tmp_path)
    assert before.keys() == {"ceremony", "ceremony/lock", "ceremony/proposal.json"}
    assert [stat.S_IMODE(mode) for mode, _content in before.values()] == [0o700, 0o600, 0o600]
    found, new = proposal.propose(DataDir(tmp_path), parse_config(terms), REFUSES, "ANOTHER", "2027-01-01T00:00:00Z")
    assert not new
    assert found.dump() == made
    assert tree(tmp_path) == before


def test_read_by_everybody(made, people):
    found = proposal.check_proposal(made)
    assert found == Definition.parse(made)
    assert [operator.address for operator in found.operators] == [person.address for person in people]
    assert found.creator.config_signature == people[0].sign(eip712.creator_config(found.config_hash, 560048))


@pytest.mark.parametrize(
    "changes, fragments",
    [
        ({"threshold": 4}, ["dv_threshold: the definition has 3, the terms say 4"]),
        ({"name": "other", "network": "mainnet", "compounding": True}, ["dv_name", "dv_network", "dv_compounding"]),
    ],
)
def test_other_terms_are_refused(made, changes, fragments, terms, people, tmp_path, tree):
    before = tree(tmp_path)
    with pytest.raises(DvError) as error:
        proposal.propose(DataDir(tmp_path), parse_config({**terms, **changes}), REFUSES, "B", NOW)
    for fragment in (*fragments, proposal.FILE, "set the variables back", "new data directory"):
        assert fragment in str(error.value)
    assert tree(tmp_path) == before


def test_the_wallet_must_be_the_creators(terms, people, tmp_path, tree):
    with pytest.raises(DvError, match="the wallet signs for %s" % people[1].address):
        proposal.propose(DataDir(tmp_path), parse_config(terms), people[1], "A", NOW)
    assert tree(tmp_path) == {}


def test_creator_who_is_no_operator(terms, people, tmp_path):
    terms.update(operators=terms["operators"][:3], creator=people[3].address)
    found, _new = proposal.propose(DataDir(tmp_path), parse_config(terms), people[3], "A", NOW)
    assert proposal.check_proposal(found.dump()) == found


def test_network_of_ones_own(terms, people, tmp_path):
    testnet = {"name": "devnet", "chain_id": 4242, "fork_version": "0x10424242", "genesis_timestamp": 1700000000}
    terms.update(network=None, testnet=testnet)
    found, _new = proposal.propose(DataDir(tmp_path), parse_config(terms), people[0], "A", NOW)
    own = custom_network(*testnet.values())
    assert proposal.check_proposal(found.dump(), networks=Networks(own)) == found
    with pytest.raises(DvError, match="0x10424242"):
        proposal.check_proposal(found.dump())
    with pytest.raises(DvError, match="the creator's signature is not by"):
        proposal.check_proposal(found.dump(), networks=Networks(replace(own, chain_id=4243)))


@pytest.mark.parametrize("step", ["make_directory", "write_new"])
def test_goes_on_after_a_crash(step, terms, people, tmp_path, monkeypatch):
    def crash(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(files, step, crash)
        with pytest.raises(KeyboardInterrupt):
            proposal.propose(DataDir(tmp_path), parse_config(terms), people[0], "A", NOW)
    found, new = proposal.propose(DataDir(tmp_path), parse_config(terms), people[0], "B", NOW)
    assert new and found.uuid == "B"
    assert sorted(os.listdir(tmp_path / "ceremony")) == ["lock", "proposal.json"]


def rehashed(changes, signer=None):
    """A change that a proposal with right hashes has, and, with ``sign``, a right signature of it."""

    def change(found):
        made = with_hashes(replace(found, **changes(found)))
        if signer:
            signature = signer.sign(eip712.creator_config(made.config_hash, 560048))
            made = with_hashes(replace(made, creator=replace(made.creator, config_signature=signature)))
        return made

    return change


def first_operator(**values):
    return lambda found: {"operators": (replace(found.operators[0], **values), *found.operators[1:])}


# A change of the good proposal, whether the creator signs it again, and what the error says.
WRONG = {
    "other terms, signature of the old ones": (
        lambda found: {"threshold": 4},
        False,
        ["the creator's signature is not by"],
    ),
    "no signature": (
        lambda found: {"creator": replace(found.creator, config_signature=b"")},
        False,
        ["0 bytes", "65 bytes"],
    ),
    "no creator": (lambda found: {"creator": replace(found.creator, address="")}, False, ["creator.address"]),
    "v 29": (
        lambda found: {"creator": replace(found.creator, config_signature=found.creator.config_signature[:64] + b"\x1d")},
        False,
        ["0, 1, 27 or 28"],
    ),
    "threshold 1": (lambda found: {"threshold": 1}, True, ["the threshold is 1", "2 to 4"]),
    "threshold 5": (lambda found: {"threshold": 5}, True, ["the threshold is 5", "2 to 4"]),
    "two operators": (lambda found: {"operators": found.operators[:2]}, True, ["number of operators is 2", "3 to 255"]),
    "256 operators": (
        lambda found: {"operators": found.operators * 64},
        True,
        ["number of operators is 256", "3 to 255"],
    ),
    "no operators": (lambda found: {"operators": None}, True, ["number of operators is 0"]),
    "no validators": (lambda found: {"validators": (), "num_validators": 0}, True, ["number of validators is 0"]),
    "deposit too large": (lambda found: {"deposit_amounts": (33 * 10**9,)}, True, ["deposit_amounts[0]"]),
    "operator without address": (first_operator(address=""), True, ["operators[0].address"]),
    "operator with ENR": (first_operator(enr="enr:-x"), True, ["operators[0] has an ENR"]),
    "operator with signature": (
        first_operator(config_signature=b"\1" * 65),
        True,
        ["operators[0] has an ENR or signatures"],
    ),
    "unknown network": (lambda found: {"fork_version": b"\1\2\3\4"}, True, ["0x01020304"]),
    "older version": (lambda found: {"version": "v1.8.0"}, True, ["v1.8.0", "v1.10.0"]),
}


@pytest.mark.parametrize("changes, signed, fragments", WRONG.values(), ids=WRONG)
def test_wrong_proposals(changes, signed, fragments, made, people):
    wrong = rehashed(changes, people[0] if signed else None)(Definition.parse(made))
    with pytest.raises(DvError) as error:
        proposal.check_proposal(wrong.dump(), "the proposal in the store")
    assert [fragment for fragment in fragments if fragment not in str(error.value)] == []


def test_everything_wrong_is_said_at_once(made):
    wrong = rehashed(lambda found: {"threshold": 9, **first_operator(enr="x")(found)})(Definition.parse(made))
    with pytest.raises(Problems) as error:
        proposal.check_proposal(wrong.dump())
    assert len(error.value.errors) == 3


# A change of the text itself, and what the error says.
MALFORMED = {
    "no JSON": (lambda text: text[:-1], "not JSON"),
    "no object": (lambda text: b"[]", "object"),
    "no version": (lambda text: text.replace(b'"version"', b'"vision"'), "version"),
    "newer version": (lambda text: text.replace(b"v1.10.0", b"v1.12.0"), "newer"),
    "wrong config hash": (lambda text: text.replace(b'"threshold": 3', b'"threshold": 4'), "config_hash"),
    "too few validators": (
        lambda text: text.replace(b'"num_validators": 2', b'"num_validators": 3'),
        "num_validators is 3",
    ),
    "wrong definition hash": (
        lambda text: text.replace(b'"definition_hash": "0x', b'"definition_hash": "0x00')[:-3] + b'"\n}',
        "def",
    ),
}


@pytest.mark.parametrize("change, fragment", MALFORMED.values(), ids=MALFORMED)
def test_malformed_proposals(change, fragment, made):
    assert change(made) != made
    with pytest.raises(DvError, match=fragment):
        proposal.check_proposal(change(made))


def test_damaged_record(made, terms, tmp_path):
    (tmp_path / proposal.FILE).write_bytes(made.replace(b"test cluster", b"best cluster"))
    with pytest.raises(DvError, match="config_hash"):
        proposal.read(DataDir(tmp_path), parse_config(terms))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_only_own_errors_escape(data):
    text = data.draw(st.binary(max_size=60) | st.text(max_size=60))
    with pytest.raises(DvError):
        proposal.check_proposal(text)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["creator", "operators", "threshold", "validators", "fork_version", "deposit_amounts", "version", "name"]),
    st.none() | st.integers() | st.text(max_size=5) | st.lists(st.none() | st.integers() | st.text(max_size=3), max_size=3),
)
def test_one_field_of_another_kind(field, value):
    good = json.loads(json.dumps({"version": "v1.10.0", "operators": [], "creator": {}, "validators": []}))
    with pytest.raises(DvError):
        proposal.check_proposal(json.dumps({**good, field: value}))
