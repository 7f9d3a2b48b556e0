# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Approvals: given once, for what a policy or a person allows; put together to a definition that charon takes."""

import json
import pathlib
import stat
from dataclasses import replace

import pytest
from ansible_collections.obol.dv.plugins.module_utils.agreement import approval, approval_schema, proposal
from ansible_collections.obol.dv.plugins.module_utils.agreement import policy as policies
from ansible_collections.obol.dv.plugins.module_utils.agreement.approve import approve, check_approvable
from ansible_collections.obol.dv.plugins.module_utils.agreement.assembly import assemble
from ansible_collections.obol.dv.plugins.module_utils.agreement.config import parse_config
from ansible_collections.obol.dv.plugins.module_utils.cluster.definition import Definition
from ansible_collections.obol.dv.plugins.module_utils.cluster.definition_checks import check_hashes, check_signatures
from ansible_collections.obol.dv.plugins.module_utils.cluster.operators import index_of_address
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError, OperatorError, Problems
from ansible_collections.obol.dv.plugins.module_utils.ethereum import eip712, enr
from ansible_collections.obol.dv.plugins.module_utils.ethereum.networks import KNOWN
from ansible_collections.obol.dv.plugins.module_utils.storage import files
from hypothesis import given, settings
from hypothesis import strategies as st

HOODI = KNOWN.by_name("hoodi")

DEAD = "0x000000000000000000000000000000000000dEaD"


class REFUSES:
    @staticmethod
    def sign(typed_data):
        raise AssertionError("a signature was asked for")


def policy_of(terms, **rules):
    allowing = {
        "networks": ["hoodi"],
        "withdrawal_addresses": terms["withdrawal_addresses"],
        "fee_recipient_addresses": terms["fee_recipient_addresses"],
        "operators": terms["operators"],
    }
    return policies.Policy("policy.yml", "ab" * 32, {**allowing, **rules})


def test_given_once(proposed, approved, people, tree):
    directories, approvals = approved
    directory = pathlib.Path(directories[2])
    before = tree(directory)
    assert before.keys() == {"ceremony", "ceremony/approval.json", "ceremony/lock"}
    assert [stat.S_IMODE(mode) for mode, _content in before.values()] == [0o700, 0o600, 0o600]
    # Neither policy nor confirmation is needed again, nor a signature.
    again, new = approve(people[1].approver(directory), proposed, HOODI, REFUSES, {})
    assert (again, new) == (approvals[2], False)
    assert tree(directory) == before


def test_published_text(approved, proposed, people):
    _directories, approvals = approved
    published = approvals[3].dump()
    assert list(json.loads(published)) == [
        "share_index",
        "address",
        "enr",
        "config_hash",
        "config_signature",
        "enr_signature",
        "binding_signature",
    ]
    assert approval.parse(published) == approvals[3]
    assert approvals[3].config_signature == people[2].sign(eip712.operator_config(proposed.config_hash, 560048))
    assert approvals[3].enr_signature == people[2].sign(eip712.operator_enr(people[2].enr, 560048))
    bound = eip712.node_binding(proposed.config_hash, 3, people[2].enr, 560048)
    assert approvals[3].binding_signature == people[2].sign(bound)


@pytest.mark.parametrize("by", ["policy", "hash", "both"])
def test_record_keeps_what_it_was_approved_by(by, proposed, terms, people, tmp_path):
    arguments = {}
    if by != "hash":
        arguments["policy"] = policy_of(terms)
    if by != "policy":
        arguments["confirmed_config_hash"] = proposed.config_hash
    given, new = approve(people[0].approver(tmp_path, **arguments), proposed, HOODI, people[0], {})
    record = json.loads((tmp_path / approval.FILE).read_bytes())
    assert new and record["approval"] == json.loads(given.dump())
    assert record["approved_by"] == {
        **({} if by == "hash" else {"policy_sha256": "ab" * 32}),
        **({} if by == "policy" else {"accepted_config_hash": "0x" + proposed.config_hash.hex()}),
    }


def strangers_allowed(terms):
    policy = policy_of(terms)
    del policy.rules["operators"]
    return policy


#: What is shown of the operators for comparing.
OPERATORS = ["operator %d: 0x" % index for index in range(1, 5)]

# What is approved otherwise than in a good approval by operator 1, and what the error says.
REFUSED = {
    "neither policy nor hash": (
        lambda people, terms: {},
        ["no policy", "set dv_accept_config_hash to", *OPERATORS],
    ),
    "another hash confirmed": (
        lambda people, terms: {"confirmed_config_hash": b"\1" * 32},
        ["other terms than those that were confirmed", "0x" + "01" * 32, "dv_accept_config_hash", *OPERATORS],
    ),
    "policy that knows no operators": (
        lambda people, terms: {"policy": strangers_allowed(terms)},
        ["policy.yml does not say who may be an operator", "dv_accept_config_hash", "by hand"],
    ),
    "policy without one of the operators": (
        lambda people, terms: {"policy": policy_of(terms, operators=terms["operators"][:3])},
        ["operator 4 is ", "policy.yml allows operators"],
    ),
    "policy forbids": (
        lambda people, terms: {"policy": policy_of(terms, networks=["mainnet"], threshold=4)},
        ["the network is hoodi", "the threshold is 3", "change the policy by hand"],
    ),
    "policy forbids what somebody confirmed": (
        lambda people, terms: {"policy": policy_of(terms, max_validators=1), "confirmed_config_hash": None},
        ["the number of validators is 2"],
    ),
    "policy allows, another hash confirmed": (
        lambda people, terms: {"policy": policy_of(terms), "confirmed_config_hash": b"\1" * 32},
        ["dv_accept_config_hash"],
    ),
    "no operator": (
        lambda people, terms: {"policy": policy_of(terms), "address": DEAD},
        [DEAD, "none of the operators", "dv_operator_address"],
    ),
    "another share index": (
        lambda people, terms: {"policy": policy_of(terms), "share_index": 2},
        ["dv_share_index is 2", "one of 1"],
    ),
    "wallet of another": (
        lambda people, terms: {"policy": policy_of(terms), "signer": people[1]},
        ["the wallet signs for"],
    ),
    "broken ENR": (lambda people, terms: {"policy": policy_of(terms), "enr": people[0].enr[:-2]}, ["this node's ENR"]),
}


@pytest.mark.parametrize("changes, fragments", REFUSED.values(), ids=REFUSED)
def test_refused_and_nothing_written(changes, fragments, proposed, terms, people, tmp_path, tree):
    asked = changes(people, terms)
    signer = asked.pop("signer", people[0])
    before = tree(tmp_path)
    with pytest.raises(DvError) as error:
        approve(people[0].approver(tmp_path / "node1", **asked), proposed, HOODI, signer, {})
    assert [fragment for fragment in fragments if fragment not in str(error.value)] == []
    # A hash that came with the file is not offered for confirming it.
    assert proposed.config_hash.hex() not in str(error.value)
    assert tree(tmp_path) == before


def test_a_policy_that_knows_no_operators_and_a_confirmed_hash(proposed, terms, people, tmp_path):
    approver = people[0].approver(tmp_path, policy=strangers_allowed(terms), confirmed_config_hash=proposed.config_hash)
    assert approve(approver, proposed, HOODI, people[0], {})[1]


def test_policy_forbids_even_what_somebody_confirmed(proposed, terms, people, tmp_path):
    with pytest.raises(DvError, match="the number of validators is 2"):
        check_approvable(
            people[0].approver(tmp_path, policy=policy_of(terms, max_validators=1), confirmed_config_hash=proposed.config_hash),
            proposed,
            HOODI,
            {},
        )


def test_another_proposal_is_refused(approved, terms, people, tmp_path, tree):
    other, _new = proposal.propose(DataDir(tmp_path / "other"), parse_config({**terms, "name": "other"}), people[0], "B", "now")
    directories, approvals = approved
    before = tree(tmp_path)
    with pytest.raises(DvError) as error:
        approve(people[0].approver(directories[1], policy=policy_of(terms)), other, HOODI, REFUSES, {})
    for fragment in (approvals[1].config_hash.hex(), other.config_hash.hex(), approval.FILE, "one cluster"):
        assert fragment in str(error.value)
    assert tree(tmp_path) == before


def test_another_enr_is_refused(approved, proposed, people, tmp_path, tree):
    directories, _approvals = approved
    other = enr.encode(b"\x42" * 32)
    before = tree(tmp_path)
    with pytest.raises(DvError) as error:
        approve(people[0].approver(directories[1], enr=other), proposed, HOODI, REFUSES, {})
    assert people[0].enr in str(error.value) and other in str(error.value)
    assert tree(tmp_path) == before


def test_damaged_record(approved, proposed, people):
    directories, _approvals = approved
    path = pathlib.Path(directories[1]) / approval.FILE
    path.write_bytes(path.read_bytes().replace(b'"share_index": 1', b'"share_index": 0'))
    with pytest.raises(DvError, match="approval.share_index is 0"):
        check_approvable(people[0].approver(directories[1]), proposed, HOODI, {})


@pytest.mark.parametrize("step", ["make_directory", "write_new"])
def test_goes_on_after_a_crash(step, proposed, people, tmp_path, monkeypatch):
    def crash(*args):
        raise KeyboardInterrupt

    approver = people[0].approver(tmp_path / "node1", confirmed_config_hash=proposed.config_hash)
    arguments = (approver, proposed, HOODI, people[0], {})
    with monkeypatch.context() as patched:
        patched.setattr(files, step, crash)
        with pytest.raises(KeyboardInterrupt):
            approve(*arguments)
    given, new = approve(*arguments)
    assert new and approve(*arguments) == (given, False)


def test_shared_address_needs_a_share_index(terms, people, tmp_path):
    terms.update(operators=[people[0].address] * 3, allow_shared_operator_address=True)
    made, _new = proposal.propose(DataDir(tmp_path), parse_config(terms), people[0], "A", "now")
    with pytest.raises(DvError, match="dv_share_index is not set; wanted: one of 1, 2, 3"):
        index_of_address(made, people[0].address)
    approvals = {}
    for index in (1, 2, 3):
        approver = people[0].approver(
            tmp_path / str(index), enr=people[index].enr, confirmed_config_hash=made.config_hash, share_index=index
        )
        given, _new = approve(approver, made, HOODI, people[0], {})
        approvals[index] = given.dump()
    assert check_signatures(assemble(made, approvals, HOODI), HOODI) == "group"


def test_assemble(proposed, approved, people):
    _directories, approvals = approved
    definition = assemble(proposed, {index: given.dump() for index, given in approvals.items()}, HOODI)
    check_hashes(definition)
    assert check_signatures(definition, HOODI) == "group"
    assert definition.config_hash == proposed.config_hash
    assert [operator.enr for operator in definition.operators] == [person.enr for person in people]
    assert Definition.parse(definition.dump()) == definition


def test_missing_approvals_are_named(proposed, approved, people):
    _directories, approvals = approved
    with pytest.raises(DvError) as error:
        assemble(proposed, {2: approvals[2].dump()}, HOODI)
    for fragment in ("operator 1 (%s)" % people[0].address, "operator 3", "operator 4", "each of the 4"):
        assert fragment in str(error.value)
    assert "operator 2 (" not in str(error.value)


# How operator 3's approval is changed, and the check that must fail.
WRONG = {
    "another index": (lambda given, others: replace(given, share_index=2), "approval", "share index"),
    "another address": (lambda given, others: replace(given, address=others[1].address), "approval", "operator"),
    "another proposal": (lambda given, others: replace(given, config_hash=b"\7" * 32), "approval", "config hash"),
    "broken ENR": (lambda given, others: replace(given, enr=given.enr[:-4] + "AAAA"), "enr", "signature"),
    "ENR not signed for": (lambda given, others: replace(given, enr=others[1].enr), "enr_signature", "not by"),
    "signatures swapped": (
        lambda given, others: replace(given, config_signature=given.enr_signature, enr_signature=given.config_signature),
        "config_signature",
        "not by",
    ),
    "signature of another": (
        lambda given, others: replace(given, config_signature=others[1].config_signature),
        "config_signature",
        "not by",
    ),
    "ENR signature of another": (
        lambda given, others: replace(given, enr_signature=others[4].enr_signature),
        "enr_signature",
        "not by",
    ),
    "v 31": (
        lambda given, others: replace(given, enr_signature=given.enr_signature[:64] + b"\x1f"),
        "enr_signature",
        "27 or 28",
    ),
    "approval of another": (lambda given, others: others[4], "approval", "share index"),
}


@pytest.mark.parametrize("change, check, fragment", WRONG.values(), ids=WRONG)
def test_wrong_approvals_name_their_operator(change, check, fragment, proposed, approved):
    _directories, approvals = approved
    texts = {index: given.dump() for index, given in approvals.items()}
    texts[3] = change(approvals[3], approvals).dump()
    with pytest.raises(OperatorError) as error:
        assemble(proposed, texts, HOODI)
    assert (error.value.share_index, error.value.check) == (3, check)
    assert fragment in str(error.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"share_index": 3}', b"\xff", '{"share_index": true}'])
def test_malformed_approvals_name_their_operator(text, proposed, approved):
    _directories, approvals = approved
    texts = {index: given.dump() for index, given in approvals.items()}
    for error_type, changed in ((OperatorError, {3: text}), (Problems, {3: text, 4: text})):
        with pytest.raises(DvError) as error:
            assemble(proposed, {**texts, **changed}, HOODI)
        errors = getattr(error.value, "errors", [error.value])
        assert {each.share_index for each in errors} == set(changed)
        assert isinstance(error.value, error_type) or len(errors) > 1


def test_one_node_key_under_two_operators(proposed, approved, people, tmp_path):
    _directories, approvals = approved
    approver = people[3].approver(tmp_path / "twin", enr=people[0].enr, confirmed_config_hash=proposed.config_hash)
    twin, _new = approve(approver, proposed, HOODI, people[3], {})
    texts = {index: given.dump() for index, given in {**approvals, 4: twin}.items()}
    with pytest.raises(DvError, match="the ENRs of operators 1 and 4 have the same node key") as error:
        assemble(proposed, texts, HOODI)
    # Either may have taken the other's.
    assert not isinstance(error.value, OperatorError)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("0x" + "00" * 65),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(list(approval_schema.APPROVAL["properties"])), inner, max_size=6)
    ),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(JSON | st.binary(max_size=40))
def test_only_own_errors_escape(value):
    with pytest.raises(DvError):
        approval.parse(value if isinstance(value, bytes) else json.dumps(value))
