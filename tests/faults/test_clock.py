# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No rule of a ceremony looks at a clock: nodes whose clocks are a day off take part as all others."""

import datetime
import json
import shutil

import pytest
from ansible_collections.obol.dv.tests.support.ceremony_group import STEPS, CeremonyGroup
from ansible_collections.obol.dv.tests.support.require import skip_or_fail

#: Node -> how far its clock is off. The times of its files stay those of this machine, as after a clock was set right.
CLOCKS = {1: "+1d", 2: "-1d"}


@pytest.fixture
def needs_faketime():
    if not shutil.which("faketime"):
        skip_or_fail("faketime is not installed")


def test_a_day_off(tmp_path, needs_faketime):
    cluster = CeremonyGroup(tmp_path / "cluster").begin()
    now = datetime.datetime.now(datetime.timezone.utc)
    for name, node in STEPS:
        if node in CLOCKS:
            done = cluster.run(name, node, ["env", "NO_FAKE_STAT=1", "faketime", "-f", CLOCKS[node]])
        else:
            done = cluster.run_here(name, node)
        assert not done.failed, (name, node, done.msg)
    cluster.check_complete()
    # The creator's clock is the only one of which anything is told.
    told = json.loads((cluster.data_dirs[0] / "cluster-lock.json").read_text())["cluster_definition"]["timestamp"]
    off = datetime.datetime.fromisoformat(told) - now
    assert round(off / datetime.timedelta(days=1)) == 1
