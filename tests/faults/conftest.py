# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the fault tests: the way of a cluster, copied before each of its steps; how many faults are tried."""

import random
import shutil

import pytest
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.tests.support import npm_install, playbook
from ansible_collections.obol.dv.tests.support.ceremony_group import STEPS, CeremonyGroup
from ansible_collections.obol.dv.tests.support.paying import Refused
from ansible_collections.obol.dv.tests.support.require import skip_or_fail


def pytest_addoption(parser):
    parser.addoption("--every-fault", action="store_true", help="try every fault, not a sample of them")


@pytest.fixture(scope="session")
def every_fault(request):
    """Whether every fault is tried, not a sample of them."""
    return request.config.getoption("--every-fault", default=False)


@pytest.fixture(scope="session")
def needs_strace():
    """Skips where there is no strace; in CI (``CI=true``) it has to be there."""
    if not shutil.which("strace"):
        skip_or_fail("strace is not installed")


@pytest.fixture(scope="session")
def anvil_program():
    """The path of anvil, which stands for an execution client and its chain."""
    try:
        return npm_install.program("anvil")
    except npm_install.NoNpm as error:
        skip_or_fail(str(error))


@pytest.fixture(scope="session")
def before(tmp_path_factory):
    """A function that gives the cluster as it is before a step (its place in ``STEPS``). Not to be changed."""
    directory = tmp_path_factory.mktemp("way")
    cluster, copies = CeremonyGroup(directory / "cluster").begin(), []
    for name, node in STEPS:
        copies.append(cluster.copy(directory / str(len(copies))))
        cluster.finish([(name, node)])
    cluster.check_complete()
    copies.append(cluster)
    return copies.__getitem__


@pytest.fixture
def try_points(every_fault, record_property):
    """A function that does ``try_point(point)`` for every one of ``points``, or for one that ``seed`` chooses, and fails with all of
    them where something was lost. They count as faults of a ``kind``."""

    def try_points(kind, points, try_point, seed):
        tried, lost = points if every_fault else random.Random(seed).sample(points, min(len(points), 1)), []
        for point in tried:
            try:
                try_point(point)
            except (AssertionError, DvError, playbook.PlaybookError, Refused) as error:
                lost.append("%s: %s" % (point, error))
        for name, value in dict(kind=kind, tried=len(tried), lost=len(lost)).items():
            record_property(name, value)
        assert not lost, "\n".join(lost)

    return try_points


def pytest_terminal_summary(terminalreporter):
    """How many faults were tried, and after how many of them something was lost."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    found = [dict(report.user_properties) for report in reports if getattr(report, "when", None) == "call"]
    for kind in sorted({each["kind"] for each in found if "kind" in each}):
        tried, lost = (sum(each[name] for each in found if each.get("kind") == kind) for name in ("tried", "lost"))
        terminalreporter.write_line("%s: %d points tried, %d lost" % (kind, tried, lost))
