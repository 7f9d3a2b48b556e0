# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The main job, and the tests of what touches Ansible, with the ansible-core that the locks have for another Python than this one.

All other tests run with the one for this Python: together they are the oldest and the newest that are supported. It is made into
.cache/ansible-core once, which needs that Python and a package index.
"""

import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
from ansible_collections.obol.dv.tests.support import playbook
from packaging.markers import Marker

#: What the tests below need on top of requirements.txt.
PYTEST = ("pytest", "iniconfig", "pluggy", "pygments")
#: Those of them that import nothing else, and look at what Ansible does with us.
TESTS = (
    "tests/integration/test_ansible.py",
    "tests/unit/plugins/plugin_utils/test_summary.py",
    "tests/unit/plugins/module_utils/ansible_module/test_zip_importer.py",
    "tests/unit/test_missing_packages.py",
    "tests/integration/test_hostile_nodes.py",
)


def locked():
    """The ansible-cores in requirements.txt: version -> marker."""
    pins = re.findall(r"^ansible-core==(\S+) ; (.+?) \\$", (playbook.ROOT / "requirements.txt").read_text(), re.MULTILINE)
    return {version: Marker(marker) for version, marker in pins}


def pythons():
    """The Pythons of this machine, the newest first: path, version. pyenv puts those that are not chosen on no PATH."""
    pyenv = pathlib.Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    for minor in (14, 13, 12, 11):
        name = "python3.%d" % minor
        for path in (shutil.which(name), *pyenv.glob("3.%d.*/bin/%s" % (minor, name))):
            if not path:
                continue
            command = [path, "-c", "import platform; print(platform.python_version())"]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                yield str(path), done.stdout.strip()


def wanted_packages():
    """requirements.txt, and of requirements-dev.txt what PYTEST names."""
    blocks = re.split(r"^(?=[a-z])", (playbook.ROOT / "requirements-dev.txt").read_text(), flags=re.MULTILINE)
    return (playbook.ROOT / "requirements.txt").read_text() + "".join(each for each in blocks if each.split("==")[0] in PYTEST)


def make(python, version):
    """The Python of a virtual environment with the ansible-core for ``python``, made if it is not there."""
    packages = wanted_packages()
    path = playbook.ROOT / ".cache" / "ansible-core" / ("%s-%s" % (version, hashlib.sha256((python + packages).encode()).hexdigest()[:16]))
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (path / "made").exists():
            run(["uv", "venv", "--no-config", "--clear", "--python", python, path])
            (path / "packages.txt").write_text(packages)
            hashed = ["--only-binary", ":all:", "--require-hashes", "-r", path / "packages.txt"]
            run(["uv", "pip", "install", "--no-config", "--python", path, *hashed])
            (path / "made").touch()
    return str(path / "bin" / "python")


def run(command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, "%s failed; without a package index ansible-core is NOT TESTED\n%s" % (command, done.stderr[-3000:])


@pytest.fixture(scope="module")
def other():
    """The Python of an environment with the other ansible-core, and its version."""
    for python, number in pythons():
        for version, marker in locked().items():
            if marker.evaluate({"python_full_version": number}) and not marker.evaluate():
                return make(python, version), version
    here = "%d.%d" % sys.version_info[:2]
    pytest.skip("ansible-core is NOT TESTED but for Python %s: no Python is here that the locks have another for" % here)


def test_the_main_job_completes_without_a_warning(other, tmp_path):
    python, version = other
    done = subprocess.run(
        [python, "-m", "ansible", "playbook", "create-cluster.yml", "-e", "dv_local_dir=%s" % tmp_path, "-e", "dv_num_validators=1"],
        cwd=playbook.ROOT,
        env={**{key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}, "ANSIBLE_NOCOLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0 and "Cluster local on hoodi is complete" in said, version + said[-6000:]
    assert not re.search("warning|deprecat", said, re.IGNORECASE), version + said
    assert len({(data_dir / "cluster-lock.json").read_bytes() for data_dir in playbook.data_dirs(tmp_path)}) == 1


def test_what_touches_ansible(other):
    python, version = other
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS],
        cwd=playbook.ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0 and re.search(r"\d+ passed", done.stdout), version + done.stdout[-8000:] + done.stderr[-2000:]


def test_the_locks_are_what_the_collection_says():
    versions = sorted(locked())
    runtime = (playbook.ROOT / "meta" / "runtime.yml").read_text()
    assert 'requires_ansible: ">=%s.0"' % versions[0].rpartition(".")[0] in runtime
    readme = (playbook.ROOT / "README.md").read_text()
    assert all(version.rpartition(".")[0] in readme for version in versions)
