# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of the variables that the roles take, against slips: a misspelled one would be passed over in silence."""

import difflib

from ansible_collections.obol.dv.plugins.module_utils.errors import DvError

KNOWN = (
    "dv_accept",
    "dv_accept_config_hash",
    "dv_accept_definition_hash",
    "dv_allow_shared_operator_address",
    "dv_backup_dest",
    "dv_backup_dir",
    "dv_backup_recipients",
    "dv_bundle_dir",
    "dv_cluster",
    "dv_compounding",
    "dv_consensus_protocol",
    "dv_creator",
    "dv_creator_node",
    "dv_creator_wallet_file",
    "dv_creator_wallet_password_file",
    "dv_data_dir",
    "dv_data_owner",
    "dv_definition_file",
    "dv_demo",
    "dv_deposit_amounts",
    "dv_dkg_attempt",
    "dv_dkg_engine",
    "dv_fee_recipient_addresses",
    "dv_name",
    "dv_network",
    "dv_num_validators",
    "dv_operator_address",
    "dv_operators",
    "dv_policy_file",
    "dv_runtime_dir",
    "dv_runtime_python",
    "dv_runtime_wheelhouse",
    "dv_share_index",
    "dv_status_file",
    "dv_status_format",
    "dv_store",
    "dv_store_options",
    "dv_target_gas_limit",
    "dv_testnet_chain_id",
    "dv_testnet_fork_version",
    "dv_testnet_genesis_timestamp",
    "dv_testnet_name",
    "dv_threshold",
    "dv_wallet_create",
    "dv_wallet_file",
    "dv_wallet_password_file",
    "dv_withdrawal_addresses",
)

# Operators have variables of their own; only a name this close to a known one is taken for a slip.
_CLOSE = 0.88


def misspelled(names):
    """A list of :class:`DvError`: one for each of ``names`` that is unknown, and nearly a known one."""
    problems = []
    for name in sorted(set(names).difference(KNOWN)):
        near = difflib.get_close_matches(name, KNOWN, 1, _CLOSE)
        if near:
            problems.append(DvError("%s is not a variable of obol.dv" % name, near[0], "correct its name in the inventory"))
    return problems
