# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever a file or its name is made of, the findings about it arrive."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from ansible_collections.obol.dv.tests.support import playbook

ESCAPES = "\x1b[2J\x9b31m\u202egnp\x07"


@pytest.fixture
def data_dir(our_cluster, tmp_path):
    """A data directory of a complete cluster."""
    copy = tmp_path / "data"
    shutil.copytree(our_cluster[0], copy)
    return copy


def verify(path):
    """What the module verify prints when it is run on ``path`` by Ansible: exit code and all of it."""
    command = [sys.executable, "-m", "ansible", "adhoc", "-vvv", "-i", "localhost,", "-c", "local", "localhost"]
    command += ["-e", "ansible_python_interpreter=%s" % sys.executable, "-m", "obol.dv.verify", "-a", json.dumps({"path": str(path)})]
    done = subprocess.run(command, cwd=playbook.ROOT, capture_output=True, check=False, env={**os.environ, "ANSIBLE_NOCOLOR": "1"})
    said = (done.stdout + done.stderr).decode()
    assert "Refusing to" not in said and "Traceback" not in said and "unforeseen" not in said
    for character in ESCAPES.replace("[", "").replace("g", "").replace("n", "").replace("p", ""):
        assert character.isprintable() or character not in said
    return said


NAMES = [
    "deposit-data-\udcff.json",
    "deposit-data-%s.json" % ESCAPES,
    "validator_keys/keystore-\udcff.json",
    "validator_keys/%s.txt" % ESCAPES,
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_names_of_files(data_dir, name):
    (data_dir / name).write_text("{}")
    said = verify(data_dir)
    shown = "".join(c if c.isprintable() else "\\u%04x" % ord(c) for c in name.partition("/")[2] or name)
    # Whatever is told of it, it arrives.
    assert shown in said or "findings" in said and name.startswith("deposit")


FIELDS = ["\ud800", ESCAPES, "half \udfff of one"]


@pytest.mark.parametrize("key", FIELDS, ids=ascii)
@pytest.mark.parametrize("place", ["key", "name", "deep"])
def test_texts_in_files(data_dir, key, place):
    path = data_dir / "cluster-lock.json"
    lock = json.loads(path.read_text())
    if place == "key":
        lock[key] = key
    elif place == "name":
        lock["cluster_definition"]["name"] = key
    else:
        lock["cluster_definition"]["operators"][0]["enr"] = {key: [key]}
    path.chmod(0o600)
    path.write_text(json.dumps(lock))
    said = verify(data_dir)
    assert "FAILED" in said or "WARNING" in said
