# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What round trips took, in a few numbers."""

import random

from ansible_collections.obol.dv.plugins.module_utils.readiness import histogram
from ansible_collections.obol.dv.plugins.module_utils.readiness.round_trips import RoundTrips
from hypothesis import given
from hypothesis import strategies as st


def test_of_none():
    found = RoundTrips(3, []).json()
    assert found == dict(sent=3, lost=3, median=None, p95=None, p99=None, jitter=None, times=[])


def test_of_one():
    found = RoundTrips(1, [7]).json()
    assert found == dict(sent=1, lost=0, median=7, p95=7, p99=7, jitter=None, times=[7] * 11)


def test_of_a_hundred():
    times = list(range(1, 101))
    random.Random(1).shuffle(times)
    found = RoundTrips(100, times).json()
    assert [found[name] for name in ("median", "p95", "p99")] == [50, 95, 99]
    assert found["times"] == [1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]


def test_jitter_is_from_one_to_the_next():
    assert RoundTrips(4, [10, 20, 10, 40]).json()["jitter"] == round((10 + 10 + 30) / 3)


@given(st.lists(st.integers(0, 10**7), min_size=1), st.integers(0, 5))
def test_of_any(times, lost):
    found = RoundTrips(len(times) + lost, times).json()
    assert found["lost"] == lost and found["times"] == sorted(found["times"])
    assert {*found["times"], found["median"], found["p95"], found["p99"]} <= set(times)
    assert (found["times"][0], found["times"][-1]) == (min(times), max(times))


#: What `histogram_quantile` of Prometheus answers, by hand.
BUCKETS = [(0.1, 2.0), (0.5, 6.0), (1.0, 8.0), (float("inf"), 10.0)]


def test_quantiles_of_a_histogram():
    assert histogram.quantile(0.5, BUCKETS) == 0.1 + 0.4 * 3 / 4
    assert histogram.quantile(0.2, BUCKETS) == 0.1
    assert histogram.quantile(0.9, BUCKETS) == histogram.quantile(1, BUCKETS) == 1.0


def test_of_a_histogram_of_nothing():
    assert histogram.quantile(0.5, []) is None
    assert histogram.quantile(0.5, [(0.1, 0.0), (float("inf"), 0.0)]) is None


@given(st.lists(st.tuples(st.floats(), st.floats())), st.floats(0, 1))
def test_of_any_histogram(buckets, share):
    histogram.quantile(share, buckets)
