# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node's own policy: what it refuses to be, and what it forbids."""

import os
import textwrap

import pytest
from ansible_collections.obol.dv.plugins.module_utils.agreement import policy as policies
from ansible_collections.obol.dv.plugins.module_utils.agreement import policy_schema
from ansible_collections.obol.dv.plugins.module_utils.agreement.config import parse_config, unsigned_definition
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

DEAD = "0x000000000000000000000000000000000000dEaD"
SOMEBODY = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
GOOD = """
networks: [hoodi]
withdrawal_addresses: ["%s"]
fee_recipient_addresses: ["%s"]
""" % (DEAD, DEAD)


@pytest.fixture
def write(tmp_path):
    def write(text, mode=0o600):
        path = tmp_path / "policy.yml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return str(path)

    return write


def test_documented_example(write):
    example = policies.__doc__.partition("::\n")[2]
    found = policies.read(write(textwrap.dedent(example)))
    assert set(found.rules) < set(policy_schema.POLICY["properties"])
    assert found.rules["deposit_amounts"] == [1, 32]


BAD = {
    "empty": ("", ["is empty", "a mapping"]),
    "no mapping": ("- hoodi", ["is a list", "a mapping"]),
    "somebody's secret": ("5eed" * 16, ["is a text"]),
    "a hex secret": ("0x" + "5eed" * 16, ["is a number"]),
    "not YAML": ("networks: [", ["not a plain YAML text (line 1)"]),
    "not UTF-8": (b"\xff\xfe\xfa", ["not a plain YAML text"]),
    "control characters": ("a: \x00", ["not a plain YAML text"]),
    "a key twice": (GOOD + "networks: [mainnet]\n", ["each key once"]),
    "an alias": ("a: &x [1]\nb: *x", ["without anchors"]),
    "a merge": (GOOD + "<<: {threshold: 2}", ["without anchors"]),
    "a tag": ("networks: !!python/object:os.system [x]", ["without anchors and tags"]),
    "two documents": (GOOD + "---\n" + GOOD, ["not a plain YAML text"]),
    "a date": (GOOD + "threshold: 2026-99-99", ["not a plain YAML text"]),
    "deeply nested": ("[" * 3000, ["not a plain YAML text"]),
    "no networks": (GOOD.replace("networks", "network"), ["network is unknown; did you mean", "networks is not set"]),
    "no withdrawal addresses": (
        "networks: [hoodi]",
        ["withdrawal_addresses is not set", "fee_recipient_addresses is not set"],
    ),
    "empty list": (GOOD.replace("[hoodi]", "[]"), ["networks has 0 entries", "at least one"]),
    "unknown network": (GOOD.replace("hoodi", "hodi"), ['networks[0] is "hodi"', "hoodi"]),
    "address without quotes": (
        GOOD.replace(DEAD, SOMEBODY).replace('"', ""),
        ["withdrawal_addresses[0] is a number", "in quotes"],
    ),
    "address without checksum": (GOOD.replace(DEAD, DEAD.lower(), 1), ["withdrawal_addresses[0]", DEAD.lower(), "has no checksum"]),
    "a wildcard": (GOOD.replace(DEAD, "*", 1), ['withdrawal_addresses[0] is "*"']),
    "unknown rule": (GOOD + "max_validator: 5", ["max_validator is unknown", "max_validators"]),
    "numbered rule": (GOOD + "7: 5", ["7 is unknown"]),
    "threshold 1": (GOOD + "threshold: 1", ["threshold is 1", "at least 2"]),
    "threshold is a text": (GOOD + "min_threshold: '3'", ['min_threshold is "3"', "whole number"]),
    "half an amount": (GOOD + "deposit_amounts: [0.5]", ["deposit_amounts[0] is 0.5"]),
    "rule without value": (GOOD + "operators:", ["operators is empty", "at least one address"]),
}


@pytest.mark.parametrize("text, fragments", BAD.values(), ids=BAD)
def test_bad_policy(text, fragments, write):
    path = write(text)
    with pytest.raises(DvError) as error:
        policies.read(path)
    assert path in str(error.value)
    assert [fragment for fragment in fragments if fragment not in str(error.value)] == []
    assert "5eed" not in str(error.value)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o777])
def test_policy_that_others_can_write(mode, write):
    with pytest.raises(DvError, match="others can write it"):
        policies.read(write(GOOD, mode))


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o400, 0o444])
def test_policy_that_others_can_read(mode, write):
    assert policies.read(write(GOOD, mode)).rules["networks"] == ["hoodi"]


def test_policy_of_another_user(write, monkeypatch):
    path = write(GOOD)
    owner = os.stat(path).st_uid
    if owner == 0:
        os.chown(path, 65534, -1)
        owner = 65534
        assert os.geteuid() == 0
    else:
        monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(DvError, match="belongs to the user with number %d" % owner):
        policies.read(path)


def test_no_policy(tmp_path):
    with pytest.raises(DvError, match="No such file"):
        policies.read(str(tmp_path / "policy.yml"))


# A rule and what of the terms goes beyond it.
FORBIDDEN = {
    "network": ({"networks": ["mainnet", "gnosis"]}, {}, ["the network is hoodi", "networks: mainnet, gnosis"]),
    "withdrawal address": (
        {},
        {"withdrawal_addresses": [DEAD, SOMEBODY]},
        ["withdrawal address of validator 1 is %s" % SOMEBODY, "withdrawal_addresses: %s" % DEAD],
    ),
    "fee recipient": ({}, {"fee_recipient_addresses": [SOMEBODY]}, ["fee recipient of validator 0 is %s" % SOMEBODY]),
    "operator": (
        {"operators": [SOMEBODY]},
        {},
        ["operator 2 is ", "operator 3 is ", "operator 4 is ", "operators: " + SOMEBODY],
    ),
    "default amounts": ({"deposit_amounts": [32]}, {}, ["a deposit is 1 ETH", "deposit_amounts: 32"]),
    "amounts": (
        {"deposit_amounts": [1, 32]},
        {"deposit_amounts": [8, 31]},
        ["a deposit is 8 ETH", "a deposit is 31 ETH"],
    ),
    "compounding": ({"compounding": False}, {"compounding": True}, ["compounding is true", "compounding: false"]),
    "no compounding": ({"compounding": True}, {}, ["compounding is false"]),
    "threshold": ({"threshold": 4}, {}, ["the threshold is 3", "threshold: 4"]),
    "minimal threshold": ({"min_threshold": 3}, {"threshold": 2}, ["the threshold is 2", "min_threshold: 3"]),
    "validators": ({"max_validators": 1}, {}, ["the number of validators is 2", "max_validators: 1"]),
}


def considered(terms, rules):
    policy = policies.Policy("policy.yml", "", {**ALLOWING, **rules})
    return policies.violations(policy, unsigned_definition(parse_config(terms), "u", "t"), terms["operators"][0])


ALLOWING = {"networks": ["hoodi"], "withdrawal_addresses": [DEAD], "fee_recipient_addresses": [DEAD]}


@pytest.mark.parametrize("rules, changes, fragments", FORBIDDEN.values(), ids=FORBIDDEN)
def test_violations(rules, changes, fragments, terms):
    texts = considered({**terms, "fee_recipient_addresses": [DEAD], **changes}, rules)
    assert len(texts) == sum(" is " in fragment for fragment in fragments), texts
    assert [fragment for fragment in fragments if fragment not in "\n".join(texts)] == []
    assert all("policy.yml" in text for text in texts)


def test_every_violation_is_said(terms):
    rules = {"networks": ["mainnet"], "max_validators": 1, "threshold": 4, "operators": [DEAD], "compounding": True}
    assert len(considered(terms, rules)) == 1 + 2 + 3 + 1 + 1 + 1


def test_all_rules_kept(terms):
    terms["fee_recipient_addresses"] = [DEAD]
    rules = {
        "networks": ["0x10000910", "mainnet"],
        "operators": terms["operators"][1:],  # its own need not be named
        "deposit_amounts": [1, 2, 32],
        "compounding": False,
        "threshold": 3,
        "min_threshold": 2,
        "max_validators": 2,
    }
    assert {**ALLOWING, **rules}.keys() == policy_schema.POLICY["properties"].keys() == policies._CHECKS.keys()
    assert considered(terms, rules) == []


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=80) | st.text(max_size=80) | st.text("!&*[]{}:,-<\"'0x_ \n?|>%@ab1", max_size=40))
def test_only_own_errors_escape(write, tail):
    for text in (tail, GOOD + tail if isinstance(tail, str) else GOOD.encode() + tail):
        try:
            policies.read(write(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")))
        except DvError as error:
            assert str(error)
