# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node that is restored from a copy of any age goes on with the very messages that it has sent, or stops and says so."""

import itertools
import shutil

import pytest
from ansible_collections.obol.dv.plugins.module_utils.crypto import jws
from ansible_collections.obol.dv.tests.support.ceremony_group import ROUNDS, STEPS, step_of_round

NODE = 2
OWN = "/%d.jws" % NODE
#: What can be restored, and when: before each of the node's runs of the dkg module, and at the end.
BEFORE_COMMIT, AFTER_COMMIT, *LATER = (*(step_of_round(round, NODE) for round in ROUNDS), len(STEPS))
MOMENTS = (BEFORE_COMMIT, AFTER_COMMIT, *LATER)
#: When nobody, or only operator 1, has answered the commit of the node: too few to tell it that it sent one.
HARDLY_ANSWERED = (BEFORE_COMMIT + 1, AFTER_COMMIT)
PAIRS = list(itertools.combinations(MOMENTS, 2))


class Outside:
    """A cluster as it is before the step ``newer``, with the node as it was before the step ``older``; and every message of
    the node that is ever seen outside of it.

    :param hides: whether the store hides the node's own messages from it
    """

    def __init__(self, before, older, newer, directory, hides):
        self.cluster, self.hides, self.seen = before(newer).copy(directory), hides, {}
        shutil.rmtree(self.cluster.nodes[NODE - 1])
        shutil.copytree(before(older).nodes[NODE - 1], self.cluster.nodes[NODE - 1])
        self._see(self.cluster.inbox())

    def _see(self, texts):
        for name, text in texts.items():
            if name.endswith(OWN):
                self.seen.setdefault(name, set()).add(jws.split(text).signing_input)

    def run(self):
        """Run the dkg module on all nodes until nothing more can be done; the node's last result."""
        for _round in ROUNDS:
            for node in range(1, 5):
                inbox = self.cluster.inbox()
                if self.hides and node == NODE:
                    inbox = {name: text for name, text in inbox.items() if not name.endswith(OWN)}
                done = self.cluster.run_here("dkg", node, inbox=inbox, deliver=node != NODE)
                if node == NODE:
                    ended, given = done, done.result.get("outbox", {})
                    self._see(given)
                    there = self.cluster.store.list()
                    self.cluster.store.put({name: text for name, text in given.items() if name not in there})
        return ended

    def said_twice(self):
        """The rounds in which the node said different things."""
        return {name.split("/")[-2] for name, texts in self.seen.items() if len(texts) > 1}


def check_stopped(ended, newer):
    """It says what happened, and what everybody does now."""
    assert ended.failed and ended.result["state"] == "stopped"
    signed = newer > step_of_round("sign", 1)
    for text in ("its operator puts the newest one back", "only a new definition" if signed else "all operators start attempt 2"):
        assert ended.msg.count(text) == 1, ended.msg


@pytest.mark.parametrize("older, newer", PAIRS)
def test_restored(older, newer, before, tmp_path):
    outside = Outside(before, older, newer, tmp_path / "cluster", hides=False)
    ended = outside.run()
    assert outside.said_twice() == set()
    if older == BEFORE_COMMIT:
        check_stopped(ended, newer)
    else:
        outside.cluster.check_complete()


@pytest.mark.parametrize("older, newer", [pair for pair in PAIRS if pair != (BEFORE_COMMIT, AFTER_COMMIT)])
def test_restored_while_the_store_hides_its_messages(older, newer, before, tmp_path):
    outside = Outside(before, older, newer, tmp_path / "cluster", hides=True)
    ended = outside.run()
    if older != BEFORE_COMMIT:
        assert ended.result["state"] == "complete"
        # The same polynomials, sealed again: ciphertexts are random.
        assert outside.said_twice() == ({"deal"} if older == AFTER_COMMIT else set())
    else:
        check_stopped(ended, newer)
        assert outside.said_twice() == set()


@pytest.mark.parametrize("newer", HARDLY_ANSWERED)
def test_restored_before_a_commit_that_is_hidden_and_hardly_answered(newer, before, tmp_path):
    """It cannot know of its first commit and makes another, but only one of them is ever dealt on: nothing completes."""
    outside = Outside(before, BEFORE_COMMIT, newer, tmp_path / "cluster", hides=True)
    ended = outside.run()
    assert outside.said_twice() == {"commit"}
    others = [outside.cluster.run_here("dkg", node) for node in (1, 3, 4)]
    for run in (ended, *others):
        assert run.result["state"] == "waiting" and "dealt on another commit of operators 2" in run.result["detail"]
    outside.hides = False
    ended = outside.run()
    check_stopped(ended, newer)
    assert "own-commit.jws" in ended.msg and outside.said_twice() == {"commit"}
