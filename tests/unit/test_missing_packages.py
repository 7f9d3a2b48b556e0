# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node without the packages: every module that needs one says which, and what to do."""

import json
import os
import subprocess
import sys

import pytest
from ansible_collections.obol.dv.plugins.module_utils.module_backends.registry import MODULES

#: Runs a module in a Python that has Ansible's own code and none of the core's packages.
PROGRAM = """
import sys
from ansible.module_utils.testing import patch_module_args
for package in ("ckzg", "wallycore", "cryptography", "jsonschema", "Crypto", "yaml"):
    sys.modules[package] = None
from ansible_collections.obol.dv.plugins.modules import %s as module
with patch_module_args(%r):
    module.main()
"""


@pytest.mark.parametrize(
    "name,arguments",
    [
        ("enr", dict(data_dir="/nowhere")),
        ("backup", dict(data_dir="/nowhere", recipients=["age1"], backup_dir="/nowhere/backups")),
        ("verify", dict(path="/nowhere")),
        ("wallet", dict(path="/nowhere/wallet.json", password_file="/nowhere/password.txt")),
    ],
)
def test_missing_package(name, arguments, collections_path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM % (name, arguments)],
        env={**os.environ, "PYTHONPATH": collections_path},
        capture_output=True,
        text=True,
        check=False,
    )
    result = json.loads(done.stdout)
    assert result["failed"]
    assert "required Python library" in result["msg"]
    assert "requirements-node.txt" in result["msg"]


def test_each_module_starts(collections_path):
    """What it does with the core is in its functions: nothing at the top of its file."""
    program = PROGRAM.partition("from ansible_collections")[0] + "import importlib\n"
    program += "".join(
        "importlib.import_module('ansible_collections.obol.dv.plugins.module_utils.module_backends.%s')\n" % name for name in MODULES
    )
    environment = {**os.environ, "PYTHONPATH": collections_path}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
