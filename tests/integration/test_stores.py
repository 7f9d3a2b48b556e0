# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stores that fail: before anything is written, and after a node has spoken. What each kind does by itself is in the unit tests."""

import json
import os
import re
import subprocess
import sys

import pytest
import yaml
from ansible_collections.obol.dv.tests.support import playbook
from ansible_collections.obol.dv.tests.support.inventory import OperatorGroup

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
    return playbook.attempt(["create-cluster.yml"], group.directory, "-vvv", inventory=group.write_inventory(), environment=environment)


@pytest.mark.parametrize("store, text", BROKEN.items(), ids=[name.partition(":")[0] for name in BROKEN])
def test_a_store_that_cannot_be_opened_is_told_with_all_else(store, text, tmp_path, check_refused):
    group = OperatorGroup(tmp_path / "group", 3, store=store, threshold=5)
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
    group = OperatorGroup(tmp_path / "group", 3, store="git+file://%s" % repository)
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


PAGE = (playbook.ROOT / "docs" / "stores.md").read_text()

#: In the place of ssh: what it was called with is written down, and the server's part runs here.
SSH = """#!/bin/sh
echo "$@" >> "%(log)s"
for last; do :; done
exec sh -c "$(echo "$last" | sed "s#'/#'%(root)s/#")"
"""


def blocks(language, text=PAGE):
    """The fenced blocks of docs/stores.md in a language; none is named for commands."""
    return [block for name, block in re.findall(r"^```(\w*)\n(.*?)^```\n", text, re.DOTALL | re.MULTILINE) if name == language]


def test_consent_by_pull_request_as_the_page_has_it(tmp_path):
    """Its variables and commands as they stand, with real git: one command before and after the merge, then the rounds elsewhere."""
    root, home = tmp_path / "server", tmp_path / "home"
    repository = root / "ceremonies.git"
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", repository], check=True)
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "ssh").write_text(SSH % {"log": home / "log", "root": root})
    (home / "bin" / "ssh").chmod(0o755)
    (home / ".gitconfig").write_text("[user]\n\tname = Alice\n\temail = alice@example.org\n")

    (first, second) = map(yaml.safe_load, blocks("yaml"))
    variables = {name.removeprefix("dv_"): value for name, value in {**first, **second}.items()}
    group = OperatorGroup(tmp_path / "group", names=("alice", "bob", "carol"), cluster="my_cluster", inventory="inventory.yml", **variables)
    (enr, definition), (dkg,) = (
        block.splitlines() for block in blocks("", PAGE.partition("### Consent by pull request")[2]) if "playbook" in block
    )
    group.write_inventory()
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "GIT_"))}
    environment = {
        **clean,
        "ANSIBLE_COLLECTIONS_PATH": str(playbook.ROOT / "collections"),
        "ANSIBLE_NOCOLOR": "1",
        "HOME": str(home),
        "PATH": os.pathsep.join([str(home / "bin"), os.path.dirname(sys.executable), clean["PATH"]]),
    }

    def type_in(command):
        options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 600}
        done = subprocess.run(["bash", "-euc", command], cwd=group.directory, env=environment, check=False, **options)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
        return done.stdout

    def names(branch):
        listed = subprocess.run(
            ["git", "-C", repository, "ls-tree", "-r", "--name-only", branch], capture_output=True, text=True, check=False
        )
        return {name.partition("/")[2].partition("/")[0] for name in listed.stdout.split()}

    type_in(enr)
    merged = set()
    for new in ("proposal.json", "approvals", "cluster-definition.json"):
        type_in(definition)
        assert names("main") == merged and names("alice") == merged | {new}
        subprocess.run(["git", "-C", repository, "update-ref", "refs/heads/main", "refs/heads/alice"], check=True)
        merged.add(new)
    type_in(dkg)
    assert "dkg" in names("dkg") and "dkg" not in names("main") | names("alice")
    # The other options were in force all the time.
    connections = (home / "log").read_text().splitlines()
    assert connections and all("IdentityFile=%s/.ssh/ceremonies" % home in line.replace('"', "") for line in connections)


#: A stick that goes from one store to another; what each copy answers.
TRIP = """
- hosts: localhost
  gather_facts: false
  tasks:
    - obol.dv.store_copy: {{src: "{0}/a", dest: "bundle:{0}/stick/x"}}
      register: nothing
    - obol.dv.store_copy: {{src: "{0}/full", dest: "bundle:{0}/stick/x"}}
      check_mode: true
      register: planned
    - obol.dv.store_copy: {{src: "{0}/full", dest: "bundle:{0}/stick/x"}}
      register: exported
    - obol.dv.store_copy: {{src: "bundle:{0}/stick/x", dest: "{0}/half"}}
      register: imported
    - obol.dv.store_copy: {{src: "bundle:{0}/stick/x", dest: "{0}/half"}}
      register: again
    - obol.dv.store_copy: {{src: "bundle:{0}/stick/y", dest: "{0}/half"}}
      register: empty
    - copy:
        content: "{{{{ dict(names | zip(query('vars', *names))) }}}}"
        dest: "{0}/answers.json"
      vars:
        names: [nothing, planned, exported, imported, again, empty]
"""


def test_what_a_stick_took_is_told(tmp_path):
    """How much of how much was new, from where to where; and that there was nothing, which is no failure."""
    files = ["approvals/1.json", "proposal.json"]
    for directory, names in (("full", files), ("half", files[1:])):
        for name in names:
            path = tmp_path / directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("{}")
    (tmp_path / "stick").mkdir()
    (tmp_path / "trip.yml").write_text(TRIP.format(tmp_path))
    playbook.run([tmp_path / "trip.yml"], tmp_path)
    answers = json.loads((tmp_path / "answers.json").read_text())
    a, full, half, x, y = (str(tmp_path / name) for name in ("a", "full", "half", "stick/x", "stick/y"))
    wanted = {
        "nothing": ([], 0, a, x, "%s is empty: it has no files of this cluster's ceremony" % a),
        "planned": (files, 2, full, x, "2 of the 2 files in %s were new to %s" % (full, x)),
        "exported": (files, 2, full, x, "2 of the 2 files in %s were new to %s" % (full, x)),
        "imported": (files[:1], 2, x, half, "1 of the 2 files in %s were new to %s" % (x, half)),
        "again": ([], 2, x, half, "0 of the 2 files in %s were new to %s" % (x, half)),
        "empty": ([], 0, y, half, "%s is empty: it has no files of this cluster's ceremony" % y),
    }
    for name, told in wanted.items():
        assert tuple(answers[name][field] for field in ("copied", "found", "src", "dest", "msg")) == told
        assert answers[name]["changed"] == bool(told[0]) and not answers[name]["failed"]
