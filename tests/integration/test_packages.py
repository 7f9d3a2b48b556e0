# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The locked packages can be had, as wheels, for each Python and machine that docs/runtime.md names. Needs a package index."""

import os
import re
import subprocess

import pytest
from ansible_collections.obol.dv.tests.support import playbook

#: As docs/runtime.md names them, and as uv does.
MACHINES = {
    "x86_64": "x86_64-manylinux_2_28",
    "aarch64": "aarch64-manylinux_2_28",
    "macOS on arm64": "aarch64-apple-darwin",
}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def resolve(directory, name, python, platform, **environment):
    """What uv would install there: name -> version; or what it says against it (str).

    :param directory: where nothing is
    """
    command = ["uv", "pip", "install", "--dry-run", "--no-config", "--target", directory, "--only-binary", ":all:", "--require-hashes"]
    done = subprocess.run(
        [*command, "--python-version", python, "--python-platform", platform, "-r", playbook.ROOT / (name + ".txt")],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    return dict(re.findall(r"^ \+ (\S+)==(\S+)", done.stderr, re.MULTILINE)) if done.returncode == 0 else done.stderr


def unreachable(said):
    """Whether it says that no index answers."""
    return "error sending request" in said or "Failed to fetch" in said


@pytest.fixture
def packages(tmp_path):
    """:func:`resolve`, where an index can be reached."""

    def ask(*question):
        found = resolve(tmp_path, *question)
        if isinstance(found, str) and unreachable(found):
            say = pytest.fail if os.environ.get("CI") else pytest.skip
            say("no package index can be reached, so whether the locked packages can be had is NOT TESTED: %s" % found[-500:])
        return found

    return ask


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("python", PYTHONS)
def test_every_locked_package_has_a_wheel(packages, python, machine):
    """Of a control node, whose lock has all that a node's has: tests/unit/test_requirements.py."""
    found = packages("requirements", python, MACHINES[machine])
    assert isinstance(found, dict), found
    assert {"ckzg", "cryptography", "wallycore"} <= found.keys()
    assert found["ansible-core"].startswith("2.19." if python == "3.11" else "2.21.")


@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_of_a_node_lacks_nothing_that_its_packages_want(packages, python):
    found = packages("requirements-node", python, MACHINES["aarch64"])
    assert isinstance(found, dict), found


def test_docs_name_these():
    text = (playbook.ROOT / "docs" / "runtime.md").read_text()
    assert "%s and %s, on Linux with glibc 2.28 or newer" % (", ".join(PYTHONS[:-1]), PYTHONS[-1]) in text
    assert "The machines are x86_64 and aarch64" in text and "macOS on arm64" in text
    assert 'dv_runtime_versions: ["%s"]' % '", "'.join(PYTHONS) in (playbook.ROOT / "roles" / "runtime" / "vars" / "main.yml").read_text()
    assert "\nNODE_PYTHON = %s\n" % " ".join(PYTHONS) in (playbook.ROOT / "Makefile").read_text()


@pytest.mark.parametrize(
    "python, platform, said",
    [
        ("3.13", "x86_64-manylinux2014", "Wheels are required for `wallycore`"),
        ("3.9", "x86_64-manylinux_2_28", "Wheels are required for `cffi`"),
    ],
)
def test_where_there_is_no_wheel_it_says_so(packages, python, platform, said):
    assert re.search(said, " ".join(str(packages("requirements-node", python, platform)).split()))


def test_an_index_out_of_reach_is_told_from_one_without_the_package(tmp_path):
    nowhere = dict(UV_DEFAULT_INDEX="http://127.0.0.1:9/simple", UV_CACHE_DIR=str(tmp_path / "cache"), UV_HTTP_RETRIES="0")
    said = resolve(tmp_path, "requirements-node", "3.13", MACHINES["x86_64"], **nowhere)
    assert isinstance(said, str) and unreachable(said), said
