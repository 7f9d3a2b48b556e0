# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a definition that gave way to another left on a node: no seed stays for ever, no key share that may be in use goes."""

import os

import pytest
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.storage.as_owner import as_owner_of

OTHER = "ab" * 32
LEFT = ".seed.0123456789abcdef.tmp"
SECRETS = ("seed", "keys/keystore-0.json", "derived/keystores", LEFT)


@pytest.fixture
def trio(group):
    return group(3, 2, 1)


@pytest.fixture
def leave(trio):
    """Leaves an attempt for another definition on node 1, with all its secrets; the rounds in ``sent`` were sent. Its directory."""

    def make(number=1, sent=(), other=OTHER):
        attempt = trio.data_dir(1) / "ceremony" / other / str(number)
        for name in (*SECRETS, *("out/%s.jws" % round for round in sent)):
            (attempt / name).parent.mkdir(parents=True, exist_ok=True)
            (attempt / name).write_bytes(b"s" * 32)
        return attempt

    return make


def there(attempt):
    """The secrets that are in the directory ``attempt``."""
    return [name for name in SECRETS if (attempt / name).exists()]


@pytest.mark.parametrize("number", [1, 2, 7])
def test_where_nothing_was_sent_all_goes_before_the_first_commit(trio, leave, number):
    """A node that wrote its seed, and met another definition before it sent its commit."""
    attempt, second = leave(number), leave(other="cd" * 32)
    outcome = trio.step(1)
    assert outcome.changed and "1/commit/1.jws" in outcome.outbox
    assert there(attempt) == there(second) == []


@pytest.mark.parametrize("sent", [("commit",), ("commit", "deal", "confirm"), ("abort",)])
def test_where_something_was_sent_nothing_goes(trio, leave, sent):
    """Not of its other attempts either."""
    attempt, other = leave(1, sent), leave(2)
    trio.step(1)
    assert there(attempt) == there(other) == list(SECRETS)


@pytest.mark.parametrize(
    "sent, stays",
    [
        ((), []),
        (("commit",), []),
        (("commit", "deal"), []),
        (("commit", "deal", "confirm"), ["keys/keystore-0.json"]),
        (("commit", "deal", "confirm", "sign", "seal"), ["keys/keystore-0.json"]),
    ],
)
def test_at_the_end_every_seed_goes_and_confirmed_key_shares_stay(trio, leave, sent, stays):
    attempt = leave(1, sent)
    trio.run(rounds=5)
    assert trio.step(1).state == "complete"
    assert there(attempt) == stays
    assert sorted(path.stem for path in attempt.glob("out/*")) == sorted(sent)
    assert not list((trio.data_dir(1) / "ceremony").rglob("*seed*"))


def test_a_node_that_is_complete_does_it_too(trio, leave):
    trio.run(rounds=5)
    attempt = leave(1, ["commit"])
    assert trio.step(1).changed and there(attempt) == []
    assert not trio.step(1).changed


def test_what_is_no_ceremony_stays(trio):
    """Other directories and files beside them: approvals and records."""
    places = [trio.data_dir(1) / "ceremony" / name / "1" / "seed" for name in ("approvals", "AB" * 32, "ab" * 31, "ab" * 33)]
    for place in places:
        place.parent.mkdir(parents=True)
        place.write_bytes(b"s" * 32)
    (trio.data_dir(1) / "ceremony" / ("ef" * 32)).write_text("a file")
    trio.run(rounds=5)
    assert all(place.exists() for place in places)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("place", ["", "1", "1/keys", "1/out"])
@pytest.mark.parametrize("end", [False, True])
def test_no_link_is_followed(trio, tmp_path, leave, place, end):
    """Root, in the data directory of another user."""
    if end:
        trio.run(rounds=5)
    elsewhere = tmp_path / "outside"
    for name in ("seed", "1/seed", "keystores", "keystore-0.json"):
        (elsewhere / name).parent.mkdir(parents=True, exist_ok=True)
        (elsewhere / name).write_text("root's")
    link = trio.data_dir(1) / "ceremony" / OTHER / place
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(elsewhere)
    for path in (trio.data_dir(1), *trio.data_dir(1).rglob("*")):
        os.chown(path, 54321, 54321, follow_symlinks=False)
    with as_owner_of(str(trio.data_dir(1))), pytest.raises(DvError, match="is a link"):
        trio.step(1)
    assert len([path for path in elsewhere.rglob("*") if path.is_file()]) == 4 and link.is_symlink()
