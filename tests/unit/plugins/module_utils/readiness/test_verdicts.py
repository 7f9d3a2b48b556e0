# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a value is worth, by its threshold."""

import pytest
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.readiness import verdicts
from ansible_collections.obol.dv.plugins.module_utils.readiness.checks import CHECKS, with_thresholds
from ansible_collections.obol.dv.plugins.module_utils.readiness.finding import failed, measured, not_measured
from ansible_collections.obol.dv.plugins.module_utils.readiness.verdicts import FAIL, NOT_MEASURED, OK, WARN


#: Those of `charon alpha test` (v1.10.3): what it calls average is worth a warning, what it calls poor fails.
@pytest.mark.parametrize(
    "check, good, average, poor",
    [
        ("round_trip", 49_999, 50_000, 240_000),
        ("beacon_ping", 39_999, 40_000, 100_000),
        ("beacon_peers", 50, 49, 19),
        ("client_ping", 49_999, 50_000, 240_000),
        ("mev_ping", 39_999, 40_000, 100_000),
        ("memory", 8_000, 7_999, 3_999),
        ("memory_free", 4_000, 3_999, 1_999),
    ],
)
def test_as_charon_does(check, good, average, poor):
    assert [verdicts.of_value(CHECKS[check], value) for value in (good, average, poor)] == [OK, WARN, FAIL]


@pytest.mark.parametrize("name", CHECKS)
def test_each_row(name):
    """It has a title and a hint, and at least one threshold, the worse one behind the other."""
    check = CHECKS[name]
    assert check.title and check.hint and (check.warn, check.fail) != (None, None)
    if None not in (check.warn, check.fail):
        assert check.warn < check.fail if check.rising else check.warn > check.fail


def test_of_what_was_not_measured():
    assert verdicts.of_finding(CHECKS["beacon_ping"], not_measured("beacon_ping", "why")) == NOT_MEASURED
    assert verdicts.of_finding(CHECKS["beacon_ping"], failed("beacon_ping", "why")) == FAIL
    assert verdicts.of_finding(CHECKS["charon_running"], failed("charon_running", "why")) == WARN
    assert verdicts.of_finding(CHECKS["charon_ready"], measured("charon_ready", False)) == FAIL
    assert verdicts.of_finding(CHECKS["charon_ready"], measured("charon_ready", True)) == OK


def test_the_worst():
    assert verdicts.worst([OK, FAIL, WARN]) == FAIL
    assert verdicts.worst([NOT_MEASURED, OK]) == OK
    assert verdicts.worst([]) == NOT_MEASURED


def test_other_thresholds():
    checks = with_thresholds({"round_trip": [300_000, None], "beacon_peers": [1, None]})
    assert verdicts.of_value(checks["round_trip"], 299_999) == OK
    assert verdicts.of_value(checks["round_trip"], 10**9) == WARN
    assert verdicts.of_value(checks["beacon_peers"], 1) == OK
    # Whatever the thresholds: what does not answer is not ready.
    assert verdicts.of_finding(with_thresholds({"beacon_ping": [None, None]})["beacon_ping"], failed("beacon_ping", "refused")) == FAIL
    assert checks["jitter"] == CHECKS["jitter"]


@pytest.mark.parametrize("asked", [{"round_trips": [1, 2]}, {"": [1, 2]}])
def test_no_such_check(asked):
    with pytest.raises(DvError, match="dv_test_thresholds names .*; wanted: a check; they are round_trip, "):
        with_thresholds(asked)


@pytest.mark.parametrize("pair", [1, None, [], [1], [1, 2, 3], ["1", 2], [1.5, 2], "12", {1: 2}, [True, 2]])
def test_no_thresholds(pair):
    with pytest.raises(DvError, match="two whole numbers \\(us\\)"):
        with_thresholds({"round_trip": pair})
