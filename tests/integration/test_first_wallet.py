# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/wallet.md makes the wallets whose addresses everything else needs, before there are any terms."""

import json
import os
import re
import shlex
import stat
import subprocess
import sys

import eth_account
from ansible_collections.obol.dv.plugins.module_utils.ethereum import eip712
from ansible_collections.obol.dv.plugins.module_utils.signers import key_file_wallet
from ansible_collections.obol.dv.tests.support import go_build, playbook

from .conftest import built

PAGE = (playbook.ROOT / "docs" / "wallet.md").read_text()
((COMMAND, TOLD),) = re.findall(r"```sh\n(.*?)```.*?```text\n(.*?)```", PAGE, re.DOTALL)
GETH, MOVE = re.search(r"`(geth [^`]+)` names.*?`(mv [^`]+)`", PAGE).groups()

INVENTORY = """
dv_nodes:
  children:
    my_cluster:
      vars:
        dv_data_dir: "{{ inventory_dir }}/{{ inventory_hostname }}/.charon"
        ansible_connection: local
        ansible_python_interpreter: "{{ ansible_playbook_python }}"
      hosts: {alice: , bob: }
"""


def shell(command, directory):
    """Run a command as it stands on the page; what it printed."""
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(playbook.ROOT / "collections"), "ANSIBLE_NOCOLOR": "1"}
    environment["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), environment["PATH"]])
    return subprocess.run(
        ["bash", "-euc", command],
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    ).stdout


def addresses(printed):
    """Node -> (whether it changed, address), as ``ansible`` prints them."""
    results = re.findall(r"^(\w+) \| (\w+) => ({.*?^})", printed, re.MULTILINE | re.DOTALL)
    return {node: (how == "CHANGED", json.loads(result)["address"]) for node, how, result in results}


def test_the_command_of_the_page(tmp_path):
    (tmp_path / "inventory.yml").write_text(INVENTORY)
    printed = shell(COMMAND, tmp_path)
    assert re.sub("0x[0-9a-fA-F]{40}", "ADDRESS", TOLD) in re.sub("0x[0-9a-fA-F]{40}", "ADDRESS", printed)
    made = addresses(printed)
    assert set(made) == {"alice", "bob"} and len({address for _changed, address in made.values()}) == 2
    for node, (changed, address) in made.items():
        assert changed and sorted(path.name for path in (tmp_path / node).iterdir()) == ["wallet-password.txt", "wallet.json"]
        key_file, password = (tmp_path / node / name for name in ("wallet.json", "wallet-password.txt"))
        assert {stat.S_IMODE(path.stat().st_mode) for path in (key_file, password)} == {0o600}
        key = eth_account.Account.decrypt(key_file.read_text(), password.read_text().splitlines()[0])
        assert eth_account.Account.from_key(key).address == address
    assert addresses(shell(COMMAND, tmp_path)) == {node: (False, address) for node, (_changed, address) in made.items()}


def test_a_wallet_of_geth(tmp_path):
    (tmp_path / "wallet-password.txt").write_text("geheim\n")
    shell(re.sub("^geth", shlex.quote(str(built(lambda: go_build.binary("geth")))), GETH), tmp_path)
    shell(MOVE, tmp_path)
    key_file_wallet.KeyFileWallet(str(tmp_path / "wallet.json"), str(tmp_path / "wallet-password.txt")).sign(eip712.terms_and_conditions())
