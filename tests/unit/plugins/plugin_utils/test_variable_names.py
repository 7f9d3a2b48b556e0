# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Slips in the names of variables."""

import pathlib

import pytest
import yaml
from ansible_collections.obol.dv.plugins.plugin_utils import variable_names

ROLES = pathlib.Path(__file__).resolve().parents[4] / "roles"


def test_the_known_names_are_those_that_the_roles_document():
    documented = set()
    for path in ROLES.glob("*/meta/argument_specs.yml"):
        for spec in yaml.safe_load(path.read_text())["argument_specs"].values():
            documented.update(spec.get("options", {}))
    assert variable_names.known() == sorted(documented)
    assert {"dv_name", "dv_bundle_dir", "dv_runtime_dir"} <= documented


@pytest.mark.parametrize(
    "slip, meant",
    [
        ("dv_num_validator", "dv_num_validators"),
        ("dv_withdrawal_adresses", "dv_withdrawal_addresses"),
        ("dv_fee_recipient_address", "dv_fee_recipient_addresses"),
        ("dv_treshold", "dv_threshold"),
        ("dv_operator", "dv_operators"),
        ("dv_activate_frist", "dv_activate_first"),
        ("dv_activate_walet_file", "dv_activate_wallet_file"),
    ],
)
def test_a_slip_is_named_with_what_was_meant(slip, meant):
    (problem,) = variable_names.misspelled([slip, "dv_name"])
    assert slip in str(problem) and "wanted: %s;" % meant in str(problem)


def test_what_roles_put_together_passes():
    made = [name for path in ROLES.glob("*/vars/*.yml") for name in yaml.safe_load(path.read_text())]
    assert "dv_has_payer" in made and variable_names.misspelled(made) == []


@pytest.mark.parametrize(
    "own", ["dv_local_dir", "dv_region", "dv_terms", "dv_makes_backups", "dv_enr", "dv_dkg", "dv_testnet", "dv_cluster_store", "dv_nodes"]
)
def test_variables_of_ones_own_pass(own):
    assert variable_names.misspelled([own]) == []
