# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any value anywhere in a JSON value: what a reader of files of others has to bear."""

from hypothesis import strategies as st


def values(*texts):
    """The Hypothesis strategy of values that may stand anywhere, ``texts`` that nearly fit among them."""
    return st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(st.characters(), max_size=70),
        st.sampled_from(["0x", "0x0", "\ud800", *texts, "AA==", "v1.0.0", "v1.11.0", "9" * 20]),
        st.lists(st.none() | st.integers() | st.text(max_size=3), max_size=3),
        st.dictionaries(st.text(max_size=3), st.none() | st.integers(), max_size=3),
    )


def paths(value, path=()):
    """The paths of all values inside a JSON value."""
    yield path
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from paths(item, (*path, key))


def changed(value, path, new):
    """``value`` with ``new`` at ``path``."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(copy[path[0]], path[1:], new)
    return copy
