# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A dealt cluster, and data directories that verify."""

import os
import shutil

import pytest
from ansible_collections.obol.dv.tests.unit.plugins.module_utils.dealer import Cluster


@pytest.fixture(scope="session")
def cluster():
    """A dealt cluster: 4 operators, 2 validators, signed by all."""
    return Cluster()


@pytest.fixture(scope="session", params=["dealt", "charon"])
def original(request, tmp_path_factory):
    """A valid data directory, not to be changed."""
    if request.param == "charon":
        return request.getfixturevalue("vectors") / "charon-1.10.3" / "hoodi-4x3" / "node0"
    directory = tmp_path_factory.mktemp("dealt") / "node0"
    request.getfixturevalue("cluster").write(directory)
    return directory


@pytest.fixture
def node(original, tmp_path):
    """A data directory to change."""
    directory = tmp_path / "node"
    shutil.copytree(original, directory)
    for root, _directories, names in os.walk(directory):
        os.chmod(root, 0o700)
        for name in names:
            os.chmod(os.path.join(root, name), 0o600)
    return directory
