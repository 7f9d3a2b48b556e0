# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every play is for the nodes, and fails where there are none; nodes wait for each other, whatever strategy a user has set."""

import pathlib

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLAYBOOKS = sorted([*ROOT.glob("*.yml"), *ROOT.glob("playbooks/*.yml")])
PLAYS = [
    pytest.param(play, id="%s-%d" % (path.stem, number))
    for path in PLAYBOOKS
    for number, play in enumerate(yaml.safe_load(path.read_text()))
    if isinstance(play, dict) and "hosts" in play
]


@pytest.mark.parametrize("play", PLAYS)
def test_every_play_is_for_nodes_that_are_there(play):
    # A drill is where an identity is, which is on no node.
    wanted = "localhost" if play["name"] == "Restore drill" else "{{ lookup('obol.dv.group', 'dv_nodes') }}"
    assert play["hosts"] == wanted
    assert play["strategy"] == "ansible.builtin.linear"
