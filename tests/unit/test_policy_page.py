# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/policy.md tells of every key of a policy, its type, and what is allowed where it is left out, as it is."""

import pathlib
import re

import pytest
import yaml
from ansible_collections.obol.dv.plugins.module_utils.agreement import policy as policies
from ansible_collections.obol.dv.plugins.module_utils.agreement.config import parse_config, unsigned_definition
from ansible_collections.obol.dv.plugins.module_utils.agreement.policy_schema import POLICY
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError

PAGE = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "policy.md").read_text()
#: Key -> what its row tells: the value, what it allows, and what is allowed where it is left out.
ROWS = {key: cells.split(" | ") for key, cells in re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE, re.MULTILINE)}
EXAMPLE = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1]
RULES = yaml.safe_load(EXAMPLE)
#: How the page says what the schema says of a value.
VALUES = {"array": "a list of ", "boolean": "`true` or `false`", "integer": "a whole number of at least %d"}

OPERATORS = RULES["operators"]
#: What the page's example allows, and as much else as terms can have.
TERMS = {
    "name": "my cluster",
    "network": "hoodi",
    "num_validators": 1,
    "withdrawal_addresses": RULES["withdrawal_addresses"],
    "fee_recipient_addresses": RULES["fee_recipient_addresses"],
    "operators": OPERATORS,
}
OTHER = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
BEYOND = {
    "networks": {"network": "mainnet"},
    "withdrawal_addresses": {"withdrawal_addresses": [OTHER]},
    "fee_recipient_addresses": {"fee_recipient_addresses": [OTHER]},
    "operators": {"operators": [*OPERATORS[:3], OTHER], "threshold": 3},
    "deposit_amounts": {"deposit_amounts": [2, 30]},
    "compounding": {"compounding": True, "deposit_amounts": [32]},
    "threshold": {"threshold": 2},
    "min_threshold": {"threshold": 2},
    "max_validators": {"num_validators": 11},
}


def violations(rules, changes):
    made = unsigned_definition(parse_config({**TERMS, **changes}), "00000000-0000-0000-0000-000000000000", "2026-01-01T00:00:00Z")
    return policies.violations(policies.Policy("policy.yml", "", rules), made, OPERATORS[0])


def read(tmp_path, rules):
    path = tmp_path / "policy.yml"
    path.write_text(rules if isinstance(rules, str) else yaml.safe_dump(rules))
    path.chmod(0o600)
    return policies.read(str(path))


def test_every_key_has_a_row_and_no_other():
    assert list(ROWS) == list(POLICY["properties"]) == list(BEYOND)


@pytest.mark.parametrize("key", ROWS)
def test_value(key):
    rule = POLICY["properties"][key]
    wanted = VALUES[rule["type"]] % rule["minimum"] if "minimum" in rule else VALUES[rule["type"]]
    assert ROWS[key][0].startswith(wanted)
    limits = rule.get("items", {}) if "maximum" in rule.get("items", {}) else None
    assert ("%(minimum)d to %(maximum)d" % limits if limits else "") in ROWS[key][0]


def test_the_example_is_a_policy_that_allows_its_terms(tmp_path):
    found = read(tmp_path, EXAMPLE)
    assert set(found.rules) == set(ROWS) - {"min_threshold"}
    assert not policies.strangers(found) and not violations(found.rules, {})


@pytest.mark.parametrize("key", ROWS)
def test_a_key_that_is_there_binds(key):
    assert violations({**RULES, "min_threshold": 3, key: RULES.get(key, 3)}, BEYOND[key])


@pytest.mark.parametrize("key", ROWS)
def test_a_key_that_is_left_out(key, tmp_path):
    rules = {name: value for name, value in RULES.items() if name not in (key, *["threshold", "min_threshold"] * ("threshold" in key))}
    told = ROWS[key][-1]
    if told == "refused":
        with pytest.raises(DvError, match="%s is not set" % key):
            read(tmp_path, rules)
    else:
        found = read(tmp_path, rules)
        assert not violations(found.rules, BEYOND[key]), "left out, it allows anything"
        assert bool(policies.strangers(found)) == told.startswith("nothing")


@pytest.mark.parametrize("changes, amounts", [({}, "1 and 32"), ({"compounding": True}, "1, 8, 32 and 256")])
def test_default_amounts_are_the_told_ones(changes, amounts):
    assert amounts in ROWS["deposit_amounts"][1]
    eth = [int(amount) for amount in re.findall(r"\d+", amounts)]
    rules = {**RULES, **changes, "deposit_amounts": eth}
    assert not violations(rules, changes)
    assert all(violations({**rules, "deposit_amounts": [other for other in eth if other != one]}, changes) for one in eth)


@pytest.mark.parametrize(
    "changes", [{"name": "another"}, {"target_gas_limit": 36000000}, {"consensus_protocol": "qbft"}, {"creator": OTHER}], ids=str
)
def test_what_no_key_is_for(changes):
    assert not violations(RULES, changes)
