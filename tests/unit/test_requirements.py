# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each lock file pins all it needs, by hash, and agrees with the ones that build on it; each input says why it is there."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOCKS = ("requirements-node", "requirements", "requirements-dev")
#: Optional, and in the last of them too.
OPTIONAL = ("requirements-report",)
#: With environments of their own.
APART = ("requirements-galaxy",)


def pins(name):
    """The pinned packages of a lock file: (name, version), its marker or nothing, and hashes."""
    text = (ROOT / (name + ".txt")).read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    found = [re.fullmatch(r"([\w.-]+)==([\w.!+]+)( ; [^-]+?)?((?: +--hash=sha256:[0-9a-f]{64})+) *", line) for line in lines]
    assert all(found), name
    return {(package, version): (marker, hashes.split()) for package, version, marker, hashes in (each.groups() for each in found)}


@pytest.mark.parametrize("name", (*LOCKS, *OPTIONAL, *APART))
def test_pinned_by_hash_and_from_nowhere_in_particular(name):
    assert pins(name)


def test_what_a_node_needs_has_no_markers():
    """obol.dv.runtime asks whether each package is there."""
    assert not any(marker for marker, _hashes in pins("requirements-node").values())


def test_the_newest_ansible_core_for_each_python():
    found = {version: marker for (package, version), (marker, _hashes) in pins("requirements").items() if package == "ansible-core"}
    assert sorted(found.values()) == [" ; python_full_version < '3.12'", " ; python_full_version >= '3.12'"]


@pytest.mark.parametrize("smaller,larger", [*zip(LOCKS, LOCKS[1:]), *((name, LOCKS[-1]) for name in OPTIONAL)])
def test_larger_holds_smaller(smaller, larger):
    """With the same hashes. A marker may be added there: tests/integration/test_packages.py resolves what it says."""
    larger = pins(larger)
    assert all(each in larger and larger[each][1] == hashes for each, (_marker, hashes) in pins(smaller).items())


@pytest.mark.parametrize("name", (*LOCKS, *OPTIONAL, *APART))
def test_every_input_is_locked_and_has_a_reason(name):
    for line in (ROOT / (name + ".in")).read_text().splitlines():
        if "==" in line:
            package, version, reason = re.fullmatch(r"([\w-]+)==([\d.*]+)(?: ; [^#]+)? +# (.+)", line).groups()
            assert reason
            package, version = package.lower().replace("_", "-"), version.rstrip("*")
            assert any(locked == package and which.startswith(version) for locked, which in pins(name))
