# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A crash before any write, and walks over three attempts with crashes and replays anywhere."""

import os
import random

import pytest
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError

WRITES = ("link", "rename", "mkdir", "unlink", "rmdir")


class Crash(BaseException):
    """Not an Exception: nothing in the code under test may catch it."""


class Machine:
    """Ends the process, as it were, before the ``countdown``-th write; after that no clean-up writes either."""

    def __init__(self, monkeypatch):
        self.countdown, self.writes = -1, 0
        for name in WRITES:
            monkeypatch.setattr(os, name, self._guarded(getattr(os, name)))

    def _guarded(self, write):
        def guarded(*args, **kwargs):
            if self.countdown == 0:
                raise Crash
            self.countdown -= 1
            self.writes += 1
            return write(*args, **kwargs)

        return guarded


@pytest.fixture
def machine(monkeypatch):
    return Machine(monkeypatch)


def sent(parties, index, attempt=1):
    """What operator ``index`` has written of its own messages."""
    directory = parties.files(index, attempt) / "out"
    return {path.name: path.read_text() for path in directory.glob("*.jws")} if directory.exists() else {}


def life(parties, machine, countdown):
    """A ceremony of two; operator 1 crashes once. Returns whether it did, and how many writes operator 1 made."""
    crashed, before, writes = False, {}, 0
    for _dummy in range(6):
        machine.countdown, machine.writes = (-1 if crashed else countdown), 0
        try:
            parties.step(1)
            countdown = machine.countdown
        except Crash:
            crashed, before = True, sent(parties, 1)
        writes += machine.writes
        machine.countdown = -1
        parties.step(2)
    assert parties.step(1).state == parties.step(2).state == "complete"
    assert before.items() <= sent(parties, 1).items()
    locks = {(parties.data_dir(index) / "cluster-lock.json").read_bytes() for index in (1, 2)}
    assert len(locks) == 1
    names = {path.name for path in (parties.data_dir(1) / "ceremony").rglob("*")}
    assert not names & {"seed", "keys", "derived"} and not [name for name in names if name.endswith(".tmp")]
    assert len(list((parties.data_dir(1) / "validator_keys").iterdir())) == 2
    return crashed, writes


def test_a_crash_before_any_write(group, machine, tmp_path):
    countdown, crashed = 0, True
    while crashed:
        group_of_two = type(group(2, 2, 1))(tmp_path / str(countdown), 2, 2, 1)
        crashed, writes = life(group_of_two, machine, countdown)
        countdown += 1
    assert countdown == writes + 1 > 50


class Walk:
    """Two honest operators; every message ever sent may come again or not at all, every step may crash, every run may
    ask for any of three attempts. What must never happen is looked for after every step."""

    def __init__(self, parties, machine, luck):
        self.parties, self.machine, self.luck = parties, machine, luck
        self.ever, self.reached = {}, set()

    def step(self):
        index, luck, parties = self.luck.choice((1, 2)), self.luck, self.parties
        texts = sorted(set(self.ever.values()))
        share = luck.choice((0.3, 0.8, 1, 1))
        inbox = {str(place): text for place, text in enumerate(texts) if luck.random() < share}
        self.machine.countdown = luck.choice((-1, -1, luck.randrange(60)))
        attempt = self.attempt()
        try:
            outcome = parties.step(index, attempt, inbox=inbox, deliver=False)
            self.ever.update({name: text for name, text in outcome.outbox.items() if not name.endswith("json")})
            assert outcome.state in ("waiting", "complete"), outcome
            self.reached.add(outcome.step or outcome.state)
        except DvError as error:
            # Numbers are not skipped: it began nothing, and met nobody who began the attempt before.
            assert "attempt %d was asked for" % attempt in str(error) and attempt > 1
            assert not any(sent(parties, index, number) for number in (1, 2, 3))
        except Crash:
            # What was written may have been sent.
            for number in (1, 2, 3):
                self.ever.update({"%d/%s/%d" % (number, name, index): text for name, text in sent(parties, index, number).items()})
        self.machine.countdown = -1
        self.check()

    def attempt(self):
        return self.luck.choice((1, 1, 1, 1, 2, 2, 3)) if self.luck.random() < 0.3 else 1

    def highest(self):
        """The highest attempt that anybody began."""
        return max((int(name.split("/")[0]) for name in self.ever), default=1)

    def check(self):
        parties = self.parties
        signed = {(index, attempt) for index in (1, 2) for attempt in (1, 2, 3) if "sign.jws" in sent(parties, index, attempt)}
        assert len({attempt for _index, attempt in signed}) <= 1, "signatures in two attempts"
        for attempt in {attempt for _index, attempt in signed}:
            for index in (1, 2):
                keys = [parties.files(index, attempt) / "keys", parties.data_dir(index) / "validator_keys"]
                assert any(path.is_dir() and list(path.iterdir()) for path in keys), "a share erased that a signature needs"
            later = [sent(parties, index, number) for index, a in signed if a == attempt for number in range(attempt + 1, 4)]
            assert not any(later), "a signer began a later attempt"
        locks = {(parties.data_dir(index) / "cluster-lock.json") for index in (1, 2)}
        assert len({path.read_bytes() for path in locks if path.exists()}) <= 1


@pytest.mark.parametrize("seed", range(24))
def test_walk(group, machine, seed):
    parties = group(2, 2, 1)
    walk = Walk(parties, machine, random.Random(seed))
    for _dummy in range(30):
        walk.step()
    # Without crashes, and with all messages, honest operators always come to an end that they name.
    for _dummy in range(6):
        for index in (1, 2):
            outcome = parties.step(index, walk.highest(), inbox=dict(walk.ever), deliver=False)
            walk.ever.update(outcome.outbox)
        walk.check()
    ends = [parties.step(index, walk.highest(), inbox=dict(walk.ever), deliver=False) for index in (1, 2)]
    assert {end.state for end in ends} == {"complete"} or all("only a new definition helps" in end.detail for end in ends), ends
