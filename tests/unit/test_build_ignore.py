# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The patterns of galaxy.yml let through what is ours, and no other name where people put their own."""

import fnmatch
import re

import pytest
import yaml
from ansible_collections.obol.dv.tests import build_ignore
from hypothesis import given
from hypothesis import strategies as st

GALAXY = (build_ignore.ROOT / "galaxy.yml").read_text()
PATTERNS = yaml.safe_load(GALAXY)["build_ignore"]
KNOWN = build_ignore.known(build_ignore.packed())
#: Beginnings of names of ours, as they are or with something behind them.
NEAR = st.builds(
    lambda name, length, rest: name[:length] + rest,
    st.sampled_from(sorted(set().union(*KNOWN.values()))),
    st.integers(min_value=0, max_value=20),
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), max_size=4),
).filter(bool)


#: Whether ansible-galaxy leaves out a path: it holds it against each pattern.
ignored = re.compile("|".join(map(fnmatch.translate, PATTERNS))).match


def test_patterns_are_the_made_ones():
    assert build_ignore.section() in GALAXY, "make build-ignore"


def test_all_of_ours_is_packed():
    files = build_ignore.packed()
    assert len(files) > 300
    assert not [file for file in files if any(ignored(file[:end]) for end in [*_slashes(file), len(file)])]


def _slashes(file):
    return [place for place, letter in enumerate(file) if letter == "/"]


@pytest.mark.parametrize("directory", sorted(KNOWN))
@given(NEAR)
def test_no_other_name_is(directory, name):
    assert bool(ignored(directory + name)) == (name not in KNOWN[directory])
