# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stores that fail: before anything is written, and after a node has spoken. What each kind does by itself is in the unit tests."""

import subprocess

import pytest
from ansible_collections.obol.dv.tests import play
from ansible_collections.obol.dv.tests.operators import Operators

#: What a store that cannot be opened says. The password is in no output.
BROKEN = {
    "git+file:///nowhere/ceremonies.git": "git ls-remote with git+file:///nowhere/ceremonies.git/tested failed",
    "git+https://alice:hunter2@example.org/x.git": "a git store whose URL is none, or holds a password or token",
    "sftp://nobody@127.0.0.1:1/ceremonies": "cannot open the store sftp://nobody@127.0.0.1:1/ceremonies/tested",
    "ftp://127.0.0.1/": "ftp is no kind of store",
}


def attempt(group, directory):
    """A talkative run of the main job, whose copies of repositories are below ``directory``."""
    environment = {"ANSIBLE_HOME": str(directory / "ansible")}
    return play.attempt(["create-cluster.yml"], group.directory, "-vvv", inventory=group.write_inventory(), environment=environment)


@pytest.mark.parametrize("store, text", BROKEN.items(), ids=[name.partition(":")[0] for name in BROKEN])
def test_a_store_that_cannot_be_opened_is_told_with_all_else(store, text, tmp_path, check_refused):
    group = Operators(tmp_path / "group", 3, store=store, threshold=5)
    group.write_inventory()
    done = check_refused(group.directory, ["- %s" % text, "- dv_threshold is 5"], lambda: attempt(group, tmp_path))
    assert "hunter2" not in done.stdout + done.stderr


def test_a_store_that_fails_after_the_node_spoke(tmp_path, check_complete):
    """The next run goes on with the same message; and no log of the run holds what is carried."""
    repository = tmp_path / "ceremonies.git"
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", repository], check=True)
    hook = repository / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nread old new name\ngit log -1 --format=%s $new | grep -q deal && echo not today >&2 && exit 1\nexit 0\n")
    hook.chmod(0o755)
    group = Operators(tmp_path / "group", 3, store="git+file://%s" % repository)
    done = attempt(group, tmp_path)
    assert done.returncode != 0
    for number in (1, 2, 3):
        assert "fatal: [node%d]" % number in done.stdout
    assert "refuses the push to main: [remote rejected] (pre-receive hook declined) not today" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr and "unforeseen" not in done.stdout
    said = {path: path.read_text() for data_dir in group.data_dirs for path in data_dir.glob("ceremony/*/1/out/*.jws")}
    assert len(said) == 6
    for text in said.values():
        assert text not in done.stdout and text not in done.stderr
    hook.unlink()
    assert attempt(group, tmp_path).returncode == 0
    check_complete(group.data_dirs)
    assert {path: path.read_text() for path in said} == said
