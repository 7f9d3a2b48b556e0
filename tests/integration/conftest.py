# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the integration tests: stock charon, with its logs in the report of a test that fails; hosts to run on;
a cluster of ours; what a run leaves behind."""

import hashlib
import pathlib

import pytest
from ansible_collections.obol.dv.plugins.module_utils.verify.artefacts import verify_path
from ansible_collections.obol.dv.tests.support import go_build, npm_install, playbook, stock_charon
from ansible_collections.obol.dv.tests.support.netns_hosts import NetnsHosts, why_not
from ansible_collections.obol.dv.tests.support.require import skip_or_fail

#: Each worker takes whole files, one after the other: the longest have to be first, so that none is left over for one worker alone.
LONGEST = (
    *("real_chain", "trust_modes", "secrets_over_ssh", "recovery", "waiting", "restore", "load_keys", "load_faults", "whose_charon"),
    *("backup", "resident", "hostile_nodes", "readiness", "activate_guards", "activate_hostile", "activate_play"),
)


def pytest_collection_modifyitems(items):
    order = {"test_%s.py" % name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


def built(build):
    """The path of a program that is built from source or installed, where Go or npm is there to do that."""
    try:
        return build()
    except (go_build.NoGo, npm_install.NoNpm) as error:
        skip_or_fail(str(error))


@pytest.fixture(scope="session")
def charon_binary():
    """The path of stock charon."""
    return built(stock_charon.binary)


@pytest.fixture(scope="session")
def age_binary():
    """The path of age, which opens what pyrage encrypts."""
    return built(lambda: go_build.binary("age"))


@pytest.fixture(scope="session")
def anvil_program():
    """The path of anvil, which stands for an execution client and its chain."""
    return built(lambda: npm_install.program("anvil"))


@pytest.fixture
def anvil(anvil_program, tmp_path):
    """A chain of its own for a test, see :class:`.anvil.Anvil`."""
    # Here and below: tests that run with fewer packages (test_ansible_core.py) load this file, too.
    from ansible_collections.obol.dv.tests.support.anvil import Anvil

    with Anvil(anvil_program, tmp_path / "anvil") as anvil:
        yield anvil


@pytest.fixture
def beacon(anvil):
    """The beacon node that follows it, whose newest block is of now."""
    from ansible_collections.obol.dv.tests.support.chain_beacon import ChainBeacon
    from ansible_collections.obol.dv.tests.support.paying import in_time

    with ChainBeacon(anvil) as beacon:
        yield in_time(beacon)


@pytest.fixture
def paying(tmp_path, anvil, beacon):
    """Nodes that may pay deposits there, see :class:`.paying.Paying`."""
    from ansible_collections.obol.dv.tests.support.paying import Paying

    return Paying(tmp_path / "nodes", anvil, beacon)


@pytest.fixture
def charon(charon_binary, tmp_path):
    """The commands of stock charon, with logs of their own for each test."""
    return stock_charon.Charon(charon_binary, tmp_path / "charon")


@pytest.fixture(scope="session")
def netns_hosts(tmp_path_factory):
    """A function that brings up hosts with these names, for a ``with``: a :class:`NetnsHosts`, where one can be."""
    if why_not():
        skip_or_fail(why_not())
    return lambda *names, **options: NetnsHosts(tmp_path_factory.mktemp("hosts"), names, **options)


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
    playbook.run(["create-cluster.yml"], directory)
    return playbook.data_dirs(directory)


@pytest.fixture(scope="session")
def tree():
    """A function that gives everything below a path: names, modes, times and contents, to see that nothing was touched."""

    def snapshot(path):
        found = {}
        for each in sorted(pathlib.Path(path).rglob("*")):
            status = each.lstat()
            content = hashlib.sha256(each.read_bytes()).hexdigest() if each.is_file() else None
            found[str(each.relative_to(path))] = (oct(status.st_mode), status.st_mtime_ns, content)
        return found

    return snapshot


@pytest.fixture(scope="session")
def check_refused(tree):
    """A function that runs something that must refuse: every text is told once, nothing is written, nothing crashes."""

    def check(directory, texts, run):
        before = tree(directory)
        done = run()
        assert done.returncode != 0, done.stdout
        told = done.stdout.partition("fatal: ")[2].partition("PLAY RECAP")[0]
        assert {text: told.count(text) for text in texts} == dict.fromkeys(texts, 1), told
        for crash in ("Traceback", "MODULE FAILURE", "unforeseen"):
            assert crash not in done.stdout + done.stderr, done.stdout + done.stderr
        assert tree(directory) == before
        return done

    return check


@pytest.fixture(scope="session")
def check_complete():
    """A function that checks a finished cluster: one lock, every data directory verified, no secret of the way left."""

    def check(data_dirs):
        assert len({(data_dir / "cluster-lock.json").read_bytes() for data_dir in data_dirs}) == 1
        for data_dir in data_dirs:
            report = verify_path(data_dir)
            assert report.ok, report.findings
            left = [path for path in (data_dir / "ceremony").rglob("*") if path.name in ("seed", "keys") or path.suffix == ".tmp"]
            assert [path for path in left if path.parent.name != "derived"] == []

    return check
