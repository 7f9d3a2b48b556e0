# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each lock file pins all it needs, by hash, and agrees with the ones that build on it; each input says why it is there."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOCKS = ("requirements-node", "requirements", "requirements-dev")
#: With environments of their own.
APART = ("requirements-galaxy",)


def pins(name):
    """The pinned packages of a lock file: name to version and hashes."""
    text = (ROOT / (name + ".txt")).read_text().replace("\\\n", " ")
    return dict(line.split("==", 1) for line in text.splitlines() if line and not line.lstrip().startswith("#"))


@pytest.mark.parametrize("name", (*LOCKS, *APART))
def test_pinned_by_hash_and_from_nowhere_in_particular(name):
    assert all(re.fullmatch(r"[\w.!+]+(\s+--hash=sha256:[0-9a-f]{64})+\s*", pin) for pin in pins(name).values())


@pytest.mark.parametrize("smaller,larger", list(zip(LOCKS, LOCKS[1:])))
def test_larger_holds_smaller(smaller, larger):
    assert pins(smaller).items() <= pins(larger).items()


@pytest.mark.parametrize("name", (*LOCKS, *APART))
def test_every_input_is_locked_and_has_a_reason(name):
    for line in (ROOT / (name + ".in")).read_text().splitlines():
        if "==" in line:
            package, version, reason = re.fullmatch(r"([\w-]+)==([\d.*]+) +# (.+)", line).groups()
            assert reason
            locked = pins(name)[package.lower().replace("_", "-")]
            assert locked.startswith(version.rstrip("*"))
