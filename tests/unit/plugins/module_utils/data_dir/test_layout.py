# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A data directory as an object: what is written there by one run at a time, and put right first."""

import os

import pytest
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError

THEM = (54321, 65432)
LEFT_OVER = ".proposal.json.0123456789abcdef.tmp"


@pytest.fixture
def data_dir(tmp_path):
    """One in which a killed run left temporary files everywhere."""
    for name in (".", "ceremony", "ceremony/approvals"):
        (tmp_path / ".charon" / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / ".charon" / name / LEFT_OVER).write_text("secret")
    return tmp_path / ".charon"


def test_what_a_killed_run_left_goes_first(data_dir):
    with DataDir(data_dir).exclusive():
        assert list(data_dir.rglob("*.tmp")) == []


def test_one_run_at_a_time(data_dir):
    with DataDir(data_dir).exclusive(), pytest.raises(DvError, match="run"):
        DataDir(data_dir).exclusive().__enter__()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root works in the directories of others")
def test_a_planted_link_is_refused_before_anything_is_touched(data_dir, tmp_path):
    (data_dir / "ceremony" / "approvals").rename(tmp_path / "elsewhere")
    (data_dir / "ceremony" / "approvals").symlink_to(tmp_path / "elsewhere")
    for path in (data_dir, *data_dir.rglob("*")):
        os.chown(path, *THEM, follow_symlinks=False)
    before = sorted(tmp_path.rglob("*.tmp"))
    with DataDir(data_dir).as_owner(), pytest.raises(DvError, match="is a link"):
        DataDir(data_dir).exclusive().__enter__()
    assert sorted(tmp_path.rglob("*.tmp")) == before and len(before) == 3
