# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bad input through the main job: everything that is wrong is told once, before anything is written, whatever the kind.

The whole tables are in the unit tests of terms, policies, wallets and the preflight.
"""

import ctypes
import json
import os
import shutil
import subprocess

import pytest
from ansible_collections.obol.dv.plugins.module_utils.data_dir import layout
from ansible_collections.obol.dv.plugins.module_utils.signers import key_file_wallet
from ansible_collections.obol.dv.plugins.module_utils.storage import files
from ansible_collections.obol.dv.tests.support import playbook
from ansible_collections.obol.dv.tests.support.inventory import DEAD, OperatorGroup

MAIN = ["create-cluster.yml"]
#: Of linux/prctl.h and linux/capability.h.
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2
ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"

# Variables that are set, and all that is told.
TERMS = {
    "one thing": (
        {"dv_num_validators": 0},
        ["- dv_num_validators is 0; wanted: a whole number of validators, 1 to 65536"],
    ),
    "all at once": (
        {
            "dv_name": "two\nlines",
            "dv_network": "ropsten",
            "dv_threshold": 5,
            "dv_withdrawal_addresses": [ADDRESS.lower(), "0x1234"],
            "dv_fee_recipient_addresses": ["0x" + 40 * "0"],
            "dv_deposit_amounts": [40],
            "dv_consensus_protocol": "raft",
            "dv_num_validators".removesuffix("s"): 3,
        },
        [
            "- dv_name is",
            '- dv_network is "ropsten"; wanted: one of mainnet, gnosis,',
            "- dv_threshold is 5, dv_operators has 4 entries; wanted: 2 to 4",
            '- dv_withdrawal_addresses[1] is "0x1234"; wanted: an Ethereum address in quotes',
            "- dv_fee_recipient_addresses[0] is the zero address",
            "- dv_deposit_amounts[0] is 40 ETH; wanted: at most 32 ETH without compounding",
            '- dv_consensus_protocol is "raft"; wanted: qbft',
            " is not a variable of obol.dv; wanted: dv_num_validators",
        ],
    ),
    "list of the wrong length": (
        {"dv_num_validators": 3, "dv_fee_recipient_addresses": [DEAD, ADDRESS]},
        ["- dv_fee_recipient_addresses has 2 entries, dv_num_validators is 3"],
    ),
    "deposits below the stake": ({"dv_deposit_amounts": [1, 8]}, ["- dv_deposit_amounts sum to 9 ETH"]),
    "half a test network": (
        {"dv_network": None, "dv_testnet_name": "devnet", "dv_testnet_chain_id": 7},
        ["- dv_testnet_fork_version is not set", "- dv_testnet_genesis_timestamp is not set"],
    ),
    "addresses": (
        {"dv_withdrawal_addresses": [ADDRESS.replace("aAeb", "aaeb")], "dv_operators": [DEAD, DEAD, ADDRESS]},
        [
            "%s, whose upper and lower case letters are not its checksum" % ADDRESS.replace("aAeb", "aaeb"),
            "- dv_operators[0] and dv_operators[1] are the same address",
        ],
    ),
    "too few operators": ({"dv_operators": [DEAD, ADDRESS]}, ["- dv_operators has 2 entries; wanted: an ordered list of 3"]),
    "a hash that is none": ({"dv_accept_config_hash": "0x12"}, ["- dv_accept_config_hash"]),
}


@pytest.mark.parametrize("variables, texts", TERMS.values(), ids=TERMS)
def test_wrong_variables(variables, texts, tmp_path, check_refused):
    directory = tmp_path / "machine"

    def run():
        return playbook.attempt(MAIN, directory, "-vvv", "-e", json.dumps(variables))

    check_refused(directory, texts, run)
    assert not directory.exists()


def test_every_node_tells_what_is_wrong_with_it(tmp_path, check_refused):
    group = OperatorGroup(tmp_path / "machine")
    places = [data_dir.parent for data_dir in group.data_dirs]
    for data_dir in group.data_dirs:
        files.make_directory(str(data_dir))
    (places[0] / "wallet-password.txt").write_text("another password\n")
    (group.data_dirs[1] / layout.NODE_KEY).write_text("not a key")
    (places[2] / "policy.yml").unlink()
    stranger = key_file_wallet.create(str(tmp_path / "stranger.json"), str(tmp_path / "stranger.txt"))
    shutil.copy(tmp_path / "stranger.json", places[3] / "wallet.json")
    shutil.copy(tmp_path / "stranger.txt", places[3] / "wallet-password.txt")
    group.hosts["node4"]["dv_operator_address"] = stranger
    group.write_inventory()
    texts = [
        "- node1: the password in %s does not unlock the wallet" % (places[0] / "wallet-password.txt"),
        "- node2: %s does not hold a key; wanted: 64 hex digits" % (group.data_dirs[1] / layout.NODE_KEY),
        "- node3: there is no policy at %s" % (places[2] / "policy.yml"),
        "- node4: this node's address %s is not in dv_operators" % stranger,
    ]
    check_refused(group.directory, texts, lambda: group.attempt("-vvv"))


def unprivileged():
    """Before a process begins: even as root it may do no more than permissions say.

    Of root's capabilities those go that overrule them. Another user could seldom read root's Python and clone.
    """
    if os.geteuid() == 0:
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            if ctypes.CDLL(None, use_errno=True).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
                raise OSError(ctypes.get_errno(), "prctl")


def test_as_an_unprivileged_user(tmp_path, check_refused):
    """node1 may not be written, node2 not be made, node3 not be read; node4 is fine; the store may not be written."""
    directory = tmp_path / "machine"
    modes = {"node1/.charon": 0o500, "node2": 0o500, "node3/.charon": 0o000, "node4": 0o700, "store": 0o500}
    for name in modes:
        (directory / name).mkdir(parents=True)
    for name, mode in modes.items():
        (directory / name).chmod(mode)
    texts = [
        "- node1: the user of this task cannot use %s" % (directory / "node1/.charon"),
        "- node2: the user of this task cannot make %s" % (directory / "node2/.charon"),
        "- node3: the user of this task cannot use %s" % (directory / "node3/.charon"),
        "- the store: ",
    ]
    check_refused(directory, texts, lambda: playbook.attempt(MAIN, directory, "-vvv", preexec_fn=unprivileged))
    for name in modes:
        (directory / name).chmod(0o700)


@pytest.fixture
def small(tmp_path):
    """A group whose node3 is on a file system of 20 MB; a function that fills it but for some bytes."""
    place = tmp_path / "machine" / "node3"
    place.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=20m,mode=0700", "tmpfs", place]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        # Not even in CI a failure: few containers may mount, and the unit tests of the disk's checks do not need to.
        pytest.skip("cannot mount a tmpfs: %s" % done.stderr.strip())

    def fill(free):
        status = os.statvfs(place)
        (place / "filler").write_bytes(bytes(max(status.f_bavail * status.f_frsize - free, 0)))

    yield OperatorGroup(tmp_path / "machine"), fill
    subprocess.run(["umount", place], check=True)


def test_a_disk_that_is_too_small(small, check_refused):
    group, fill = small
    fill(4 * 2**20)
    group.write_inventory()
    texts = ["- node3: %s has 4.2 MB of free space; wanted: " % (group.directory / "node3")]
    check_refused(group.directory, texts, group.attempt)


def test_a_disk_that_is_full_halfway(small, check_complete):
    """The node that has no room says so, the others go on; with room again the next run finishes."""
    group, fill = small
    group.run(playbooks=["playbooks/preflight.yml", "playbooks/enr.yml", "playbooks/definition.yml"])
    fill(0)
    full = group.attempt(playbooks=["playbooks/dkg.yml"])
    assert full.returncode != 0
    assert "No space left on device; free some space, then run again: it goes on from here" in full.stdout
    assert "Traceback" not in full.stdout + full.stderr and "unforeseen" not in full.stdout
    assert {counts["failed"] for host, counts in playbook.recap(full.stdout).items() if host != "node3"} == {0}
    (group.directory / "node3" / "filler").unlink()
    group.run()
    check_complete(group.data_dirs)
