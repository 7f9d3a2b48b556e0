# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the integration tests: stock charon, with its logs in the report of a test that fails; a cluster of ours."""

import os

import pytest
from ansible_collections.obol.dv.tests import charon_tool, play


@pytest.fixture(scope="session")
def charon_binary():
    """The path of stock charon. Where it cannot be built for want of Go, a skip; in CI (``CI=true``) a failure."""
    try:
        return charon_tool.binary()
    except charon_tool.NoGo as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.fixture
def charon(charon_binary, tmp_path):
    """The commands of stock charon, with logs of their own for each test."""
    return charon_tool.Charon(charon_binary, tmp_path / "charon")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    charon = getattr(item, "funcargs", {}).get("charon")
    if report.failed and charon:
        report.sections += charon.logs()
    return report


@pytest.fixture(scope="session")
def our_cluster(tmp_path_factory):
    """The data directories (node1 first) of a cluster that the main job made: 4 nodes, 2 validators. Not to be changed."""
    directory = tmp_path_factory.mktemp("our-cluster")
    play.play(["create-cluster.yml"], directory)
    return play.data_dirs(directory)
