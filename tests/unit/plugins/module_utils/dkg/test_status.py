# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes that go by two definitions of the same operators: each says who goes by which other one."""

from dataclasses import replace

import pytest
from ansible_collections.obol.dv.plugins.module_utils.cluster.definition import with_hashes
from ansible_collections.obol.dv.plugins.module_utils.cluster.store_names import dkg_folder
from ansible_collections.obol.dv.plugins.module_utils.dkg.status import note_other_definitions


def whole_store(*groups):
    """What a store holds of several definitions."""
    return {dkg_folder(each.definition.definition_hash) + name: text for each in groups for name, text in each.store.items()}


@pytest.fixture
def parted(group):
    """Operators 1 and 2 go by one definition, 3 and 4 by another."""
    ours, theirs = group(4, 3, 1), group(4, 3, 1)
    theirs.store, theirs.definition = {}, with_hashes(replace(ours.definition, timestamp="2026-01-02T00:00:00Z"))
    outcomes = {index: each.step(index) for each, indices in ((ours, (1, 2)), (theirs, (3, 4))) for index in indices}
    return ours, theirs, outcomes


@pytest.mark.parametrize("index", [1, 2, 3, 4])
def test_who_goes_by_which_other_definition(parted, group, index):
    ours, theirs, outcomes = parted
    mine, other, operators = (ours, theirs, "3, 4") if index < 3 else (theirs, ours, "1, 2")
    told = note_other_definitions(outcomes[index], mine.definition, group.node_key(index), whole_store(ours, theirs))
    assert "operators %s take part for another definition, 0x%s" % (operators, other.definition.definition_hash.hex()) in told.detail
    assert (told.state, told.waiting_for, told.outbox) == ("waiting", outcomes[index].waiting_for, outcomes[index].outbox)


@pytest.mark.parametrize("liars, count", [((4,), 1), ((4,), 2), ((4,), 3), ((4,), 40), ((3, 4), 40), ((4,), 70)])
def test_who_signs_commits_for_many_hides_no_real_one(group, liars, count):
    """Of one operator 50 are looked for. The text stays short, and says of whom there is nothing else what they take part for."""
    parties = group(4, 3, 1)
    waiting, texts = parties.step(1), {}

    def put(other, index):
        there = replace(parties.parameters(index), definition_hash=other)
        text = group.forger(parties, index).sign(there.header("commit"), {"a": 1})
        texts["%s1/commit/%d.jws" % (dkg_folder(other), index)] = text

    for index in liars:
        for k in range(count):
            put(bytes([0, index, k]) + bytes(29), index)
    real = b"\xff" * 32
    put(real, 2)
    detail = note_other_definitions(waiting, parties.definition, group.node_key(1), texts).detail
    assert "operators 2 take part for another definition, 0x%s" % real.hex() in detail
    invented = min(count, 50) * len(liars)
    assert detail.count("take part for another definition") == min(3, 1 + invented)
    more = invented - 2
    assert ("commits for at least %d more definitions lie in the store" % more in detail) == (more > 0)
    assert len(detail) < 1500


def test_what_nobody_signed_says_nothing(parted, group):
    ours, theirs, outcomes = parted
    folder = dkg_folder(theirs.definition.definition_hash)
    commit = ours.store["1/commit/2.jws"]
    carried = {
        "another definition's": {folder + "1/commit/3.jws": commit},
        "another attempt's": {folder + "2/commit/3.jws": theirs.store["1/commit/3.jws"]},
        "rubbish": {folder + "1/commit/3.jws": "x.y.z", folder + "1/commit/4.jws": ""},
        "changed": {folder + "1/commit/3.jws": theirs.store["1/commit/3.jws"][:-4] + "AAAA"},
        "no commit": {folder + "1/deal/3.jws": theirs.store["1/commit/3.jws"]},
        "our own": whole_store(ours),
    }
    for name, inbox in carried.items():
        assert note_other_definitions(outcomes[1], ours.definition, group.node_key(1), inbox).detail == outcomes[1].detail, name
